"""What is known of an asset beforehand, and how an attempt was authenticated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER, OCTETS, TEXT = sa.Integer(), sa.LargeBinary(), sa.Text()


def upgrade() -> None:
    """Add tables beside the old ones, which stay as they are."""
    op.create_table(
        "credentials",
        sa.Column("uuid", OCTETS, nullable=False),
        sa.Column("static_oob", OCTETS),
        sa.Column("public_key", OCTETS),
        sa.Column("forgiven", NUMBER, nullable=False),
        sa.CheckConstraint("length(public_key) = 64", name=op.f("ck_credentials_public_key")),
        sa.ForeignKeyConstraint(["uuid"], ["assets.uuid"], name="fk_credentials_uuid"),
        sa.PrimaryKeyConstraint("uuid", name="pk_credentials"),
        sqlite_strict=True,
    )
    op.create_table(
        "authentications",
        sa.Column("attempt_id", NUMBER, nullable=False),
        sa.Column("chosen", TEXT, nullable=False),
        sa.Column("unproven", NUMBER, nullable=False),
        sa.CheckConstraint("unproven IN (0, 1)", name=op.f("ck_authentications_unproven")),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempts.id"], name="fk_authentications_attempt_id"
        ),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_authentications"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_authentications_unproven",
        "authentications",
        ["attempt_id"],
        sqlite_where=sa.text("unproven = 1"),
        postgresql_where=sa.text("unproven = 1"),
    )
