"""The pile of a triage run: the oldest first, nothing a colleague holds, nothing judged, nothing foreign."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from desk import db
from desk.settings import Settings
from desk.wall import actions, triage
from tests.desk_fixtures import SIX, Browser, Cast, add_cast
from tests.wall.builders import a_card

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
        assert list(remaining.items()) == [("voice", 2), ("image", 1), ("text", 1)]


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
