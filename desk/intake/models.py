"""Tables of deliveries and of what became of each of their items."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class Delivery(Base):
    """One webhook request as received, kept raw. The same bytes twice are one delivery.

    States: stored, read, set_aside (the whole of it could not be read).
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("channel_id", "sha256"),
        Index("ix_delivery_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(Text)
    items: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class DeliveryItem(Base):
    """What became of one item of a delivery: exactly one card or one recorded reason.

    Outcomes: card, repeat, change, status, notice, parked, set_aside.
    """

    __tablename__ = "delivery_item"
    __table_args__ = (
        UniqueConstraint("delivery_id", "position"),
        Index("ix_delivery_item_outcome", "outcome", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"))
    position: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(Text)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    at: Mapped[datetime]


class Backfill(Base):
    """One walk over all files to have made anew what today's recipes would make otherwise (desk.intake.backfilling).

    `recipes` is the mark of the recipes it walks for, `next_id` the file it has come to; nothing in it is personal.
    """

    __tablename__ = "backfill"

    id: Mapped[int] = mapped_column(primary_key=True)
    recipes: Mapped[str] = mapped_column(String(16))
    next_id: Mapped[int]
    checked: Mapped[int]
    queued: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
