"""Writes of the wall: placing cards, verdicts with undo, claims, notes, consent, campaigns, withdrawal.

Every act leaves a CardAct with what it changed, an audit row and, through desk.wall.announce, one event with the
whole card. First write wins: a move names the version it saw, and loses if a person changed the card since. What
the desk itself changed meanwhile (a rendition was finished) is no reason to lose.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.conversations.models import Message
from desk.errors import Conflict, Invalid, NotFound
from desk.listeners.models import Listener
from desk.live import audit
from desk.media import actions as files
from desk.media import transcripts
from desk.people.models import Station
from desk.wall import (
    acts,
    announce,
    blocks,
    floods,
    folds,
    languages,
    marks,
    mood,
    queries,
    rules,
    signals,
    stacks,
    words,
)
from desk.wall.models import Card, CardAct, ConsentRecord

Changed = tuple[dict[str, Any], dict[str, Any]]
CLAIMS = ("claim", "release")
SIMPLE = ("move", "notes", "consent", "campaign", "cover", "uncover", *CLAIMS, "apart", "assign")
UNDOABLE = (*SIMPLE, *blocks.ACTS, *marks.ACTS, *floods.ACTS)
OWN_WAY = {
    **dict.fromkeys(blocks.ACTS, blocks.take_back),
    **dict.fromkeys(marks.TAGGED, marks.take_back),
    **dict.fromkeys(floods.ACTS, floods.take_back),
}


class CardMoved(Conflict):
    """Somebody else decided since the asker looked. Facts: name, time (of the station)."""

    code = "wall.card_moved"
    SAYS = {
        "new": "%(name)s was faster: put back at %(time)s.",
        "shortlisted": "%(name)s was faster: shortlisted at %(time)s.",
        "planned": "%(name)s was faster: planned at %(time)s.",
        "in_studio": "%(name)s was faster: handed to the studio at %(time)s.",
        "on_air": "%(name)s was faster: on air since %(time)s.",
        "aired": "%(name)s was faster: aired at %(time)s.",
        "rejected": "%(name)s was faster: rejected at %(time)s.",
        "mood": "%(name)s was faster: put to the reactions at %(time)s.",
    }
    OTHERWISE = "%(name)s was faster and changed this card at %(time)s."
    BY_SENDER = "The sender changed this message at %(time)s. Please look again."


class CardClaimed(Conflict):
    """A colleague is on it. Facts: name, time."""

    code = "wall.card_claimed"
    message = "%(name)s is on this card until %(time)s."


class CannotUndo(Conflict):
    """The card was changed after the act that should be taken back. Facts: name, time."""

    code = "wall.cannot_undo"
    message = "This cannot be taken back: %(name)s changed the card at %(time)s."


class NotInAStack(Conflict):
    """Somebody took the card out already, or it never stood with others."""

    code = "wall.not_in_a_stack"
    message = "This card does not stand with similar ones any more."


class StandsWithOthers(Conflict):
    """The card of a 'not the same' that should be taken back was put with others since."""

    code = "wall.stands_with_others"
    message = "This cannot be taken back: the card stands with others by now. Take it out there first."


class BecameOne(Conflict):
    """Of both stacks a person had said that the card is not the same; they are one now, so one of them holds."""

    code = "wall.became_one"
    message = "This cannot be taken back: those cards are one with others that this one was taken out of as well."


class NoWay(Invalid):
    """One state does not follow the other."""

    code = "wall.no_way"

    def __init__(self, before: str, after: str) -> None:
        super().__init__({"to": "This state does not follow the card's present one."})
        self.before, self.after = before, after


# --- arrival ----------------------------------------------------------------------------------------------------


def place_card(session: Session, message: Message, listener: Listener, *, is_late: bool, at: datetime) -> Card:
    """Put an incoming message on the wall. May be repeated: a message stands on one card."""
    session.flush()
    found = queries.find_card_of(session, message.id)
    if found is not None:
        return found
    card = Card(
        station_id=message.station_id,
        message_id=message.id,
        listener_id=listener.id,
        kind=message.kind,
        state="new",
        version=1,
        placed_at=min(message.sent_at, at),  # a clock that runs ahead must not stand above everybody else
        is_late=is_late,
        consent="unknown",
        about="",
        pronunciation="",
        note="",
    )
    card.folded = words.folded_of(card, message, listener)
    card.language = languages.find(message.text)
    session.add(card)
    announce.touch(session, card, "card.placed", at=at)
    announce.count(session, card, by=1, at=at)
    audit.record(session, card.station_id, "card.place", f"card:{card.id}", by=None, at=at)
    return card


def refresh_card(session: Session, card_or_message_id: Card | int, *, at: datetime) -> Card | None:
    """Show again what changed beneath a card (its media, its listener); None if the message stands on no card."""
    card = card_or_message_id
    if isinstance(card, int):
        found = queries.find_card_of(session, card)
        if found is None:
            return None
        card = found
    if card.withdrawn_at is None:
        announce.touch(session, card, "card.changed", at=at)
    return card


def refresh_listener(session: Session, listener_id: int, *, at: datetime, most: int = 200) -> int:
    """Show a listener's cards again: renamed, merged or blocked. Returns how many.

    The text filter finds all of them anew; told are those chosen for a show and the newest, `most` together.
    """
    listener = session.get_one(Listener, listener_id)
    rows = session.execute(
        select(Card, Message)
        .join(Message, Message.id == Card.message_id)
        .where(Card.listener_id == listener_id, Card.withdrawn_at.is_(None))
        .order_by(Card.state.in_((*rules.CHOSEN, "on_air")).desc(), Card.id.desc())
        .with_for_update(of=Card)
    ).all()
    for at_most, (card, message) in enumerate(rows):
        said = transcripts.texts_of(session, message.id) if message.kind != "text" else ()
        card.folded = words.folded_of(card, message, listener, said)
        if at_most < most:
            announce.touch(session, card, "card.changed", at=at)
    return min(most, len(rows))


def fold_speech(session: Session, message_id: int, *, at: datetime) -> None:
    """Let the wall find what is said in the files of a message, or find it no more."""
    card = queries.find_card_of(session, message_id)
    if card is not None and card.withdrawn_at is None:
        message = session.get_one(Message, message_id)
        _fold(session, card, message)
        languages.tell(session, card, message, at=at)


def edit_card(session: Session, message: Message, *, at: datetime) -> Card | None:
    """The sender changed the message: what was heard and decided before was about something else."""
    card = queries.find_card_of(session, message.id)
    if card is None or card.withdrawn_at is not None:
        return card
    card = queries.load_card(session, card.station_id, card.id, for_change=True)
    if card.kind != message.kind:
        announce.count(session, card, by=-1, at=at)
        card.kind = message.kind
        announce.count(session, card, by=1, at=at)
    _fold(session, card, message)
    languages.tell(session, card, message, at=at)
    files.set_covered(session, card.message_id, None)
    acts.record(session, card, "edit", {"is_covered": None}, by=None, at=at)
    if card.state == rules.MOOD and mood.sign_of(message) is None:  # it says more now
        _move(session, card, {"state": "new", "state_by_id": None, "state_at": at}, by=None, at=at)
    mood.settle(session, card, at=at)
    for told in signals.edited:
        told(session, card, at)
    return card


def withdraw_card(session: Session, card_or_message: Card | Message, *, at: datetime, by: int | None = None) -> None:
    """Take a card off every screen: revoked by the sender, withdrawn or erased. May be repeated."""
    card = card_or_message if isinstance(card_or_message, Card) else queries.find_card_of(session, card_or_message.id)
    if card is None or card.withdrawn_at is not None:
        return
    card = queries.load_card(session, card.station_id, card.id, for_change=True)
    announce.count(session, card, by=-1, at=at)
    stacks.leave(session, card, at=at)
    floods.leave(session, card, at=at)
    card.withdrawn_at = at
    mood.settle(session, card, at=at)
    card.folded = ""
    acts.record(session, card, "withdraw", {}, by=by, at=at, kind="card.removed")
    for told in signals.withdrawn:
        told(session, card, at)


# --- verdicts ---------------------------------------------------------------------------------------------------


def move_card(
    session: Session,
    station_id: int,
    card_id: int,
    *,
    to: str,
    version: int,
    by: int | None,
    at: datetime,
    reason: str | None = None,
    force: bool = False,
    with_copies: bool = False,
    sweep_id: int | None = None,
) -> CardAct:
    """Move a card to another state; its claim ends with it. The answer's id undoes it.

    What stands under it goes along, and the copies of its stack if `with_copies`; undoing it is for all of them.
    `version` is what the person saw. The same move sent again by the same person is answered like the first time.
    Raises CardMoved if somebody changed the card since, CardClaimed on a colleague's claim unless `force`, NoWay if
    the state does not follow, NotFound.
    """
    card = queries.load_card(session, station_id, card_id, for_change=True)
    repeated = _same_move_again(session, card, to, version, by)
    if repeated is not None:
        return repeated
    if not force and by is not None and to in (*rules.VERDICTS, "planned"):
        _refuse_claimed(session, card, by, at=at)
    _refuse_stale(session, card, version, at=at)
    if not rules.may_follow(card.state, to) or (to == rules.MOOD and not mood.is_noise(session, card)):
        raise NoWay(card.state, to)
    changes = {"state": to, "state_by_id": by, "state_at": at, "reject_reason": reason if to == "rejected" else None}
    changes |= {"claimed_by_id": None, "claimed_until": None}
    with floods.together(session, card, at=at):
        along = floods.companions(session, card, to=to, at=at)
        if with_copies:
            known = {one.id for one in along}
            along += [one for one in stacks.copies_of(session, card, to=to, at=at) if one.id not in known]
        others = [_move(session, one, changes, by=by, at=at, sweep_id=sweep_id).id for one in along]
        act = _move(session, card, changes, by=by, at=at, sweep_id=sweep_id)
        if others:
            act.after = act.after | {floods.WITH: others}
    return act


def _move(
    session: Session, card: Card, changes: dict[str, Any], *, by: int | None, at: datetime, sweep_id: int | None = None
) -> CardAct:
    before = card.state
    announce.count(session, card, by=-1, at=at)
    act = acts.record(session, card, "move", changes, by=by, at=at, sweep_id=sweep_id)
    announce.count(session, card, by=1, at=at)
    if before != card.state:
        _tell_moved(session, card, before, by, at)
    return act


def _tell_moved(session: Session, card: Card, before: str, by: int | None, at: datetime) -> None:
    after = card.state
    if rules.MOOD in (before, after):
        mood.settle(session, card, at=at)
    floods.settle(session, card, at=at)
    folds.note(session, card, at=at)
    for moved in signals.moved:
        moved(session, card, before, after, by, at)


def _same_move_again(session: Session, card: Card, to: str, version: int, by: int | None) -> CardAct | None:
    """The act this request already led to, when only its answer was lost on the way."""
    if card.state != to or by is None:
        return None
    last = acts.last_decision(session, card.id)
    same = last is not None and last.act == "move" and last.by_person_id == by and last.undone_at is None
    return last if last is not None and same and last.before.get("version") == version else None


def _refuse_stale(session: Session, card: Card, version: int, *, at: datetime) -> None:
    if version == card.version:
        return
    last = acts.last_decision(session, card.id)
    decided = last.after.get("version", 1) if last is not None else 1
    if decided <= version < card.version:
        return
    raise _conflict(session, card, CardMoved(queries.view_card(session, card, at=at).as_json()), last, at)


def _refuse_claimed(session: Session, card: Card, by: int, *, at: datetime) -> None:
    if rules.is_claimed_by_another(card.claimed_by_id, card.claimed_until, by, at):
        refused = CardClaimed(queries.view_card(session, card, at=at).as_json())
        badge = queries.find_badge(session, card.claimed_by_id)
        until = _time(session, card, card.claimed_until or at, "%H:%M:%S")
        refused.facts = {"name": badge.name if badge else "", "time": until}
        raise refused


def _conflict(session: Session, card: Card, refused: Conflict, last: CardAct | None, at: datetime) -> Conflict:
    """Complete a refusal with who changed the card last, and when."""
    badge = queries.find_badge(session, last.by_person_id if last else None)
    refused.facts = {
        "name": badge.name if badge else "",
        "time": _time(session, card, last.at if last else card.state_at or at),
    }
    if isinstance(refused, CardMoved):
        by_sender = last is not None and last.act == "edit"
        refused.message = CardMoved.BY_SENDER if by_sender or badge is None else CardMoved.OTHERWISE
        if badge is not None and last is not None and "state" in last.after:
            refused.message = CardMoved.SAYS[card.state]
    return refused


def _time(session: Session, card: Card, moment: datetime, shape: str = "%H:%M") -> str:
    zone = ZoneInfo(session.get_one(Station, card.station_id).timezone)
    return moment.astimezone(zone).strftime(shape)


# --- taking back ------------------------------------------------------------------------------------------------


def undo(
    session: Session, station_id: int, act_id: int | None, *, by: int, at: datetime, sweep_id: int | None = None
) -> Card:
    """Take an act back, anybody's; None: the newest of one's own that still holds. Twice does no harm.

    Raises NotFound if there is none, CannotUndo if the same was changed again since.
    """
    act = load_act(session, station_id, act_id, by)
    if not act.after.get(floods.WITH):
        return _undo(session, station_id, act, by=by, at=at, sweep_id=sweep_id)
    card = queries.load_card(session, station_id, act.card_id, for_change=True)
    with floods.together(session, card, at=at):
        _undo(session, station_id, act, by=by, at=at, sweep_id=sweep_id)
        for other_id in act.after[floods.WITH]:
            with suppress(Conflict, NotFound):  # somebody decided about that one since, or it is gone
                _undo(session, station_id, session.get_one(CardAct, other_id), by=by, at=at, sweep_id=sweep_id)
    return card


def _undo(
    session: Session, station_id: int, act: CardAct, *, by: int, at: datetime, sweep_id: int | None = None
) -> Card:
    _hold_still(session, act)
    card = queries.load_card(session, station_id, act.card_id, for_change=True)
    session.refresh(act, with_for_update=True)
    if act.undone_at is not None:
        return card
    if act.act in OWN_WAY:
        return _undo_own_way(session, card, act, by=by, at=at)
    names = _names_to_restore(act)
    stack_id = _stack_to_restore(session, card, act, at=at) if act.act == "apart" else None
    if not _still_holds(card, act):
        raise _cannot_undo(session, card, at)
    act.undone_at, act.undone_by_id = at, by
    changes = {name: acts.from_json(name, act.before[name]) for name in names}
    if stack_id is not None:
        changes["stack_id"] = stack_id
    if _goes_back_to_hand(card, act, by, at):
        changes |= {"claimed_by_id": by, "claimed_until": at + rules.CLAIM}
    before_state, before_campaign, before_consent = card.state, card.campaign_id, card.consent
    if "is_covered" in changes:
        files.set_covered(session, card.message_id, changes["is_covered"])
    before_stack = card.stack_id
    announce.count(session, card, by=-1, at=at)
    acts.record(session, card, "undo", changes, by=by, at=at, of=act.id, sweep_id=sweep_id)
    announce.count(session, card, by=1, at=at)
    if card.consent != before_consent:
        _keep_consent(session, card, card.consent, by=by, at=at, note=f"undo:{act.id}")
    if card.state != before_state:
        _tell_moved(session, card, before_state, by, at)
    if card.campaign_id != before_campaign:
        _tell_entered(session, card, before_campaign, by, at)
    if card.stack_id != before_stack:
        stacks.include_again(session, card, at=at)
    return card


def can_take_back(card: Card, act: CardAct) -> bool:
    """Whether the history offers to take this act back: a decision that holds. Who holds a card is no decision.

    What an act did to more than its card (a block, a tag, a stack) is asked only when somebody tries.
    """
    if act.undone_at is not None or act.act not in UNDOABLE or act.act in CLAIMS:
        return False
    return act.act in OWN_WAY or _still_holds(card, act)


def _still_holds(card: Card, act: CardAct) -> bool:
    names = (name for name in _names_to_restore(act) if name != "claimed_until")
    return all(acts.to_json(name, getattr(card, name)) == act.after[name] for name in names)


def _hold_still(session: Session, act: CardAct) -> None:
    """Lock what is locked before any card, so that two acts cannot wait for each other."""
    if act.act == "apart":
        stacks.hold_still(session, act.station_id)
    if act.act in blocks.ACTS:
        blocks.hold_still(session, act.station_id, act.card_id)


def _undo_own_way(session: Session, card: Card, act: CardAct, *, by: int, at: datetime) -> Card:
    """Acts that changed more than columns of the card, or less than a whole one, know how to take themselves back."""
    if not OWN_WAY[act.act](session, card, act, by=by, at=at):
        raise _cannot_undo(session, card, at)
    act.undone_at, act.undone_by_id = at, by
    return card


def _cannot_undo(session: Session, card: Card, at: datetime) -> Conflict:
    refused = CannotUndo(queries.view_card(session, card, at=at).as_json())
    return _conflict(session, card, refused, acts.last(session, card.id), at)


def _stack_to_restore(session: Session, card: Card, act: CardAct, *, at: datetime) -> int:
    """The stack that a card was taken out of, under the number it has by now. Raises StandsWithOthers, BecameOne."""
    if card.stack_id is not None:
        raise StandsWithOthers(queries.view_card(session, card, at=at).as_json())
    stack_id = stacks.find_now(session, act.before["stack_id"])
    others = session.execute(
        select(CardAct).where(
            CardAct.card_id == card.id, CardAct.act == "apart", CardAct.undone_at.is_(None), CardAct.id != act.id
        )
    ).scalars()
    if any(stacks.find_now(session, other.before["stack_id"]) == stack_id for other in others):
        raise BecameOne(queries.view_card(session, card, at=at).as_json())
    return stack_id


def _names_to_restore(act: CardAct) -> list[str]:
    """The columns an undo puts back. A claim that went with a verdict stays as it is now: it may be a colleague's."""
    is_claim = act.act in CLAIMS
    return [name for name in act.before if name != "version" and (is_claim or not name.startswith("claimed_"))]


