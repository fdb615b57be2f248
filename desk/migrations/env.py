"""Alembic's door: the address comes from the caller, the tables from every room."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import create_engine

from desk.db import Base
from desk.opening import import_rooms

import_rooms("models")


def is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    """Full-text tables and the trigram index are made by hand and unknown to the models."""
    return not (name and ("_ft" in name or name.endswith("_trigram")))


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
    with engine.connect() as own:
        _migrate(own)
        own.commit()
    engine.dispose()


def _migrate(connection: Any) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        include_object=is_ours,
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
