"""Statements that give the ids of a page of the wall, newest first, each along an index: however many cards there are.

What is looked for in texts comes in as a condition (desk.wall.search); the rest of a card is desk.wall.queries' matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import aliased

from desk.db import Key, Moment
from desk.wall.facets import EVERY, Facets
from desk.wall.models import Card
from desk.wall.rules import MOOD

UNION_MOST = 16
CLAIMED = "claimed"
# Other names of the table, made once: copying its columns for each page took a quarter of what a page costs.
_UPPER = aliased(Card)
_ONE = Card.metadata.tables["card"].alias().c


@dataclass(frozen=True)
class Filter:
    """What of the wall somebody wants to see. Empty means everything but what the mood bar counts.

    `is_exact`: no words one slip away. `since` and `until` bound the arrival, `until` exclusive.
    `is_oldest_first` turns the order round. `is_unfolded`: also what stands under another card.
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

    is_oldest_first: bool = False
    is_unfolded: bool = False

    def order(self, card: Any) -> tuple[Any, Any]:
        """The order of a page, for a card or a statement that gives its `placed_at` and `id`."""
        if self.is_oldest_first:
            return card.placed_at.asc(), card.id.asc()
        return card.placed_at.desc(), card.id.desc()

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
    return _newest(station_id, wanted, [] if condition is None else [condition], after, limit, at)


def _newest(
    station_id: int,
    wanted: Filter,
    conditions: Sequence[ColumnElement[bool]],
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
    *,
    belongs: ColumnElement[bool] | None = None,
) -> Select[Any]:
    """The first cards of a filter: (id), or (id, belongs, placed_at)."""
    columns = [Card.id, Card.placed_at, *([] if belongs is None else [belongs.label("belongs")])]
    pairs = [(state, kind) for state in wanted.states or (None,) for kind in wanted.kinds or (None,)]
    arms: list[Any] = []
    if len(pairs) > UNION_MOST:
        arms.append(select(*columns).where(Card.station_id == station_id, *_any_of(wanted, at)))
    else:
        arms += [_arm(station_id, columns, state, kind, at) for state, kind in pairs]
    bounds = [*_bounds(wanted, after), *conditions]
    walks = [arm.where(*bounds).order_by(*wanted.order(Card)).limit(limit).subquery() for arm in arms]
    every = walks[0] if len(walks) == 1 else union_all(*(select(walk) for walk in walks)).subquery()
    told = [every.c.id, *([] if belongs is None else [every.c.belongs, every.c.placed_at])]
    return select(*told).order_by(*wanted.order(every.c)).limit(limit)


def _arm(station_id: int, columns: Sequence[Any], state: str | None, kind: str | None, at: datetime) -> Select[Any]:
    """One state and kind. Of half a million new cards few are held: they have an index of their own and are sorted."""
    chosen = _one_of(state, kind, at)
    if state != CLAIMED:
        return select(*columns).where(Card.station_id == station_id, *chosen)
    held = select(_ONE.id).where(_ONE.station_id == station_id, _ONE.claimed_until > at)
    return select(*columns).where(Card.id.in_(held), _aside(station_id), *chosen)


def _aside(station_id: int) -> ColumnElement[bool]:
    """Whether a card is of this station, said so that no engine walks the wall for it."""
    return literal_column("+card.station_id", Key) == literal(station_id, Key)


def _bounds(wanted: Filter, after: tuple[datetime, int] | None) -> list[ColumnElement[bool]]:
    """What every card of a page fulfils, whatever its state and kind."""
    bounds: list[ColumnElement[bool]] = [Card.withdrawn_at.is_(None)]
    if not wanted.states:
        bounds.append(Card.state != MOOD)
    bounds += stands(wanted)
    if wanted.campaign_id is not None:
        bounds.append(Card.campaign_id == literal(wanted.campaign_id, Key))  # as wide as in the index of texts
    bounds += sorted_out(wanted, Card)
    if wanted.assigned_to_id is not None:
        bounds.append(Card.assigned_to_id == wanted.assigned_to_id)
    if wanted.assigned_desk is not None:
        bounds.append(Card.assigned_desk == wanted.assigned_desk)
    return [*bounds, *between(wanted, after)]


def sorted_out(wanted: Filter, card: Any) -> list[ColumnElement[bool]]:
    """What of its facets and its language is asked of a card."""
    asked: list[ColumnElement[bool]] = []
    if wanted.facets.has_letters:
        asked.append(card.facet.like(wanted.facets.pattern))
    if wanted.facets.language is not None:
        asked.append(card.language == wanted.facets.language)
    return asked