def _goes_back_to_hand(card: Card, act: CardAct, by: int, at: datetime) -> bool:
    """Whether whoever takes a verdict back had the card in hand before it: nobody else is to get it in between."""
    is_free = card.claimed_until is None or card.claimed_until <= at
    return act.before.get("state") == "new" and act.before.get("claimed_by_id") == by and is_free


def load_act(session: Session, station_id: int, act_id: int | None, by: int) -> CardAct:
    """An act that can be taken back; None: the newest of one's own that holds. Raises NotFound."""
    query = select(CardAct).where(CardAct.station_id == station_id, CardAct.act.in_(UNDOABLE))
    if act_id is None:
        query = query.where(CardAct.by_person_id == by, CardAct.undone_at.is_(None), CardAct.act.not_in(acts.LEASES))
    else:
        query = query.where(CardAct.id == act_id)
    act = session.execute(query.order_by(CardAct.id.desc()).limit(1)).scalar_one_or_none()
    if act is None:
        raise NotFound("There is nothing to take back.", code="wall.nothing_to_undo")
    return act


# --- claims, notes, consent, campaigns --------------------------------------------------------------------------


def claim(session: Session, station_id: int, card_id: int, *, by: int, at: datetime, force: bool = False) -> CardAct:
    """Hold a card for 90 s; again prolongs it. Raises CardClaimed while a colleague holds it, unless `force`."""
    card = queries.load_card(session, station_id, card_id, for_change=True)
    if not force:
        _refuse_claimed(session, card, by, at=at)
    changes = {"claimed_by_id": by, "claimed_until": at + rules.CLAIM}
    return acts.record(session, card, "claim", changes, by=by, at=at)


