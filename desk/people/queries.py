"""Reads about people: who a session belongs to, which stations and roles there are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Result, bindparam, select
from sqlalchemy.orm import Session

from desk import clock, sealing
from desk.errors import NotFound
from desk.identity import Identity, StationCard
from desk.people import rules
from desk.people.models import Membership, Person, StaffSession, Station

# Asked with every request: made once, because building a statement costs more than running it.
_sessions = select(StaffSession, Person).join(Person, Person.id == StaffSession.person_id)
_BY_TOKEN = _sessions.where(StaffSession.token_lookup == bindparam("token"))
_BY_ID = _sessions.where(StaffSession.id == bindparam("id"))
_STATIONS = (
    select(Station, Membership.role)
    .join(Membership, Membership.station_id == Station.id)
    .where(Membership.person_id == bindparam("person"))
    .order_by(Station.name)
)


def load_station(session: Session, slug: str) -> Station:
    """The station with this short name. Raises NotFound."""
    found = session.execute(select(Station).where(Station.slug == slug)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no station {slug}.", code="people.no_station")
    return found


def list_stations(session: Session) -> list[Station]:
    return list(session.execute(select(Station).order_by(Station.name)).scalars())


def find_person(session: Session, email: str) -> Person | None:
    return session.execute(select(Person).where(Person.email == email.strip().casefold())).scalar_one_or_none()


def find_identity(session: Session, token: str, *, at: datetime) -> Identity | None:
    """The person behind a session's token with the rights of this moment; None if the session is over.

    Two statements.
    """
    return _identity_of(session, session.execute(_BY_TOKEN, {"token": sealing.lookup("session", token)}), at)


def find_identity_of_session(session: Session, session_id: int, *, at: datetime) -> Identity | None:
    """As `find_identity`, for what was begun in a session and is asked for without its cookie."""
    return _identity_of(session, session.execute(_BY_ID, {"id": session_id}), at)


def _identity_of(session: Session, found: Result[StaffSession, Person], at: datetime) -> Identity | None:
    row = found.one_or_none()
    if row is None:
        return None
    staff_session, person = row
    if person.disabled_at is not None:
        return None
    if not rules.is_session_alive(staff_session.created_at, staff_session.seen_at, staff_session.ended_at, at):
        return None
    return identity_of(session, staff_session, person)


def identity_of(session: Session, staff_session: StaffSession, person: Person) -> Identity:
    """Put together who a person is at the station of the session."""
    rows = session.execute(_STATIONS, {"person": person.id}).all()
    stations = {station.id: station_card(station) for station, _role in rows}
    chosen = stations.get(staff_session.station_id or 0) or next(iter(stations.values()), None)
    roles = {role for station, role in rows if chosen is not None and station.id == chosen.id}
    if person.is_operator:
        roles.add("operator")
    return Identity(
        id=person.id,
        session_id=staff_session.id,
        name=person.name,
        initials=person.initials,
        hue=person.hue,
        locale=person.locale,
        theme=person.theme,
        station=chosen,
        stations=tuple(stations.values()),
        roles=frozenset(roles),
        seen_at=staff_session.seen_at,
    )


def is_socket_alive(session: Session, session_id: int, person_id: int, station_id: int) -> bool:
    """Whether an open socket still has a living session, person and role at its station."""
    row = session.execute(
        select(StaffSession, Person).join(Person).where(StaffSession.id == session_id, Person.id == person_id)
    ).one_or_none()
    if row is None or row[1].disabled_at is not None or row[0].ended_at is not None:
        return False
    if clock.now() - row[0].created_at > rules.ABSOLUTE:
        return False
    roles = session.execute(
        select(Membership.id).where(Membership.person_id == person_id, Membership.station_id == station_id).limit(1)
    ).scalar_one_or_none()
    return roles is not None


def station_card(station: Station) -> StationCard:
    return StationCard(
        station.id, station.slug, station.name, station.mark, station.hue, station.locale, station.timezone
    )


def list_team(session: Session, station_id: int, roles: tuple[str, ...]) -> list[Person]:
    """The people of a station who hold one of these roles, by name."""
    members = select(Membership.person_id).where(Membership.station_id == station_id, Membership.role.in_(roles))
    team = select(Person).where(Person.id.in_(members), Person.disabled_at.is_(None))
    return list(session.execute(team.order_by(Person.name, Person.id)).scalars())


def has_any_role(session: Session, person_id: int, station_id: int, roles: tuple[str, ...]) -> bool:
    """Whether a person holds at least one of these roles at a station."""
    found = session.execute(
        select(Membership.id)
        .where(Membership.person_id == person_id, Membership.station_id == station_id, Membership.role.in_(roles))
        .limit(1)
    ).scalar_one_or_none()
    return found is not None
