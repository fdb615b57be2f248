"""What listeners write and say is looked at when it comes: a hit goes to the lead, covered, and waits for a person."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from desk import clock, db
from desk.conversations.models import Message
from desk.listeners import blocking
from desk.listeners.models import Listener
from desk.media import signals as media
from desk.media.models import Transcript
from desk.safety import actions, finding, queries
from desk.wall.models import Card
from tests.desk_fixtures import SIX, Browser, Cast
from tests.wall.builders import a_card, a_listener, an_asset

THREAT = "Ich weiß, wo du wohnst"


def comes(cast: Cast, text: str, listener_id: int | None = None) -> int:
    """A message comes and is looked at, as intake does."""
    with db.transaction() as session:
        listener = session.get_one(Listener, listener_id) if listener_id else a_listener(session, cast.rheinwelle)
        card = a_card(session, cast.rheinwelle, text=text, listener=listener)
        finding.look_at_card(session, card, clock.now())
        return card.id


def state_of(card_id: int) -> tuple[str, str] | None:
    with db.reading() as session:
        case = queries.find_newest(session, card_id)
        return (case.state, case.kind) if case else None


def test_a_threat_waits_with_the_lead_and_a_person_decides(
    app: Flask, cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    harmless, threat = comes(cast, "Das Lied ist der Hammer"), comes(cast, THREAT)
    edith, nia = sign_in("edith"), sign_in("nia")
    events = nia.get("/api/v1/events?after=0").get_data(as_text=True)
    (listed,) = edith.get("/api/v1/safety").get_json()["cases"]
    taken = edith.post(f"/api/v1/safety/{listed['id']}/take").get_json()["case"]

    assert (state_of(harmless), state_of(threat)) == (None, ("open", "threat"))
    assert "wohnst" not in events, "no page ever heard of it"
    assert [card["id"] for card in nia.get("/api/v1/cards").get_json()["cards"]] == [harmless]
    assert (listed["state"], listed["opened_by"]) == ("suggested", None)
    assert (taken["state"], taken["opened_by"]["name"], taken["text"]) == ("open", "Edith", THREAT)


def test_what_was_put_back_is_not_suggested_again_whatever_becomes_known_of_it(cast: Cast) -> None:
    card_id = comes(cast, THREAT)
    with db.transaction() as session:
        case = queries.load_newest(session, cast.rheinwelle, card_id)
        actions.put_back(session, cast.rheinwelle, case.id, by=cast.edith, at=clock.now())
    with db.transaction() as session:
        finding.look_at_card(session, session.get_one(Card, card_id), clock.now())

    assert state_of(card_id) == ("back", "threat")
    with db.reading() as session:
        card = session.get_one(Card, card_id)
        assert (card.withdrawn_at, card.state, "wohnst" in card.folded) == (None, "new", True)


def test_what_is_said_in_a_voice_is_found_when_it_is_written_down(cast: Cast) -> None:
    with db.transaction() as session:
        card = a_card(session, cast.rheinwelle, kind="voice", text="")
        asset = an_asset(session, card.message_id, cast.rheinwelle, state="ready", original_sha256="0" * 64)
        said = Transcript(asset_id=asset.id, station_id=cast.rheinwelle, state="ready", language="de", text=THREAT,
                          words=[], original_sha256="0" * 64, at=SIX)  # fmt: skip
        session.add(said)
        session.flush()
        for told in media.spoken:
            told(session, card.message_id, clock.now())
        card_id = card.id

    assert state_of(card_id) == ("suggested", "threat")


def test_a_blocked_sender_fills_nobodys_list_and_a_station_may_switch_it_off(
    app: Flask, cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    first = comes(cast, THREAT)
    with db.transaction() as session:
        listener = blocking.hold(session, session.get_one(Card, first).listener_id)
        until = clock.now().replace(year=clock.now().year + 1)
        blocking.block(session, listener, until=until, reason="threats", by=cast.edith, at=clock.now())
    second = comes(cast, THREAT, listener.id)
    edith = sign_in("edith")
    form = {"threats": "", "insults": "blödmann", "harmless": "", "contact": "Hausleitung, 4711", "is_on": "1"}
    headers = edith._headers()
    saved = edith.client.post("/safety/rules", data=form, headers=headers)
    third, fourth = comes(cast, THREAT), comes(cast, "So ein Blödmann")
    refused = edith.client.post("/safety/rules", data={**form, "insults": "*"}, headers=headers)
    off = edith.client.post("/safety/rules", data={key: form[key] for key in form if key != "is_on"}, headers=headers)
    fifth = comes(cast, "So ein Blödmann")

    assert (saved.status_code, refused.status_code, off.status_code) == (303, 422, 303)
    assert [state_of(one) for one in (second, third, fourth, fifth)] == [None, None, ("suggested", "insult"), None]
    assert sign_in("nia").client.post("/safety/rules", data=form).status_code in (400, 403)
    assert "Hausleitung" in edith.get("/safety").get_data(as_text=True)
    with db.reading() as session:
        message = session.get_one(Message, session.get_one(Card, first).message_id)
        assert message.text == THREAT, "nothing is lost"
