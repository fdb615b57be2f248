"""Reads of the room safety: the lead's list, one case with all that is needed to judge it, counts, a station's words.

Only what is behind the permission `safety.handle` asks here for what a message says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import clock
from desk.conversations.models import Message
from desk.errors import NotFound
from desk.listeners.models import Block, Listener
from desk.media import queries as media
from desk.media.models import Asset
from desk.safety import rules, words
from desk.safety.models import SafetyCase, SafetyRules, SafetyStep
from desk.safety.rules import Words
from desk.wall import queries as wall
from desk.wall.models import Card

LISTED_MOST = 100
HISTORY_MOST = 12
EXCERPT_CHARACTERS = 160


@dataclass(frozen=True)
class Station:
    """What a station set for its protection."""

    words: Words
    is_on: bool
    contact: str


def rules_of(session: Session, station_id: int) -> Station:
    row = session.get(SafetyRules, station_id)
    if row is None:
        return Station(Words(words.THREATS, words.INSULTS, words.HARMLESS), is_on=True, contact="")
    return Station(Words(row.threats, row.insults, row.harmless), row.is_on, row.contact)


def load_case(session: Session, station_id: int, case_id: int, *, for_change: bool = False) -> SafetyCase:
    """A case of this station. Raises NotFound."""
    query = select(SafetyCase).where(SafetyCase.id == case_id, SafetyCase.station_id == station_id)
    if for_change:
        session.flush()
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(code="safety.no_case")
    return found


def find_newest(session: Session, card_id: int) -> SafetyCase | None:
    newest = select(SafetyCase).where(SafetyCase.card_id == card_id).order_by(SafetyCase.id.desc()).limit(1)
    return session.execute(newest).scalar_one_or_none()


def load_newest(session: Session, station_id: int, card_id: int) -> SafetyCase:
    """The newest case of a card of this station. Raises NotFound."""
    found = find_newest(session, card_id)
    if found is None or found.station_id != station_id:
        raise NotFound(code="safety.no_case")
    return found


def list_of_card(session: Session, card_id: int) -> Sequence[SafetyCase]:
    return session.execute(select(SafetyCase).where(SafetyCase.card_id == card_id)).scalars().all()


def list_cases(session: Session, station_id: int, states: Collection[str]) -> list[SafetyCase]:
    """Cases in these states, the newest first, at most LISTED_MOST."""
    wanted = select(SafetyCase).where(SafetyCase.station_id == station_id, SafetyCase.state.in_(states))
    return list(session.execute(wanted.order_by(SafetyCase.id.desc()).limit(LISTED_MOST)).scalars())


def counts(session: Session, station_id: int) -> dict[str, int]:
    """How many wait with the lead: {suggested, open}."""
    rows = session.execute(
        select(SafetyCase.state, func.count().label("cases"))
        .where(SafetyCase.station_id == station_id, SafetyCase.state.in_(rules.WITH_THE_LEAD))
        .group_by(SafetyCase.state)
    )
    return dict.fromkeys(rules.WITH_THE_LEAD, 0) | {row.state: row.cases for row in rows}


def find_tick(session: Session, case_id: int, step: str) -> SafetyStep | None:
    """The tick of a step that holds."""
    found = select(SafetyStep).where(
        SafetyStep.case_id == case_id, SafetyStep.step == step, SafetyStep.undone_at.is_(None)
    )
    return session.execute(found.limit(1)).scalar_one_or_none()


def list_steps(session: Session, case_ids: Collection[int]) -> dict[int, list[SafetyStep]]:
    """The ticks that hold, by case."""
    found: dict[int, list[SafetyStep]] = {}
    ticks = select(SafetyStep).where(SafetyStep.case_id.in_(case_ids), SafetyStep.undone_at.is_(None))
    for step in session.execute(ticks.order_by(SafetyStep.id)).scalars():
        found.setdefault(step.case_id, []).append(step)
    return found


def set_aside(session: Session, message_ids: Collection[int]) -> set[int]:
    """Those of these messages that are with the lead: their words and files are for nobody else."""
    query = (
        select(Card.message_id)
        .join(SafetyCase, SafetyCase.card_id == Card.id)
        .where(Card.message_id.in_(message_ids), SafetyCase.state.in_(rules.OFF_THE_WALL))
    )
    return set(session.execute(query).scalars()) if message_ids else set()


def held_cards(session: Session, message_ids: Collection[int]) -> list[int]:
    """Cards of these messages whose evidence is locked."""
    query = (
        select(Card.id)
        .join(SafetyCase, SafetyCase.card_id == Card.id)
        .where(Card.message_id.in_(message_ids), SafetyCase.held_at.is_not(None))
    )
    return sorted(session.execute(query).scalars()) if message_ids else []


def load_asset(session: Session, station_id: int, asset_id: int) -> Asset:
    """A file of a message that is with the lead. Raises NotFound for every other."""
    asset = media.load_asset(session, station_id, asset_id)
    if not set_aside(session, [asset.message_id]):
        raise NotFound(code="media.no_asset")
    return asset


# --- as the lead's page shows them ------------------------------------------------------------------------------


def view_list(session: Session, found: Sequence[SafetyCase], *, at: datetime) -> list[dict[str, Any]]:
    """Lines of the list: who, when, what kind, how far. Nothing of what was said."""
    rows = session.execute(
        select(Card.id, Card.kind, Card.placed_at, Listener)
        .join(Listener, Listener.id == Card.listener_id)
        .where(Card.id.in_([case.card_id for case in found]))
    )
    cards = {row.id: row for row in rows}
    steps = list_steps(session, [case.id for case in found])
    return [
        {
            **_case_json(session, case),
            "steps_done": len(steps.get(case.id, [])),
            "card_kind": cards[case.card_id].kind,
            "placed_at": clock.iso(cards[case.card_id].placed_at),
            "listener": _listener_json(cards[case.card_id].Listener, at=at),
        }
        for case in found
    ]


def view_case(session: Session, case: SafetyCase, *, at: datetime) -> dict[str, Any]:
    """One case with what was said, the sender's history and the checklist."""
    card = session.get_one(Card, case.card_id)
    message = session.get_one(Message, card.message_id)
    listener = session.get_one(Listener, card.listener_id)
    is_gone = message.revoked_at is not None or message.erased_at is not None
    files = media.list_assets(session, [message.id]).get(message.id, [])
    ticks = list_steps(session, [case.id]).get(case.id, [])
    return {
        **_case_json(session, case),
        "card_kind": card.kind,
        "placed_at": clock.iso(card.placed_at),
        "listener": _listener_json(listener, at=at),
        "text": message.text,
        "is_revoked": is_gone,
        "media": [{**one.as_json(), "base": "/safety/media"} for one in files],
        "history": _history(session, card, listener),
        "earlier": _earlier(session, case, card),
        "blocks": _count_blocks(session, listener),
        "steps": [_step_json(session, one) for one in ticks],
        "note": case.note,
        "contact": rules_of(session, case.station_id).contact,
    }


