"""How many cards each choice of the wall's filters would leave, the other filters being as they are.

Messages are counted, each of those that stand on one card. Without a search, a campaign or a time the counters know
it. With one, what it finds is counted if it is not too much; a number that would be a guess is not told. How many cards
stand on the wall at all: desk.wall.queries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from desk.wall import facets, queries, rules, search, stretches, walks
from desk.wall.facets import EVERY
from desk.wall.models import Card, CardCount
from desk.wall.walks import CLAIMED, Filter

MOST = 1000  # cards of a search, a campaign or a time that are counted one by one


def facet_counts(
    session: Session, station_id: int, wanted: Filter, *, at: datetime
) -> dict[str, dict[str, int]] | None:
    """How many cards each choice of sender, consent, length and quality would leave; None where that cannot be told.

    Four statements at most.
    """
    if wanted.text.strip() or wanted.campaign_id is not None or wanted.since or wanted.until or wanted.is_assigned:
        rows = _one_by_one(session, station_id, wanted, at)
        return None if rows is None else facets.counts_of(rows, wanted.facets)
    return facets.counts_of(_kept(session, station_id, wanted, at), wanted.facets)


def _one_by_one(session: Session, station_id: int, wanted: Filter, at: datetime) -> Iterable[tuple[str, int]] | None:
    """(facet, cards) of what is found; None if that is much, or if some choices would find words one slip away."""
    asked = search.read(wanted.text)
    if asked and not wanted.is_exact and search.widen(session, station_id, asked) is not None:
        return None
    every = replace(wanted, facets=EVERY, is_unfolded=True)
    if asked:
        among: Any = queries.list_ids(session, station_id, every, asked, MOST + 1, at)
    else:
        among = select(_page(session, station_id, every, at).subquery().c.id)
    counted = select(Card.facet, func.count()).where(Card.id.in_(among)).group_by(Card.facet)
    found = [(facet, cards) for facet, cards in session.execute(counted)]
    return found if sum(cards for _facet, cards in found) <= MOST else None


def _page(session: Session, station_id: int, wanted: Filter, at: datetime) -> Select[int]:
    if not stretches.are_meant(wanted):
        return walks.page_query(station_id, wanted, None, None, MOST + 1, at)
    lite = session.get_bind().dialect.name == "sqlite"
    return stretches.page_query(station_id, wanted, None, None, MOST + 1, at, lite=lite)


def _kept(session: Session, station_id: int, wanted: Filter, at: datetime) -> Iterable[tuple[str, int]]:
    kinds = [CardCount.kind.in_(wanted.kinds)] if wanted.kinds else []
    rows = session.execute(
        select(CardCount.state, CardCount.facet, CardCount.cards).where(
            CardCount.station_id == station_id, CardCount.cards > 0, CardCount.facet != "", *kinds
        )
    )
    is_of = [Card.kind.in_(wanted.kinds)] if wanted.kinds else []
    held = session.execute(
        select(Card.facet, func.count())
        .where(queries.held(station_id, at), Card.facet != "", *is_of)
        .group_by(Card.facet)
    )
    states = set(wanted.states or (*rules.STATES, CLAIMED))
    found = [(facet, cards) for state, facet, cards in rows if state in states]
    is_held = (CLAIMED in states) - ("new" in states)  # a card that somebody holds is counted as new
    return [*found, *((facet, cards * is_held) for facet, cards in held)]
