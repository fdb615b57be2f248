"""Pages of the wall by choices that may be rare: facets anywhere, states, kinds and facets within a campaign.

A rare choice has no walk of its own; each state, kind and facet together has a stretch of an index. Which of them
there are the counters know, for a campaign the index itself; of each that is wanted the newest few are taken. However
rare a choice is, nothing else is looked through. Everything else is desk.wall.walks' matter.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, Select, func, literal, or_, select
from sqlalchemy.orm import aliased

from desk.wall.models import Card, CardCount
from desk.wall.walks import CLAIMED, Filter, between

GLANCE = 500  # newest cards on which frequent choices fill a page


def are_meant(wanted: Filter) -> bool:
    """Whether a page of this filter is found here; what somebody holds is few, and what has a walk is faster there."""
    is_within = wanted.campaign_id is not None and bool(wanted.states or wanted.kinds)
    return (is_within or wanted.facets.is_any) and CLAIMED not in wanted.states


def page_query(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool] | None,
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
    *,
    lite: bool,
) -> Select[int]:
    """Ids of a page."""
    arm: Any = _in_campaign(station_id, wanted.campaign_id) if wanted.campaign_id is not None else _counted(station_id)
    arms = [arm.c.facet.like(wanted.facets.pattern)]
    arms += [arm.c.state.in_(wanted.states)] if wanted.states else []
    arms += [arm.c.kind.in_(wanted.kinds)] if wanted.kinds else []
    mine = [] if wanted.campaign_id is None else [Card.campaign_id == wanted.campaign_id]
    newest = (
        select(Card.id, Card.placed_at)
        .where(
            Card.station_id == station_id, *mine, Card.state == arm.c.state, Card.kind == arm.c.kind,
            Card.facet == arm.c.facet, Card.withdrawn_at.is_(None), *between(wanted, after), *_unheld(wanted, at),
            *([] if condition is None else [condition]),
        )
        .order_by(Card.placed_at.desc(), Card.id.desc())
        .limit(limit)
    )  # fmt: skip
    if not lite:
        found = newest.correlate(arm).lateral("found")
        every = select(found.c.id).select_from(arm).join(found, literal(value=True)).where(*arms)
        return every.order_by(found.c.placed_at.desc(), found.c.id.desc()).limit(limit)
    card = aliased(Card)
    ids = newest.with_only_columns(Card.id).correlate(arm)
    joined = select(card.id).select_from(arm).join(card, card.id.in_(ids)).where(*arms)
    return joined.order_by(card.placed_at.desc(), card.id.desc()).limit(limit)


def _counted(station_id: int) -> FromClause:
    """The states, kinds and facets of a station's cards."""
    counted = select(CardCount.state, CardCount.kind, CardCount.facet)
    return counted.where(CardCount.station_id == station_id, CardCount.cards > 0).subquery("arm")


def _in_campaign(station_id: int, campaign_id: int) -> FromClause:
    """Those of a campaign's cards: from each stretch of the index one jumps to the next."""
    card = aliased(Card)
    start = select(card.state, card.kind, card.facet).where(card.id == _first(station_id, campaign_id))
    arm = start.cte("arm", recursive=True)
    # one comparison of all three at once is no single jump to SQLite
    following = [
        _first(station_id, campaign_id, state=arm.c.state, kind=arm.c.kind, facet=arm.c.facet),
        _first(station_id, campaign_id, state=arm.c.state, kind=arm.c.kind),
        _first(station_id, campaign_id, state=arm.c.state),
    ]
    card = aliased(Card)
    on = card.id == func.coalesce(*(jump.correlate(arm) for jump in following))
    return arm.union_all(select(card.state, card.kind, card.facet).select_from(arm).join(card, on))


def _first(station_id: int, campaign_id: int, **behind: Any) -> ScalarSelect[int]:
    """The first card of the next stretch: behind the last of these names, the others being the same."""
    card = aliased(Card)
    names = list(behind)
    same = [getattr(card, name) == behind[name] for name in names[:-1]]
    later = [getattr(card, name) > behind[name] for name in names[-1:]]
    mine = select(card.id).where(card.station_id == station_id, card.campaign_id == campaign_id, *same, *later)
    return mine.order_by(card.state, card.kind, card.facet).limit(1).scalar_subquery()


def _unheld(wanted: Filter, at: datetime) -> list[ColumnElement[bool]]:
    """Whoever asks for new cards gets none that somebody holds."""
    if "new" not in wanted.states:
        return []
    return [or_(Card.state != "new", Card.claimed_until.is_(None), Card.claimed_until <= at)]
