"""Writes of the room safety: a message goes to the lead, is worked through by a checklist, closed, or put back.

Each act leaves an audit row and one event for those who may handle it; its text is in neither. The card itself is set
aside by desk.wall.aside and so leaves every screen, search, count and event at once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from desk import db
from desk.conversations import changes
from desk.conversations.models import Message
from desk.errors import Conflict, Invalid
from desk.listeners import blocking
from desk.listeners import rules as listeners
from desk.live import audit, log
from desk.safety import queries, rules
from desk.safety.models import SafetyCase, SafetyRules, SafetyStep
from desk.safety.rules import Found, Words
from desk.wall import aside
from desk.wall import queries as wall
from desk.wall.models import Card

AUDIENCE = "safety.handle"
OF_THE_STUDIO = ("rundown.read", "rundown.write")  # events of these hold whole lists with what was in them


class CaseSettled(Conflict):
    """Somebody closed it or put it back already."""

    code = "safety.settled"
    message = "Somebody has closed this case or put the message back already."


class TakenBack(Conflict):
    """There is nothing left to show."""

    code = "safety.taken_back"
    message = "The sender took this message back. It cannot stand on the wall again."


class InHand(Conflict):
    """The lead has begun: only who may handle it decides now."""

    code = "safety.in_hand"
    message = "The lead is already working on this. Ask there to have it put back."


# --- coming in --------------------------------------------------------------------------------------------------


def escalate(session: Session, station_id: int, card_id: int, *, kind: str, by: int, at: datetime) -> SafetyCase:
    """A person sends a card to the lead: off the wall, run, rundown and studio at once. Raises NotFound."""
    card = wall.load_card(session, station_id, card_id, for_change=True)
    before = queries.find_newest(session, card.id)
    if before is not None and before.state == rules.BACK:
        case = before
        case.kind, case.state, case.opened_by_id, case.opened_at = kind, rules.OPEN, by, at
    else:
        case = SafetyCase(
            station_id=station_id, card_id=card.id, kind=kind, state=rules.OPEN, opened_by_id=by, opened_at=at,
            was_state="new",
        )  # fmt: skip
        session.add(case)
    _take_off(session, case, card, by=by, at=at)
    _note(session, case, "safety.escalate", by=by, at=at, is_new=True, details={"kind": kind})
    return case


def suggest(session: Session, card: Card, found: Found, *, at: datetime) -> SafetyCase:
    """The station's words found something in a card: to the lead, until a person has decided."""
    case = SafetyCase(
        station_id=card.station_id, card_id=card.id, kind=found.kind, state=rules.SUGGESTED, found=found.phrase[:120],
        opened_by_id=None, opened_at=at, was_state="new",
    )  # fmt: skip
    session.add(case)
    _take_off(session, case, card, by=None, at=at)
    _note(session, case, "safety.suggest", by=None, at=at, is_new=True, details={"kind": found.kind})
    return case


def _take_off(session: Session, case: SafetyCase, card: Card, *, by: int | None, at: datetime) -> None:
    session.flush()
    slots = {slot["id"] for slot in wall.extras.slots_of(session, [card.id]).get(card.id, [])}
    before = aside.set_aside(session, card, by=by, at=at)
    case.was_state, case.was_facet = before.state, before.facet
    changes.announce(session, session.get_one(Message, card.message_id), at=at)
    if slots:
        log.rewrite(
            session, card.station_id, lambda kind, payload: rules.told_after(kind, payload, card.id, slots),
            audiences=OF_THE_STUDIO,
        )  # fmt: skip


# --- the lead's decisions ---------------------------------------------------------------------------------------


def take_up(session: Session, station_id: int, case_id: int, *, by: int, at: datetime) -> SafetyCase:
    """A person says that a suggestion is right. May be repeated. Raises CaseSettled, NotFound."""
    case = queries.load_case(session, station_id, case_id, for_change=True)
    if case.state == rules.OPEN:
        return case
    _refuse_settled(case)
    case.state, case.opened_by_id = rules.OPEN, by
    _note(session, case, "safety.take", by=by, at=at)
    return case


