"""Pages of the wall by choices that may be rare: facets or a language anywhere, states, kinds, facets in a campaign.

A rare choice has no walk of its own; each state, kind and facet together has a stretch of an index. Which of them
there are the counters know, for a campaign the index itself; of each that is wanted the newest few are taken. However
rare a choice is, nothing else is looked through. Everything else is desk.wall.walks' matter.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, String, cast, column, func, literal, or_, select, text
from sqlalchemy.orm import Session

from desk.db import Key
from desk.wall.models import Card, CardCount, LanguageCount
from desk.wall.rules import MOOD
from desk.wall.walks import CLAIMED, Filter, between, stands

_FOUND = Card.metadata.tables["card"].alias()  # made once: copying its columns costs as much as asking for a page
# From each stretch of the index one jumps to the next: behind its facet, its kind, its state, whichever comes first.
# One comparison of all three at once would be no single jump to SQLite.
_MINE = "SELECT c.id FROM card AS c WHERE c.station_id = :station_id AND c.campaign_id = :campaign_id"
_FIRST = "ORDER BY c.state, c.kind, c.facet LIMIT 1"
IN_CAMPAIGN = f"""
WITH RECURSIVE found(state, kind, facet) AS (
SELECT state, kind, facet FROM card WHERE id = ({_MINE} {_FIRST})
UNION ALL
SELECT card.state, card.kind, card.facet FROM found JOIN card ON card.id = coalesce(
({_MINE} AND c.state = found.state AND c.kind = found.kind AND c.facet > found.facet {_FIRST}),
({_MINE} AND c.state = found.state AND c.kind > found.kind {_FIRST}),
({_MINE} AND c.state > found.state {_FIRST})))
SELECT state, kind, facet FROM found"""  # noqa: S608  # no value stands in it
GLANCE = 500  # newest cards on which frequent choices fill a page


def are_meant(wanted: Filter) -> bool:
    """Whether a page of this filter is found here; what somebody holds is few, and what has a walk is faster there."""
    is_within = wanted.campaign_id is not None and bool(wanted.states or wanted.kinds)
    is_held = CLAIMED in wanted.states and "new" not in wanted.states
    if wanted.campaign_id is not None and wanted.facets.language is not None:  # there is an index of both
        return False
    return (is_within or wanted.facets.is_any) and not is_held and not wanted.is_assigned


def count(session: Session, station_id: int, wanted: Filter) -> int | None:
    """How many cards a filter has at most, whatever they say; None where no counter knows. One statement at most."""
    if wanted.campaign_id is not None or not (wanted.states or wanted.kinds or wanted.facets.is_any):
        return None
    states = {"new" if state == CLAIMED else state for state in wanted.states}
    of, mine = counter(station_id, wanted.facets.language)
    counted = select(func.coalesce(cast(func.sum(of.cards), Key), 0)).where(
        *mine,
        of.facet.like(wanted.facets.pattern),
        *([of.state.in_(sorted(states))] if states else []),
        *([of.kind.in_(wanted.kinds)] if wanted.kinds else []),
    )
    return session.execute(counted).scalar_one()


def counter(station_id: int, language: str | None) -> tuple[Any, list[ColumnElement[bool]]]:
    """The counters of a station's cards, or of those in a language, and which of their rows are meant."""
    if language is None:
        return CardCount, [CardCount.station_id == station_id, CardCount.cards > 0]
    is_in = LanguageCount.language == language
    return LanguageCount, [LanguageCount.station_id == station_id, is_in, LanguageCount.cards > 0]


def page_query(
    station_id: int,
    wanted: Filter,
    condition: ColumnElement[bool] | None,
    after: tuple[datetime, int] | None,
    limit: int,
    at: datetime,
    *,
    lite: bool,
    is_counted: bool = False,
) -> Select[int]:
    """Ids of a page. `is_counted`: of any so many cards, whichever come first; nobody reads them in an order."""
    language = wanted.facets.language
    campaign_id = wanted.campaign_id
    arm: Any = _counted(station_id, language) if campaign_id is None else _in_campaign(station_id, campaign_id)
    arms = [arm.c.facet.like(wanted.facets.pattern)]
    arms += [arm.c.state.in_(wanted.states) if wanted.states else arm.c.state != MOOD]
    arms += [arm.c.kind.in_(wanted.kinds)] if wanted.kinds else []
    mine = [] if campaign_id is None else [Card.campaign_id == campaign_id]
    mine += [] if language is None else [Card.language == language]
    mine += stands(wanted)
    newest = (
        select(Card.id, Card.placed_at)
        .where(
            Card.station_id == station_id, *mine, Card.state == arm.c.state, Card.kind == arm.c.kind,
            Card.facet == arm.c.facet, Card.withdrawn_at.is_(None), *between(wanted, after), *_unheld(wanted, at),
            *([] if condition is None else [condition]),
        )
        .order_by(*([] if is_counted else wanted.order(Card)))
        .limit(limit)
    )  # fmt: skip
    if not lite:
        found = newest.correlate(arm).lateral("found")
        every = select(found.c.id).select_from(arm).join(found, literal(value=True)).where(*arms)
        return every.order_by(*([] if is_counted else wanted.order(found.c))).limit(limit)
    card = _FOUND
    ids = newest.with_only_columns(Card.id).correlate(arm)
    joined = select(card.c.id).select_from(arm).join(card, card.c.id.in_(ids)).where(*arms)
    return joined.order_by(*([] if is_counted else wanted.order(card.c))).limit(limit)


def _counted(station_id: int, language: str | None) -> FromClause:
    """The states, kinds and facets of a station's cards, or of those in a language."""
    of, mine = counter(station_id, language)
    return select(of.state, of.kind, of.facet).where(*mine).subquery("arm")


def _in_campaign(station_id: int, campaign_id: int) -> FromClause:
    """Those of a campaign's cards."""
    given = text(IN_CAMPAIGN).bindparams(station_id=station_id, campaign_id=campaign_id)
    return given.columns(column("state", String), column("kind", String), column("facet", String)).subquery("arm")


def _unheld(wanted: Filter, at: datetime) -> list[ColumnElement[bool]]:
    """Whoever asks for new cards gets none that somebody holds, unless they ask for these as well."""
    if "new" not in wanted.states or CLAIMED in wanted.states:
        return []
    return [or_(Card.state != "new", Card.claimed_until.is_(None), Card.claimed_until <= at)]
