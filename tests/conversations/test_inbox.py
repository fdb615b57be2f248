"""Which dialogues wait, in which order, and what the inbox never shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.conversations import inbox, replies
from desk.conversations.models import Conversation, Message
from desk.listeners.models import Listener
from desk.live.models import AuditRow, LiveEvent
from desk.settings import Settings
from tests.desk_fixtures import SIX, Browser, Cast, add_cast
from tests.wall.builders import a_listener, a_message, an_asset

NOW = SIX + timedelta(hours=2)


def said(
    session: Session, station_id: int, who: Listener, text: str, at: datetime, direction: str = "in", **values: object
) -> Message:
    """One message of a dialogue whose window is open for a day after the listener's last words."""
    message = a_message(session, station_id, text=text, listener=who, sent_at=at, direction=direction, **values)  # type: ignore[arg-type]
    thread = session.get_one(Conversation, message.conversation_id)
    if direction == "in":
        thread.last_message_at, thread.closes_at = at, at + timedelta(hours=24)
    return message


def waiting(session: Session, station_id: int, at: datetime = NOW) -> list[str]:
    return [one.listener.first_name for one in inbox.list_waiting(session, station_id, at=at)]


def test_a_dialogue_waits_from_the_first_words_that_nobody_answered(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        ada, bo = (a_listener(session, cast.rheinwelle, name) for name in ("Ada", "Bo"))
        said(session, cast.rheinwelle, ada, "Moin", SIX)
        said(session, cast.rheinwelle, ada, "Hallo Ada", SIX + timedelta(minutes=1), "out", delivery_state="read")
        said(session, cast.rheinwelle, ada, "Wann läuft es?", SIX + timedelta(minutes=2))
        said(session, cast.rheinwelle, ada, "Noch da?", SIX + timedelta(minutes=9))
        said(session, cast.rheinwelle, bo, "Danke", SIX)
        said(session, cast.rheinwelle, bo, "Gern", SIX + timedelta(minutes=1), "out", delivery_state="sent")
    with db.reading() as session:
        every = {one.listener.first_name: one for one in inbox.list_dialogues(session, cast.rheinwelle, at=NOW)}

        assert waiting(session, cast.rheinwelle) == ["Ada"]
        assert inbox.count_waiting(session, cast.rheinwelle, at=NOW) == 1
        assert every["Ada"].waits_since == SIX + timedelta(minutes=2)
        assert every["Bo"].waits_since is None


@pytest.mark.parametrize(
    ("state", "names"), [("cancelled", ["Ada"]), ("failed", ["Ada"]), ("unsure", []), ("held", [])]
)
def test_an_answer_that_never_left_is_none(on_both_databases: Settings, state: str, names: list[str]) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        ada = a_listener(session, cast.rheinwelle, "Ada")
        said(session, cast.rheinwelle, ada, "Moin", SIX)
        said(session, cast.rheinwelle, ada, "Hallo", SIX + timedelta(minutes=1), "out", delivery_state=state)
    with db.reading() as session:
        assert waiting(session, cast.rheinwelle) == names
        last = inbox.list_dialogues(session, cast.rheinwelle, at=NOW)[0].last.text
        assert last == ("Moin" if state == "cancelled" else "Hallo")


def test_the_window_that_closes_first_is_at_the_top_and_a_closed_one_is_left_out(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        for name, hours in (("Bo", 3), ("Ada", 20), ("Chi", 25), ("Dora", 1)):
            said(
                session, cast.rheinwelle, a_listener(session, cast.rheinwelle, name), "?", NOW - timedelta(hours=hours)
            )
        said(session, cast.oldie95, a_listener(session, cast.oldie95, "Otto"), "?", NOW)
    with db.reading() as session:
        first = inbox.list_waiting(session, cast.rheinwelle, at=NOW, most=2)
        place = first[-1].conversation
        then = inbox.list_waiting(session, cast.rheinwelle, at=NOW, after=(place.closes_at or NOW, place.id))

        assert [one.listener.first_name for one in (*first, *then)] == ["Ada", "Bo", "Dora"]
        newest = inbox.list_dialogues(session, cast.rheinwelle, at=NOW)
        assert [one.listener.first_name for one in newest] == ["Dora", "Bo", "Ada", "Chi"]


def test_a_blocked_listener_neither_waits_nor_speaks(session: Session) -> None:
    cast = add_cast(session)
    ada = a_listener(session, cast.rheinwelle, "Ada", blocked_until=NOW + timedelta(days=1))
    said(session, cast.rheinwelle, ada, "Schimpfwort", SIX)

    shown = inbox.list_dialogues(session, cast.rheinwelle, at=NOW)[0].as_json()

    assert waiting(session, cast.rheinwelle) == []
    assert (shown["waits_since"], shown["last"]["text"]) == (None, "")


def test_settling_ends_the_wait_until_the_listener_writes_again(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        ada = a_listener(session, cast.rheinwelle, "Ada")
        thread_id = said(session, cast.rheinwelle, ada, "Danke", SIX).conversation_id
        inbox.settle(session, cast.rheinwelle, thread_id, by=cast.nia, at=SIX + timedelta(minutes=1))
    with db.transaction() as session:
        assert waiting(session, cast.rheinwelle) == []
        said(session, cast.rheinwelle, ada, "Doch noch was", SIX + timedelta(minutes=2))
        assert waiting(session, cast.rheinwelle) == ["Ada"]
        inbox.settle(session, cast.rheinwelle, thread_id, by=cast.nia, at=SIX + timedelta(minutes=3))
        inbox.reopen(session, cast.rheinwelle, thread_id, by=cast.nia, at=SIX + timedelta(minutes=4))
    with db.reading() as session:
        acts = session.execute(select(AuditRow.act).where(AuditRow.object == f"conversation:{thread_id}")).scalars()
        told = session.execute(select(LiveEvent.kind).where(LiveEvent.station_id == cast.rheinwelle)).scalars()

        assert waiting(session, cast.rheinwelle) == ["Ada"]
        assert list(acts) == ["conversation.settle", "conversation.settle", "conversation.reopen"]
        assert list(told) == ["conversation.changed"] * 3


def test_the_dialogue_opens_with_its_words_files_and_window(cast: Cast, sign_in: Callable[[str], Browser]) -> None:
    at = clock.now() - timedelta(minutes=5)
    with db.transaction() as session:
        ada = a_listener(session, cast.rheinwelle, "Ada")
        voice = said(session, cast.rheinwelle, ada, "", at, kind="voice")
        an_asset(session, voice.id, cast.rheinwelle, state="ready", duration_s=12.0)
        blocked = a_listener(session, cast.rheinwelle, "Bo", blocked_until=at + timedelta(days=1))
        silent = said(session, cast.rheinwelle, blocked, "Schimpfwort", at)
        thread_id, silent_id = voice.conversation_id, silent.conversation_id
    browser = sign_in("nia")

    body = browser.get(f"/api/v1/conversations/{thread_id}").json
    other = browser.get(f"/api/v1/conversations/{silent_id}").json

    assert [one["kind"] for one in body["messages"]] == ["voice"]
    assert [one["duration_s"] for one in body["media"]] == [12.0]
    assert body["window"]["open"] is True
    assert body["dialogue"]["waits_since"] is not None
    assert other["messages"] == []


def test_an_answer_from_the_inbox_ends_the_wait_and_taking_it_back_begins_it_again(
    cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    with db.transaction() as session:
        ada = a_listener(session, cast.rheinwelle, "Ada")
        thread_id = said(session, cast.rheinwelle, ada, "Wann?", clock.now()).conversation_id
    browser = sign_in("nia")

    reply = {"text": "Gleich", "idempotency_key": "k1"}
    message = browser.post(f"/api/v1/conversations/{thread_id}/replies", reply).json["message"]
    answered = browser.get("/api/v1/conversations").json["waiting"]
    browser.delete(f"/api/v1/replies/{message['id']}")

    assert (message["delivery_state"], answered) == (replies.rules.DeliveryState.HELD, 0)
    assert browser.get("/api/v1/conversations?view=waiting").json["waiting"] == 1


@pytest.mark.parametrize("query", ["view=x", "from=1", "from=a.b", f"from={'9' * 20}.1"])
def test_a_place_that_is_none_is_refused(sign_in: Callable[[str], Browser], query: str) -> None:
    assert sign_in("nia").get(f"/api/v1/conversations?{query}").status_code == 422


def test_a_presenter_sees_no_dialogues(sign_in: Callable[[str], Browser]) -> None:
    browser = sign_in("sam")

    assert [browser.get(path).status_code for path in ("/inbox", "/api/v1/conversations")] == [403, 403]
