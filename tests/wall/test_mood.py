"""The mood bar: what is folded has exactly one place in it, the counters follow, and nothing else is folded."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from desk import clock, db
from desk.contests.models import Campaign
from desk.conversations.models import Message
from desk.listeners.models import Listener
from desk.live.models import LiveEvent
from desk.people.models import Station
from desk.settings import Settings
from desk.wall import actions, mood, queries, triage
from desk.wall.actions import NoWay
from desk.wall.models import Card, MoodCount, MoodItem, MoodTold
from desk.wall.walks import Filter
from tests.desk_fixtures import SIX, Cast, add_cast
from tests.intake.fixtures import graph, make_app, provider_on_both
from tests.intake.provider import ADA, Provider, delivery, message, messages, value
from tests.wall.builders import a_card, a_listener, a_message

__all__ = ["graph", "make_app", "provider_on_both"]
NOW = SIX + timedelta(minutes=30)


@pytest.fixture
def cast(session: Session) -> Cast:
    return add_cast(session)


def arrive(session: Session, station_id: int, words: str, **said: Any) -> Card:
    """A text as the front door places it, a second after the one before."""
    number = session.execute(select(func.count(Message.id))).scalar_one()
    said.setdefault("sent_at", SIX + timedelta(seconds=number))
    card = a_card(session, station_id, text=words, **said)
    come = session.get_one(Message, card.message_id)
    mood.fold_arrival(session, card, come, session.get_one(Listener, card.listener_id), at=come.sent_at)
    return card


def bar(session: Session, cast: Cast, **asked: Any) -> dict[str, int]:
    seen = mood.view_bar(session, cast.rheinwelle, at=NOW, **asked)
    assert seen["total"] == sum(one["count"] for one in seen["signs"])
    return {one["sign"]: one["count"] for one in seen["signs"]}


def is_true(session: Session, cast: Cast) -> bool:
    """Whether the counters say what the items say, and each folded card has one."""
    items = select(MoodItem.minute, MoodItem.campaign_id, MoodItem.sign, func.count()).group_by(
        MoodItem.minute, MoodItem.campaign_id, MoodItem.sign
    )
    kept = select(MoodCount.minute, MoodCount.campaign_id, MoodCount.sign, MoodCount.amount).where(MoodCount.amount > 0)
    folded = set(session.execute(select(Card.id).where(Card.state == "mood", Card.withdrawn_at.is_(None))).scalars())
    with_item = set(session.execute(select(MoodItem.card_id).where(MoodItem.card_id.is_not(None))).scalars())
    counts = queries.counts(session, cast.rheinwelle, at=NOW)["state"]
    same = sorted(map(tuple, session.execute(items))) == sorted(map(tuple, session.execute(kept)))
    return same and folded == with_item and counts["mood"] == len(folded)


def test_noise_is_counted_and_stands_neither_on_the_wall_nor_in_a_run(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        spoken = arrive(session, cast.rheinwelle, "Moin, grüßt Oma Helga").id
        folded = [arrive(session, cast.rheinwelle, words).id for words in ("❤️", "❤️❤️", "😂", "Moin zusammen")]
    with db.reading() as session:
        page = queries.list_cards(session, cast.rheinwelle, at=NOW)
        asked = queries.list_cards(session, cast.rheinwelle, Filter(states=("mood",)), at=NOW)
        found = queries.list_cards(session, cast.rheinwelle, Filter(text="moin"), at=NOW)
        pile = triage.take_stack(session, cast.rheinwelle, by=cast.nia, at=NOW)
        counts = queries.counts(session, cast.rheinwelle, at=NOW)

        assert [view.card.id for view in page.cards] == [view.card.id for view in pile.cards] == [spoken]
        assert [view.card.id for view in found.cards] == [spoken]
        assert sorted(view.card.id for view in asked.cards) == folded
        assert bar(session, cast) == {"❤️": 2, "😂": 1, "hello": 1}
        assert (counts["state"]["all"], counts["state"]["mood"], counts["kind"]) == (1, 4, {"text": 1})
        assert is_true(session, cast)


def test_screens_hear_of_the_bar_at_most_once_a_second_and_of_the_last_change(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
    for number in range(3):
        with db.transaction() as session:
            arrive(session, cast.rheinwelle, "❤️", sent_at=NOW + timedelta(milliseconds=number))
    with db.reading() as session:
        told = [event.payload["total"] for event in session.execute(select(LiveEvent)).scalars()]
        assert told == [1]
        assert session.get_one(MoodTold, cast.rheinwelle).is_due

    assert mood.tell_due() == 1

    with db.reading() as session:
        kinds = [event.kind for event in session.execute(select(LiveEvent)).scalars()]
        assert kinds == ["mood.changed", "mood.changed"]
    assert mood.tell_due() == 0


def test_a_message_is_taken_out_folded_again_and_both_can_be_taken_back(session: Session, cast: Cast) -> None:
    card = arrive(session, cast.rheinwelle, "🎉")

    out = actions.move_card(session, cast.rheinwelle, card.id, to="new", version=card.version, by=cast.nia, at=NOW)
    db._run_hooks(session, "before_commit")
    assert (card.state, bar(session, cast), is_true(session, cast)) == ("new", {}, True)
    actions.undo(session, cast.rheinwelle, out.id, by=cast.nia, at=NOW)
    db._run_hooks(session, "before_commit")
    assert (card.state, bar(session, cast), is_true(session, cast)) == ("mood", {"🎉": 1}, True)
    actions.move_card(session, cast.rheinwelle, card.id, to="shortlisted", version=card.version, by=cast.nia, at=NOW)
    actions.move_card(session, cast.rheinwelle, card.id, to="new", version=card.version, by=cast.nia, at=NOW)
    actions.move_card(session, cast.rheinwelle, card.id, to="mood", version=card.version, by=cast.nia, at=NOW)
    db._run_hooks(session, "before_commit")
    assert (card.state, bar(session, cast), is_true(session, cast)) == ("mood", {"🎉": 1}, True)


def test_a_message_that_says_something_cannot_be_folded(session: Session, cast: Cast) -> None:
    card = arrive(session, cast.rheinwelle, "Grüßt Oma Helga")

    with pytest.raises(NoWay):
        actions.move_card(session, cast.rheinwelle, card.id, to="mood", version=card.version, by=cast.nia, at=NOW)


def test_an_edit_that_says_more_makes_a_card_and_another_emoji_counts_as_that(session: Session, cast: Cast) -> None:
    spoken, other = (arrive(session, cast.rheinwelle, words) for words in ("Moin", "❤️"))
    for card, words in ((spoken, "Moin, grüßt Oma Helga"), (other, "😂")):
        changed = session.get_one(Message, card.message_id)
        changed.text = words
        actions.edit_card(session, changed, at=NOW)
    db._run_hooks(session, "before_commit")

    assert (spoken.state, other.state) == ("new", "mood")
    assert (bar(session, cast), is_true(session, cast)) == ({"😂": 1}, True)


def test_what_is_taken_back_leaves_the_bar_and_a_campaign_takes_its_count_along(session: Session, cast: Cast) -> None:
    gone, kept = (arrive(session, cast.rheinwelle, "❤️") for _ in range(2))
    actions.withdraw_card(session, gone, at=NOW)
    db._run_hooks(session, "before_commit")
    assert (bar(session, cast), is_true(session, cast)) == ({"❤️": 1}, True)

    campaign_id = a_campaign(session, cast, keywords="")
    actions.put_in_campaign(session, kept, campaign_id, by=cast.nia, at=NOW)
    db._run_hooks(session, "before_commit")
    assert bar(session, cast, campaign_id=campaign_id) == {"❤️": 1}
    assert bar(session, cast, campaign_id=0) == {}
    assert is_true(session, cast)


def a_campaign(session: Session, cast: Cast, *, keywords: str) -> int:
    campaign = Campaign(
        station_id=cast.rheinwelle, name="Herz", keywords=keywords, opens_at=SIX - timedelta(days=1), created_at=SIX,
        created_by_id=cast.nia, hue=3,
    )  # fmt: skip
    session.add(campaign)
    session.flush()
    return campaign.id


def test_nothing_is_folded_of_blocked_senders_or_while_an_answer_about_consent_is_awaited(
    session: Session, cast: Cast
) -> None:
    asked = a_listener(session, cast.rheinwelle)
    voice = a_card(session, cast.rheinwelle, kind="voice", text="", listener=asked)
    actions.set_consent(session, cast.rheinwelle, voice.id, "asked", by=cast.nia, at=NOW)
    blocked = a_listener(session, cast.rheinwelle, blocked_until=NOW + timedelta(days=1))

    assert arrive(session, cast.rheinwelle, "👍", listener=asked).state == "new"
    assert arrive(session, cast.rheinwelle, "👍", listener=blocked).state == "new"


def test_a_station_may_switch_it_off(session: Session, cast: Cast) -> None:
    assert mood.folds(session, cast.rheinwelle)

    assert mood.set_folding(session, cast.rheinwelle, is_on=False, by=cast.omar, at=NOW)
    assert not mood.set_folding(session, cast.rheinwelle, is_on=False, by=cast.omar, at=NOW)

    assert arrive(session, cast.rheinwelle, "❤️").state == "new"
    assert session.get_one(Station, cast.oldie95).folds_noise


def test_what_is_behind_the_bar_says_what_it_answers_to(session: Session, cast: Cast) -> None:
    ours = a_message(session, cast.rheinwelle, text="Wie war das Lied?", direction="out")
    folded = arrive(session, cast.rheinwelle, "❤️", reply_to_id=ours.id, sent_at=NOW)
    other = arrive(session, cast.rheinwelle, "😂", sent_at=NOW - timedelta(minutes=20))
    db._run_hooks(session, "before_commit")

    every = mood.list_items(session, cast.rheinwelle, at=NOW)
    late = mood.list_items(session, cast.rheinwelle, at=NOW, minutes=5)
    laughs = mood.list_items(session, cast.rheinwelle, at=NOW, sign="😂")

    assert [item["card"]["id"] for item in every["items"]] == [folded.id, other.id]
    assert every["items"][0]["answers"]["text"] == "Wie war das Lied?"
    assert [item["card"]["id"] for item in late["items"]] == [folded.id]
    assert [item["card"]["id"] for item in laughs["items"]] == [other.id]
    assert mood.list_items(session, cast.oldie95, at=NOW)["items"] == []


def test_a_reaction_is_counted_as_what_it_is_now(provider_on_both: Provider) -> None:
    provider = provider_on_both
    echo = {"from": "4915790009000", "to": ADA, "id": "wamid.OURS", "timestamp": "1795251600", "type": "text",
            "text": {"body": "Wie war das Lied?"}}  # fmt: skip
    provider.post_raw(delivery(value(message_echoes=[echo]), field="smb_message_echoes"))
    seen, behind, now_s = [], [], int(time.time())
    for second, emoji in enumerate(("❤", "👍🏽", "")):
        given = {"message_id": "wamid.OURS", "emoji": emoji}
        provider.post(messages(message("reaction", given, at_s=now_s - 3 + second)))
        provider.run()
        with db.reading() as session:
            bar_now = mood.view_bar(session, provider.cast.rheinwelle, at=clock.now())
            listed = mood.list_items(session, provider.cast.rheinwelle, at=clock.now())
        seen.append([(one["sign"], one["count"]) for one in bar_now["signs"]])
        behind.append([(item["emoji"], item["answers"]["text"]) for item in listed["items"]])

    assert seen == [[("❤️", 1)], [("👍", 1)], []]
    assert behind == [[("❤️", "Wie war das Lied?")], [("👍", "Wie war das Lied?")], []]


def test_a_greeting_that_a_campaign_asks_for_is_a_card_and_others_come_through_the_door(
    provider_on_both: Provider,
) -> None:
    provider = provider_on_both
    with db.transaction() as session:
        a_campaign(session, provider.cast, keywords="Moin")
    provider.say("Moin!")
    provider.say("😂")
    provider.post(messages(message("text", {"body": "hello everyone"})))
    provider.run()

    assert [card.state for card in provider.cards()] == ["new", "mood", "mood"]
    assert [bool(card.campaign_id) for card in provider.cards()] == [True, False, False]


def test_the_bar_walks_along_an_index(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        arrive(session, cast.rheinwelle, "❤️")
    with db.reading() as session:
        if session.get_bind().dialect.name != "sqlite":
            session.execute(text("SET enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN " if session.get_bind().dialect.name == "sqlite" else "EXPLAIN "
        for asked, index in (
            ("SELECT sign, sum(amount) FROM mood_count WHERE station_id = 1 AND minute > 5 GROUP BY sign",
             "uq_mood_count|autoindex_mood_count"),
            ("SELECT id FROM mood_item WHERE station_id = 1 AND at >= 5 ORDER BY at DESC, id DESC LIMIT 61",
             "ix_mood_item_at"),
        ):  # fmt: skip
            plan = " ".join(str(row) for row in session.execute(text(explain + asked)))
            assert any(name in plan for name in index.split("|")), plan
