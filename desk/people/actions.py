"""Writes about people and stations: adding them, signing in and out."""

from __future__ import annotations

import secrets
from base64 import b64encode
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from desk import db, sealing
from desk.errors import DeskError, Invalid, NotAllowed
from desk.identity import Identity
from desk.live import audit
from desk.people import queries, rules
from desk.people.models import Membership, Person, SignInLink, SocketTicket, StaffSession, Station

_hasher = PasswordHasher()


def _hash_of_nothing() -> str:
    """A hash that no password gives, as costly to compare with as any other, and made without that cost."""
    salt, digest = (
        b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (_hasher.salt_len, _hasher.hash_len)
    )
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


_nothing = _hash_of_nothing()


class SignInRefused(NotAllowed):
    """One answer for an unknown name, a wrong password and a locked account: it tells nothing."""

    code = "people.sign_in_refused"
    message = "Name or password are not right."


class LinkUsed(NotAllowed):
    """A sign-in link works once and for a day."""

    code = "people.link_used"
    message = "This sign-in link was used already or is too old. Ask for a new one."


def add_station(
    session: Session, slug: str, name: str, *, at: datetime, mark: str = "", hue: int = 14, locale: str = "de"
) -> Station:
    """Add a station, or bring back the one with this slug unchanged. May be repeated."""
    if not slug.isascii() or not slug.replace("-", "").isalnum() or len(slug) > 40:
        raise Invalid({"slug": "Short name: letters, digits and hyphens, 40 at most."})
    found = session.execute(select(Station).where(Station.slug == slug)).scalar_one_or_none()
    if found is not None:
        return found
    station = Station(slug=slug, name=name, mark=mark or rules.initials(name), hue=hue, locale=locale, created_at=at)
    session.add(station)
    session.flush()
    audit.record(session, station.id, "station.add", f"station:{station.id}", by=None, at=at)
    return station


def add_person(session: Session, email: str, name: str, *, at: datetime, hue: int | None = None) -> Person:
    """Add a person by e-mail address, or bring back the one who has it. May be repeated."""
    if "@" not in email:
        raise Invalid({"email": "This is no e-mail address."})
    found = queries.find_person(session, email)
    if found is not None:
        return found
    person = Person(
        email=email.strip().casefold(),
        name=name,
        initials=rules.initials(name),
        hue=secrets.randbelow(24) if hue is None else hue,
        created_at=at,
    )
    session.add(person)
    session.flush()
    return person


def give_role(session: Session, person: Person, station: Station, role: str, *, by: int | None, at: datetime) -> None:
    """Give a role at a station. May be repeated. Raises Invalid for an unknown role."""
    if role not in rules.ROLES:
        raise Invalid({"role": f"Roles are: {', '.join(rules.ROLES)}."})
    made = db.insert_if_absent(
        session,
        Membership.metadata.tables["membership"],
        {"person_id": person.id, "station_id": station.id, "role": role},
        unique=["person_id", "station_id", "role"],
    )
    if made:
        details = {"role": role}
        audit.record(session, station.id, "person.role", f"person:{person.id}", by=by, at=at, details=details)


def set_password(session: Session, person: Person, password: str) -> None:
    """Set a password of at least 12 characters. Raises Invalid."""
    if len(password) < rules.PASSWORD_SHORTEST:
        raise Invalid({"password": "A password has at least 12 characters."})
    person.password_hash = _hasher.hash(password)
    session.flush()


def make_link(session: Session, person: Person, *, at: datetime, station: Station | None = None) -> str:
    """Make a one-time sign-in link; returns its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    session.add(
        SignInLink(
            person_id=person.id,
            token_lookup=sealing.lookup("link", token),
            station_id=station.id if station else None,
            expires_at=at + rules.LINK_LIFE,
        )
    )
    session.flush()
    return token


def sign_in_by_link(session: Session, token: str, *, at: datetime) -> str:
    """Use up a link; returns the new session's token. Raises LinkUsed."""
    row = session.execute(
        update(SignInLink)
        .where(
            SignInLink.token_lookup == sealing.lookup("link", token),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > at,
        )
        .values(used_at=at)
        .returning(SignInLink.person_id, SignInLink.station_id)
    ).one_or_none()
    if row is None:
        raise LinkUsed
    return _open_session(session, row.person_id, row.station_id, at=at)