def _case_json(session: Session, case: SafetyCase) -> dict[str, Any]:
    return {
        "id": case.id,
        "card_id": case.card_id,
        "kind": case.kind,
        "state": case.state,
        "found": case.found,
        "opened_by": _badge(session, case.opened_by_id),
        "opened_at": clock.iso(case.opened_at),
        "held_at": clock.iso(case.held_at),
        "outcome": case.outcome,
        "closed_by": _badge(session, case.closed_by_id),
        "closed_at": clock.iso(case.closed_at),
    }


def _badge(session: Session, person_id: int | None) -> dict[str, Any] | None:
    badge = wall.find_badge(session, person_id)
    return badge.as_json() if badge else None


def _step_json(session: Session, step: SafetyStep) -> dict[str, Any]:
    said = {"length": step.details["length"]} if "length" in step.details else {}
    return {"step": step.step, "by": _badge(session, step.by_person_id), "at": clock.iso(step.at), **said}


def _listener_json(one: Listener, *, at: datetime) -> dict[str, Any]:
    is_blocked = one.blocked_until is not None and one.blocked_until > at
    return {
        "alias": one.alias,
        "first_name": one.first_name,
        "place": one.place,
        "hue": one.hue % 24,
        "initial": (one.first_name or one.alias or "?")[0].upper(),
        "message_count": one.message_count,
        "first_seen_at": clock.iso(one.first_seen_at),
        "is_first": one.message_count <= 1,
        "is_blocked": is_blocked,
        "blocked_until": clock.iso(one.blocked_until) if is_blocked else None,
    }


def _history(session: Session, card: Card, listener: Listener) -> list[dict[str, Any]]:
    """What else this sender wrote, the newest first."""
    rows = session.execute(
        select(Card.id, Card.kind, Card.state, Card.placed_at, Message.text, Message.revoked_at)
        .join(Message, Message.id == Card.message_id)
        .where(Card.listener_id == listener.id, Card.id != card.id)
        .order_by(Card.id.desc())
        .limit(HISTORY_MOST)
    )
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "state": row.state,
            "placed_at": clock.iso(row.placed_at),
            "text": "" if row.revoked_at else row.text[:EXCERPT_CHARACTERS],
        }
        for row in rows
    ]


def _earlier(session: Session, case: SafetyCase, card: Card) -> int:
    """How many other cases this sender had."""
    others = (
        select(func.count())
        .select_from(SafetyCase)
        .join(Card, Card.id == SafetyCase.card_id)
        .where(Card.listener_id == card.listener_id, SafetyCase.id != case.id, SafetyCase.state != rules.BACK)
    )
    return session.execute(others).scalar_one()


def _count_blocks(session: Session, listener: Listener) -> int:
    found = select(func.count()).select_from(Block).where(Block.listener_id == listener.id)
    return session.execute(found).scalar_one()
