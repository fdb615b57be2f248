"""Stacks: cards that carry copies of one thing stand together, with the best of them named.

A card joins when a copy of its file is found, and leaves when it is withdrawn, erased, or a person says that it is
not the same. Stacks that turn out to be of one thing become one. What a stack is then is settled once, just before
the commit, and told in one event however many cards it has. Finding copies is desk.media.prints' matter, choosing
among them desk.wall.twins'.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from desk import db
from desk.live import audit, log
from desk.media import prints
from desk.media.models import Asset
from desk.media.prints import Twin
from desk.people.models import Station
from desk.wall import announce, folds, rules, twins
from desk.wall.models import Card, Stack, StackExclusion

MOST_WEIGHED = 200  # copies that are compared for the best of a stack, the oldest first


def join(session: Session, asset: Asset, found: Sequence[Twin], *, at: datetime) -> int | None:
    """Put the card of this file together with those of its copies; the stack it is in then, None if in none.

    May be repeated, and gives the same whichever of several copies comes first: a stack is all that is connected by
    being the same, apart from what people took out.
    """
    hold_still(session, asset.station_id)
    cards = _lock_cards(session, [asset.message_id, *(twin.message_id for twin in found)])
    card = cards.get(asset.message_id)
    if card is None:
        return None
    before = card.stack_id
    for twin in found:
        other = cards.get(twin.message_id)
        if other is not None and other.station_id == card.station_id and other is not card:
            _put_together(session, card, other, prints.group_of(asset.kind), at)
    if card.stack_id is not None and before is None:
        announce.touch(session, card, "card.changed", at=at)
    return card.stack_id


def hold_still(session: Session, station_id: int) -> None:
    """Let nobody else change a station's stacks until the commit.

    Before any card is locked, so that two cannot wait for each other. Adding rows is not held up.
    """
    session.execute(select(Station.id).where(Station.id == station_id).with_for_update(key_share=True)).one()


def _lock_cards(session: Session, message_ids: Sequence[int]) -> dict[int, Card]:
    rows = session.execute(
        select(Card)
        .where(Card.message_id.in_(message_ids), Card.withdrawn_at.is_(None))
        .order_by(Card.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalars()
    return {card.message_id: card for card in rows}


def _put_together(session: Session, card: Card, other: Card, of: str, at: datetime) -> None:
    one, two = card.stack_id, other.stack_id
    if one is not None and one == two:
        return
    if one is None and two is None:
        card.stack_id = other.stack_id = _new_stack(session, card.station_id, of, at)
        _note(session, other, "card.stack", at)
        _note(session, card, "card.stack", at)
    elif one is None or two is None:
        alone, stack_id = (card, two) if one is None else (other, one)
        if stack_id is None or _is_excluded(session, alone.id, stack_id):
            return
        alone.stack_id = stack_id
        _note(session, alone, "card.stack", at)
        if alone is other:
            announce.touch(session, other, "card.changed", at=at)
    else:
        _merge(session, one, two, at)
        session.refresh(card)
        session.refresh(other)
    if card.stack_id is not None:
        touch(session, card.stack_id, at=at)


def _new_stack(session: Session, station_id: int, of: str, at: datetime) -> int:
    stack = Stack(station_id=station_id, of=of, reason=of, cards=0, created_at=at)
    session.add(stack)
    session.flush()
    return stack.id


def _is_excluded(session: Session, card_id: int, stack_id: int) -> bool:
    return session.get(StackExclusion, (card_id, stack_id)) is not None


def _merge(session: Session, one: int, two: int, at: datetime) -> None:
    """Two stacks are of one thing: the older one keeps all, unless somebody took a card of one out of the other."""
    kept, gone = min(one, two), max(one, two)
    session.flush()
    excluded = select(StackExclusion.card_id).join(Card, Card.id == StackExclusion.card_id).where(
        ((StackExclusion.stack_id == kept) & (Card.stack_id == gone))
        | ((StackExclusion.stack_id == gone) & (Card.stack_id == kept))
    )  # fmt: skip
    if session.execute(excluded.limit(1)).first() is not None:
        return
    station_id = session.get_one(Stack, kept).station_id
    session.get_one(Stack, gone).merged_into_id = kept
    session.execute(update(Card).where(Card.stack_id == gone).values(stack_id=kept))
    _carry_exclusions(session, gone, kept)
    audit.record(session, station_id, "stack.merge", f"stack:{kept}", by=None, at=at, details={"of": gone})
    _noted(session, at).setdefault(kept, set()).add(gone)
    _noted(session, at).setdefault(gone, set())


def find_now(session: Session, stack_id: int) -> int:
    """The stack that this one is part of by now; itself unless it was joined with others."""
    while (into_id := session.get_one(Stack, stack_id).merged_into_id) is not None:
        stack_id = into_id
    return stack_id


def _carry_exclusions(session: Session, gone: int, kept: int) -> None:
    there = select(StackExclusion.card_id).where(StackExclusion.stack_id == kept)
    session.execute(delete(StackExclusion).where(StackExclusion.stack_id == gone, StackExclusion.card_id.in_(there)))
    session.execute(update(StackExclusion).where(StackExclusion.stack_id == gone).values(stack_id=kept))


def leave(session: Session, card: Card, *, at: datetime) -> None:
    """Take a card out of its stack, whatever the reason. May be repeated."""
    if card.stack_id is None:
        return
    touch(session, card.stack_id, at=at)
    card.stack_id = None


def exclude(session: Session, card: Card, stack_id: int, *, by: int | None, at: datetime) -> None:
    """Remember that a person took this card out of this stack."""
    values = {"card_id": card.id, "stack_id": stack_id, "by_person_id": by, "at": at}
    table = StackExclusion.metadata.tables["stack_exclusion"]
    db.insert_if_absent(session, table, values, unique=["card_id", "stack_id"])
    touch(session, stack_id, at=at)


def include_again(session: Session, card: Card, *, at: datetime) -> None:
    """A person took that back: the card is in its stack again, and what the stack is shows at once."""
    if card.stack_id is None:
        return
    session.execute(
        delete(StackExclusion).where(StackExclusion.card_id == card.id, StackExclusion.stack_id == card.stack_id)
    )
    touch(session, card.stack_id, at=at)
    settle(session, card.stack_id, at=at)


def _note(session: Session, card: Card, act: str, at: datetime) -> None:
    details = {"stack": card.stack_id}
    audit.record(session, card.station_id, act, f"card:{card.id}", by=None, at=at, details=details)


def copies_of(session: Session, card: Card, *, to: str, at: datetime) -> list[Card]:
    """The other cards of its stack that are in the same state, locked; not those that a colleague holds."""
    if card.stack_id is None or to not in rules.VERDICTS:
        return []
    alike = (Card.stack_id == card.stack_id, Card.id != card.id, Card.state == card.state, Card.withdrawn_at.is_(None))
    locked = select(Card).where(*alike).order_by(Card.id).limit(MOST_WEIGHED).with_for_update()
    return [
        one
        for one in session.execute(locked.execution_options(populate_existing=True)).scalars()
        if not rules.is_claimed_by_another(one.claimed_by_id, one.claimed_until, card.claimed_by_id, at)
    ]


# --- what a stack is ----------------------------------------------------------------------------------------------


def touch(session: Session, stack_id: int, *, at: datetime) -> None:
    """A card came or went: settle the stack before the commit and tell of it."""
    _noted(session, at).setdefault(stack_id, set())


def _noted(session: Session, at: datetime) -> dict[int, set[int]]:
    """Stacks this transaction changed, each with those that became part of it."""
    session.info["stacks_at"] = at
    noted: dict[int, set[int]] = session.info.setdefault("stacks", {})
    db.before_commit(session, "40-stacks", _settle_all)
    return noted


def _settle_all(session: Session) -> None:
    noted: dict[int, set[int]] = session.info.pop("stacks")
    at: datetime = session.info.pop("stacks_at")
    for stack_id in sorted(noted):
        stack = settle(session, stack_id, at=at)
        folds.note_stack(session, stack_id, at=at)
        payload = twins.as_json(stack) | {"merged": sorted(noted[stack_id])}
        log.record(session, stack.station_id, "stack.changed", payload, audience=announce.AUDIENCE, at=at)


def settle(session: Session, stack_id: int, *, at: datetime) -> Stack:
    """Count a stack's cards and choose the best of them."""
    session.flush()
    stack = session.execute(
        select(Stack).where(Stack.id == stack_id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()
    inside, before = (Card.stack_id == stack_id, Card.withdrawn_at.is_(None)), stack.cards
    stack.cards = session.execute(select(func.count()).select_from(Card).where(*inside)).scalar_one()
    if before < 2 <= stack.cards:  # cards that said nothing of a stack cannot hear of it by its number
        for card in session.execute(select(Card).where(*inside).order_by(Card.id).limit(MOST_WEIGHED)).scalars():
            announce.touch(session, card, "card.changed", at=at)
    ids = select(Card.id).where(*inside).order_by(Card.id).limit(MOST_WEIGHED)
    chosen = twins.choose(stack.of, twins.list_copies(session, list(session.execute(ids).scalars())))
    stack.best_card_id = chosen.card_id if chosen else None
    stack.reason = chosen.reason if chosen else stack.of
    session.flush()
    return stack
