"""Recorded WhatsApp deliveries and what is read from them, case by case; then what no delivery may ever do."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desk.channels.contract import AnyItem, Incoming, NotADelivery, StatusChange, Unreadable
from desk.channels.loose_json import DEEPEST
from desk.channels.whatsapp_payload import read

Shown = Callable[[AnyItem], dict[str, Any]]


def a_text(number: int, **more: object) -> dict[str, Any]:
    return {
        "from": "4915790001234",
        "id": f"wamid.{number}",
        "timestamp": "1795251600",
        "type": "text",
        "text": {"body": str(number)},
    } | more


def a_delivery(*messages: object) -> dict[str, Any]:
    value = {"metadata": {"phone_number_id": "390000000000017"}, "messages": list(messages)}
    changes = [{"field": "messages", "value": value}]
    return {"object": "whatsapp_business_account", "entry": [{"id": "280000000000042", "changes": changes}]}


def as_bytes(delivery: object) -> bytes:
    return json.dumps(delivery).encode()


def test_a_recorded_delivery_is_read_as_its_case_says(recorded: dict[str, Any], shown: Shown) -> None:
    reading = read(as_bytes(recorded["request"]))

    assert [shown(item) for item in reading.items] == recorded["expected"], recorded["says"]


def test_escaped_and_plain_letters_read_alike(recorded: dict[str, Any]) -> None:
    escaped = as_bytes(recorded["request"])
    plain = json.dumps(recorded["request"], ensure_ascii=False).encode("utf-8", "replace")

    # a lone surrogate has no plain form; its stand-in there is a question mark
    assert repr(read(plain)).replace("?", "\ufffd") == repr(read(escaped)).replace("?", "\ufffd")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"kein JSON",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        b"null",
        b"{}",
        b'{"object":"instagram","entry":[]}',
        b'{"object":"whatsapp_business_account"}',
        b'{"object":"whatsapp_business_account","entry":{}}',
        b"[" * 200_000,
        b'{"object":"whatsapp_business_account","entry":[]',
    ],
    ids=range(12),
)
def test_what_is_not_the_providers_is_no_delivery(body: bytes) -> None:
    with pytest.raises(NotADelivery):
        read(body)


def test_a_delivery_without_entries_holds_nothing() -> None:
    assert read(b'{"object":"whatsapp_business_account","entry":[]}').items == ()


def test_one_broken_message_in_a_thousand_costs_no_neighbour() -> None:
    messages: list[object] = [a_text(number) for number in range(1000)]
    messages[500] = {"type": ["text"], "from": {}, "id": 7.5}

    items = read(as_bytes(a_delivery(*messages))).items

    assert [type(item) for item in items].count(Incoming) == 999
    assert isinstance(items[500], Unreadable)
    assert items[500].is_message
    assert items[500].position == "entry[0].changes[0].messages[500]"


@pytest.mark.parametrize("odd", [b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b'"\xff\xfe"', b'"\x00\x01\n"'])
def test_what_is_no_proper_json_spoils_only_its_own_place(odd: bytes) -> None:
    body = as_bytes(a_delivery(a_text(1, text={"body": "ODD"}), a_text(2))).replace(b'"ODD"', odd)

    items = read(body).items

    assert [type(item) for item in items] == [Incoming, Incoming]
    for item in items:
        assert_storable(item)


def test_a_status_is_never_taken_for_a_message() -> None:
    delivery = a_delivery()
    status = {"id": "wamid.OURS", "status": "read", "timestamp": "1795251600", "recipient_id": "4915790001234"}
    delivery["entry"][0]["changes"][0]["value"]["statuses"] = [status]

    items = read(as_bytes(delivery)).items

    assert [type(item) for item in items] == [StatusChange]


def test_a_long_text_is_not_cut() -> None:
    (item,) = read(as_bytes(a_delivery(a_text(1, text={"body": "ü" * 70_000})))).items

    assert isinstance(item, Incoming)
    assert len(item.text) == 70_000


def test_an_item_can_always_be_stored(recorded_bodies: list[dict[str, Any]]) -> None:
    for request in recorded_bodies:
        for item in read(as_bytes(request)).items:
            assert_storable(item)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.sampled_from(
        ["", "0", "text", "image", "system", "messages", "4915790001234", "1e999", "9" * 400, "\x00", "\ud83d"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_to_a_delivery_breaks_the_reader(recorded_bodies: list[dict[str, Any]], data: st.DataObject) -> None:
    request = copy.deepcopy(data.draw(st.sampled_from(recorded_bodies)))
    for _ in range(data.draw(st.integers(1, 4))):
        change_somewhere(request, data)

    try:
        items = read(as_bytes(request)).items
    except NotADelivery:
        return

    for item in items:
        assert_storable(item)


@settings(max_examples=200, deadline=None)
@given(
    value=anything,
    field=st.sampled_from(["messages", "user_id_update", "user_preferences", "calls", "history", "smb_message_echoes"]),
)
def test_no_value_breaks_the_reader(value: object, field: str) -> None:
    entry = {"changes": [{"field": field, "value": dict.fromkeys(("messages", "statuses", "contacts", field), value)}]}

    for item in read(as_bytes({"object": "whatsapp_business_account", "entry": [entry]})).items:
        assert_storable(item)


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=200))
def test_arbitrary_bytes_are_no_delivery(body: bytes) -> None:
    with pytest.raises(NotADelivery):
        read(body)


def change_somewhere(request: dict[str, Any], data: st.DataObject) -> None:
    """Walk down at random and put something else there, take it away, or double it."""
    holder: Any = request
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = holder[key]
        if isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 5)):
            holder = inner
            continue
        match data.draw(st.sampled_from(["replace", "remove", "double"])):
            case "replace":
                holder[key] = data.draw(anything)
            case "remove":
                del holder[key]
            case "double" if isinstance(holder, list):
                holder.append(copy.deepcopy(inner))
        return


def assert_storable(item: AnyItem) -> None:
    """Every text goes into UTF-8 and PostgreSQL, every moment has UTC, nothing nests beyond reason."""
    plain = dataclasses.asdict(item)
    for text in texts(plain):
        text.encode("utf-8")
        assert "\x00" not in text
    for name in ("sent_at", "at"):
        assert name not in plain or plain[name].tzinfo is UTC
    for name in ("provider_id", "target_id"):
        assert plain.get(name) != ""
    json.dumps([plain.get("details"), plain.get("raw"), plain.get("pricing")], allow_nan=False)


def texts(value: object, depth: int = 0) -> list[str]:
    assert depth <= DEEPEST + 4
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part, depth + 1)]
    if isinstance(value, list | tuple):
        return [text for part in value for text in texts(part, depth + 1)]
    return []
