"""Tables of listening, vetting and airing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class Listened(Base):
    """Which stretch of which exact bytes a person has heard; vetting asks for the whole of them."""

    __tablename__ = "listened"
    __table_args__ = (Index("ix_listened_who", "person_id", "asset_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    from_s: Mapped[float]
    to_s: Mapped[float]
    at: Mapped[datetime]


class Vetting(Base):
    """A producer's word that these exact bytes may go to air; void when `ended_at` is set.

    `asset_id` is None for a message that is read out: then `sha256` is that of its words.
    """

    __tablename__ = "vetting"
    __table_args__ = (Index("ix_vetting_card", "card_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"))
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    by_person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    ended_reason: Mapped[str | None] = mapped_column(String(40))


class Airing(Base):
    """It was played: when, from which slot, by whom, which bytes. Taken back by `undone_at`, never deleted.

    `slot_id` is None once the slot has left its rundown.
    """

    __tablename__ = "airing"
    __table_args__ = (UniqueConstraint("station_id", "idempotency_key"), Index("ix_airing_card", "card_id", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    slot_id: Mapped[int | None] = mapped_column(ForeignKey("slot.id", ondelete="SET NULL"))
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    by_person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    aired_at: Mapped[datetime]
    played_s: Mapped[float | None]
    idempotency_key: Mapped[str] = mapped_column(String(64))
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
