"""Tables of listeners and their addresses."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base

BLOCKED = "blocked_until IS NOT NULL"  # few of many


class Listener(Base):
    """A person outside. `merged_into_id` points to the listener this one turned out to be.

    `display_name` is what the messenger told us; staff see `first_name` and `alias`. `blocked_until`: until when nobody
    sees what they send; who said so and why is a Block.
    """

    __tablename__ = "listener"
    __table_args__ = (
        Index(
            "ix_listener_blocked", "station_id", "blocked_until",
            sqlite_where=text(BLOCKED), postgresql_where=text(BLOCKED),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), index=True)
    alias: Mapped[str] = mapped_column(String(60))
    first_name: Mapped[str] = mapped_column(String(60), default="")
    display_name_sealed: Mapped[str | None] = mapped_column(Text)
    place: Mapped[str] = mapped_column(String(80), default="")
    hue: Mapped[int] = mapped_column(default=0)
    message_count: Mapped[int] = mapped_column(default=0)
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("listener.id"))


class Address(Base):
    """One handle under which a listener is reached or recognised; old ones stay as aliases."""

    __tablename__ = "address"
    __table_args__ = (UniqueConstraint("station_id", "channel_kind", "kind", "lookup"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    listener_id: Mapped[int] = mapped_column(ForeignKey("listener.id"), index=True)
    channel_kind: Mapped[str] = mapped_column(String(30))
    kind: Mapped[str] = mapped_column(String(12))
    lookup: Mapped[str] = mapped_column(String(64))
    value_sealed: Mapped[str] = mapped_column(Text)
    is_current: Mapped[bool] = mapped_column(default=True)
    seen_at: Mapped[datetime]


class Block(Base):
    """One time for which a person of the station did not want to see a listener: from when until when, who and why.

    `reason` is a code of desk.listeners.rules. It ended at `ended_at`: by a person, by its time, or because another
    took its place. The newest open one belongs to the listener's `blocked_until`.
    """

    __tablename__ = "listener_block"
    __table_args__ = (Index("ix_listener_block_listener", "listener_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    listener_id: Mapped[int] = mapped_column(ForeignKey("listener.id"))
    reason: Mapped[str] = mapped_column(String(20))
    by_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
