"""Statements that give the ids of a page of the wall, newest first, each along an index: however many cards there are.

What is looked for in texts comes in as a condition (desk.wall.search); the rest of a card is desk.wall.queries' matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, literal, literal_column, not_, or_, select, tuple_, union_all
from sqlalchemy.orm import aliased

from desk.db import Key, Moment
from desk.wall.facets import EVERY, Facets
from desk.wall.models import Card, CardCount
from desk.wall.rules import MOOD

UNION_MOST = 16
CLAIMED = "claimed"


@dataclass(frozen=True)
class Filter:
    """What of the wall somebody wants to see. Empty means everything but what the mood bar counts.

    `is_exact`: no words one slip away. `since` and `until` bound the arrival, `until` exclusive.
    """

    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    text: str = ""
    campaign_id: int | None = None
    is_exact: bool = False
    facets: Facets = EVERY
    since: datetime | None = None
    until: datetime | None = None
    assigned_to_id: int | None = None
    assigned_desk: str | None = None

    @property
    def is_assigned(self) -> bool:
        return self.assigned_to_id is not None or self.assigned_desk is not None


def page_query(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool] | None,
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
) -> Select[int]:
    """Ids of a page. Several states or kinds are several short walks along an index, put together: one walk over a set
    would sort everything that matches."""
    if wanted.is_assigned:
        return _of_assigned(station_id, wanted, condition, after, limit, at)
    pairs = [(state, kind) for state in wanted.states or (None,) for kind in wanted.kinds or (None,)]
    if len(pairs) == 1 or len(pairs) > UNION_MOST:
        walk = _walk(station_id, wanted, condition, after)
        walk = walk.where(*(_one_of(*pairs[0], at) if len(pairs) == 1 else _any_of(wanted, at)))
        ordered = walk.order_by(Card.placed_at.desc(), Card.id.desc()).limit(limit).subquery()
        return select(ordered.c.id).order_by(ordered.c.placed_at.desc(), ordered.c.id.desc())
    walks = []
    for state, kind in pairs:
        walk = _walk(station_id, wanted, condition, after).where(*_one_of(state, kind, at))
        walks.append(select(walk.order_by(Card.placed_at.desc(), Card.id.desc()).limit(limit).subquery()))
    every = union_all(*walks).subquery()
    return select(every.c.id).order_by(every.c.placed_at.desc(), every.c.id.desc()).limit(limit)


def _walk(
    station_id: int, wanted: Filter, condition: ColumnElement[bool] | None, after: tuple[datetime, int] | None
) -> Select[int, datetime]:
    walk = select(Card.id, Card.placed_at).where(Card.station_id == station_id, *_bounds(wanted, after))
    return walk if condition is None else walk.where(condition)


def _bounds(wanted: Filter, after: tuple[datetime, int] | None) -> list[ColumnElement[bool]]:
    """What every card of a page fulfils, whatever its state and kind."""
    bounds: list[ColumnElement[bool]] = [Card.withdrawn_at.is_(None)]
    if not wanted.states:
        bounds.append(Card.state != MOOD)
    if not wanted.text.strip():  # who looks for words finds them wherever they stand
        bounds.append(Card.under_id.is_(None))
    if wanted.campaign_id is not None:
        bounds.append(Card.campaign_id == wanted.campaign_id)
    if wanted.facets.is_any:
        bounds.append(Card.facet.like(wanted.facets.pattern))
    if wanted.assigned_to_id is not None:
        bounds.append(Card.assigned_to_id == wanted.assigned_to_id)
    if wanted.assigned_desk is not None:
        bounds.append(Card.assigned_desk == wanted.assigned_desk)
    return [*bounds, *_between(wanted, after)]


def _between(wanted: Filter, after: tuple[datetime, int] | None) -> list[ColumnElement[bool]]:
    bounds: list[ColumnElement[bool]] = []
    if after is not None:
        bound = tuple_(literal(after[0], Moment), literal(after[1], Key))
        bounds.append(tuple_(Card.placed_at, Card.id) < bound)
    if wanted.since is not None:
        bounds.append(Card.placed_at >= wanted.since)
    if wanted.until is not None:
        bounds.append(Card.placed_at < wanted.until)
    return bounds


def _of_assigned(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool] | None,
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
) -> Select[int]:
    """Few cards are passed on: those alone are looked through. The plus keeps databases from walking the wall."""
    station = literal_column("+card.station_id") == station_id
    rest = [*_bounds(wanted, after), *_any_of(wanted, at), *([] if condition is None else [condition])]
    return select(Card.id).where(station, *rest).order_by(Card.placed_at.desc(), Card.id.desc()).limit(limit)


def conditions(wanted: Filter, at: datetime) -> list[ColumnElement[bool]]:
    """What a card that is wanted fulfils, its text apart."""
    return [*_bounds(wanted, None), *_any_of(wanted, at)]


def without_assigned(wanted: Filter) -> Filter:
    return replace(wanted, assigned_to_id=None, assigned_desk=None)


def facet_query(
    station_id: int, wanted: Filter, after: tuple[datetime, int] | None, limit: int, at: datetime, *, lite: bool
) -> Select[int]:
    """Ids of a page by facet. The counters name the states, kinds and facets there are; of each that is wanted the
    newest few are taken from their own stretch of the index. However rare a choice is, nothing else is looked through.
    """
    arm = CardCount
    arms = and_(
        arm.station_id == station_id, arm.cards > 0, arm.facet.like(wanted.facets.pattern),
        arm.state.in_(wanted.states) if wanted.states else arm.state != MOOD,
        *([arm.kind.in_(wanted.kinds)] if wanted.kinds else []),
    )  # fmt: skip
    newest = (
        select(Card.id, Card.placed_at)
        .where(
            Card.station_id == station_id, Card.state == arm.state, Card.kind == arm.kind, Card.facet == arm.facet,
            Card.withdrawn_at.is_(None), Card.under_id.is_(None), *_between(wanted, after), *_unheld(wanted, at),
        )
        .order_by(Card.placed_at.desc(), Card.id.desc())
        .limit(limit)
    )  # fmt: skip
    if not lite:
        found = newest.correlate(arm).lateral("found")
        every = select(found.c.id).select_from(arm).join(found, literal(value=True)).where(arms)
        return every.order_by(found.c.placed_at.desc(), found.c.id.desc()).limit(limit)
    card = aliased(Card)
    ids = newest.with_only_columns(Card.id).correlate(arm)
    joined = select(card.id).select_from(arm).join(card, card.id.in_(ids)).where(arms)
    return joined.order_by(card.placed_at.desc(), card.id.desc()).limit(limit)


def _unheld(wanted: Filter, at: datetime) -> list[ColumnElement[bool]]:
    """Whoever asks for new cards gets none that somebody holds."""
    if "new" not in wanted.states:
        return []
    return [or_(Card.state != "new", Card.claimed_until.is_(None), Card.claimed_until <= at)]


def edge_query(station_id: int, after: tuple[datetime, int] | None, cards: int) -> Select[datetime]:
    """When the card arrived that stands so many cards further down."""
    wall = _walk(station_id, Filter(), None, after).with_only_columns(Card.placed_at)
    return wall.order_by(Card.placed_at.desc(), Card.id.desc()).offset(cards).limit(1)


def by_hits(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool],
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
) -> Select[int]:
    """Ids of a page from what SQLite's text index gives, sorted. The plus keeps it from walking the wall for them."""
    station = literal_column("+card.station_id") == station_id
    hits = select(Card.id).where(station, condition, *_bounds(wanted, after), *_any_of(wanted, at))
    return hits.order_by(Card.placed_at.desc(), Card.id.desc()).limit(limit)


def _one_of(state: str | None, kind: str | None, at: datetime) -> list[ColumnElement[bool]]:
    """A new card that somebody holds stands under `claimed`, as on the screen."""
    chosen: list[ColumnElement[bool]] = []
    if state in ("new", CLAIMED):
        is_held = and_(Card.claimed_until.is_not(None), Card.claimed_until > at)
        chosen += [Card.state == "new", is_held if state == CLAIMED else not_(is_held)]
    elif state is not None:
        chosen.append(Card.state == state)
    if kind is not None:
        chosen.append(Card.kind == kind)
    return chosen


def _any_of(wanted: Filter, at: datetime) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if wanted.states:
        chosen.append(or_(*(and_(*_one_of(state, None, at)) for state in wanted.states)))
    if wanted.kinds:
        chosen.append(Card.kind.in_(wanted.kinds))
    return chosen
