"""Marks on a card beside its verdict: a rating, the flag for the jury, colour tags. Each can be taken back by anyone.

A mark is no verdict: it never makes a colleague's verdict lose, and holds whatever becomes of the card.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from desk.errors import NotFound
from desk.wall import acts, floods, queries
from desk.wall.models import Card, CardAct, Tag

RATINGS = range(1, 6)
TAGGED = ("tag", "untag")
ACTS = ("rate", "jury", *TAGGED)


class NoTag(NotFound):
    code = "wall.no_tag"
    message = "There is no such tag."


def rate(session: Session, station_id: int, card_id: int, *, rating: int | None, by: int, at: datetime) -> CardAct:
    """Rate a card from 1 to 5; None takes the rating off."""
    card = queries.load_card(session, station_id, card_id, for_change=True)
    return acts.record(session, card, "rate", {"rating": rating} | acts.renewed_claim(card, by, at), by=by, at=at)


def set_jury(session: Session, station_id: int, card_id: int, *, is_on: bool, by: int, at: datetime) -> CardAct:
    """Lay a card before the jury of its campaign, or take it from there; what stands under it goes along."""
    card = queries.load_card(session, station_id, card_id, for_change=True)
    along = floods.companions(session, card, to=card.state, at=at)
    others = [acts.record(session, one, "jury", {"is_for_jury": is_on}, by=by, at=at).id for one in along]
    act = acts.record(session, card, "jury", {"is_for_jury": is_on} | acts.renewed_claim(card, by, at), by=by, at=at)
    if others:
        act.after = act.after | {floods.WITH: others}
    session.flush()
    return act


def set_tag(
    session: Session, station_id: int, card_id: int, tag_id: int, *, is_on: bool, by: int, at: datetime
) -> CardAct:
    """Put a colour tag on a card or take it off. Raises NoTag; one not in use any more can only be taken off."""
    card = queries.load_card(session, station_id, card_id, for_change=True)
    tag = session.get(Tag, tag_id)
    if tag is None or tag.station_id != station_id or (is_on and tag.retired_at is not None):
        raise NoTag
    changes = {"tag_ids": _with(card, tag_id, is_on)} | acts.renewed_claim(card, by, at)
    act = acts.record(session, card, "tag" if is_on else "untag", changes, by=by, at=at)
    act.after = {**act.after, "tag": tag_id}
    session.flush()
    return act


def _with(card: Card, tag_id: int, is_on: bool) -> list[int]:
    others = [one for one in card.tag_ids if one != tag_id]
    return [*others, tag_id] if is_on else others


def take_back(session: Session, card: Card, act: CardAct, *, by: int, at: datetime) -> bool:
    """Undo one tag and leave the others as they are now; False if somebody did that already."""
    tag_id, was_on = act.after["tag"], act.act == "tag"
    if (tag_id in card.tag_ids) != was_on:
        return False
    acts.record(session, card, "undo", {"tag_ids": _with(card, tag_id, not was_on)}, by=by, at=at, of=act.id)
    return True
