"""The pile of a triage run: the oldest first, nothing a colleague holds, nothing judged, nothing foreign."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from desk import db
from desk.settings import Settings
from desk.wall import actions, leases, triage
from tests.desk_fixtures import SIX, Browser, Cast, add_cast
from tests.wall.builders import a_card, an_asset

NOW = SIX + timedelta(hours=1)


def test_a_stack_is_the_oldest_new_cards_that_no_colleague_holds(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        old, held, judged, mine, lapsed, new = (
            a_card(session, cast.rheinwelle, kind=kind, sent_at=SIX + timedelta(minutes=minute))
            for minute, kind in enumerate(("text", "voice", "voice", "voice", "image", "voice"))
        )
        a_card(session, cast.oldie95)
        actions.claim(session, cast.rheinwelle, held.id, by=cast.edith, at=NOW)
        actions.claim(session, cast.rheinwelle, lapsed.id, by=cast.edith, at=NOW - timedelta(minutes=5))
        actions.claim(session, cast.rheinwelle, mine.id, by=cast.nia, at=NOW)
        actions.move_card(session, cast.rheinwelle, judged.id, to="rejected", version=1, by=cast.nia, at=NOW)
        wanted = [old.id, mine.id, lapsed.id, new.id]
    with db.reading() as session:
        first = triage.take_stack(session, cast.rheinwelle, by=cast.nia, at=NOW, most=3)
        then = triage.take_stack(session, cast.rheinwelle, by=cast.nia, at=NOW, start=first.next)

        assert [view.card.id for view in (*first.cards, *then.cards)] == wanted
        assert then.next is None
        remaining = triage.count_remaining(session, cast.rheinwelle, by=cast.nia, at=NOW)
        assert list(remaining.kinds.items()) == [("voice", 2), ("image", 1), ("text", 1)]


def test_nobody_gets_what_is_still_being_made_and_it_is_counted(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        states = ("waiting", "fetching", "processing", "ready", "failed", "waiting")
        voices = [a_card(session, cast.rheinwelle, kind="voice") for _ in states]
        for voice, state in zip(voices, states, strict=True):
            an_asset(session, voice.message_id, cast.rheinwelle, state=state)
        again = an_asset(session, a_card(session, cast.rheinwelle).message_id, cast.rheinwelle, state="waiting")
        again.retry_at = NOW + timedelta(hours=1)
        words = a_card(session, cast.rheinwelle, kind="text").id
        wanted = [voices[3].id, voices[4].id, words - 1, words]
    with db.transaction() as session:
        taken = leases.take_ahead(session, cast.rheinwelle, by=cast.nia, at=NOW)
    with db.reading() as session:
        pile = triage.take_stack(session, cast.rheinwelle, by=cast.nia, at=NOW)
        left = triage.count_remaining(session, cast.rheinwelle, by=cast.nia, at=NOW)

    assert [view.card.id for view in pile.cards] == wanted
    assert set(taken) <= set(wanted)
    assert left == triage.Remaining({"voice": 6, "text": 2}, making=4, is_more=False)


def test_a_pile_of_very_many_is_counted_so_far_and_no_further(
    on_both_databases: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triage, "MOST_COUNTED", 3)  # a limit of ours
    with db.transaction() as session:
        cast = add_cast(session)
        for _ in range(3):
            a_card(session, cast.rheinwelle, kind="text")
    with db.reading() as session:
        three = triage.count_remaining(session, cast.rheinwelle, by=cast.nia, at=NOW)
    with db.transaction() as session:
        a_card(session, cast.rheinwelle, kind="text")
    with db.reading() as session:
        more = triage.count_remaining(session, cast.rheinwelle, by=cast.nia, at=NOW)

    assert (three.kinds, three.is_more, more.is_more) == ({"text": 3}, False, True)


def test_two_colleagues_never_get_the_same_card(cast: Cast, sign_in: Callable[[str], Browser]) -> None:
    with db.transaction() as session:
        first, second = (a_card(session, cast.rheinwelle).id for _ in range(2))
    nia, edith = sign_in("nia"), sign_in("edith")

    nia.post(f"/api/v1/cards/{first}/claim", {"version": 1})

    assert [card["id"] for card in edith.get("/api/v1/triage").json["cards"]] == [second]
    assert [card["id"] for card in nia.get("/api/v1/triage").json["cards"]] == [first, second]


def test_a_presenter_judges_nothing(sign_in: Callable[[str], Browser]) -> None:
    browser = sign_in("sam")

    assert [browser.get(path).status_code for path in ("/triage", "/api/v1/triage")] == [403, 403]
