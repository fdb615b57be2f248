"""Table of rundown slots."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class Slot(Base):
    """One place in the rundown of an edition. `position` is dense from 0; `version` counts changes of this slot."""

    __tablename__ = "slot"
    __table_args__ = (
        UniqueConstraint("edition_id", "card_id"),
        Index("ix_slot_order", "edition_id", "position"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id"))
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), index=True)
    position: Mapped[int]
    note: Mapped[str] = mapped_column(String(500), default="")
    intro_text: Mapped[str] = mapped_column(String(1000), default="")
    version: Mapped[int] = mapped_column(default=1)
    added_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    added_at: Mapped[datetime]
