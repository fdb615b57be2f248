"""A listener's flood is one card with "n more": photos sent together, voices after each other, too many of one kind.

The oldest card of a flood stands on the wall, the others stand under it (`Card.under_id`) as long as they are in the
same state: a verdict on it is one on all, and undoing it is one, too (desk.wall.actions). Whatever is decided about one
alone takes it out; whatever happens to the upper one alone gives the others a new one. Always of one kind and campaign,
so that every filter shows all of a flood or none of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk.errors import Conflict
from desk.listeners.models import Listener
from desk.listeners.rules import is_blocked
from desk.wall import acts, announce, queries, rules
from desk.wall.models import Card, CardAct

VOICES = ("voice", "audio")
ALBUM_GAP = timedelta(seconds=10)  # the provider names no album: sent in one go
VOICES_GAP = timedelta(minutes=2)
FLOOD_TIME = timedelta(minutes=10)
FLOOD_FROM = 5  # of so many of one kind within that time, the fifth and all that follow
TOGETHER = ("new", "shortlisted", "rejected")  # states in which one verdict is for all
LOOKED_THROUGH = 30
UNDER_MOST = 200


ACTS = ("split",)
WITH = "with"  # in an act's `after`: the acts on those under it, undone with it


class StandsAlone(Conflict):
    """Somebody took the card out already, or it never stood under another."""

    code = "wall.stands_alone"
    message = "This card stands by itself by now."


def gather_arrival(session: Session, card: Card, listener: Listener, *, at: datetime) -> Card | None:
    """Put a card that has just been placed under the one it belongs to; that one, None if it stands by itself."""
    if card.state != "new" or is_blocked(listener.blocked_until, at):
        return None
    session.flush()
    recent = _recent(session, card)
    upper = _together(card, recent) or _flooded(card, recent)
    if upper is None:
        return None
    upper = session.get_one(Card, upper.under_id or upper.id, with_for_update=True, populate_existing=True)
    if not _may_take(upper, card, at) or not _is_all_of(session, card.listener_id, upper):
        return None
    _put_under(session, card, upper, at)
    announce.hush(session, card, at=at)
    return upper


def _recent(session: Session, card: Card) -> list[Card]:
    """What the same listener sent of this kind before, the newest first."""
    before = select(Card).where(Card.listener_id == card.listener_id, Card.id != card.id)
    rows = session.execute(before.order_by(Card.id.desc()).limit(LOOKED_THROUGH)).scalars()
    span = (card.placed_at - FLOOD_TIME, card.placed_at)
    alike = [one for one in rows if one.kind == card.kind and one.campaign_id == card.campaign_id]
    found = [one for one in alike if span[0] <= one.placed_at <= span[1] and one.withdrawn_at is None]
    return sorted(found, key=lambda one: (one.placed_at, one.id), reverse=True)


def _together(card: Card, recent: Sequence[Card]) -> Card | None:
    gap = ALBUM_GAP if card.kind in queries.ALBUM else VOICES_GAP if card.kind in VOICES else None
    if gap is None or not recent or card.placed_at - recent[0].placed_at > gap:
        return None
    return recent[0]


def _flooded(card: Card, recent: Sequence[Card]) -> Card | None:
    """The oldest that may still take it, once there are too many."""
    if card.state != "new" or len(recent) < FLOOD_FROM - 1:
        return None
    return next((one for one in reversed(recent) if one.state == "new" and one.under_id is None), None)


def _may_take(upper: Card, card: Card, at: datetime) -> bool:
    """Only what nobody has judged or is judging: whoever hears it now would judge what they have not seen."""
    is_held = upper.is_for_jury or (upper.claimed_until is not None and upper.claimed_until > at)
    is_open = upper.state == card.state and upper.withdrawn_at is None and upper.under_id is None
    return is_open and not is_held and upper.campaign_id == card.campaign_id and upper.station_id == card.station_id


def _is_all_of(session: Session, listener_id: int, upper: Card) -> bool:
    """Whether it stands for what this listener sent alone, not for copies that others sent (desk.wall.folds)."""
    others = select(Card.id).where(Card.under_id == upper.id, Card.listener_id != listener_id).limit(1)
    return upper.listener_id == listener_id and session.execute(others).first() is None


def _put_under(session: Session, card: Card, upper: Card, at: datetime) -> None:
    card.under_id = upper.id
    upper.more += 1
    announce.touch(session, upper, "card.changed", at=at)


# --- coming apart ---------------------------------------------------------------------------------------------------


def list_under(session: Session, card_id: int, *, most: int = UNDER_MOST) -> list[Card]:
    """The cards under this one, in the order they came."""
    under = select(Card).where(Card.under_id == card_id, Card.withdrawn_at.is_(None))
    return list(session.execute(under.order_by(Card.placed_at, Card.id).limit(most)).scalars())


def leave(session: Session, card: Card, *, at: datetime) -> None:
    """Let a card stand by itself; those that stood under it get the oldest of them as theirs. May be repeated."""
    if card.under_id is not None:
        upper = session.get_one(Card, card.under_id)
        card.under_id = None
        _count(session, upper, at)
    if card.more:
        _give_another(session, card, at)


def _give_another(session: Session, card: Card, at: datetime) -> None:
    session.flush()
    others = list_under(session, card.id, most=10 * UNDER_MOST)
    card.more = 0
    if not others:
        return
    upper, *rest = others
    upper.under_id = None
    for one in rest:
        one.under_id = upper.id
    _count(session, upper, at)


def _count(session: Session, upper: Card, at: datetime) -> None:
    session.flush()
    under = select(func.count()).select_from(Card).where(Card.under_id == upper.id, Card.withdrawn_at.is_(None))
    upper.more = session.execute(under).scalar_one()
    announce.touch(session, upper, "card.changed", at=at)


@contextmanager
def together(session: Session, card: Card, *, at: datetime) -> Iterator[None]:
    """One act on all of a flood: who stays together is settled at its end."""
    session.info["flood"] = card.id
    yield
    session.info.pop("flood", None)
    settle(session, card, at=at)


def settle(session: Session, card: Card, *, at: datetime) -> None:
    """After a card changed its state or campaign: only those stay together that are alike in both."""
    if session.info.get("flood") in (card.id, card.under_id or card.id):
        return
    if card.under_id is not None:
        upper = session.get_one(Card, card.under_id)
        if not _are_alike(upper, card):
            leave(session, card, at=at)
            announce.touch(session, card, "card.changed", at=at)
    elif card.more and not all(_are_alike(card, one) for one in list_under(session, card.id)):
        leave(session, card, at=at)


def _are_alike(upper: Card, card: Card) -> bool:
    return (upper.state, upper.campaign_id) == (card.state, card.campaign_id) and upper.state in TOGETHER


def list_flood(session: Session, card: Card) -> list[int]:
    """Ids of all of a flood, the one that stands on the wall first; of a card by itself only its own."""
    upper_id = card.under_id or card.id
    return [upper_id, *(one.id for one in list_under(session, upper_id))]


def split(session: Session, station_id: int, card_id: int, *, by: int, at: datetime) -> CardAct:
    """A person takes a card out from under another; it stands by itself. Raises StandsAlone."""
    card = queries.load_card(session, station_id, card_id, for_change=True)
    upper_id = card.under_id
    if upper_id is None:
        raise StandsAlone(queries.view_card(session, card, at=at).as_json())
    session.get_one(Card, upper_id, with_for_update=True, populate_existing=True)
    act = acts.record(session, card, "split", {"under_id": None}, by=by, at=at)
    card.under_id = None
    _count(session, session.get_one(Card, upper_id), at)
    return act


def take_back(session: Session, card: Card, act: CardAct, *, by: int, at: datetime) -> bool:
    """Put a card under the other again; False if one of them changed since."""
    upper = session.get(Card, act.before["under_id"], with_for_update=True, populate_existing=True)
    if upper is None or card.under_id is not None or card.more or upper.under_id is not None:
        return False
    if upper.withdrawn_at is not None or not _are_alike(upper, card):
        return False
    acts.record(session, card, "undo", {"under_id": upper.id}, by=by, at=at, of=act.id)
    _count(session, upper, at)
    return True


def companions(session: Session, card: Card, *, to: str, at: datetime) -> list[Card]:
    """The cards a verdict on this one is for as well, locked; not those that a colleague holds."""
    if not card.more or to not in TOGETHER or card.state not in TOGETHER:
        return []
    under = select(Card).where(Card.under_id == card.id, Card.withdrawn_at.is_(None), Card.state == card.state)
    locked = under.order_by(Card.id).with_for_update().execution_options(populate_existing=True)
    return [
        one for one in session.execute(locked).scalars()
        if not rules.is_claimed_by_another(one.claimed_by_id, one.claimed_until, card.claimed_by_id, at)
    ]  # fmt: skip