def sign_in_by_password(session: Session, email: str, password: str, *, at: datetime) -> str:
    """Check a password; returns the new session's token. Raises SignInRefused, always after the same work."""
    person = queries.find_person(session, email)
    try:
        _hasher.verify(person.password_hash if person and person.password_hash else _nothing, password)
    except VerificationError as fault:
        raise SignInRefused from fault
    if person is None or person.password_hash is None or person.disabled_at is not None:
        raise SignInRefused
    if _hasher.check_needs_rehash(person.password_hash):
        person.password_hash = _hasher.hash(password)
    return _open_session(session, person.id, None, at=at)


def _open_session(session: Session, person_id: int, station_id: int | None, *, at: datetime) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            token_lookup=sealing.lookup("session", token),
            person_id=person_id,
            station_id=station_id,
            created_at=at,
            seen_at=at,
        )
    )
    _audit_everywhere(session, person_id, "session.open", at)
    return token


def _audit_everywhere(session: Session, person_id: int, act: str, at: datetime) -> None:
    stations = session.execute(select(Membership.station_id).where(Membership.person_id == person_id).distinct())
    for station_id in stations.scalars():
        audit.record(session, station_id, act, f"person:{person_id}", by=person_id, at=at)


def mark_seen(session: Session, token: str, *, at: datetime) -> None:
    session.execute(
        update(StaffSession).where(StaffSession.token_lookup == sealing.lookup("session", token)).values(seen_at=at)
    )


def sign_out(session: Session, session_id: int, person_id: int, *, at: datetime) -> None:
    session.execute(update(StaffSession).where(StaffSession.id == session_id).values(ended_at=at))
    _audit_everywhere(session, person_id, "session.close", at)


def choose_station(session: Session, identity: Identity, station_id: int) -> None:
    """Work at another station the person belongs to. Raises NotAllowed like for one that does not exist."""
    if station_id not in {station.id for station in identity.stations}:
        raise NotAllowed("You do not work for this station.", code="people.foreign_station")
    session.execute(update(StaffSession).where(StaffSession.id == identity.session_id).values(station_id=station_id))


def choose_looks(session: Session, person_id: int, *, locale: str | None, theme: str | None) -> None:
    """Language ("de", "en") and theme ("dark", "light", "system") of the own interface; None leaves it."""
    values: dict[str, str] = {}
    if locale is not None:
        if locale not in ("de", "en"):
            raise Invalid({"locale": "Languages are: de, en."})
        values["locale"] = locale
    if theme is not None:
        if theme not in ("dark", "light", "system"):
            raise Invalid({"theme": "Themes are: dark, light, system."})
        values["theme"] = theme
    if values:
        session.execute(update(Person).where(Person.id == person_id).values(**values))


class TicketRefused(DeskError):
    """The ticket of a socket is unknown, used or older than 30 s."""

    code = "people.ticket_refused"


def make_ticket(session: Session, identity: Identity, *, at: datetime) -> str:
    token = secrets.token_urlsafe(24)
    session.execute(delete(SocketTicket).where(SocketTicket.expires_at < at))
    session.add(
        SocketTicket(
            token_lookup=sealing.lookup("ticket", token),
            session_id=identity.session_id,
            expires_at=at + rules.TICKET_LIFE,
        )
    )
    return token


def redeem_ticket(session: Session, token: str, *, at: datetime) -> Identity | None:
    """Use up a ticket; the person behind it with the rights of this moment, or None."""
    session_id = session.execute(
        delete(SocketTicket)
        .where(SocketTicket.token_lookup == sealing.lookup("ticket", token), SocketTicket.expires_at > at)
        .returning(SocketTicket.session_id)
    ).scalar_one_or_none()
    if session_id is None:
        return None
    staff_session, person = session.execute(
        select(StaffSession, Person).join(Person).where(StaffSession.id == session_id)
    ).one()
    if person.disabled_at is not None or staff_session.ended_at is not None:
        return None
    return queries.identity_of(session, staff_session, person)