def stands(wanted: Filter) -> list[ColumnElement[bool]]:
    """What stands under another card is no card by itself, unless the other one is not among what is asked for. Who
    looks for words finds them wherever they stand."""
    if wanted.text.strip() or wanted.is_unfolded:
        return []
    shown = sorted_out(wanted, _UPPER)
    shown += [_UPPER.placed_at >= wanted.since] if wanted.since is not None else []
    shown += [_UPPER.placed_at < wanted.until] if wanted.until is not None else []
    shown += [_UPPER.assigned_to_id == wanted.assigned_to_id] if wanted.assigned_to_id is not None else []
    shown += [_UPPER.assigned_desk == wanted.assigned_desk] if wanted.assigned_desk is not None else []
    if not shown:
        return [Card.under_id.is_(None)]
    # one value for one card: an EXISTS the engine may turn into a list of all cards beforehand
    is_shown = select(case((and_(*shown), 1), else_=0)).where(_UPPER.id == Card.under_id).scalar_subquery()
    return [or_(Card.under_id.is_(None), is_shown == 0)]


def between(wanted: Filter, after: tuple[datetime, int] | None) -> list[ColumnElement[bool]]:
    """What lies on this page by its time: of two bounds to the same side the narrower alone, since an index is entered
    at one of them and is read through up to the other."""
    bounds: list[ColumnElement[bool]] = []
    since, until = wanted.since, wanted.until
    if after is not None and wanted.is_oldest_first and (since is None or after[0] >= since):
        since = None
        bounds.append(tuple_(Card.placed_at, Card.id) > _bound(after))
    elif after is not None and not wanted.is_oldest_first and (until is None or after[0] < until):
        until = None
        bounds.append(tuple_(Card.placed_at, Card.id) < _bound(after))
    if since is not None:
        bounds.append(Card.placed_at >= since)
    if until is not None:
        bounds.append(Card.placed_at < until)
    return bounds


def _bound(after: tuple[datetime, int]) -> Any:
    return tuple_(literal(after[0], Moment), literal(after[1], Key))


def _of_assigned(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool] | None,
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
) -> Select[int]:
    """Few cards are passed on: those alone are looked through."""
    rest = [*_bounds(wanted, after), *_any_of(wanted, at), *([] if condition is None else [condition])]
    passed = select(Card.id).where(_aside(station_id), *rest)
    return passed.order_by(*wanted.order(Card)).limit(limit)


def conditions(wanted: Filter, at: datetime) -> list[ColumnElement[bool]]:
    """What a card that is wanted fulfils, its text apart."""
    return [*_bounds(wanted, None), *_any_of(wanted, at)]


def without_assigned(wanted: Filter) -> Filter:
    return replace(wanted, assigned_to_id=None, assigned_desk=None)


def glance(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool] | None,
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
    *,
    cards: int,
) -> Select[int, int | None]:
    """(looked, id) of those that belong, at most `limit`, of the newest few `cards` of a filter: each of them is looked
    at. What may be rare is asked of these cards alone, so that there is a walk to them. `looked` says how many there
    were, fewer than `cards` are all; a row without an id where none belongs.
    """
    easy = without_assigned(replace(wanted, facets=EVERY, is_unfolded=True))
    if wanted.campaign_id is not None and MOOD not in wanted.states:
        easy = replace(easy, states=(), kinds=())
    belongs = and_(true(), *conditions(wanted, at), *([] if condition is None else [condition]))
    seen = _newest(station_id, easy, [], after, cards, at, belongs=belongs).cte("seen")
    looked = select(func.count().label("looked")).select_from(seen).subquery("amount")
    found = select(seen.c.id, seen.c.placed_at).where(seen.c.belongs).order_by(*wanted.order(seen.c)).limit(limit)
    page = found.subquery("page")
    told = select(looked.c.looked, page.c.id).select_from(looked).outerjoin(page, true())
    return told.order_by(*wanted.order(page.c))


def read_glance(rows: Iterable[Any]) -> tuple[list[int], int]:
    """What a glance found: ids, and of how many cards."""
    told = list(rows)
    return [card_id for _looked, card_id in told if card_id is not None], told[0][0]


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
    return hits.order_by(*wanted.order(Card)).limit(limit)


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
