"""Tells screens of changed cards: builds each card's JSON once, as late as possible, and keeps the counters.

Acts call `touch` and `count`; just before the commit one hook writes the counters and records the events, and folds
what the text filter looks at. From the moment the counters are written the station's number is held, so an event's
counts are true at its number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from desk import db
from desk.live import log
from desk.wall import queries, signals, words
from desk.wall.models import Card, CardCount, LanguageCount

AUDIENCE = "wall.read"
Place = tuple[int, str, str, str, str]  # station, state, kind, facet, language ("" for none)
SILENT = "silent"  # instead of an event's kind: nothing is told


@dataclass
class _Noted:
    """What one transaction has changed so far."""

    kinds: dict[int, str] = field(default_factory=dict)
    cards: dict[int, Card] = field(default_factory=dict)  # held, or the session would let them go and read them again
    moved: Counter[Place] = field(default_factory=Counter)
    recounted: set[int] = field(default_factory=set)
    at: datetime | None = None


def touch(session: Session, card: Card, kind: str, *, at: datetime) -> None:
    """Count up the card's version and note an event: card.placed, card.changed or card.removed."""
    noted = _noted(session, at)
    if kind != "card.placed":
        card.version += 1
    session.flush()
    before = noted.kinds.get(card.id)
    if before is None or kind == "card.removed":
        noted.kinds[card.id] = kind
    noted.cards[card.id] = card


def hush(session: Session, card: Card, *, at: datetime) -> None:
    """A card that was placed in this transaction does not stand on the wall: no screen hears of it by itself."""
    noted = _noted(session, at)
    noted.kinds[card.id] = SILENT
    noted.cards[card.id] = card


def count(session: Session, card: Card, *, by: int, at: datetime) -> None:
    """Note that there is one card more or less in the card's present state, kind, facet and language."""
    _noted(session, at).moved[_place(card, card.facet or "")] += by


def _place(card: Card, facet: str) -> Place:
    return card.station_id, card.state, card.kind, facet, card.language or ""


def recount(session: Session, station_id: int, *, at: datetime) -> None:
    """Let this transaction's events tell the counts of a station, also where no counter moves (a claim ran out)."""
    _noted(session, at).recounted.add(station_id)


def set_facet(session: Session, card: Card, facet: str, *, at: datetime) -> None:
    """Let a card be found under another facet; the counters follow."""
    if card.facet == facet:
        return
    count(session, card, by=-1, at=at)
    card.facet = facet
    count(session, card, by=1, at=at)


def set_language(session: Session, card: Card, language: str | None, *, at: datetime) -> None:
    """Let a card be found by another language; the counters follow."""
    if card.language == language:
        return
    count(session, card, by=-1, at=at)
    card.language = language
    count(session, card, by=1, at=at)


def answer(session: Session, station_id: int, card_id: int, *, at: datetime) -> dict[str, Any]:
    """A card for whoever has just changed it: as every screen is told of it with this transaction, which ends here.

    Read anew where there was nothing to tell. Raises NotFound if it is withdrawn.
    """
    db.finish(session)
    card = _told(session).get(card_id)
    if card is None or "version" not in card:
        card = queries.view_card(session, queries.load_card(session, station_id, card_id), at=at).as_json()
    return card


def _told(session: Session) -> dict[int, dict[str, Any]]:
    """What this transaction tells of cards: the whole card, or its id alone once it is gone."""
    told: dict[int, dict[str, Any]] = session.info.setdefault("told_cards", {})
    return told


def _noted(session: Session, at: datetime) -> _Noted:
    noted: _Noted = session.info.setdefault("cards", _Noted())
    noted.at = at
    db.before_commit(session, "50-cards", _announce)
    return noted


def _announce(session: Session) -> None:
    noted: _Noted = session.info.pop("cards")
    at = noted.at
    if at is None:
        return
    session.flush()
    for card_id, kind in noted.kinds.items():
        if kind == "card.changed":
            for told in signals.changed:
                told(session, noted.cards[card_id], at)
    views = queries.view_cards(session, [i for i, kind in noted.kinds.items() if kind != "card.removed"], at=at)
    _derive(session, noted, views.values())
    stations = {card_id: card.station_id for card_id, card in noted.cards.items()}
    for station_id in sorted({*stations.values(), *(key[0] for key in noted.moved)}):
        counts = _write_counts(session, station_id, noted, at)
        if counts is None and station_id in noted.recounted:
            log.hold(session, station_id)
            counts = queries.counts(session, station_id, at=at)
        for card_id, kind in noted.kinds.items():
            if stations[card_id] != station_id or kind == SILENT:
                continue
            card = {"id": card_id} if kind == "card.removed" else views[card_id].as_json()
            _told(session)[card_id] = card
            payload: dict[str, Any] = {"card": card} | ({"counts": counts} if counts else {})
            log.record(session, station_id, kind, payload, audience=AUDIENCE, at=at)


def _derive(session: Session, noted: _Noted, views: Iterable[queries.CardView]) -> None:
    """What cards are found by follows from what is on them now; what is gone is found by nothing."""
    for view in views:
        card = view.card
        said = [asset.transcript.text for asset in view.media if asset.transcript and asset.transcript.text]
        card.folded = words.folded_of(card, view.message, view.listener, said)
        before, card.facet = card.facet or "", view.facet
        if before != card.facet:
            noted.moved[_place(card, before)] -= 1
            noted.moved[_place(card, card.facet)] += 1
    for card_id, kind in noted.kinds.items():
        if kind == "card.removed":
            gone = noted.cards[card_id]
            gone.facet, gone.language = "", None
    session.flush()


def _write_counts(session: Session, station_id: int, noted: _Noted, at: datetime) -> dict[str, dict[str, int]] | None:
    """Write this station's counters; the counts after it, None if no counter changed."""
    changed = {key: by for key, by in noted.moved.items() if key[0] == station_id and by}
    if not changed:
        return None
    log.hold(session, station_id)
    every, spoken = Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]]()
    for (_station, state, kind, facet, language), by in changed.items():
        every[station_id, state, kind, facet] += by
        if language:
            spoken[station_id, language, state, kind, facet] += by
    _add_up(session, CardCount, ["station_id", "state", "kind", "facet"], every)
    _add_up(session, LanguageCount, ["station_id", "language", "state", "kind", "facet"], spoken)
    return queries.counts(session, station_id, at=at)


def _add_up(
    session: Session, counter: type[CardCount | LanguageCount], columns: list[str], by: Counter[tuple[Any, ...]]
) -> None:
    """Add to the rows of a table of counters, always in the same order."""
    rows = [dict(zip(columns, key, strict=True)) | {"cards": cards} for key, cards in sorted(by.items()) if cards]
    db.add_up(session, counter.metadata.tables[counter.__tablename__], rows, unique=columns, counter="cards")
