"""Tables of campaigns, entries and exports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class Campaign(Base):
    """A call to listeners; an entry is found on arrival by its words (as typed, compared folded) inside the window.

    `entries` is the last number given; `taken_out` says how many of those are out again.
    """

    __tablename__ = "campaign"
    __table_args__ = (Index("ix_campaign_window", "station_id", "opens_at", "closes_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    name: Mapped[str] = mapped_column(String(80))
    keywords: Mapped[str] = mapped_column(String(200), default="")
    hue: Mapped[int] = mapped_column(default=0)
    icon: Mapped[str] = mapped_column(String(20), default="campaign")
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    entries: Mapped[int] = mapped_column(default=0)
    taken_out: Mapped[int] = mapped_column(default=0)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]


class Entry(Base):
    """One card in a campaign; `number` counts from 1 within the campaign and is never given twice."""

    __tablename__ = "entry"
    __table_args__ = (UniqueConstraint("campaign_id", "card_id"), UniqueConstraint("campaign_id", "number"))

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), index=True)
    listener_id: Mapped[int] = mapped_column(ForeignKey("listener.id"))
    number: Mapped[int]
    found_by: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class Export(Base):
    """A snapshot of a campaign's entries, made by a worker: complete or absent.

    States: queued, running, ready, failed, expired. `key` is noted before the file is stored and is None again once
    it is deleted, so that nothing is left behind; only `ready` makes it fetchable. `reason` is a stable code.
    """

    __tablename__ = "export"

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), index=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    by_person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    state: Mapped[str] = mapped_column(String(10), default="queued")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    key: Mapped[str | None] = mapped_column(String(200))
    sha256: Mapped[str | None] = mapped_column(String(64))
    bytes: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(String(120))
    fetched: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
