"""Brings the database to the shape this version needs, before anything else starts."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from desk.db import Database

FOLDER = Path(__file__).resolve().parent / "migrations"
LOCK = 4_017_215  # any number, the same for all: PostgreSQL's advisory lock around migrations


def migrate(database: Database, revision: str = "head") -> None:
    """Step up to `revision`. Safe to call from several processes at once; does nothing if nothing is to do."""
    if not is_behind(database) and revision == "head":
        return
    with database.engine.execution_options(writes=True).connect() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def step_down(database: Database, revision: str) -> None:
    """Step back to an older shape; for tests and for operators who roll back a release."""
    with database.engine.execution_options(writes=True).connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()


def is_behind(database: Database) -> bool:
    with database.engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    return present != ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config
