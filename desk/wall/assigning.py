"""Passing a card on: to a colleague or to a desk of the house, in one act that anybody can take back.

Whoever passes on a card they hold lets go of it: a colleague holds it from then on, and is told quietly. It says
nothing about the card, so nobody's verdict loses by it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from desk.errors import Invalid
from desk.identity import allowed_roles
from desk.live import log
from desk.people import queries as people
from desk.wall import acts, announce, queries, rules, walks
from desk.wall.models import Card, CardAct
from desk.wall.walks import Filter

DESKS = ("presenter", "contest", "service")
ACT = "assign"


def assign(
    session: Session,
    station_id: int,
    card_id: int,
    *,
    desk: str | None = None,
    person_id: int | None = None,
    by: int,
    at: datetime,
) -> CardAct:
    """Pass a card on to a desk or to a person; to neither takes it back from whom it had.

    Raises Invalid for somebody who does not see this wall.
    """
    card = queries.load_card(session, station_id, card_id, for_change=True)
    if person_id is not None and not people.has_any_role(
        session, person_id, station_id, tuple(allowed_roles(announce.AUDIENCE))
    ):
        raise Invalid({"person_id": "There is no such colleague at this station."})
    changes: dict[str, Any] = {"assigned_to_id": person_id, "assigned_desk": desk}
    act = acts.record(session, card, ACT, changes | _lease(card, desk, person_id, by, at), by=by, at=at)
    if person_id is not None and person_id != by:
        _tell(session, card, person_id, by, at)
    return act


def _lease(card: Card, desk: str | None, person_id: int | None, by: int, at: datetime) -> dict[str, Any]:
    """What becomes of the lease of whoever passes the card on; a third one's stays."""
    if card.claimed_by_id != by or card.claimed_until is None or card.claimed_until <= at:
        return {}
    if desk is not None:
        return {"claimed_by_id": None, "claimed_until": None}
    return {"claimed_by_id": person_id or by, "claimed_until": at + rules.CLAIM}


def _tell(session: Session, card: Card, to_id: int, by: int, at: datetime) -> None:
    badge = queries.find_badge(session, by)
    payload = {"card_id": card.id, "to_id": to_id, "by": badge.as_json() if badge else None}
    log.record(session, card.station_id, "card.handed", payload, audience=announce.AUDIENCE, at=at)


def count_assigned(session: Session, station_id: int, wanted: Filter, *, me: int, at: datetime) -> dict[str, int]:
    """How many cards each choice would leave, the other filters as they are: {me, presenter, contest, service}.

    Searches are left out; two statements, each over what was passed on alone.
    """
    others = walks.without_assigned(wanted)
    station = literal_column("+card.station_id") == station_id
    rest = (station, *walks.conditions(others, at))
    mine = session.execute(select(func.count()).select_from(Card).where(Card.assigned_to_id == me, *rest)).scalar_one()
    rows = session.execute(
        select(Card.assigned_desk, func.count())
        .where(Card.assigned_desk.in_(DESKS), *rest)
        .group_by(Card.assigned_desk)
    )
    return {"me": mine} | dict.fromkeys(DESKS, 0) | {str(desk): cards for desk, cards in rows}
