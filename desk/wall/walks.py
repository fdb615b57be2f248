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
from desk.wall.models import Card

UNION_MOST = 16
CLAIMED = "claimed"


@dataclass(frozen=True)
class Filter:
    """What of the wall somebody wants to see. Empty means everything; `is_exact`: no words one slip away.

    `since` and `until` bound the arrival, `until` exclusive.
    """

    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    text: str = ""
    campaign_id: int | None = None
    is_exact: bool = False
    facets: Facets = EVERY
    since: datetime | None = None
    until: datetime | None = None


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
    pairs = [(state, kind) for state in wanted.states or (None,) for kind in wanted.kinds or (None,)]
    if len(pairs) == 1 or len(pairs) > UNION_MOST:
        if len(pairs) == 1:
            walk = _arm(station_id, wanted, condition, after, *pairs[0], at)
        else:
            walk = _walk(station_id, wanted, condition, after).where(*_any_of(wanted, at))
        ordered = walk.order_by(Card.placed_at.desc(), Card.id.desc()).limit(limit).subquery()
        return select(ordered.c.id).order_by(ordered.c.placed_at.desc(), ordered.c.id.desc())
    walks = []
    for state, kind in pairs:
        walk = _arm(station_id, wanted, condition, after, state, kind, at)
        walks.append(select(walk.order_by(Card.placed_at.desc(), Card.id.desc()).limit(limit).subquery()))
    every = union_all(*walks).subquery()
    return select(every.c.id).order_by(every.c.placed_at.desc(), every.c.id.desc()).limit(limit)


def _walk(
    station_id: int, wanted: Filter, condition: ColumnElement[bool] | None, after: tuple[datetime, int] | None
) -> Select[int, datetime]:
    walk = select(Card.id, Card.placed_at).where(Card.station_id == station_id, *_bounds(wanted, after))
    return walk if condition is None else walk.where(condition)


def _arm(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool] | None,
    after: tuple[datetime, int] | None,
    state: str | None,
    kind: str | None,
    at: datetime,
) -> Select[int, datetime]:
    """One state and kind. Of half a million new cards few are held: they have an index of their own and are sorted."""
    chosen = _one_of(state, kind, at)
    if state != CLAIMED:
        return _walk(station_id, wanted, condition, after).where(*chosen)
    one = aliased(Card)
    held = select(one.id).where(one.station_id == station_id, one.claimed_until > at)
    walk = select(Card.id, Card.placed_at).where(Card.id.in_(held), _aside(station_id), *_bounds(wanted, after))
    return walk.where(*chosen) if condition is None else walk.where(*chosen, condition)


def _aside(station_id: int) -> ColumnElement[bool]:
    """Whether a card is of this station, said so that no engine walks the wall for it."""
    return literal_column("+card.station_id", Key) == literal(station_id, Key)


def _bounds(wanted: Filter, after: tuple[datetime, int] | None) -> list[ColumnElement[bool]]:
    """What every card of a page fulfils, whatever its state and kind."""
    bounds: list[ColumnElement[bool]] = [Card.withdrawn_at.is_(None)]
    if wanted.campaign_id is not None:
        bounds.append(Card.campaign_id == wanted.campaign_id)
    if wanted.facets.is_any:
        bounds.append(Card.facet.like(wanted.facets.pattern))
    return [*bounds, *between(wanted, after)]


def between(wanted: Filter, after: tuple[datetime, int] | None) -> list[ColumnElement[bool]]:
    """What lies on this page by its time."""
    bounds: list[ColumnElement[bool]] = []
    if after is not None:
        bound = tuple_(literal(after[0], Moment), literal(after[1], Key))
        bounds.append(tuple_(Card.placed_at, Card.id) < bound)
    if wanted.since is not None:
        bounds.append(Card.placed_at >= wanted.since)
    if wanted.until is not None:
        bounds.append(Card.placed_at < wanted.until)
    return bounds


def glance(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool] | None,
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
    *,
    cards: int,
) -> Select[int]:
    """Ids of those of the newest few `cards` of a filter that belong to a page; each of them is looked at. What may be
    rare is asked of these cards alone, so that there is a walk to them."""
    easy = replace(wanted, facets=EVERY)
    if wanted.campaign_id is not None:
        easy = replace(easy, states=(), kinds=())
    newest = page_query(station_id, easy, None, after, cards, at).subquery()
    said = select(Card.id).join(newest, newest.c.id == Card.id)
    said = said.where(*_bounds(wanted, None), *_any_of(wanted, at), *([] if condition is None else [condition]))
    return said.order_by(Card.placed_at.desc(), Card.id.desc()).limit(limit)


def by_hits(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool],
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
) -> Select[int]:
    """Ids of a page from what an index of the text gives, sorted."""
    hits = select(Card.id).where(_aside(station_id), condition, *_bounds(wanted, after), *_any_of(wanted, at))
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
