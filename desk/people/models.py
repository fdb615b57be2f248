"""Tables of people and stations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base


class Station(Base):
    """One programme of the house with its own tone, numbers and rules.

    What it wants of its sounds (`loudness_lufs` to `air_formats`) is read and changed by `media.wishes`; `air_formats`
    are the extra profiles it takes, by name with spaces between.
    """

    __tablename__ = "station"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    mark: Mapped[str] = mapped_column(String(3))
    hue: Mapped[int] = mapped_column(default=14)
    locale: Mapped[str] = mapped_column(String(5), default="de")
    timezone: Mapped[str] = mapped_column(String(60), default="Europe/Berlin")
    loudness_lufs: Mapped[float] = mapped_column(default=-23.0)
    true_peak_dbtp: Mapped[float] = mapped_column(default=-1.0)
    air_is_trimmed: Mapped[bool] = mapped_column(default=True)
    air_before_ms: Mapped[int] = mapped_column(default=250)
    air_after_ms: Mapped[int] = mapped_column(default=500)
    air_formats: Mapped[str] = mapped_column(String(40), default="")
    transcribes: Mapped[bool] = mapped_column(default=False)
    checks_sensitive: Mapped[bool] = mapped_column(default=False)
    folds_noise: Mapped[bool] = mapped_column(default=True)
    consent_mode: Mapped[str] = mapped_column(String(12), default="asked")
    created_at: Mapped[datetime]


class Person(Base):
    """A member of staff. `locale` None follows the browser; `theme` is dark, light or system."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    initials: Mapped[str] = mapped_column(String(3))
    hue: Mapped[int] = mapped_column(default=0)
    locale: Mapped[str | None] = mapped_column(String(5))
    theme: Mapped[str] = mapped_column(String(8), default="system")
    password_hash: Mapped[str | None] = mapped_column(String(200))
    is_operator: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Membership(Base):
    """One role of a person at one station; a person may hold several."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("person_id", "station_id", "role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))


class SignInLink(Base):
    """A one-time sign-in link; only the keyed hash of its token is kept."""

    __tablename__ = "sign_in_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    token_lookup: Mapped[str] = mapped_column(String(64), unique=True)
    station_id: Mapped[int | None] = mapped_column(ForeignKey("station.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class StaffSession(Base):
    """A signed-in browser. The cookie carries an opaque token; only its keyed hash is kept."""

    __tablename__ = "staff_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_lookup: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    station_id: Mapped[int | None] = mapped_column(ForeignKey("station.id"))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SocketTicket(Base):
    """A ticket of 30 s with which a page of a session opens one socket."""

    __tablename__ = "socket_ticket"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_lookup: Mapped[str] = mapped_column(String(64), unique=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("staff_session.id"))
    expires_at: Mapped[datetime] = mapped_column(index=True)
