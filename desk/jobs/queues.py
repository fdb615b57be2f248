"""The queue behind the doorbell: huey on SQLite, Redis or PostgreSQL, chosen by DESK_QUEUE_URL.

Messages are JSON, never pickle: whoever can write to the queue must not be able to run code. Only who rings, counts
or waits for wake-ups reads this in; huey brings the clients of every database it can live in.
"""

from __future__ import annotations

import json
from typing import Any

from huey import Huey, PriorityRedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

NAME = "desk"


class JsonSerializer(Serializer):  # type: ignore[misc]  # huey ships no types
    """Queue messages as JSON; refuses what belongs into the job table (delays, chains, chords)."""

    def _serialize(self, data: Any) -> bytes:
        if isinstance(data, Message):
            if data.eta is not None or data.on_complete or data.on_error or data.chord_config:
                raise TypeError("wake-ups carry no delay, chain or chord: those live in the job table")
            return json.dumps(["message", list(data)]).encode()
        return json.dumps(["value", data]).encode()

    def _deserialize(self, data: bytes) -> Any:
        kind, body = json.loads(data)
        if kind != "message":
            return body
        return Message(*(tuple(part) if index == 6 else part for index, part in enumerate(body)))


def open_queue(url: str) -> Huey:
    """Open the doorbell for a queue address; nothing is contacted before the first use."""
    if url.startswith("sqlite:"):
        return SqliteHuey(NAME, filename=url.removeprefix("sqlite:"), results=False, serializer=JsonSerializer())
    if url.startswith(("redis://", "rediss://")):
        return PriorityRedisHuey(NAME, url=url, results=False, serializer=JsonSerializer())
    from huey import PostgresHuey  # needs psycopg; only where the queue lives in PostgreSQL

    return PostgresHuey(NAME, dsn=url, results=False, serializer=JsonSerializer())
