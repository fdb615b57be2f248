"""Tables of shows and editions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class Show(Base):
    """A programme: its weekdays ("1111100", Monday first) and local times in minutes after midnight."""

    __tablename__ = "show"

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    weekdays: Mapped[str] = mapped_column(String(7))
    starts_minute: Mapped[int]
    ends_minute: Mapped[int]


class Edition(Base):
    """One broadcast of a show. `rundown_version` counts every change of its rundown."""

    __tablename__ = "edition"
    __table_args__ = (UniqueConstraint("show_id", "starts_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), index=True)
    show_id: Mapped[int] = mapped_column(ForeignKey("show.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    rundown_version: Mapped[int] = mapped_column(default=0)