def release(session: Session, station_id: int, card_id: int, *, by: int, at: datetime) -> CardAct | None:
    """Let go of one's own claim; None if there was nothing to let go. Raises CardClaimed on a colleague's."""
    card = queries.load_card(session, station_id, card_id, for_change=True)
    _refuse_claimed(session, card, by, at=at)
    if card.claimed_by_id is None:
        return None
    return acts.record(session, card, "release", {"claimed_by_id": None, "claimed_until": None}, by=by, at=at)


def set_notes(
    session: Session,
    station_id: int,
    card_id: int,
    *,
    version: int,
    by: int,
    at: datetime,
    about: str | None = None,
    pronunciation: str | None = None,
    note: str | None = None,
) -> CardAct:
    """Write what the card is about, how the name is spoken, a note for colleagues; None leaves a field.

    Raises CardMoved if somebody changed the card since `version`.
    """
    card = queries.load_card(session, station_id, card_id, for_change=True)
    _refuse_stale(session, card, version, at=at)
    given = {"about": about, "pronunciation": pronunciation, "note": note}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    act = acts.record(session, card, "notes", changes | acts.renewed_claim(card, by, at), by=by, at=at)
    message = session.get_one(Message, card.message_id)
    _fold(session, card, message)
    return act


def set_consent(
    session: Session,
    station_id: int,
    card_id: int,
    act: str,
    *,
    by: int | None,
    at: datetime,
    note: str = "",
    evidence_message_id: int | None = None,
) -> CardAct:
    """Record in the ledger that consent was asked, given, refused or withdrawn; the card shows what holds now.

    Refused or withdrawn takes a card out of shortlist, rundown and studio at once. Raises Invalid for another act.
    """
    consent = rules.consent_after(act)
    if consent is None:
        raise Invalid({"act": "Consent can be asked, given, refused, withdrawn or forgotten."})
    card = queries.load_card(session, station_id, card_id, for_change=True)
    _keep_consent(session, card, consent, by=by, at=at, note=note, evidence_message_id=evidence_message_id)
    done = acts.record(session, card, "consent", {"consent": consent} | acts.renewed_claim(card, by, at), by=by, at=at)
    if consent in ("refused", "withdrawn"):
        for told in signals.withdrawn:
            told(session, card, at)
        if card.state in rules.CHOSEN:
            changes = {"state": "new", "state_by_id": by, "state_at": at}
            _move(session, card, changes, by=by, at=at)
    return done


