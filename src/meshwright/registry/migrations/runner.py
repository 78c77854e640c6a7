"""Runs the migrations on a connection that is already inside a transaction."""

from __future__ import annotations

import threading

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

_LOCK = threading.Lock()  # Alembic keeps its context in module globals


def configuration(connection: Connection) -> Config:
    """Point Alembic at this package and at `connection`."""
    config = Config()
    config.set_main_option("script_location", "meshwright.registry:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest revision; the caller commits."""
    with _LOCK:
        command.upgrade(configuration(connection), "head")
