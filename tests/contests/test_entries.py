"""Which messages enter a campaign, and what number they get."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import db
from desk.contests import actions, forms, queries, rules
from desk.contests.models import Campaign, Entry
from desk.errors import Invalid, NotFound
from desk.live.models import LiveEvent
from desk.wall import actions as wall
from tests.contests.builders import DAY, a_campaign, arrive
from tests.desk_fixtures import SIX, Cast, add_cast

COLOGNE = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ("Ständchen", "Mein STAENDCHEN für Oma"),
        ("staendchen", "Hier kommt das Ständchen!"),
        ("Straße", "die STRASSE ist gesperrt"),
        ("STRASSE", "Stau auf der Straße."),
        ("Ständchen, Geburtstag", "zum geburtstag viel Glück"),
        ("rote Rose", "eine rote   Rose für dich"),
        ("#Ständchen", "Ständchen🎂"),
        ("Gewinn", "Gewinn\nbitte"),
        ("", "irgendetwas"),
        ("", ""),
    ],
)
def test_a_keyword_is_found_as_a_word_in_any_spelling(keywords: str, text: str) -> None:
    assert rules.matches(keywords, text)


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ("Ständchen", "ein Geburtstagsständchen"),
        ("Ständchen", "Ständchenwoche"),
        ("Stau", "Staub überall"),
        ("rote Rose", "Rose, rote"),
        ("Ständchen", ""),
    ],
)
def test_a_part_of_a_word_is_no_keyword(keywords: str, text: str) -> None:
    assert not rules.matches(keywords, text)


def test_the_window_includes_its_beginning_and_excludes_its_end(session: Session, cast_of: Cast) -> None:
    campaign = a_campaign(session, cast_of.rheinwelle, opens_at=SIX, closes_at=SIX + DAY)
    moments = (SIX - timedelta(milliseconds=1), SIX, SIX + DAY - timedelta(milliseconds=1), SIX + DAY)

    cards = [arrive(session, cast_of.rheinwelle, "Ständchen", sent_at=moment) for moment in moments]

    assert [card.campaign_id for card in cards] == [None, campaign.id, campaign.id, None]


@pytest.fixture
def cast_of(session: Session) -> Cast:
    return add_cast(session)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-07-01T06:00", datetime(2026, 7, 1, 4, 0, tzinfo=UTC)),  # summer time
        ("2026-11-19T06:00", datetime(2026, 11, 19, 5, 0, tzinfo=UTC)),
        ("2026-10-25T01:59", datetime(2026, 10, 24, 23, 59, tzinfo=UTC)),  # the last hour before the change
        ("2026-10-25T03:00", datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
        ("2026-03-29T03:00", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("2026-11-19T06:00:00Z", datetime(2026, 11, 19, 6, 0, tzinfo=UTC)),
    ],
)
def test_times_are_typed_in_station_time(typed: str, meant: datetime) -> None:
    form = forms.read_campaign({"name": "Lied", "opens_at": typed}, COLOGNE, now=SIX)

    assert form.opens_at == meant


def test_a_window_over_the_change_of_clocks_is_an_hour_longer() -> None:
    given = {"name": "Nacht", "opens_at": "2026-10-24T22:00", "closes_at": "2026-10-25T06:00"}

    form = forms.read_campaign(given, COLOGNE, now=SIX)

    assert form.closes_at is not None
    assert (form.closes_at.astimezone(UTC) - form.opens_at.astimezone(UTC)) == timedelta(hours=9)


def test_every_fault_of_a_form_is_named_at_once() -> None:
    given = {
        "name": " \x00 ", "keywords": "!!!", "hue": 24, "icon": "skull", "opens_at": "soon", "closes_at": "0001-01-01",
    }  # fmt: skip

    with pytest.raises(Invalid) as refused:
        forms.read_campaign(given, COLOGNE, now=SIX)

    assert set(refused.value.fields) == {"name", "keywords", "hue", "icon", "opens_at", "closes_at"}


def test_a_campaign_with_a_keyword_comes_before_one_that_takes_all(session: Session, cast_of: Cast) -> None:
    song = a_campaign(session, cast_of.rheinwelle, "Ständchen")
    everything = a_campaign(session, cast_of.rheinwelle, "", name="Alles")

    assert arrive(session, cast_of.rheinwelle, "mein Ständchen").campaign_id == song.id
    assert arrive(session, cast_of.rheinwelle, "Stau auf der A3").campaign_id == everything.id


def test_another_stations_campaign_takes_nothing(session: Session, cast_of: Cast) -> None:
    a_campaign(session, cast_of.oldie95)

    assert arrive(session, cast_of.rheinwelle, "Ständchen").campaign_id is None


def test_entering_twice_gives_one_number_and_one_event(session: Session, cast_of: Cast) -> None:
    campaign = a_campaign(session, cast_of.rheinwelle)
    card = arrive(session, cast_of.rheinwelle, "Ständchen")

    actions.enter_if_matching(session, card, "Ständchen", sent_at=SIX, at=SIX)

    assert session.execute(select(Entry.number)).scalars().all() == [1]
    assert session.get_one(Campaign, campaign.id, populate_existing=True).entries == 1


def test_a_card_moved_by_hand_keeps_its_number_when_it_comes_back(session: Session, cast_of: Cast) -> None:
    campaign = a_campaign(session, cast_of.rheinwelle)
    other = a_campaign(session, cast_of.rheinwelle, "Foto", name="Fotos")
    first, second = (arrive(session, cast_of.rheinwelle, "Ständchen") for _ in range(2))

    wall.put_in_campaign(session, first, other.id, by=cast_of.nia, at=SIX)
    third = arrive(session, cast_of.rheinwelle, "Ständchen")
    assert _numbers(session, campaign.id) == {second.id: 2, third.id: 3}
    assert _numbers(session, other.id) == {first.id: 1}

    wall.put_in_campaign(session, first, campaign.id, by=cast_of.nia, at=SIX)
    assert _numbers(session, campaign.id) == {first.id: 1, second.id: 2, third.id: 3}
    assert _numbers(session, other.id) == {}
    assert queries.view_campaign(campaign, at=SIX)["entries"] == 3


def test_an_undo_takes_the_entry_along(session: Session, cast_of: Cast) -> None:
    campaign = a_campaign(session, cast_of.rheinwelle)
    card = arrive(session, cast_of.rheinwelle, "Ständchen")
    act = wall.put_in_campaign(session, card, None, by=cast_of.nia, at=SIX)
    assert _numbers(session, campaign.id) == {}

    wall.undo(session, cast_of.rheinwelle, act.id, by=cast_of.nia, at=SIX)

    assert _numbers(session, campaign.id) == {card.id: 1}


def test_a_card_taken_out_by_hand_is_not_entered_again_by_the_desk(session: Session, cast_of: Cast) -> None:
    campaign = a_campaign(session, cast_of.rheinwelle)
    card = arrive(session, cast_of.rheinwelle, "Ständchen")
    wall.put_in_campaign(session, card, None, by=cast_of.nia, at=SIX)

    actions.enter_if_matching(session, card, "Ständchen", sent_at=SIX, at=SIX)

    assert _numbers(session, campaign.id) == {}


def test_a_foreign_campaign_answers_like_a_missing_one(session: Session, cast_of: Cast) -> None:
    foreign = a_campaign(session, cast_of.oldie95)

    for campaign_id in (foreign.id, foreign.id + 1000):
        with pytest.raises(NotFound):
            queries.load_campaign(session, cast_of.rheinwelle, campaign_id)
    card = arrive(session, cast_of.rheinwelle, "Ständchen")
    with pytest.raises(NotFound):
        wall.put_in_campaign(session, card, foreign.id, by=cast_of.nia, at=SIX)


def test_a_withdrawn_message_leaves_its_campaign(session: Session, cast_of: Cast) -> None:
    campaign = a_campaign(session, cast_of.rheinwelle)
    card = arrive(session, cast_of.rheinwelle, "Ständchen")

    wall.withdraw_card(session, card, at=SIX)

    assert queries.list_entry_cards(session, campaign.id) == []
    session.refresh(campaign)
    assert queries.view_campaign(campaign, at=SIX)["entries"] == 0


def test_an_entry_is_told_with_the_new_count(house: object) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        a_campaign(session, cast.rheinwelle)
    with db.transaction() as session:
        arrive(session, cast.rheinwelle, "Ständchen")

    with db.reading() as session:
        rows = session.execute(select(LiveEvent).where(LiveEvent.kind == "campaign.changed")).scalars().all()
        last = rows[-1]
    assert (last.payload["campaign"]["entries"], last.payload["campaign"]["last_number"]) == (1, 1)
    assert last.audience == "campaign.read"


def test_numbers_are_given_once_when_eight_messages_arrive_at_once(on_both_databases: object) -> None:
    with db.transaction() as session:
        station_id = add_cast(session).rheinwelle
        campaign_id = a_campaign(session, station_id).id
        arrive(session, station_id, "the channel is there")
    faults: list[BaseException] = []

    def send() -> None:
        try:
            for _ in range(5):
                with db.transaction() as session:
                    arrive(session, station_id, "Ständchen")
        except Exception as fault:  # noqa: BLE001 - a thread's fault is the test's
            faults.append(fault)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert faults == []
    with db.reading() as session:
        assert sorted(_numbers(session, campaign_id).values()) == list(range(1, 41))
        assert session.get_one(Campaign, campaign_id).entries == 40


def _numbers(session: Session, campaign_id: int) -> dict[int, int]:
    """Card id to number of the entries that are in."""
    return {card_id: number for number, card_id in queries.list_entry_cards(session, campaign_id)}
