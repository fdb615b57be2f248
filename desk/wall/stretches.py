"""Pages of the wall by choices that may be rare: facets anywhere, states, kinds and facets within a campaign.

A rare choice has no walk of its own; each state, kind and facet together has a stretch of an index. Which of them
there are the counters know, for a campaign the index itself; of each that is wanted the newest few are taken. However
rare a choice is, nothing else is looked through. Everything else is desk.wall.walks' matter.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from desk.wall.models import Card, CardCount
from desk.wall.walks import CLAIMED, Filter, between

GLANCE = 500  # newest cards on which frequent choices fill a page


def are_meant(wanted: Filter) -> bool:
    """Whether a page of this filter is found here; what somebody holds is few, and what has a walk is faster there."""
    is_within = wanted.campaign_id is not None and bool(wanted.states or wanted.kinds)
    return (is_within or wanted.facets.is_any) and CLAIMED not in wanted.states


def page_query(
    station_id: int, wanted: Filter, after: tuple[datetime, int] | None, limit: int, at: datetime, *, lite: bool
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
        )
        .order_by(*wanted.order(Card))
        .limit(limit)
    )  # fmt: skip
    if not lite:
        found = newest.correlate(arm).lateral("found")
        every = select(found.c.id).select_from(arm).join(found, literal(value=True)).where(*arms)
        return every.order_by(*wanted.order(found.c)).limit(limit)
    card = aliased(Card)
    ids = newest.with_only_columns(Card.id).correlate(arm)
    joined = select(card.id).select_from(arm).join(card, card.id.in_(ids)).where(*arms)
    return joined.order_by(*wanted.order(card)).limit(limit)


def _counted(station_id: int) -> FromClause:
    """The states, kinds and facets of a station's cards."""
    counted = select(CardCount.state, CardCount.kind, CardCount.facet)
    return counted.where(CardCount.station_id == station_id, CardCount.cards > 0).subquery("arm")


def _in_campaign(station_id: int, campaign_id: int) -> FromClause:
    """Those of a campaign's cards: from one stretch of the index one jumps to the next."""
    names = ("state", "kind", "facet")

    def first_of(card: Any, *behind: ColumnElement[bool]) -> Any:
        mine = and_(card.station_id == station_id, card.campaign_id == campaign_id, *behind)
        return select(card.id).where(mine).order_by(card.state, card.kind, card.facet).limit(1)

    card, following = aliased(Card), aliased(Card)
    start = select(card.state, card.kind, card.facet).where(card.id == first_of(aliased(Card)).scalar_subquery())
    arm = start.cte("arm", recursive=True)
    behind = tuple_(*(getattr(following, name) for name in names)) > tuple_(*(arm.c[name] for name in names))
    jump = first_of(following, behind).correlate(arm).scalar_subquery()
    card = aliased(Card)
    return arm.union_all(select(card.state, card.kind, card.facet).select_from(arm).join(card, card.id == jump))


def _unheld(wanted: Filter, at: datetime) -> list[ColumnElement[bool]]:
    """Whoever asks for new cards gets none that somebody holds."""
    if "new" not in wanted.states:
        return []
    return [or_(Card.state != "new", Card.claimed_until.is_(None), Card.claimed_until <= at)]
