"""How many cards each choice of the wall's filters would leave, the other filters being as they are.

Messages are counted, each of those that stand on one card. Without a search, a campaign or a time the counters know
it. With one, what it finds is counted if it is not too much; a number that would be a guess is not told. How many cards
stand on the wall at all: desk.wall.queries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select, union_all
from sqlalchemy.orm import Session

from desk.wall import facets, queries, rules, search, stretches, walks
from desk.wall.facets import EVERY
from desk.wall.models import Card, CardCount, LanguageCount
from desk.wall.walks import CLAIMED, Filter

Told = tuple[str, str | None, int]  # facet, language, cards
MOST = 1000  # cards of a search, a campaign or a time that are counted one by one


def facet_counts(
    session: Session, station_id: int, wanted: Filter, *, at: datetime
) -> dict[str, dict[str, int]] | None:
    """How many cards each choice of sender, consent, length, quality and language would leave; None where that cannot
    be told.

    Four statements at most.
    """
    if wanted.text.strip() or wanted.campaign_id is not None or wanted.since or wanted.until or wanted.is_assigned:
        rows = _one_by_one(session, station_id, wanted, at)
    else:
        rows = _kept(session, station_id, wanted, at)
    if rows is None:
        return None
    language = wanted.facets.language
    letters = [(facet, cards) for facet, of, cards in rows if language in (None, of)]
    spoken = Counter[str | None]()
    for facet, of, cards in rows:
        spoken[of] += cards if wanted.facets.takes(facet) else 0
    languages = {one: spoken[one] for one in facets.LANGUAGES}
    return facets.counts_of(letters, wanted.facets) | {"language": languages}


def _one_by_one(session: Session, station_id: int, wanted: Filter, at: datetime) -> Sequence[Told] | None:
    """What is found; None if that is much, or if some choices would find words one slip away."""
    asked = search.read(wanted.text)
    if asked and not wanted.is_exact and search.widen(session, station_id, asked) is not None:
        return None
    every = replace(wanted, facets=EVERY, is_unfolded=True)
    if asked:
        among: Any = queries.list_ids(session, station_id, every, asked, MOST + 1, at)
    else:
        among = select(_page(session, station_id, every, at).subquery().c.id)
    counted = select(Card.facet, Card.language, func.count()).where(Card.id.in_(among))
    found = [_told(row) for row in session.execute(counted.group_by(Card.facet, Card.language))]
    return found if sum(cards for _facet, _language, cards in found) <= MOST else None


def _told(row: Any) -> Told:
    facet, language, cards = row
    return facet, language, cards


def _page(session: Session, station_id: int, wanted: Filter, at: datetime) -> Select[int]:
    if not stretches.are_meant(wanted):
        return walks.page_query(station_id, wanted, None, None, MOST + 1, at)
    lite = session.get_bind().dialect.name == "sqlite"
    return stretches.page_query(station_id, wanted, None, None, MOST + 1, at, lite=lite, is_counted=True)


def _kept(session: Session, station_id: int, wanted: Filter, at: datetime) -> Sequence[Told]:
    """What the counters say: of those in each language, and of the rest together."""
    states = set(wanted.states or (*rules.STATES, CLAIMED))
    found = Counter[tuple[str, str | None]]()
    for state, facet, language, cards in session.execute(_counters(station_id, wanted)):
        if state in states:
            found[facet, language or None] += cards
            if language:  # they are among the others as well
                found[facet, None] -= cards
    held = (
        select(Card.facet, Card.language, func.count())
        .where(queries.held(station_id, at), Card.facet != "", *([Card.kind.in_(wanted.kinds)] if wanted.kinds else []))
        .group_by(Card.facet, Card.language)
    )
    is_held = (CLAIMED in states) - ("new" in states)  # a card that somebody holds is counted as new
    for facet, language, cards in session.execute(held):
        found[facet, language] += cards * is_held
    return [(facet, language, cards) for (facet, language), cards in found.items()]


def _counters(station_id: int, wanted: Filter) -> Any:
    """(state, facet, language, cards) of all cards, then again of those in each language."""
    every = select(CardCount.state, CardCount.facet, literal("").label("language"), CardCount.cards).where(
        CardCount.station_id == station_id, CardCount.cards > 0, CardCount.facet != "",
        *([CardCount.kind.in_(wanted.kinds)] if wanted.kinds else []),
    )  # fmt: skip
    spoken = select(LanguageCount.state, LanguageCount.facet, LanguageCount.language, LanguageCount.cards).where(
        LanguageCount.station_id == station_id, LanguageCount.cards > 0,
        *([LanguageCount.kind.in_(wanted.kinds)] if wanted.kinds else []),
    )  # fmt: skip
    return union_all(every, spoken)
