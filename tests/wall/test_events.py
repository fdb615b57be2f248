"""The great promise of the wall: an old snapshot and the events after it make a fresh snapshot, in any order."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.conversations.models import Message
from desk.errors import DeskError
from desk.live import log
from desk.settings import Settings
from desk.wall import actions, queries
from desk.wall.models import Card, CardAct, CardCount
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.wall.builders import a_card, an_asset

Snapshot = dict[int, dict[str, Any]]


class Screen:
    """What a page does with events: whole cards by version; a removed one never comes back."""

    def __init__(self, snapshot: Snapshot, counts: dict[str, Any]) -> None:
        self.cards = dict(snapshot)
        self.counts = counts
        self._counted_at = 0
        self._removed: set[int] = set()

    def take(self, event: log.Event) -> None:
        card = event.payload["card"]
        if event.kind == "card.removed":
            self._removed.add(card["id"])
            self.cards.pop(card["id"], None)
        elif card["id"] not in self._removed and card["version"] >= self.cards.get(card["id"], card)["version"]:
            self.cards[card["id"]] = card
        if "counts" in event.payload and event.seq > self._counted_at:
            self.counts, self._counted_at = event.payload["counts"], event.seq

    def seen(self, at: datetime) -> Snapshot:
        """What stands on the screen at a moment: a claim that has run out is not shown any more."""
        return {i: card | {"claim": self._claim(card["claim"], at)} for i, card in self.cards.items()}

    def _claim(self, claim: dict[str, Any] | None, at: datetime) -> dict[str, Any] | None:
        return claim if claim and claim["until"] > str(clock.iso(at)) else None

    def counted(self) -> tuple[dict[str, int], dict[str, int]]:
        """Counts without the time that claims bring in: what is claimed is new."""
        states = dict(self.counts["state"])
        states["new"] += states.pop("claimed")
        return states, self.counts["kind"]


def snapshot(session: Session, station_id: int, at: datetime) -> tuple[Snapshot, dict[str, Any], int]:
    page = queries.list_cards(session, station_id, at=at, limit=200)
    cards = {view.card.id: json.loads(json.dumps(view.as_json())) for view in page.cards}
    return cards, queries.counts(session, station_id, at=at), log.last_seq(session, station_id)


class Crowd:
    """People and listeners who do something at random, refusals included."""

    def __init__(self, cast: Cast, seed: int) -> None:
        self.cast, self.random, self.at = cast, random.Random(seed), SIX + timedelta(hours=1)

    def act(self, session: Session) -> None:
        self.at += timedelta(seconds=1)
        ids = session.execute(select(Card.id).where(Card.station_id == self.cast.rheinwelle)).scalars().all()
        doing = self.random.choice(
            [
                self.place,
                self.move,
                self.move,
                self.undo,
                self.claim,
                self.note,
                self.consent,
                self.media,
                self.withdraw,
            ]
        )
        doing(session, self.random.choice(ids or [0]))

    def place(self, session: Session, _card_id: int) -> None:
        a_card(session, self.cast.rheinwelle, kind=self.random.choice(["text", "voice", "image"]), at=self.at)

    def move(self, session: Session, card_id: int) -> None:
        to = self.random.choice(["new", "shortlisted", "planned", "in_studio", "rejected"])
        by = self.random.choice([self.cast.nia, self.cast.edith])
        card = queries.load_card(session, self.cast.rheinwelle, card_id)
        version = card.version - self.random.choice([0, 0, 1])
        actions.move_card(session, self.cast.rheinwelle, card_id, to=to, version=version, by=by, at=self.at)

    def undo(self, session: Session, _card_id: int) -> None:
        acts = session.execute(select(CardAct.id)).scalars().all()
        number = self.random.choice([None, *acts])
        actions.undo(session, self.cast.rheinwelle, number, by=self.cast.nia, at=self.at)

    def claim(self, session: Session, card_id: int) -> None:
        actions.claim(session, self.cast.rheinwelle, card_id, by=self.cast.edith, at=self.at)

    def note(self, session: Session, card_id: int) -> None:
        version = queries.load_card(session, self.cast.rheinwelle, card_id).version
        words = f"Notiz {self.at.second}"
        actions.set_notes(
            session, self.cast.rheinwelle, card_id, version=version, note=words, by=self.cast.nia, at=self.at
        )

    def consent(self, session: Session, card_id: int) -> None:
        act = self.random.choice(["ask", "give", "withdraw"])
        actions.set_consent(session, self.cast.rheinwelle, card_id, act, by=self.cast.nia, at=self.at)

    def media(self, session: Session, card_id: int) -> None:
        card = queries.load_card(session, self.cast.rheinwelle, card_id)
        an_asset(session, card.message_id, card.station_id, state="processing", progress_percent=self.at.second)
        actions.refresh_card(session, card.message_id, at=self.at)

    def withdraw(self, session: Session, card_id: int) -> None:
        if self.random.random() < 0.3:
            actions.withdraw_card(session, queries.load_card(session, self.cast.rheinwelle, card_id), at=self.at)


@pytest.mark.parametrize("seed", [1, 2])
def test_old_snapshot_and_events_make_a_fresh_snapshot_in_any_order(on_both_databases: Settings, seed: int) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        for kind in ("text", "voice", "image", "video"):
            a_card(session, cast.rheinwelle, kind=kind)
    crowd = Crowd(cast, seed)
    with db.reading() as session:
        old, counts, seq = snapshot(session, cast.rheinwelle, crowd.at)
    for _ in range(120):
        try:
            with db.transaction() as session:
                crowd.act(session)
        except DeskError:
            continue

    with db.reading() as session:
        fresh, fresh_counts, _seq = snapshot(session, cast.rheinwelle, crowd.at)
        events = log.list_after(session, cast.rheinwelle, seq)
    assert events is not None
    events = [event for event in events if event.kind.startswith("card.")]
    in_order, shuffled = Screen(old, counts), Screen(old, counts)
    for event in events:
        in_order.take(event)
    mixed = events + crowd.random.sample(events, len(events) // 2)
    crowd.random.shuffle(mixed)
    for event in mixed:
        shuffled.take(event)

    assert len(events) > 40
    assert in_order.seen(crowd.at) == shuffled.seen(crowd.at) == fresh
    assert in_order.counted() == shuffled.counted() == Screen(fresh, fresh_counts).counted()
    _counters_add_up(cast.rheinwelle)


def _counters_add_up(station_id: int) -> None:
    with db.reading() as session:
        sorts = (Card.state, Card.kind, Card.facet)
        counted = session.execute(
            select(*sorts, func.count())
            .where(Card.station_id == station_id, Card.withdrawn_at.is_(None))
            .group_by(*sorts)
        )
        kept = session.execute(
            select(CardCount.state, CardCount.kind, CardCount.facet, CardCount.cards).where(
                CardCount.station_id == station_id, CardCount.cards != 0
            )
        )
        assert sorted(map(tuple, counted)) == sorted(map(tuple, kept))


def test_an_event_carries_no_number_surname_or_provider_id(session: Session) -> None:
    cast = add_cast(session)
    card = a_card(
        session,
        cast.rheinwelle,
        provider_lookup="wamid-secret",
        details={
            "cards": [{"name": "Oma Helga", "phones": [{"phone": "+4917012345678"}], "numbers": 1}],
            "cards_sealed": "sealed",
            "button": {"payload": "secret"},
            "location": {
                "latitude": 50.9,
                "longitude": 6.9,
                "name": "Dom",
                "address": None,
                "url": "https://x.example",
            },
        },
    )

    shown = json.dumps(queries.view_card(session, card, at=clock.now()).as_json())

    assert not any(word in shown for word in ("4917012345678", "wamid", "sealed", "secret", "x.example"))
    assert "Oma Helga" in shown
    assert "Dom" in shown


def test_the_card_is_recorded_once_however_often_it_changed(session: Session) -> None:
    cast = add_cast(session)
    card = a_card(session, cast.rheinwelle)
    actions.refresh_card(session, card, at=SIX)
    message = session.get_one(Message, card.message_id)
    message.text = "neu"
    actions.edit_card(session, message, at=SIX)

    db._run_hooks(session, "before_commit")
    events = log.list_after(session, cast.rheinwelle, 0) or []

    assert [event.kind for event in events] == ["card.placed"]
    assert events[0].payload["card"]["text"] == "neu"
