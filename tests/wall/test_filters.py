"""Filters of the wall: each answers what looking through all cards answers, and so do the numbers beside them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from desk import clock, db, schema
from desk.contests.models import Campaign
from desk.errors import Invalid
from desk.listeners import actions as listeners
from desk.listeners.models import Listener
from desk.settings import Settings
from desk.shows import queries as shows
from desk.shows.models import Show
from desk.wall import actions, announce, facets, forms, queries, rules, search, stretches, tallies
from desk.wall.facets import Facets
from desk.wall.models import Card, CardCount, LanguageCount
from desk.wall.queries import CardView
from desk.wall.walks import CLAIMED, Filter
from tests.desk_fixtures import SIX, Browser, Cast, add_cast
from tests.wall.builders import a_card, a_listener, an_asset

NOW = SIX + timedelta(hours=1)
CONSENTS = {"given": ("given",), "asked": ("asked",), "open": ("unknown",), "refused": ("refused", "withdrawn")}


@pytest.fixture
def crowded(on_both_databases: Settings) -> Cast:
    """Seventy cards of all sorts, some of them held, some withdrawn, and some of another station."""
    dice = random.Random(4)
    with db.transaction() as session:
        cast = add_cast(session)
        people = [a_listener(session, cast.rheinwelle, message_count=n % 3 + 1) for n in range(12)]
        campaigns = [None, *(_campaign(session, cast, n) for n in range(2))]
        for n in range(70):
            card = _add(session, cast, dice, dice.choice(people), SIX + timedelta(seconds=n // 2))
            card.campaign_id = dice.choice(campaigns)
        a_card(session, cast.oldie95)
    return cast


def _campaign(session: Session, cast: Cast, number: int) -> int:
    made = Campaign(station_id=cast.rheinwelle, name=f"Muttertag {number}", opens_at=SIX, created_at=SIX)
    session.add(made)
    session.flush()
    return made.id


def _add(session: Session, cast: Cast, dice: random.Random, listener: Listener, sent_at: datetime) -> Card:
    kind = dice.choice(["text", "voice", "voice", "image"])
    card = a_card(
        session, cast.rheinwelle, kind=kind, listener=listener, sent_at=sent_at, at=NOW,
        text="Hallo zusammen " * dice.choice([0, 2, 10, 40]),
    )  # fmt: skip
    announce.set_language(session, card, dice.choice([None, "de", "de", "tr"]), at=NOW)
    if kind != "text":
        flags = dice.choice([[], ["silent"], ["clipped"]])
        state = dice.choice(["ready", "processing"])
        an_asset(
            session, card.message_id, cast.rheinwelle, kind=kind, state=state, facts={"flags": flags},
            duration_s=dice.choice([None, 3.0, 30.0, 90.0]) if kind == "voice" else None,
        )  # fmt: skip
        actions.refresh_card(session, card, at=NOW)
    doing = dice.choice(["none", "none", "claim", "consent", "reject", "withdraw"])
    if doing == "claim":
        actions.claim(session, cast.rheinwelle, card.id, by=cast.nia, at=NOW)
    if doing == "consent":
        act = dice.choice(["ask", "give", "refuse", "withdraw"])
        actions.set_consent(session, cast.rheinwelle, card.id, act, by=cast.nia, at=NOW)
    if doing == "reject":
        actions.move_card(
            session, cast.rheinwelle, card.id, to="rejected", version=card.version, by=cast.nia, at=NOW, force=True
        )
    if doing == "withdraw" and dice.random() < 0.4:
        actions.withdraw_card(session, card, at=NOW)
    return card


def _belongs(view: CardView, wanted: Filter) -> bool:
    """What a person would say who looks at the card."""
    card, sorts = view.card, view.as_json()["facets"]
    state = CLAIMED if card.claimed_until and card.claimed_until > NOW and card.state == "new" else card.state
    seconds = max((one.duration_s or 0 for one in view.media), default=0)
    amount = seconds / 15 if seconds else len(view.message.text) / 80 if card.kind == "text" else None
    is_long = amount is not None and (seconds > 60 or (not seconds and amount > 5))
    length = None if amount is None else "short" if amount < 1 else "long" if is_long else "medium"
    chosen = wanted.facets
    return (
        (not wanted.states or state in wanted.states)
        and (not wanted.kinds or card.kind in wanted.kinds)
        and (chosen.sender is None or sorts["sender"] == chosen.sender)
        and (chosen.consent is None or card.consent in CONSENTS[chosen.consent])
        and (chosen.length is None or length == chosen.length)
        and (chosen.quality is None or sorts["quality"] == chosen.quality)
        and (chosen.language is None or card.language == chosen.language)
        and (wanted.campaign_id is None or card.campaign_id == wanted.campaign_id)
        and (wanted.since is None or card.placed_at >= wanted.since)
        and (wanted.until is None or card.placed_at < wanted.until)
    )


def _any_filter(dice: random.Random) -> Filter:
    sorts: dict[str, Any] = {
        name: dice.choice([None, *choices])
        for name, choices in (*facets.CHOICES.items(), ("language", ("de", "tr")))
        if dice.random() < 0.5
    }
    since = SIX + timedelta(seconds=dice.randrange(30)) if dice.random() < 0.3 else None
    return Filter(
        states=tuple(dice.sample([*rules.STATES, "claimed"], dice.choice([0, 0, 1, 2]))),
        kinds=tuple(dice.sample(["voice", "text", "image"], dice.choice([0, 0, 1, 2]))),
        campaign_id=dice.choice([None, None, 1, 2]),
        facets=Facets(**sorts),
        since=since,
        until=since + timedelta(seconds=12) if since and dice.random() < 0.5 else None,
        is_oldest_first=dice.random() < 0.3,
    )


def test_every_filter_finds_what_belongs_to_it_and_counts_it(crowded: Cast) -> None:
    dice = random.Random(7)
    with db.reading() as session:
        shown = queries.list_cards(session, crowded.rheinwelle, at=NOW, limit=200).cards
        for _ in range(60):
            wanted = _any_filter(dice)
            seen, cursor = [], None
            for _page in range(20):
                page = queries.list_cards(session, crowded.rheinwelle, wanted, at=NOW, cursor=cursor, limit=9)
                seen += [view.card.id for view in page.cards]
                cursor = page.next
                if cursor is None:
                    break

            expected = [view.card.id for view in shown if _belongs(view, wanted)]
            assert seen == expected[:: -1 if wanted.is_oldest_first else 1], wanted
            _numbers_are_true(session, crowded, wanted, shown)


WAYS = {  # how many cards are looked at, hits read, cards of a filter walked through, before the next way is gone
    "at a glance": (1000, 2000, 60_000), "by few hits": (0, 2000, 0), "few cards": (3, 1, 1000),
    "by all hits": (3, 1, 0),
}  # fmt: skip


def test_every_way_finds_the_same_in_the_same_order(crowded: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(9)
    asked = [replace(_any_filter(dice), text=dice.choice(["hallo", "zusam lo", "amsel", "ada", ""])) for _ in range(60)]
    found: dict[str, list[list[int]]] = {}
    with db.reading() as session:
        for way, (glance, few, cards) in WAYS.items():
            monkeypatch.setattr("desk.wall.search.GLANCE", glance)  # limits of ours, small enough to be passed here
            monkeypatch.setattr("desk.wall.stretches.GLANCE", glance)
            monkeypatch.setattr("desk.wall.search.FEW", few)
            monkeypatch.setattr("desk.wall.search.FEW_CARDS", cards)
            found[way] = [
                queries.list_ids(session, crowded.rheinwelle, wanted, search.read(wanted.text), 9, NOW, after=after)
                for wanted in asked
                for after in (None, (SIX + timedelta(seconds=20), 40))
            ]

    assert sum(map(len, found["at a glance"])) > 100
    for way, ids in found.items():
        assert ids == found["at a glance"], way


def _numbers_are_true(session: Session, cast: Cast, wanted: Filter, shown: list[CardView]) -> None:
    told = tallies.facet_counts(session, cast.rheinwelle, wanted, at=NOW)
    assert told is not None
    for name, choices in told.items():
        for choice, amount in choices.items():
            other = Facets(**{**vars(wanted.facets), name: choice})
            pressed = replace(wanted, facets=other)
            assert amount == sum(_belongs(view, pressed) for view in shown), (wanted, name, choice)


def test_a_search_gets_true_numbers_or_none(crowded: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.reading() as session:
        found = queries.list_cards(session, crowded.rheinwelle, Filter(text="hallo"), at=NOW, limit=200).cards
        told = tallies.facet_counts(session, crowded.rheinwelle, Filter(text="hallo"), at=NOW)
        lengths = Counter(view.as_json()["facets"]["length"] for view in found)
        assert told is not None
        assert told["length"] == {name: lengths[name] for name in ("short", "long")}
        slip = tallies.facet_counts(session, crowded.rheinwelle, Filter(text="halo"), at=NOW)
        assert slip is None, "one choice might find words one slip away, another none"
        monkeypatch.setattr(tallies, "MOST", 3)  # a limit of ours, small enough to be passed here
        assert tallies.facet_counts(session, crowded.rheinwelle, Filter(text="hallo"), at=NOW) is None
        assert tallies.facet_counts(session, crowded.rheinwelle, Filter(campaign_id=1), at=NOW) is None
        found = queries.list_cards(
            session, crowded.rheinwelle, Filter(text="zusammen", facets=Facets(length="long")), at=NOW
        )
        assert found.cards
        assert {view.as_json()["facets"]["length"] for view in found.cards} == {"long"}


def _counters_add_up(session: Session) -> None:
    sorts = (Card.station_id, Card.state, Card.kind, Card.facet)
    counted = session.execute(select(*sorts, func.count()).where(Card.withdrawn_at.is_(None)).group_by(*sorts))
    columns = (CardCount.station_id, CardCount.state, CardCount.kind, CardCount.facet, CardCount.cards)
    kept = session.execute(select(*columns).where(CardCount.cards != 0))
    assert Counter(map(tuple, counted)) == Counter(map(tuple, kept))
    told = select(*sorts, Card.language, func.count()).where(Card.withdrawn_at.is_(None), Card.language.is_not(None))
    spoken = (LanguageCount.station_id, LanguageCount.state, LanguageCount.kind, LanguageCount.facet)
    of_each = select(*spoken, LanguageCount.language, LanguageCount.cards).where(LanguageCount.cards != 0)
    counted = session.execute(told.group_by(*sorts, Card.language))
    assert Counter(map(tuple, counted)) == Counter(map(tuple, session.execute(of_each)))


def test_cards_that_are_there_are_sorted_by_the_migration(crowded: Cast) -> None:
    with db.reading() as session:
        before = {row.id: row.facet for row in session.execute(select(Card.id, Card.facet))}
        firsts = set(session.execute(select(func.min(Card.id)).group_by(Card.listener_id)).scalars())
        _counters_add_up(session)
    schema.step_down(db.current(), "0004")
    schema.migrate(db.current())
    with db.reading() as session:
        after = {row.id: row.facet for row in session.execute(select(Card.id, Card.facet))}
        _counters_add_up(session)

    assert {i: facet[1:] for i, facet in after.items()} == {i: facet[1:] for i, facet in before.items()}
    assert {i for i, facet in after.items() if facet[:1] == "n"} == {i for i in firsts if before[i]}


def test_who_turns_out_to_be_known_was_new_only_once(cast: Cast) -> None:
    new = Filter(facets=Facets(sender="new"))
    with db.transaction() as session:
        ada, bo = (a_listener(session, cast.rheinwelle, name) for name in ("Ada", "Bo"))
        at = [SIX, SIX + timedelta(minutes=5)]
        ids = [a_card(session, cast.rheinwelle, listener=one, sent_at=when).id
               for one, when in zip((bo, ada), at, strict=True)]  # fmt: skip
    with db.reading() as session:
        assert len(queries.list_cards(session, cast.rheinwelle, new, at=NOW).cards) == 2
    with db.transaction() as session:
        kept, gone = (session.get_one(Listener, one.id) for one in (ada, bo))
        listeners.merge(session, kept, gone, at=NOW)
    with db.reading() as session:
        assert [view.card.id for view in queries.list_cards(session, cast.rheinwelle, new, at=NOW).cards] == ids[:1]
        _counters_add_up(session)


BERLIN = forms.Asker(ZoneInfo("Europe/Berlin"), 1, lambda _show_id, _at: None)
TIMES = [
    ("", None, None),
    ("hour", SIX, None),
    ("today", datetime(2026, 11, 18, 23, tzinfo=UTC), datetime(2026, 11, 19, 23, tzinfo=UTC)),
    ("2026-10-25", datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)),
]


@pytest.mark.parametrize(("said", "since", "until"), TIMES)
def test_a_time_is_an_hour_or_a_day_of_the_station(said: str, since: datetime | None, until: datetime | None) -> None:
    wanted, _cursor, _limit = forms.read_filter({"time": said}, BERLIN, at=NOW)

    assert (wanted.since, wanted.until) == (since, until)


@pytest.mark.parametrize(
    ("name", "value"),
    [("time", "soon"), ("time", "2026-13-01"), ("time", "9999-12-31"), ("sender", "me"), ("quality", "-"),
     ("length", "medium"), ("consent", "%"), ("language", "xx"), ("order", "best"), ("show", "x"), ("show", "1")],
)  # fmt: skip
def test_a_choice_there_is_not_is_refused(name: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        forms.read_filter({name: value}, BERLIN, at=NOW)

    assert list(refused.value.fields) == [name]


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(facets=Facets(sender="new")),
        Filter(states=("new",), kinds=("voice",), facets=Facets(quality="remark")),
        Filter(campaign_id=3, kinds=("voice",)),
        Filter(campaign_id=3, kinds=("voice",), is_oldest_first=True),
        Filter(campaign_id=3, states=("new",), facets=Facets(quality="remark")),
        Filter(facets=Facets(language="tr")),
        Filter(states=("new",), facets=Facets(language="de", consent="refused")),
    ],
)
def test_a_filter_walks_its_own_stretches_of_the_index(on_both_databases: Settings, wanted: Filter) -> None:
    with db.reading() as session:
        is_lite = session.get_bind().dialect.name == "sqlite"
        if not is_lite:  # on an empty table every plan is good
            for way in ("seqscan", "bitmapscan", "sort"):
                session.execute(text(f"SET LOCAL enable_{way} = off"))
        query = stretches.page_query(1, wanted, None, (NOW, 1), 61, NOW, lite=is_lite)
        compiled = str(query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})).replace("%%", "%")
        sign = "EXPLAIN QUERY PLAN" if is_lite else "EXPLAIN"
        plan = [str(row[3] if is_lite else row[0]) for row in session.execute(text(f"{sign} {compiled}"))]

    anywhere = "ix_card_language" if wanted.facets.language else "ix_card_wall_facet"
    index = "ix_card_campaign_facet" if wanted.campaign_id else anywhere
    assert any(index in line for line in plan), plan
    assert not any(line.startswith("SCAN card") or "Seq Scan" in line for line in plan), plan
    assert sum("B-TREE" in line for line in plan) <= 1, plan


def test_the_wall_opens_as_its_address_says(sign_in: Callable[[str], Browser], cast: Cast) -> None:
    with db.transaction() as session:
        a_card(session, cast.rheinwelle, text="Guten Morgen aus Köln", sent_at=clock.now())
        a_card(session, cast.rheinwelle, text="Anderswo", kind="voice", sent_at=clock.now())
    nia = sign_in("nia")

    shown = nia.get("/wall?text=koln&time=today").get_data(as_text=True)
    assert "Guten Morgen" in shown
    assert "Anderswo" not in shown
    assert nia.get("/wall?show=nothing").headers["Location"] == "/wall"
    assert nia.get("/wall?sender=nobody").headers["Location"] == "/wall"
    assert nia.get("/api/v1/cards?sender=nobody").status_code == 422
    told = nia.get("/api/v1/cards/counts?kind=voice").get_json()["facets"]
    assert told["sender"] == {"new": 1, "known": 0}
    assert told["assigned"] == {"me": 0, "presenter": 0, "contest": 0, "service": 0}
    assert nia.get("/api/v1/cards/counts?text=koln").get_json()["facets"]["sender"] == {"new": 1, "known": 0}


def test_a_show_is_its_latest_broadcast_or_that_of_a_day(cast: Cast) -> None:
    with db.transaction() as session:
        morning = Show(
            station_id=cast.rheinwelle, name="Der Morgen", weekdays="1111111", starts_minute=300, ends_minute=540
        )
        foreign = Show(station_id=cast.oldie95, name="Nacht", weekdays="1111111", starts_minute=0, ends_minute=300)
        weekly = Show(
            station_id=cast.rheinwelle, name="Donnerstags", weekdays="0001000", starts_minute=300, ends_minute=540
        )
        session.add_all([morning, foreign, weekly])
        session.flush()
        times = [
            SIX - timedelta(days=1, hours=1),
            SIX - timedelta(days=1),
            SIX - timedelta(hours=3),
            SIX,
            SIX + timedelta(hours=4),
        ]
        evening = SIX + timedelta(hours=10)
        ids = [a_card(session, cast.rheinwelle, sent_at=sent_at, at=evening).id for sent_at in times]

        def shown(at: datetime, show: Show, **given: str) -> list[int]:
            asker = replace(BERLIN, span_of=lambda show_id, when: shows.latest_span(session, 1, show_id, at=when))
            wanted, _cursor, _limit = forms.read_filter({"show": str(show.id)} | given, asker, at=at)
            return [view.card.id for view in queries.list_cards(session, cast.rheinwelle, wanted, at=at).cards]

        assert shown(SIX + timedelta(hours=9), morning) == [ids[3]]
        assert shown(NOW, morning, time="2026-11-18") == [ids[1], ids[0]]
        assert shown(SIX + timedelta(hours=2), morning, time="hour") == []
        for show, given in ((foreign, {}), (weekly, {"time": "2026-11-18"})):
            with pytest.raises(Invalid):
                shown(NOW, show, **given)