def put_back(session: Session, station_id: int, case_id: int, *, by: int, at: datetime) -> Card:
    """Back to the wall: no threat, or no more. What was ticked stays on record. May be repeated. Raises TakenBack."""
    case = queries.load_case(session, station_id, case_id, for_change=True)
    card = aside.load_any(session, station_id, case.card_id)
    if case.state == rules.BACK:
        return card
    message = session.get_one(Message, card.message_id)
    if message.revoked_at is not None or message.erased_at is not None:
        raise TakenBack
    case.state, case.closed_by_id, case.closed_at, case.outcome = rules.BACK, by, at, ""
    aside.put_back(session, card, aside.Before(case.was_state, case.was_facet), by=by, at=at)
    changes.announce(session, message, at=at)
    _note(session, case, "safety.back", by=by, at=at)
    return card


def take_back(session: Session, station_id: int, card_id: int, *, by: int, is_lead: bool, at: datetime) -> Card:
    """Undo an escalation: by whoever pressed, as long as nobody has begun with it, or by the lead. Raises InHand."""
    case = queries.load_newest(session, station_id, card_id)
    has_begun = bool(queries.list_steps(session, [case.id]).get(case.id)) or case.note != ""
    if not is_lead and (case.opened_by_id != by or has_begun or case.state != rules.OPEN):
        raise InHand
    return put_back(session, station_id, case.id, by=by, at=at)


def close(session: Session, station_id: int, case_id: int, outcome: str, *, by: int, at: datetime) -> SafetyCase:
    """End a case with its outcome; its message stays off the wall, and what is locked stays locked."""
    if outcome not in rules.OUTCOMES:
        raise Invalid({"outcome": "There is no such outcome."})
    case = queries.load_case(session, station_id, case_id, for_change=True)
    if case.state == rules.CLOSED and case.outcome == outcome:
        return case
    _refuse_settled(case)
    case.state, case.outcome, case.closed_by_id, case.closed_at = rules.CLOSED, outcome, by, at
    _note(session, case, "safety.close", by=by, at=at, details={"outcome": outcome})
    return case


def reopen(session: Session, station_id: int, case_id: int, *, by: int, at: datetime) -> SafetyCase:
    """Take a closing back. May be repeated. Raises CaseSettled if it was put back to the wall."""
    case = queries.load_case(session, station_id, case_id, for_change=True)
    if case.state in rules.WITH_THE_LEAD:
        return case
    if case.state == rules.BACK:
        raise CaseSettled
    case.state, case.outcome, case.closed_by_id, case.closed_at = rules.OPEN, "", None, None
    _note(session, case, "safety.reopen", by=by, at=at)
    return case


def set_note(session: Session, station_id: int, case_id: int, note: str, *, by: int, at: datetime) -> SafetyCase:
    case = queries.load_case(session, station_id, case_id, for_change=True)
    if case.note != note:
        case.note = note
        _note(session, case, "safety.note", by=by, at=at)
    return case


# --- the checklist ----------------------------------------------------------------------------------------------


def tick(
    session: Session, station_id: int, case_id: int, step: str, *, length: str | None = None, by: int, at: datetime
) -> SafetyCase:
    """Note that a step was done; the one for evidence locks it, the one for the sender blocks them for `length`.

    One that is ticked already stays as it is. Raises Invalid, CaseSettled.
    """
    case = queries.load_case(session, station_id, case_id, for_change=True)
    if step not in rules.STEPS:
        raise Invalid({"step": "There is no such step."})
    if case.state == rules.BACK:
        raise CaseSettled
    if queries.find_tick(session, case.id, step) is not None:
        return case
    details: dict[str, Any] = {}
    if step == rules.EVIDENCE:
        case.held_at = at
    if step == rules.BLOCK:
        details = _block(session, case, length or "", by=by, at=at)
    session.add(SafetyStep(case_id=case.id, step=step, details=details, by_person_id=by, at=at))
    if case.state == rules.SUGGESTED:
        case.state, case.opened_by_id = rules.OPEN, by
    _note(session, case, "safety.tick", by=by, at=at, details={"step": step})
    return case


