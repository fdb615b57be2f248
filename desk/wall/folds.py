"""Copies as one card: of a stack the best copy stands on the wall, the others stand under it, whoever sent them.

They stand there as a listener's flood does (`Card.under_id`, desk.wall.floods): one verdict is for all, undoing it is
one, and each can be taken out. Alike in kind, state, campaign and jury, so that every filter by these shows all or
none. What a colleague holds or has worked on stays where it is; what comes later joins it there. Settled just before
the commit, without waiting for anybody: what somebody else changes this moment joins the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, aliased

from desk import db
from desk.listeners.queries import blocked_ids
from desk.wall import announce, floods, rules, twins
from desk.wall.models import Card, CardAct, Stack

MOST_STANDING = 200


def note(session: Session, card: Card, *, at: datetime) -> None:
    """Something about a card changed that decides what it stands together with."""
    if card.stack_id is not None:
        note_stack(session, card.stack_id, at=at)


def note_stack(session: Session, stack_id: int, *, at: datetime) -> None:
    noted: dict[int, datetime] = session.info.setdefault("folds", {})
    noted[stack_id] = at
    db.before_commit(session, "45-folds", _fold_all)


def _fold_all(session: Session) -> None:
    noted: dict[int, datetime] = session.info.pop("folds")
    for stack_id in sorted(noted):
        fold(session, session.get_one(Stack, stack_id), at=noted[stack_id])


def fold(session: Session, stack: Stack, *, at: datetime) -> None:
    """Put the copies that stand by themselves under the one to use. May be repeated."""
    session.flush()
    groups: dict[tuple[object, ...], list[Card]] = {}
    for card in _standing(session, stack, at):
        groups.setdefault((card.kind, card.state, card.campaign_id, card.is_for_jury), []).append(card)
    for alike in groups.values():
        upper = _let_best_stand(session, stack, _choose(session, stack, alike, at), at)
        for card in alike:
            if card is not upper and card.under_id is None and _may_go(card, upper, at):
                _put_under(session, card, upper, at)


def _standing(session: Session, stack: Stack, at: datetime) -> list[Card]:
    """The cards of a stack that stand on the wall and may stand together; locked, without those that are busy."""
    rows = session.execute(
        select(Card)
        .where(
            Card.stack_id == stack.id, Card.under_id.is_(None), Card.withdrawn_at.is_(None),
            Card.state.in_(floods.TOGETHER), Card.listener_id.not_in(blocked_ids(stack.station_id, at)),
            Card.id.not_in(_taken_out(stack.id)),
        )
        .order_by(Card.id)
        .limit(MOST_STANDING)
        .with_for_update(of=Card, skip_locked=True)
        .execution_options(populate_existing=True)
    ).scalars().all()  # fmt: skip
    others = _with_others(session, [card.id for card in rows if card.more], stack.id)
    return [card for card in rows if card.id not in others]


def _taken_out(stack_id: int) -> Select[int]:
    """What a person let stand by itself."""
    of_stack = select(CardAct.card_id).join(Card, Card.id == CardAct.card_id)
    return of_stack.where(Card.stack_id == stack_id, CardAct.act == "split", CardAct.undone_at.is_(None))


def _with_others(session: Session, upper_ids: Sequence[int], stack_id: int) -> set[int]:
    """Of these cards those that have something else under them: a flood keeps together as it is."""
    if not upper_ids:
        return set()
    other = Card.stack_id.is_distinct_from(stack_id)
    rows = select(Card.under_id).where(Card.under_id.in_(upper_ids), Card.withdrawn_at.is_(None), other)
    return {upper_id for upper_id in session.execute(rows.distinct()).scalars() if upper_id is not None}


def _choose(session: Session, stack: Stack, alike: Sequence[Card], at: datetime) -> Card:
    """Which of them stands: what somebody works on or judged first, else the best, else the first."""
    first = min(alike, key=lambda card: (not _is_busy(card, at), card.state_at or at, card.placed_at, card.id))
    if len(alike) == 1 or _is_busy(first, at) or first.state != "new":
        return first
    by_id = {card.id: card for card in alike}
    best = twins.choose(stack.of, twins.list_copies(session, list(by_id)))
    return by_id[best.card_id] if best else min(alike, key=lambda card: (card.placed_at, card.id))


def _let_best_stand(session: Session, stack: Stack, upper: Card, at: datetime) -> Card:
    """Who stands in the end: the best of all changes places with this one unless somebody has begun with it."""
    if not upper.more or upper.state != "new" or _is_busy(upper, at):
        return upper
    best = session.execute(
        select(Card)
        .where(Card.id == stack.best_card_id, Card.under_id == upper.id, Card.withdrawn_at.is_(None))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if best is None or best.state != "new":
        return upper
    best.under_id, best.more = None, 0
    upper.more -= 1
    _put_under(session, upper, best, at)
    return best


def _is_busy(card: Card, at: datetime) -> bool:
    return _is_held(card, at) or _is_worked_on(card)


def _is_held(card: Card, at: datetime) -> bool:
    return card.claimed_until is not None and card.claimed_until > at


def _is_worked_on(card: Card) -> bool:
    """Whether somebody has put something on it that would be out of sight under another."""
    marks = (card.rating, card.tag_ids, card.assigned_to_id, card.assigned_desk, card.about, card.note)
    return any(marks) or card.consent != "unknown"


def _may_go(card: Card, upper: Card, at: datetime) -> bool:
    by_another = rules.is_claimed_by_another(card.claimed_by_id, card.claimed_until, upper.claimed_by_id, at)
    return not by_another and not _is_worked_on(card)


def _put_under(session: Session, card: Card, upper: Card, at: datetime) -> None:
    session.flush()
    session.execute(update(Card).where(Card.under_id == card.id).values(under_id=upper.id))
    upper.more += 1 + card.more
    card.under_id, card.more = upper.id, 0
    announce.touch(session, card, "card.changed", at=at)
    announce.touch(session, upper, "card.changed", at=at)


# --- coming apart ---------------------------------------------------------------------------------------------------


def come_apart(session: Session, listener_id: int, *, at: datetime) -> None:
    """Of a sender whom nobody is to see no card may stand for what others sent."""
    upper, under = aliased(Card), aliased(Card)
    ids = (
        select(upper.id)
        .join(under, under.under_id == upper.id)
        .where(upper.listener_id == listener_id, upper.stack_id.is_not(None), under.listener_id != listener_id)
    )
    for card in session.execute(select(Card).where(Card.id.in_(ids))).scalars():
        floods.leave(session, card, at=at)
        announce.touch(session, card, "card.changed", at=at)
        note(session, card, at=at)
