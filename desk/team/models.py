"""Tables of the team line and of hand-overs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class TeamLine(Base):
    """One line of a station's team, kept for the day. It may carry a card: its number alone, nothing that is on it."""

    __tablename__ = "team_line"
    __table_args__ = (
        Index("ix_team_line_day", "station_id", "id"),
        UniqueConstraint("station_id", "idempotency_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    by_person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(String(500), default="")
    card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"), index=True)
    idempotency_key: Mapped[str] = mapped_column(String(64))


class Handover(Base):
    """Somebody took over a shift: who, when, and the figures of that moment."""

    __tablename__ = "handover"
    __table_args__ = (Index("ix_handover_station", "station_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    by_person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
