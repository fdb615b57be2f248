"""Webhooks out and Graph calls in, as the provider documents them, against the real server."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from pathlib import Path

import pytest
import requests

from desk.rehearsal import client
from desk.rehearsal.cast import SAMPLES
from desk.rehearsal.config import ConfigFault, config_from
from desk.rehearsal.payloads import envelope, signature, written
from tests.rehearsal.stage import NUMBERS, SECRET, TOKEN, ReceivingDesk, Running, wait_for

V2 = (
    rb'{"object":"whatsapp_business_account","entry":[{"id":"280000000000042","changes":[{"field":"messages","value":'
    rb'{"messaging_product":"whatsapp","metadata":{"display_phone_number":"4915790009000","phone_number_id":'
    rb'"390000000000017"},"messages":[{"from":"4915790001234","id":"wamid.TEST","timestamp":"1795000000","type":"text",'
    rb'"text":{"body":"Gr\u00fc\u00dfe \u2764\ufe0f an k\u00f6ln\u0040radio"}}]}}]}]}'
)


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        (
            b'{"object":"whatsapp_business_account","entry":[]}',
            "992122f5778833b36f9bd295358d4f16c802465e7ced3a406bd64e048c5e1a7a",
        ),
        (V2, "d02df3aa5e013e41d87d28a24203e45c50a9f73038c4b5949ccc4c60edc5806b"),
    ],
)
def test_the_signature_is_the_providers(body: bytes, digest: str) -> None:
    assert signature(body, "rheinwelle-test-app-secret") == "sha256=" + digest


def test_bodies_are_written_in_the_providers_spelling() -> None:
    assert len(V2) == 401
    assert written(json.loads(V2)) == V2
    assert written({"mime_type": "audio/ogg"}) == rb'{"mime_type":"audio\/ogg"}'


def test_every_way_of_batching_keeps_every_message() -> None:
    station = config_from(
        {
            "bind": "127.0.0.1:1",
            "data_dir": "x",
            "stations": [
                dict.fromkeys(
                    (
                        "slug",
                        "phone_number_id",
                        "waba_id",
                        "display_phone_number",
                        "webhook_url",
                        "app_secret",
                        "verify_token",
                        "access_token",
                    ),
                    "1",
                )
            ],
        }
    ).stations[0]
    values = [
        {
            "messaging_product": "whatsapp",
            "metadata": {},
            "contacts": [{"user_id": "DE.1"}],
            "messages": [{"id": str(n)}],
        }
        for n in range(3)
    ]

    for seed in range(12):
        document = json.loads(envelope(station, values, random.Random(seed)))
        found = [
            row["id"]
            for entry in document["entry"]
            for change in entry["changes"]
            for row in change["value"]["messages"]
        ]
        assert found == ["0", "1", "2"]


def test_a_bad_configuration_is_refused_with_all_its_faults() -> None:
    with pytest.raises(ConfigFault) as refused:
        config_from({"stations": [{"slug": "rheinwelle"}]})

    assert len(refused.value.faults) == 3


def test_a_desk_is_greeted_before_it_is_sent_anything(rehearsal: Running, desk: ReceivingDesk) -> None:
    wait_for(lambda: {"verify-rheinwelle", "verify-oldie95"} <= set(desk.handshakes))


def test_a_text_arrives_signed_over_its_raw_bytes(rehearsal: Running, desk: ReceivingDesk) -> None:
    wamid = client.send(rehearsal.base_url, "rheinwelle", "Jutta Köster", text="Grüße ❤️ an köln@radio/früh")

    message = desk.message(wamid)
    hook = next(
        hook for hook in desk.hooks if any(row["id"] == wamid for v in hook.values for row in v.get("messages", []))
    )

    assert message["text"] == {"body": "Grüße ❤️ an köln@radio/früh"}
    assert hook.path == "/webhooks/rheinwelle"
    assert hook.signature == signature(hook.body, SECRET)
    assert hook.body.isascii()
    assert b"\\u0040radio\\/" in hook.body
    assert message["timestamp"].isdigit()


def test_a_listener_with_a_username_has_no_phone_anywhere(rehearsal: Running, desk: ReceivingDesk) -> None:
    wamid = client.send(rehearsal.base_url, "rheinwelle", "Ayşe Yıldız", text="Hallo")

    value = desk.value_of(wamid)
    (message,) = [row for row in value["messages"] if row["id"] == wamid]
    contact = next(row for row in value["contacts"] if row["user_id"] == message["from_user_id"])
    assert "from" not in message
    assert "wa_id" not in contact
    assert message["from_user_id"].startswith("DE.")
    assert contact["profile"] == {"name": "Ayşe Yıldız", "username": "ayse.y"}


def test_the_same_name_is_the_same_person(rehearsal: Running, desk: ReceivingDesk) -> None:
    first, second = (client.send(rehearsal.base_url, "oldie95", "Irgendwer Neues", text="eins") for _ in range(2))

    assert desk.message(first)["from"] == desk.message(second)["from"]
    assert desk.message(first)["from"].startswith("491579000")


@pytest.mark.parametrize(
    ("file", "is_voice", "type_", "mime", "more"),
    [
        ("rw-voice-01.ogg", True, "audio", "audio/ogg; codecs=opus", {"voice": True}),
        ("o95-song-04.mp3", False, "audio", "audio/mpeg", {"voice": False}),
        ("o95-song-05.m4a", False, "audio", "audio/mp4", {"voice": False}),
        ("gesang-alt.amr", False, "audio", "audio/amr", {"voice": False}),
        ("torte.jpg", False, "image", "image/jpeg", {"caption": "Bildtext"}),
        ("clip-schnee.mp4", False, "video", "video/mp4", {"caption": "Bildtext"}),
        ("sticker-sonne.webp", False, "sticker", "image/webp", {"animated": False}),
        ("sticker-herz-bewegt.webp", False, "sticker", "image/webp", {"animated": True}),
        ("IMG_2041.heic", False, "document", "image/heic", {"caption": "Bildtext", "filename": "IMG_2041.heic"}),
        (
            "Kirchenglocken am Morgen.wav",
            False,
            "document",
            "audio/x-wav",
            {"filename": "Kirchenglocken am Morgen.wav"},
        ),
    ],
)
def test_a_file_becomes_the_message_a_phone_makes_of_it(
    rehearsal: Running, desk: ReceivingDesk, file: str, is_voice: bool, type_: str, mime: str, more: dict[str, object]
) -> None:
    path = SAMPLES / file
    wamid = client.send(rehearsal.base_url, "oldie95", "Helga Brandt", file=path, caption="Bildtext", is_voice=is_voice)

    message = desk.message(wamid)
    assert message["type"] == type_
    body = message[type_]
    assert body["mime_type"] == mime
    assert base64.b64decode(body["sha256"]) == hashlib.sha256(path.read_bytes()).digest()
    assert {name: body[name] for name in more} == more
    assert ("caption" in body) is (type_ in ("image", "video", "document"))


def _media_id(rehearsal: Running, desk: ReceivingDesk) -> str:
    wamid = client.send(
        rehearsal.base_url, "rheinwelle", "Jutta Köster", file=SAMPLES / "rw-voice-01.ogg", is_voice=True
    )
    media_id: str = desk.message(wamid)["audio"]["id"]
    return media_id


def test_media_is_looked_up_and_downloaded_in_two_steps(rehearsal: Running, desk: ReceivingDesk) -> None:
    data = (SAMPLES / "rw-voice-01.ogg").read_bytes()
    media_id = _media_id(rehearsal, desk)

    found = rehearsal.graph(f"/v25.0/{media_id}", params={"phone_number_id": NUMBERS["rheinwelle"]}).json()
    assert found["id"] == media_id
    assert found["mime_type"] == "audio/ogg"
    assert found["file_size"] == str(len(data))
    assert found["sha256"] == hashlib.sha256(data).hexdigest()

    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert requests.get(found["url"], headers=bearer, timeout=10).content == data
    assert requests.get(found["url"], timeout=10).status_code == 401
    without_agent = requests.get(found["url"], headers={**bearer, "User-Agent": ""}, timeout=10)
    assert without_agent.status_code == 401
    assert requests.get(found["url"] + "0", headers=bearer, timeout=10).status_code == 404


def test_media_calls_refuse_a_wrong_token_number_or_id(rehearsal: Running, desk: ReceivingDesk) -> None:
    media_id = _media_id(rehearsal, desk)

    bad_token = rehearsal.graph(f"/v25.0/{media_id}", token="stolen")
    assert bad_token.status_code == 401
    assert bad_token.json()["error"]["code"] == 190
    assert bad_token.json()["error"]["type"] == "OAuthException"
    assert bad_token.json()["error"]["fbtrace_id"]
    foreign = rehearsal.graph(f"/v25.0/{media_id}", params={"phone_number_id": NUMBERS["oldie95"]})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (400, 100)
    assert rehearsal.graph("/v25.0/5999").json()["error"]["code"] == 100


def test_links_and_ids_expire_on_order(rehearsal: Running, desk: ReceivingDesk) -> None:
    media_id = _media_id(rehearsal, desk)
    old = rehearsal.graph(f"/v25.0/{media_id}").json()["url"]

    client.order_faults(rehearsal.base_url, {"expire_urls": True})
    assert rehearsal.graph(old.removeprefix(rehearsal.base_url)).status_code == 404
    fresh = rehearsal.graph(f"/v25.0/{media_id}").json()["url"]
    assert rehearsal.graph(fresh.removeprefix(rehearsal.base_url)).status_code == 200

    client.order_faults(rehearsal.base_url, {"expire_ids": True})
    assert rehearsal.graph(f"/v25.0/{media_id}").json()["error"]["code"] == 100


def test_faults_bite_as_often_as_ordered(rehearsal: Running, desk: ReceivingDesk) -> None:
    media_id = _media_id(rehearsal, desk)
    true_sha = rehearsal.graph(f"/v25.0/{media_id}").json()["sha256"]

    client.order_faults(rehearsal.base_url, {"next_media_status": 503, "next_media_count": 2, "wrong_sha": 1})
    answers = [rehearsal.graph(f"/v25.0/{media_id}") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [503, 503, 200, 200]
    assert answers[2].json()["sha256"] != true_sha
    assert answers[3].json()["sha256"] == true_sha
    with pytest.raises(client.Refused):
        client.order_faults(rehearsal.base_url, {"explode": 1})


def test_a_file_can_end_early(rehearsal: Running, desk: ReceivingDesk) -> None:
    media_id = _media_id(rehearsal, desk)
    client.order_faults(rehearsal.base_url, {"short_files": 1})

    found = rehearsal.graph(f"/v25.0/{media_id}").json()
    lengths = [len(rehearsal.graph(found["url"].removeprefix(rehearsal.base_url)).content) for _ in range(2)]

    assert lengths == [int(found["file_size"]) // 2, int(found["file_size"])]


def test_a_reply_is_accepted_and_its_statuses_come_in_rank_order(rehearsal: Running, desk: ReceivingDesk) -> None:
    sender = desk.message(client.send(rehearsal.base_url, "rheinwelle", "Jutta Köster", text="Hallo"))["from"]

    answer = rehearsal.reply(
        "rheinwelle",
        {"to": f"+{sender}", "type": "text", "text": {"body": "Danke"}, "biz_opaque_callback_data": "reply-8841"},
    ).json()

    wamid = answer["messages"][0]["id"]
    assert answer["contacts"] == [{"input": f"+{sender}", "wa_id": sender}]
    rows = desk.statuses_of(wamid, "read")
    assert [row["status"] for row in rows] == ["sent", "delivered", "read"]
    assert {row["biz_opaque_callback_data"] for row in rows} == {"reply-8841"}
    assert {row["recipient_id"] for row in rows} == {sender}
    assert "pricing" in rows[0]
    assert "pricing" not in rows[2]


def test_a_listener_without_a_phone_is_answered_by_bsuid(rehearsal: Running, desk: ReceivingDesk) -> None:
    bsuid = desk.message(client.send(rehearsal.base_url, "rheinwelle", "Ayşe Yıldız", text="Hi"))["from_user_id"]
    text = {"type": "text", "text": {"body": "Danke"}}

    answer = rehearsal.reply("rheinwelle", {"recipient": bsuid, **text}).json()
    as_phone = rehearsal.reply("rheinwelle", {"to": bsuid, **text}).json()

    assert answer["contacts"] == [{"input": bsuid, "user_id": bsuid}]
    rows = desk.statuses_of(answer["messages"][0]["id"], "read")
    assert all("recipient_id" not in row and row["recipient_user_id"] == bsuid for row in rows)
    assert as_phone["error"]["code"] == 131026


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "text", "text": {}}, 100),
        ({"type": "text", "text": {"body": "x" * 4097}}, 100),
        ({"type": "audio", "audio": {"id": "1"}}, 100),
        ({"type": "poll", "poll": {}}, 100),
        ({"type": "reaction", "reaction": {"message_id": "wamid.unknown", "emoji": "❤️"}}, 131009),
        ({"type": "template", "template": {"name": "unknown", "language": {"code": "de"}}}, 132001),
        ({"type": "template", "template": {"name": "danke", "language": {"code": "de"}}}, 132000),
        (
            {
                "type": "interactive",
                "interactive": {
                    "type": "button",
                    "body": {"text": "?"},
                    "action": {
                        "buttons": [{"type": "reply", "reply": {"id": "a", "title": "länger als zwanzig Zeichen"}}]
                    },
                },
            },
            100,
        ),
    ],
)
def test_a_wrong_request_is_refused_with_the_providers_number(
    rehearsal: Running, desk: ReceivingDesk, body: dict[str, object], code: int
) -> None:
    sender = desk.message(client.send(rehearsal.base_url, "oldie95", "Günter Krämer", text="Hallo"))["from"]

    answer = rehearsal.reply("oldie95", {"to": sender, **body})

    assert answer.status_code >= 400
    assert answer.json()["error"]["code"] == code


def test_strangers_and_closed_windows_are_refused(rehearsal: Running, desk: ReceivingDesk) -> None:
    sender = desk.message(client.send(rehearsal.base_url, "oldie95", "Theo Weingärtner", text="Hallo"))["from"]
    text = {"type": "text", "text": {"body": "Danke"}}
    template = {
        "name": "danke",
        "language": {"code": "de"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Theo"}]}],
    }

    assert rehearsal.reply("oldie95", {"to": "+49157900000001", **text}).json()["error"]["code"] == 131026
    assert rehearsal.reply("rheinwelle", {"to": sender, **text}).json()["error"]["code"] == 131047
    assert "messages" in rehearsal.reply("rheinwelle", {"to": sender, "type": "template", "template": template}).json()


def test_an_uploaded_voice_note_can_be_sent_and_is_played(rehearsal: Running, desk: ReceivingDesk) -> None:
    sender = desk.message(client.send(rehearsal.base_url, "oldie95", "Helga Brandt", text="Hallo"))["from"]
    path = f"/v25.0/{NUMBERS['oldie95']}/media"
    data = (SAMPLES / "o95-voice-01.ogg").read_bytes()

    def upload(mime: str) -> requests.Response:
        form = {"messaging_product": "whatsapp", "type": mime}
        return rehearsal.graph(path, "POST", data=form, files={"file": ("gruss.ogg", data, mime)})

    assert upload("audio/webm").json()["error"]["code"] == 100
    media_id = upload("audio/ogg").json()["id"]
    answer = rehearsal.reply("oldie95", {"to": sender, "type": "audio", "audio": {"id": media_id, "voice": True}})

    rows = desk.statuses_of(answer.json()["messages"][0]["id"], "played")
    assert [row["status"] for row in rows] == ["sent", "delivered", "read", "played"]


def test_a_read_receipt_needs_a_known_message(rehearsal: Running, desk: ReceivingDesk) -> None:
    wamid = client.send(rehearsal.base_url, "rheinwelle", "Jutta Köster", text="Liest das jemand?")

    known = rehearsal.reply("rheinwelle", {"status": "read", "message_id": wamid})
    unknown = rehearsal.reply("rheinwelle", {"status": "read", "message_id": "wamid.none"})

    assert known.json() == {"success": True}
    assert unknown.json()["error"]["code"] == 131009


def test_sends_fail_at_once_or_later_as_ordered(rehearsal: Running, desk: ReceivingDesk) -> None:
    sender = desk.message(client.send(rehearsal.base_url, "rheinwelle", "Jutta Köster", text="Hallo"))["from"]
    text = {"to": sender, "type": "text", "text": {"body": "Danke"}}

    client.order_faults(rehearsal.base_url, {"next_send_error": 130429, "next_failed_status": 131049})
    refused, accepted = rehearsal.reply("rheinwelle", text), rehearsal.reply("rheinwelle", text)

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, 130429)
    (row,) = desk.statuses_of(accepted.json()["messages"][0]["id"], "failed")
    assert row["errors"][0]["code"] == 131049


def test_a_payload_of_ones_own_can_be_posted_signed(rehearsal: Running, desk: ReceivingDesk, tmp_path: Path) -> None:
    status = client.post_payload(f"http://127.0.0.1:{desk.port}/webhooks/rheinwelle", "another secret", V2)

    assert status == 200
    hook = next(hook for hook in desk.hooks if hook.body == V2)
    assert hook.signature == signature(V2, "another secret")


def test_a_changed_number_is_told_both_ways(rehearsal: Running, desk: ReceivingDesk) -> None:
    before = desk.message(client.send(rehearsal.base_url, "oldie95", "Umzieher", text="noch alt"))

    bsuid = client.change_number(rehearsal.base_url, "oldie95", "Umzieher")

    update = wait_for(lambda: next((row for row in desk.rows("user_id_update")), None))
    system = wait_for(lambda: next((row for row in desk.rows("messages") if row["type"] == "system"), None))
    assert update["user_id"] == {"previous": before["from_user_id"], "current": bsuid}
    assert system["system"]["type"] == "user_changed_user_id"
    assert (system["from"], system["system"]["user_id"]) == (before["from"], bsuid)
    after = desk.message(client.send(rehearsal.base_url, "oldie95", "Umzieher", text="jetzt neu"))
    assert (after["from_user_id"], after["from"]) == (bsuid, update["wa_id"])


def test_what_is_too_large_arrives_as_an_error(rehearsal: Running, desk: ReceivingDesk, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(100 * 1024 * 1024 + 1)

    message = desk.message(client.send(rehearsal.base_url, "oldie95", "Helga Brandt", file=film))

    assert message["type"] == "unsupported"
    assert message["errors"][0]["code"] == 131052


def test_forwarded_messages_say_so(rehearsal: Running, desk: ReceivingDesk) -> None:
    wamid = client.send(rehearsal.base_url, "oldie95", "Helga Brandt", text="Kettenbrief", is_forwarded=True)

    assert desk.message(wamid)["context"] == {"forwarded": True}


def test_unknown_stations_are_refused_in_words(rehearsal: Running) -> None:
    with pytest.raises(client.Refused, match="unknown station"):
        client.send(rehearsal.base_url, "nirgends", "Jutta Köster", text="Hallo")


def test_foreign_web_pages_cannot_play_along(rehearsal: Running) -> None:
    form = {"station": "rheinwelle", "from": "Jutta Köster", "text": "Hallo"}

    assert requests.post(rehearsal.base_url + "/rehearsal/messages", data=form, timeout=10).status_code == 403
    assert requests.post(rehearsal.base_url + "/phone/messages", data=form, timeout=10).status_code == 403
