"""Table of privacy cases: what a person asked for, why it was done, and the proof that it was."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class PrivacyCase(Base):
    """One access or erasure. `kind` is access or erase, `subject` names ids of ours only ("message:12", "listener:3").

    `proof` holds for an erasure what each step found and left, for an access what was handed over. The audit names
    the case; the reason stands here, where it can be changed if somebody wrote a name into it.
    """

    __tablename__ = "privacy_case"
    __table_args__ = (Index("ix_privacy_case_subject", "subject", "kind", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    kind: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text, default="")
    by_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    proof: Mapped[dict[str, Any]] = mapped_column(default=dict)