def _keep_consent(
    session: Session,
    card: Card,
    consent: str,
    *,
    by: int | None,
    at: datetime,
    note: str = "",
    evidence_message_id: int | None = None,
) -> None:
    session.add(
        ConsentRecord(
            station_id=card.station_id,
            card_id=card.id,
            act=consent,
            uses="air",
            by_person_id=by,
            evidence_message_id=evidence_message_id,
            note=note,
            at=at,
        )
    )


def set_cover(session: Session, station_id: int, card_id: int, *, is_covered: bool, by: int, at: datetime) -> CardAct:
    """Cover the files of a card for everybody, or lay them open whatever the desk's marks say."""
    card = queries.load_card(session, station_id, card_id, for_change=True)
    changes = {"is_covered": is_covered} | acts.renewed_claim(card, by, at)
    files.set_covered(session, card.message_id, is_covered)
    return acts.record(session, card, "cover" if is_covered else "uncover", changes, by=by, at=at)


def put_in_campaign(
    session: Session, card: Card, campaign_id: int | None, *, by: int | None, at: datetime, sweep_id: int | None = None
) -> CardAct:
    """Put a card into a campaign of its station, or out of any. Rooms above hear of it by signals.entered."""
    before = card.campaign_id
    changes = {"campaign_id": campaign_id} | acts.renewed_claim(card, by, at)
    act = acts.record(session, card, "campaign", changes, by=by, at=at, sweep_id=sweep_id)
    if before != campaign_id:
        _tell_entered(session, card, before, by, at)
    return act


def take_apart(session: Session, station_id: int, card_id: int, *, by: int, at: datetime) -> CardAct:
    """A person says that this card is not the same as those it stands with; the desk will not put it back.

    Raises NotInAStack if it stands with none.
    """
    card = queries.load_card(session, station_id, card_id, for_change=True)
    stack_id = card.stack_id
    if stack_id is None:
        raise NotInAStack(queries.view_card(session, card, at=at).as_json())
    floods.leave(session, card, at=at)
    act = acts.record(session, card, "apart", {"stack_id": None} | acts.renewed_claim(card, by, at), by=by, at=at)
    stacks.exclude(session, card, stack_id, by=by, at=at)
    return act


def _tell_entered(session: Session, card: Card, before: int | None, by: int | None, at: datetime) -> None:
    mood.settle(session, card, at=at)
    floods.settle(session, card, at=at)
    folds.note(session, card, at=at)
    for entered in signals.entered:
        entered(session, card, before, card.campaign_id, by, at)


# --- the searchable text ----------------------------------------------------------------------------------------


def _fold(session: Session, card: Card, message: Message) -> None:
    listener = session.get_one(Listener, card.listener_id)
    card.folded = words.folded_of(card, message, listener, transcripts.texts_of(session, message.id))
