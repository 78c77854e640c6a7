"""Alembic's entry: it works on the connection that it is given, inside that transaction."""

from __future__ import annotations

from alembic import context

from meshwright.registry.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
