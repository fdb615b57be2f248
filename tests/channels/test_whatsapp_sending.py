"""Messages to listeners: what is asked of the provider, and what each of its answers means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desk.channels.contract import (
    ChannelBroken,
    ChannelReport,
    MessageKind,
    OutcomeUnknown,
    Outgoing,
    OutgoingMedia,
    Recipient,
    RefusalReason,
    Refused,
    ReplyButton,
    SendError,
    SendResult,
    Template,
    Throttled,
    Unreachable,
    WindowClosed,
)
from desk.channels.registry import CHANNELS, UnknownChannel, open_channel
from desk.channels.whatsapp_cloud.client import ClientConfig, GraphClient, Timeouts
from desk.channels.whatsapp_cloud.error_table import BROKEN, REFUSED, TEMPORARY, THROTTLED, explain_code
from desk.channels.whatsapp_cloud.messages import write_body
from desk.errors import Invalid, NotAllowed, Unavailable
from tests.channels import graph_server as graph
from tests.channels.graph_server import Provider

TOKEN = "EAAG-invented-token"
NUMBER = "390000000000017"
MESSAGES, MEDIA = f"/v25.0/{NUMBER}/messages", f"/v25.0/{NUMBER}/media"
QUICK = Timeouts(connect_s=1, read_s=0.3, look_up_s=1, send_s=1, upload_s=1)
JUTTA = Recipient(phone="+4915790001234")
BO = Recipient(bsuid="DE.5550001112223334")
THANKS = Outgoing(to=JUTTA, text="Danke, Jutta", callback_data="reply-8841")
SETTINGS: dict[str, Any] = {"graph_base_url": "http://127.0.0.1:8090", "allowed_hosts": ["127.0.0.1:8090"]}
SECRETS: dict[str, Any] = {
    "access_token": TOKEN,
    "verify_token": "rheinwelle-verify",
    "app_secrets": ["rheinwelle-test-app-secret"],
}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with graph.running() as provider:
        yield provider


@pytest.fixture
def client(provider: Provider) -> GraphClient:
    return a_client(provider)


def a_client(provider: Provider) -> GraphClient:
    return GraphClient(
        ClientConfig(
            access_token=TOKEN,
            phone_number_id=NUMBER,
            graph_base_url=provider.base_url,
            allowed_hosts=frozenset({provider.host}),
            timeouts=QUICK,
        )
    )


def accepted(provider_id: str = "wamid.OURS1") -> graph.Answer:
    return graph.says(200, {"messaging_product": "whatsapp", "messages": [{"id": provider_id}]})


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_text_goes_out_as_the_provider_wants_it(provider: Provider, client: GraphClient) -> None:
    provider.script = {MESSAGES: [accepted()]}

    result = client.send(replace(THANKS, reply_to="wamid.LISTENER1"))

    assert result == SendResult("wamid.OURS1")
    (asked,) = provider.asked
    assert asked.method == "POST"
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+4915790001234",
        "biz_opaque_callback_data": "reply-8841",
        "context": {"message_id": "wamid.LISTENER1"},
        "type": "text",
        "text": {"body": "Danke, Jutta", "preview_url": False},
    }


def test_a_person_without_number_is_a_recipient_and_never_a_to() -> None:
    body = write_body(replace(THANKS, to=BO))

    assert body["recipient"] == "DE.5550001112223334"
    assert "to" not in body


@pytest.mark.parametrize(
    ("message", "type_name", "part"),
    [
        (
            Outgoing(to=BO, text="Dürfen wir das senden?", buttons=(ReplyButton("consent:yes:1", "Ja, gern"),)),
            "interactive",
            {
                "type": "button",
                "body": {"text": "Dürfen wir das senden?"},
                "action": {"buttons": [{"type": "reply", "reply": {"id": "consent:yes:1", "title": "Ja, gern"}}]},
            },
        ),
        (Outgoing(to=BO, media=OutgoingMedia("59", MessageKind.VOICE)), "audio", {"id": "59", "voice": True}),
        (Outgoing(to=BO, media=OutgoingMedia("59", MessageKind.AUDIO)), "audio", {"id": "59"}),
        (
            Outgoing(to=BO, text="Du", media=OutgoingMedia("59", MessageKind.IMAGE)),
            "image",
            {"id": "59", "caption": "Du"},
        ),
        (
            Outgoing(to=BO, media=OutgoingMedia("59", MessageKind.DOCUMENT, "regeln.pdf")),
            "document",
            {"id": "59", "filename": "regeln.pdf"},
        ),
        (
            Outgoing(to=BO, reply_to="wamid.L1", reaction="❤️"),
            "reaction",
            {"message_id": "wamid.L1", "emoji": "❤️"},
        ),
        (Outgoing(to=BO, reply_to="wamid.L1", reaction=""), "reaction", {"message_id": "wamid.L1", "emoji": ""}),
        (
            Outgoing(to=BO, template=Template("gewinn_info", "de", ("Jutta",))),
            "template",
            {
                "name": "gewinn_info",
                "language": {"code": "de"},
                "components": [{"type": "body", "parameters": [{"type": "text", "text": "Jutta"}]}],
            },
        ),
    ],
)
def test_each_kind_of_message_has_its_part(message: Outgoing, type_name: str, part: dict[str, Any]) -> None:
    body = write_body(message)

    assert body["type"] == type_name
    assert body[type_name] == part
    assert ("context" in body) is False


@pytest.mark.parametrize(
    ("message", "faults"),
    [
        (Outgoing(to=Recipient(), text=""), {"to", "text"}),
        (Outgoing(to=Recipient(phone="4915790001234"), text="x"), {"to"}),
        (Outgoing(to=Recipient(phone="DE.5550001112223334"), text="x"), {"to"}),
        (Outgoing(to=BO, text=" \n"), {"text"}),
        (Outgoing(to=BO, text="x" * 4097), {"text"}),
        (Outgoing(to=BO, text="x" * 1025, media=OutgoingMedia("1", MessageKind.IMAGE)), {"text"}),
        (Outgoing(to=BO, text="x", media=OutgoingMedia("1", MessageKind.VOICE)), {"text"}),
        (Outgoing(to=BO, media=OutgoingMedia("1", MessageKind.TEXT)), {"media"}),
        (Outgoing(to=BO, text="x", buttons=(ReplyButton("1", "x" * 21),)), {"buttons"}),
        (Outgoing(to=BO, text="x", buttons=(ReplyButton("1", "a"), ReplyButton("1", "b"))), {"buttons"}),
        (Outgoing(to=BO, text="x", buttons=tuple(ReplyButton(str(n), "a") for n in range(4))), {"buttons"}),
        (Outgoing(to=BO, text="x", buttons=(ReplyButton("1", "a"),), reaction="❤️"), {"message"}),
        (Outgoing(to=BO, reaction="❤️"), {"reply_to"}),
        (Outgoing(to=BO, text="x", callback_data="x" * 513), {"callback_data"}),
    ],
)
def test_a_message_that_cannot_go_out_names_every_fault(message: Outgoing, faults: set[str]) -> None:
    with pytest.raises(Invalid) as caught:
        write_body(message)

    assert set(caught.value.fields) == faults


# --- what answers mean -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (graph.fails(401, 190), ChannelBroken),
        (graph.fails(400, 0), ChannelBroken),
        (graph.fails(401), ChannelBroken),
        (graph.fails(403, 294), ChannelBroken),
        (graph.fails(400, 131031), ChannelBroken),
        (graph.fails(400, 131042), ChannelBroken),
        (graph.fails(400, 131047), WindowClosed),
        (graph.fails(400, 100), Refused),
        (graph.fails(400, 131026), Refused),
        (graph.fails(400, 987654), Refused),
        (graph.fails(404), Refused),
        (graph.fails(429), Throttled),
        (graph.fails(400, 130429), Throttled),
        (graph.fails(500, 130429), Throttled),
        (graph.fails(400, 131056), Throttled),
        (graph.fails(500), OutcomeUnknown),
        (graph.fails(500, 131000), OutcomeUnknown),
        (graph.fails(400, 2), OutcomeUnknown),
        (graph.fails(302), OutcomeUnknown),
        (graph.says(200, {}), OutcomeUnknown),
        (graph.says(200, {"messages": [{"id": ""}]}), OutcomeUnknown),
        (graph.raw("HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 6", b"<html>"), OutcomeUnknown),
        (graph.is_silent, OutcomeUnknown),
        (graph.hangs_up, OutcomeUnknown),
        (graph.drips_headers, OutcomeUnknown),
        (graph.stalls(b'{"messages":[{"id":"wamid.OURS1"}]}', after=10), OutcomeUnknown),
    ],
)
def test_an_answer_becomes_its_error(
    provider: Provider, client: GraphClient, answer: graph.Answer, error: type[SendError]
) -> None:
    provider.script = {MESSAGES: [answer]}

    with pytest.raises(SendError) as caught:
        client.send(THANKS)

    assert type(caught.value) is error
    assert len(provider.asked) == 1
    assert TOKEN not in str(caught.value) + repr(client.config)


def test_only_what_surely_did_not_go_out_may_be_repeated() -> None:
    errors = [explain_code(code) for code in {*BROKEN, *THROTTLED, *TEMPORARY, *REFUSED, 131047, 131056}]

    assert {type(error) for error in errors if error and error.is_retryable} == {Throttled}
    assert Unreachable().is_retryable
    assert not OutcomeUnknown().is_retryable


def test_no_number_stands_in_two_tables() -> None:
    tables = [set(BROKEN), set(THROTTLED), set(TEMPORARY), set(REFUSED), {131047}, {131056}]

    assert sum(map(len, tables)) == len(set().union(*tables))


def test_a_retry_after_is_kept_and_never_shortens_our_own_waiting(provider: Provider, client: GraphClient) -> None:
    provider.script = {MESSAGES: [graph.fails(429, 80007, Retry_After="900"), graph.fails(429, 80007, Retry_After="1")]}

    for after_s in (900, 300):
        with pytest.raises(Throttled) as caught:
            client.send(THANKS)
        assert caught.value.after_s == after_s


def test_the_errors_carry_their_facts_and_their_kind() -> None:
    pair, closed, blocked = explain_code(131056), explain_code(131047), explain_code(130403)

    assert isinstance(pair, Unavailable)
    assert isinstance(pair, Throttled)
    assert (pair.is_pair_limit, pair.after_s, pair.provider_code) == (True, 4, 131056)
    assert isinstance(closed, NotAllowed)
    assert isinstance(blocked, Refused)
    assert blocked.reason is RefusalReason.RECIPIENT_BLOCKED
    assert explain_code(424242) is None


def test_a_provider_that_is_not_there_got_nothing() -> None:
    with graph.running() as gone:
        client = a_client(gone)

    with pytest.raises(Unreachable):
        client.send(THANKS)


# --- files, receipts, check ------------------------------------------------------------------------------------------


def test_a_file_is_handed_over_with_its_type(provider: Provider, client: GraphClient, tmp_path: Path) -> None:
    provider.script = {MEDIA: [graph.says(200, {"id": "590000000000099"})]}
    (tmp_path / "gruss").write_bytes(b"OggS-invented")

    media_id = client.upload_media(tmp_path / "gruss", mime="audio/ogg", file_name="gruss.ogg")

    assert media_id == "590000000000099"
    body = provider.asked[0].body
    for part in (b'name="messaging_product"', b'filename="gruss.ogg"', b"Content-Type: audio/ogg", b"OggS-invented"):
        assert part in body


def test_an_upload_of_unknown_outcome_may_be_repeated(provider: Provider, client: GraphClient, tmp_path: Path) -> None:
    provider.script = {MEDIA: [graph.hangs_up, graph.fails(500), graph.says(200, {})]}
    (tmp_path / "gruss").write_bytes(b"OggS-invented")

    for _ in range(3):
        with pytest.raises(Unreachable):
            client.upload_media(tmp_path / "gruss", mime="audio/ogg", file_name="gruss.ogg")


def test_a_read_receipt_names_the_message(provider: Provider, client: GraphClient) -> None:
    provider.script = {MESSAGES: [graph.says(200, {"success": True})]}

    client.mark_read("wamid.LISTENER1")

    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.LISTENER1"}
    assert provider.asked[0].json == receipt


def test_a_check_tells_about_the_number_and_raises_for_no_fault(provider: Provider, client: GraphClient) -> None:
    facts = {"display_phone_number": "+49 1579 0009000", "verified_name": "Radio Rheinwelle", "quality_rating": "GREEN"}
    provider.script = {f"/v25.0/{NUMBER}?": [graph.says(200, facts), graph.fails(401, 190), graph.is_silent]}

    assert client.check_number() == ChannelReport(is_ok=True, details=facts)
    assert client.check_number() == ChannelReport(is_ok=False, problem="channels.broken")
    assert client.check_number() == ChannelReport(is_ok=False, problem="channels.unreachable")


# --- opening a channel -----------------------------------------------------------------------------------------------


def test_a_channel_opens_from_what_is_stored() -> None:
    channel = open_channel("whatsapp_cloud", NUMBER, SETTINGS, SECRETS, is_rehearsal=True)

    assert channel.kind == "whatsapp_cloud"
    assert channel.may_be_signed({"X-Hub-Signature-256": "sha256=" + "0" * 64})
    assert channel.read(b'{"object":"whatsapp_business_account","entry":[]}').items == ()


def test_the_defaults_lead_to_the_provider_itself() -> None:
    assert open_channel("whatsapp_cloud", NUMBER, {}, SECRETS).kind in CHANNELS


def test_a_rehearsal_host_is_refused_in_production() -> None:
    with pytest.raises(Invalid) as caught:
        open_channel("whatsapp_cloud", NUMBER, SETTINGS, SECRETS)

    assert set(caught.value.fields) == {"allowed_hosts"}


def test_every_fault_in_settings_and_secrets_is_named_at_once() -> None:
    settings: dict[str, Any] = {"graph_base_url": "https://evil.example", "api_version": "latest/../me"}
    secrets: dict[str, Any] = {"access_token": "a\nb", "app_secrets": ["short"]}

    with pytest.raises(Invalid) as caught:
        open_channel("whatsapp_cloud", "../me", settings, secrets)

    assert set(caught.value.fields) == {
        "graph_base_url",
        "api_version",
        "access_token",
        "verify_token",
        "app_secrets",
        "number_id",
    }


@pytest.mark.parametrize("until", ["2026-12-01T00:00:00", "gestern"])
def test_the_end_of_a_secret_is_a_moment_in_the_world(until: str) -> None:
    secrets = SECRETS | {"app_secrets": [{"value": "rheinwelle-test-app-secret", "valid_until": until}]}

    with pytest.raises(Invalid):
        open_channel("whatsapp_cloud", NUMBER, {}, secrets)


def test_an_unknown_kind_of_channel_is_not_found() -> None:
    with pytest.raises(UnknownChannel):
        open_channel("carrier_pigeon", NUMBER, {}, {})
