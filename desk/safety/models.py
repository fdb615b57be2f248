"""Tables of protection: messages that went to the lead, what was done about each, and a station's words for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class SafetyCase(Base):
    """One message with the lead instead of on the wall. `kind` and `state` are codes of desk.safety.rules.

    `opened_by_id` None: the station's words found it (`found`), and nobody has looked yet while it is 'suggested'.
    `was_state` and `was_facet` bring its card back as it was. Since `held_at` its original may not be erased.
    """

    __tablename__ = "safety_case"
    __table_args__ = (Index("ix_safety_case_station", "station_id", "state", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    found: Mapped[str] = mapped_column(String(120), default="")
    opened_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[datetime]
    was_state: Mapped[str] = mapped_column(String(12))
    was_facet: Mapped[str] = mapped_column(String(4), default="")
    held_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(12), default="")
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    closed_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(Text, default="")


class SafetyStep(Base):
    """One tick of a case's checklist, with who and when; one that was taken off stays on record (`undone_at`)."""

    __tablename__ = "safety_step"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("safety_case.id"), index=True)
    step: Mapped[str] = mapped_column(String(12))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    by_person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class SafetyRules(Base):
    """What a station wants found, one phrase a line, and whom a lead informs. No row: the starter list."""

    __tablename__ = "safety_rules"

    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), primary_key=True)
    is_on: Mapped[bool] = mapped_column(default=True)
    threats: Mapped[str] = mapped_column(Text)
    insults: Mapped[str] = mapped_column(Text)
    harmless: Mapped[str] = mapped_column(Text)
    contact: Mapped[str] = mapped_column(String(200), default="")
