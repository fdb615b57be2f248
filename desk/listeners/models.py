"""Tables of listeners and their addresses."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class Listener(Base):
    """A person outside. `merged_into_id` points to the listener this one turned out to be.

    `display_name` is what the messenger told us; staff see `first_name` and `alias`.
    """

    __tablename__ = "listener"

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
