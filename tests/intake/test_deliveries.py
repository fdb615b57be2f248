"""From a signed delivery to the wall, on both databases."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from desk import clock, db
from desk.conversations.models import Conversation, Message, PendingChange, Reaction
from desk.intake import actions
from desk.intake.models import Delivery, DeliveryItem
from desk.intake.rules import Outcome
from desk.jobs import dispatch, work
from desk.jobs.models import Job
from desk.listeners.models import Address, Listener
from tests.intake.provider import (
    ADA,
    BO,
    Provider,
    add_number,
    delivery,
    message,
    messages,
    sign,
    status,
    statuses,
    text_message,
    value,
)


def test_a_message_is_one_card_with_its_words(provider_on_both: Provider) -> None:
    provider_on_both.say("Grüße aus Remagen 🌻")

    provider_on_both.run()

    (card,) = provider_on_both.cards()
    (row,) = provider_on_both.rows(Message)
    (listener,) = provider_on_both.rows(Listener)
    assert (card.state, card.kind, row.text) == ("new", "text", "Grüße aus Remagen 🌻")
    assert (listener.first_name, listener.place, listener.message_count) == ("Ada", "Remagen", 1)
    assert provider_on_both.outcomes() == ["card"]


def test_the_same_delivery_from_eight_sides_is_one_card(provider_on_both: Provider) -> None:
    body = delivery(messages(text_message("Nur einmal")))
    path = provider_on_both.path

    def post(_: int) -> int:
        client = provider_on_both.client.application.test_client()
        return client.post(path, data=body, headers={"X-Hub-Signature-256": sign(body)}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(40)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: work.run_due(), range(4)))

    assert set(answers) == {200}
    assert len(provider_on_both.cards()) == len(provider_on_both.rows(Delivery)) == 1


def test_a_message_in_other_groupings_is_still_one_card(provider_on_both: Provider) -> None:
    one, two, three = (text_message(f"Nummer {number}") for number in range(3))
    for group in ((one, two), (two, three), (three, one), (one, two, three)):
        provider_on_both.post(messages(*group))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: work.run_due(), range(4)))

    assert len(provider_on_both.cards()) == 3
    assert sorted(provider_on_both.outcomes()).count("repeat") == 6


def test_every_job_may_run_twice(provider_on_both: Provider) -> None:
    provider_on_both.say("Zweimal gelesen")
    provider_on_both.run()
    with db.transaction() as session:
        session.execute(update(Job).values(state="ready", run_at=clock.now(), lease=None))
        session.execute(update(Delivery).values(state="stored"))

    provider_on_both.run()

    assert len(provider_on_both.cards()) == 1
    assert provider_on_both.outcomes() == ["card"]


def test_every_entry_change_message_and_status_of_a_batch_is_read(provider: Provider) -> None:
    body = delivery(
        messages(text_message("eins"), text_message("zwei", sender=BO)),
        messages(text_message("drei")) | statuses(status("wamid.OLD", "delivered")),
        statuses(status("wamid.OLD", "sent"), status("wamid.OLD", "read")),
    )

    provider.post_raw(body)
    provider.run()

    assert len(provider.cards()) == 3
    assert provider.outcomes() == ["card", "card", "card", "status", "status", "status"]


KINDS = [
    ("text", {"body": "Hallo"}, "text"),
    ("location", {"latitude": 50.58, "longitude": 7.23, "name": "Remagen"}, "location"),
    ("contacts", [{"name": {"formatted_name": "Chi"}, "phones": [{"phone": "+49 1579 0001299"}]}], "contacts"),
    ("button", {"payload": "ja", "text": "Ja, gern"}, "button"),
    ("interactive", {"type": "button_reply", "button_reply": {"id": "a", "title": "Ja"}}, "interactive"),
    ("order", {"catalog_id": "1", "product_items": []}, "order"),
    ("unsupported", {"type": "poll_creation"}, "unknown"),
    ("hologram", {"depth": 3}, "unknown"),
    ("image", {"id": "590", "mime_type": "image/jpeg"}, "image"),
    ("video", {"id": "591", "mime_type": "video/mp4"}, "video"),
    ("audio", {"id": "592", "mime_type": "audio/ogg; codecs=opus", "voice": True}, "voice"),
    ("audio", {"id": "593", "mime_type": "audio/mpeg"}, "audio"),
    ("document", {"id": "594", "mime_type": "application/pdf", "filename": "x.pdf"}, "document"),
    ("sticker", {"id": "595", "mime_type": "image/webp"}, "sticker"),
]


@pytest.mark.parametrize(("kind", "body", "shown_as"), KINDS, ids=[f"{kind}-{shown}" for kind, _, shown in KINDS])
def test_every_kind_of_message_becomes_a_card(provider: Provider, kind: str, body: object, shown_as: str) -> None:
    provider.post(messages(message(kind, body)))

    provider.run()

    (card,) = provider.cards()
    assert card.kind == shown_as


def test_numbers_in_a_contact_card_are_sealed(provider: Provider) -> None:
    provider.post(messages(message("contacts", KINDS[2][1])))

    provider.run()

    (row,) = provider.rows(Message)
    assert row.details["cards"] == [{"name": "Chi", "organisation": None, "origin": None, "numbers": 1, "mails": 0}]
    assert "1579" not in str(row.details)


def test_a_sender_without_a_phone_number_is_recognised_again(provider: Provider) -> None:
    for words in ("eins", "zwei"):
        provider.post(messages(text_message(words, sender=None, bsuid="DE.7731904426618250")))
    provider.run()

    assert len(provider.cards()) == 2
    assert len(provider.rows(Listener)) == 1


def test_no_address_or_provider_id_lies_open(provider: Provider) -> None:
    provider.say("Hallo", id="wamid.SECRET4915790001234")
    provider.run()

    open_values = " ".join(
        str(getattr(row, column.key))
        for model in (Message, Address, Listener, DeliveryItem)
        for row in provider.rows(model)
        for column in model.__table__.columns
    )
    assert ADA not in open_values
    assert "wamid" not in open_values
    assert "Köster" not in open_values


def test_old_messages_are_cards_marked_late(provider: Provider) -> None:
    provider.say("Von gestern", at_s=int(time.time()) - 6 * 86400)
    provider.say("Von jetzt")

    provider.run()

    assert [card.is_late for card in provider.cards()] == [True, False]


def test_a_clock_that_runs_ahead_does_not_lengthen_the_window(provider: Provider) -> None:
    provider.say("Aus der Zukunft", at_s=int(time.time()) + 7200)

    provider.run()

    (thread,) = provider.rows(Conversation)
    (row,) = provider.rows(Message)
    assert row.details["is_ahead"] is True
    assert (thread.closes_at - clock.now()).total_seconds() < 86400


def test_items_of_a_number_we_do_not_know_are_parked(provider: Provider) -> None:
    answer = provider.post(messages(text_message("Wohin?"), number="777"))

    provider.run()

    assert answer.status_code == 200
    assert provider.cards() == []
    (item,) = provider.rows(DeliveryItem)
    assert (item.outcome, item.reason) == ("parked", "unknown_number")


def test_a_parked_item_is_placed_when_its_number_is_known_and_it_is_replayed(provider: Provider) -> None:
    provider.post(messages(text_message("Nachgereicht"), number="778"))
    provider.run()
    add_number(provider.cast, None, number="778")

    with db.transaction() as session:
        actions.replay_delivery(session, provider.deliveries()[0].id, at=clock.now())
    provider.run()

    assert len(provider.cards()) == 1
    assert provider.outcomes() == ["card"]


def test_one_station_cannot_speak_in_the_name_of_anothers_number(provider: Provider) -> None:
    add_number(provider.cast, None, number="999", station=provider.cast.oldie95, app_secret="a-secret-of-oldie-95")

    provider.post(messages(text_message("Gefälscht"), number="999"))
    provider.run()

    assert provider.cards() == []
    assert provider.outcomes() == ["parked"]


def test_a_number_of_the_same_app_may_come_over_the_other_webhook(provider: Provider) -> None:
    add_number(provider.cast, None, number="998", station=provider.cast.oldie95)

    provider.post(messages(text_message("Für Oldie"), number="998"))
    provider.run()

    (card,) = provider.cards()
    assert card.station_id == provider.cast.oldie95


def test_what_was_stored_but_never_read_is_found_within_minutes(provider: Provider) -> None:
    provider.say("Vergessen")
    with db.transaction() as session:
        session.execute(update(Job).values(state="done"))
    with db.transaction() as session:
        assert actions.reconcile(session, at=clock.now()) == 0
        assert actions.reconcile(session, at=clock.now() + timedelta(minutes=2)) == 1
    provider.run_waiting("read_delivery")

    assert len(provider.cards()) == 1


def test_a_delivery_with_fewer_results_than_items_is_read_again(provider: Provider) -> None:
    provider.say("Ergebnis verloren")
    provider.run()
    with db.transaction() as session:
        session.execute(DeliveryItem.__table__.delete())

    with db.transaction() as session:
        assert actions.reconcile(session, at=clock.now()) == 1
    provider.run()

    assert provider.outcomes() == ["repeat"]
    assert len(provider.cards()) == 1


def test_reading_goes_on_where_a_worker_died(provider: Provider) -> None:
    provider.post(messages(text_message("eins"), text_message("zwei")))
    with db.transaction() as session:
        delivery_id = session.execute(select(Delivery.id)).scalar_one()
        actions.record_item(session, delivery_id, 0, Outcome.CARD, at=clock.now())

    provider.run()

    assert len(provider.cards()) == 1
    assert provider.outcomes() == ["card", "card"]


def changes(number: int) -> dict[str, dict[str, Any]]:
    """A message, two edits and its withdrawal, as the provider posts them."""
    target = {"original_message_id": f"wamid.ORIG{number}"}

    def edit(words: str, at_s: int) -> dict[str, Any]:
        changed = {"type": "text", "text": {"body": words}}
        return messages(message("edit", target | {"message": changed}, id=f"wamid.{words}{number}", at_s=at_s))

    return {
        "original": messages(text_message("Erste", id=target["original_message_id"], at_s=1_795_000_000)),
        "edit": edit("Zweite", 1_795_000_060),
        "later edit": edit("Dritte", 1_795_000_120),
        "revoke": messages(message("revoke", target, id=f"wamid.R{number}", at_s=1_795_000_180)),
    }


def test_edits_and_revokes_end_alike_in_every_order(provider: Provider) -> None:
    names = ("original", "edit", "later edit", "revoke")
    for number, order in enumerate(permutations(names)):
        for name in order:
            provider.post(changes(number)[name])
            provider.run()

        row, card = provider.rows(Message)[-1], provider.cards()[-1]
        assert (row.text, row.revoked_at is not None) == ("Dritte", True), order
        assert card.withdrawn_at is not None, order
    assert len(provider.cards()) == 24
    assert provider.rows(PendingChange) == []


def test_a_stranger_cannot_take_a_message_back(provider: Provider) -> None:
    provider.say("Meins", id="wamid.MINE")
    provider.post(messages(message("revoke", {"original_message_id": "wamid.MINE"}, sender=BO)))

    provider.run()

    (card,) = provider.cards()
    assert card.withdrawn_at is None


def test_a_changed_identity_joins_what_came_before_and_after(provider_on_both: Provider) -> None:
    change = {
        "type": "user_changed_user_id", "wa_id": "4915790001299", "user_id": "DE.NEW",
        "body": f"User Ada changed from DE.{ADA} to DE.NEW",
    }  # fmt: skip
    provider_on_both.say("Vorher")
    provider_on_both.say("Nachher", sender="4915790001299", bsuid="DE.NEW")
    provider_on_both.run()
    assert len(provider_on_both.rows(Listener)) == 2

    provider_on_both.post(value(messages=[message("system", change)]))
    provider_on_both.run()

    kept, gone = provider_on_both.rows(Listener)
    assert gone.merged_into_id == kept.id
    assert kept.message_count == 2
    assert {card.listener_id for card in provider_on_both.cards()} == {kept.id}
    assert {row.listener_id for row in provider_on_both.rows(Message)} == {kept.id}
    assert len({row.conversation_id for row in provider_on_both.rows(Message)}) == 1


def test_a_reaction_to_an_unknown_message_waits_for_it(provider: Provider) -> None:
    provider.post(messages(message("reaction", {"message_id": "wamid.OURS", "emoji": "❤️"})))
    provider.run()
    assert provider.rows(Reaction) == []

    echo = {"from": "4915790009000", "to": ADA, "id": "wamid.OURS", "timestamp": "1795251600", "type": "text",
            "text": {"body": "Aus dem Handy"}}  # fmt: skip
    provider.post_raw(delivery(value(message_echoes=[echo]), field="smb_message_echoes"))
    provider.run()

    (reaction,) = provider.rows(Reaction)
    assert reaction.emoji == "❤️"
    assert provider.cards() == []


def test_the_handshake_answers_the_challenge_as_plain_text(provider: Provider) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "7031584421", "hub.verify_token": "rheinwelle-verify"}

    good = provider.client.get(provider.path, query_string=asked)
    bad = provider.client.get(provider.path, query_string=asked | {"hub.verify_token": "geraten"})
    script = provider.client.get(provider.path, query_string=asked | {"hub.challenge": "<script>alert(1)</script>"})

    assert (good.status_code, good.text, good.mimetype) == (200, "7031584421", "text/plain")
    assert good.headers["X-Content-Type-Options"] == "nosniff"
    assert bad.status_code == 403
    assert script.mimetype == "text/plain"


def test_an_address_that_is_nobodys_is_not_there(app: Flask) -> None:
    client = app.test_client()

    assert client.get("/webhooks/unknown").status_code == 404
    assert client.post("/webhooks/unknown", data=b"{}").status_code == 404


def test_a_card_is_placed_while_the_queue_is_away(provider: Provider) -> None:
    dispatch.use(dispatch.Doorbell("redis://127.0.0.1:9/0"))

    provider.say("Ohne Klingel")
    provider.run()

    assert len(provider.cards()) == 1