def untick(session: Session, station_id: int, case_id: int, step: str, *, by: int, at: datetime) -> SafetyCase:
    """Take a tick off: evidence is released, a block is lifted. Once off it stays off."""
    case = queries.load_case(session, station_id, case_id, for_change=True)
    ticked = queries.find_tick(session, case.id, step)
    if ticked is None:
        return case
    ticked.undone_at, ticked.undone_by_id = at, by
    if step == rules.EVIDENCE:
        case.held_at = None
    if step == rules.BLOCK:
        _lift(session, case, ticked, by=by, at=at)
    _note(session, case, "safety.untick", by=by, at=at, details={"step": step})
    return case


def _block(session: Session, case: SafetyCase, length: str, *, by: int, at: datetime) -> dict[str, Any]:
    if length not in listeners.BLOCK_TIMES:
        raise Invalid({"length": "A sender can be blocked for an hour, a day or for ever."})
    card = session.get_one(Card, case.card_id)
    listener = blocking.hold(session, card.listener_id)
    before = blocking.find_block(session, listener.id)
    reason = "threats" if case.kind == "threat" else "insults"
    made = blocking.block(session, listener, until=listeners.block_end(length, at), reason=reason, by=by, at=at)
    return {"length": length, "block": made.id, "before": before.id if before else None}


def _lift(session: Session, case: SafetyCase, ticked: SafetyStep, *, by: int, at: datetime) -> None:
    """What held before this block holds again; a block that somebody set since is theirs."""
    card = session.get_one(Card, case.card_id)
    listener = blocking.hold(session, card.listener_id)
    present = blocking.find_block(session, listener.id)
    if present is not None and present.id == ticked.details.get("block"):
        blocking.set_again(session, listener, ticked.details.get("before"), by=by, at=at)


# --- a station's words ------------------------------------------------------------------------------------------


def set_rules(
    session: Session, station_id: int, words: Words, *, is_on: bool, contact: str, by: int, at: datetime
) -> SafetyRules:
    """What is found from now on, and whom a lead informs."""
    db.insert_if_absent(
        session, SafetyRules.metadata.tables["safety_rules"],
        {"station_id": station_id, "is_on": True, "threats": "", "insults": "", "harmless": "", "contact": ""},
        unique=["station_id"],
    )  # fmt: skip
    row = session.get_one(SafetyRules, station_id, with_for_update=True)
    row.is_on, row.contact = is_on, contact
    row.threats, row.insults, row.harmless = words.threats, words.insults, words.harmless
    lines = {name: len(rules.phrases(getattr(words, name))) for name in ("threats", "insults", "harmless")}
    details = {"is_on": is_on, **lines}
    audit.record(session, station_id, "safety.rules", f"station:{station_id}", by=by, at=at, details=details)
    session.flush()
    return row


# --- erasure ----------------------------------------------------------------------------------------------------


def forget(session: Session, card_id: int) -> None:
    """An erased message: that there was a case stays, nothing of what was said in it."""
    for case in queries.list_of_card(session, card_id):
        case.note = case.found = ""
        case.held_at = None


def _refuse_settled(case: SafetyCase) -> None:
    if case.state not in rules.WITH_THE_LEAD:
        raise CaseSettled


def _note(
    session: Session,
    case: SafetyCase,
    act: str,
    *,
    by: int | None,
    at: datetime,
    is_new: bool = False,
    details: dict[str, Any] | None = None,
) -> None:
    """Audit row and event of one act; the event says that something changed, and the page asks."""
    session.flush()
    audit.record(session, case.station_id, act, f"safety_case:{case.id}", by=by, at=at, details=details)
    counts = queries.counts(session, case.station_id)
    payload = {"case_id": case.id, "state": case.state, "is_new": is_new, "by_id": by, "counts": counts}
    log.record(session, case.station_id, "safety.changed", payload, audience=AUDIENCE, at=at)
