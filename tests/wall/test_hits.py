"""Hits of the index of the texts, in the order of the wall: over years, within one moment, wherever a page is cut."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from desk import db, schema
from desk.contests.models import Campaign
from desk.settings import Settings
from desk.wall import hits, queries, search
from desk.wall.models import Card
from desk.wall.walks import Filter
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.wall.builders import a_card, a_listener

NOW = SIX + timedelta(hours=1)
CARDS = 48


@pytest.fixture
def rung(on_both_databases: Settings, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Cards of three years in no order, several of a moment, two stations; their ids' last bits begin again."""
    monkeypatch.setattr(search, "GLANCE", 0)  # limits of ours, small enough to be passed here
    monkeypatch.setattr(search, "FEW", 4)
    dice = random.Random(3)
    moments = [SIX - timedelta(days=dice.choice([0, 1, 40, 900]), seconds=dice.randrange(3)) for _ in range(14)]
    with db.transaction() as session:
        cast = add_cast(session)
        listeners = {one: a_listener(session, one, "Ada", place="") for one in (cast.rheinwelle, cast.oldie95)}
        for n in range(CARDS):
            station_id = cast.oldie95 if n % 7 == 3 else cast.rheinwelle
            said = "Kirchenglocke" if dice.random() < 0.7 else "Hallo"
            a_card(session, station_id, text=said, listener=listeners[station_id], sent_at=dice.choice(moments))
    with db.transaction() as session:
        session.execute(text(f"UPDATE card SET id = id + {hits.IDS - CARDS // 2}"))
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("INSERT INTO card_ft(card_ft) VALUES ('rebuild')"))
    return cast


def turned_over(session: Session, cast: Cast, wanted: Filter, limit: int) -> list[int]:
    """The cards of all pages."""
    seen, cursor = [], None
    for _page in range(CARDS):
        page = queries.list_cards(session, cast.rheinwelle, wanted, at=NOW, cursor=cursor, limit=limit)
        seen += [view.card.id for view in page.cards]
        cursor = page.next
        if cursor is None:
            break
    return seen


@pytest.mark.parametrize("is_oldest_first", [False, True])
def test_pages_follow_each_other_over_years_and_within_a_moment(rung: Cast, *, is_oldest_first: bool) -> None:
    with db.reading() as session:
        order = (Card.placed_at, Card.id) if is_oldest_first else (Card.placed_at.desc(), Card.id.desc())
        cards = session.execute(select(Card).where(Card.station_id == rung.rheinwelle).order_by(*order)).scalars().all()
        for since, until in ((None, None), (SIX - timedelta(days=41), None), (None, SIX - timedelta(days=1))):
            expected = [
                card.id for card in cards if "glocke" in card.folded
                and (since is None or card.placed_at >= since) and (until is None or card.placed_at < until)
            ]  # fmt: skip
            wanted = Filter(text="glocke", since=since, until=until, is_oldest_first=is_oldest_first)
            for limit in (1, 3, 60):
                assert turned_over(session, rung, wanted, limit) == expected, (limit, since, until)
            assert len(expected) > 5


@pytest.mark.parametrize("is_oldest_first", [False, True])
def test_in_a_campaign_hits_are_looked_for_where_its_cards_are_and_none_is_missed(
    rung: Cast, monkeypatch: pytest.MonkeyPatch, *, is_oldest_first: bool
) -> None:
    monkeypatch.setattr(search, "FEW_CARDS", 0)  # a limit of ours: its cards are many
    with db.transaction() as session:
        called, empty = (
            Campaign(station_id=rung.rheinwelle, name=name, opens_at=SIX, created_at=SIX)
            for name in ("Glocken", "Leer")
        )
        session.add_all([called, empty])
        session.flush()
        order = (Card.placed_at, Card.id) if is_oldest_first else (Card.placed_at.desc(), Card.id.desc())
        cards = session.execute(select(Card).where(Card.station_id == rung.rheinwelle).order_by(*order)).scalars().all()
        for card in cards[9:-9]:
            card.campaign_id = called.id
        expected = [card.id for card in cards[9:-9] if "glocke" in card.folded]
        called_id, empty_id = called.id, empty.id
    with db.reading() as session:
        for limit in (1, 3, 60):
            wanted = Filter(text="glocke", campaign_id=called_id, is_oldest_first=is_oldest_first)
            assert turned_over(session, rung, wanted, limit) == expected, limit
        assert turned_over(session, rung, Filter(text="glocke", campaign_id=empty_id), 60) == []
        if session.get_bind().dialect.name == "sqlite":
            hit = hits.numbered(session, rung.rheinwelle, "glocke", wanted, None)
            every = hits.numbered(session, rung.rheinwelle, "glocke", Filter(text="glocke"), None)
            assert hit is not None
            assert every is not None
            assert every.low < hit.low < hit.high < every.high
    assert len(expected) > 5


def test_what_was_written_before_the_migration_is_found_after_it_and_back(rung: Cast) -> None:
    with db.reading() as session:
        before = turned_over(session, rung, Filter(text="glocke"), 60)
    schema.step_down(db.current(), "0013")
    schema.migrate(db.current())
    with db.transaction() as session:
        assert turned_over(session, rung, Filter(text="glocke"), 60) == before
        session.get_one(Card, before[0]).folded = " uhuruf"
        session.get_one(Card, before[1]).withdrawn_at = NOW
    with db.reading() as session:
        assert turned_over(session, rung, Filter(text="glocke"), 60) == before[2:]
        assert turned_over(session, rung, Filter(text="uhuruf"), 60) == before[:1]
