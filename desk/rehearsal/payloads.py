"""The provider's webhook bodies, as values: built, batched, written as bytes and signed.

Pure functions. What is sent when is decided in `sending` and `delivery`. Bodies are ASCII
with \\uXXXX, `\\/` and `\\u0040`, as the provider writes them: a desk that hashes anything but
the raw bytes fails here, as it would there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from typing import Any

from .config import Station
from .people import Listener

Json = dict[str, Any]


def written(document: Json) -> bytes:
    """The document in the provider's own spelling."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True)
    return text.replace("/", "\\/").replace("@", "\\u0040").encode("ascii")


def signature(body: bytes, app_secret: str) -> str:
    """The value of X-Hub-Signature-256 over exactly these bytes."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def _value(station: Station) -> Json:
    metadata = {"display_phone_number": station.display_phone_number, "phone_number_id": station.phone_number_id}
    return {"messaging_product": "whatsapp", "metadata": metadata}


def contact(listener: Listener, *, with_username: bool = True) -> Json:
    """The contact entry; without a phone the key wa_id is left out, not empty."""
    profile = {"name": listener.name}
    if listener.username and with_username:
        profile["username"] = listener.username
    entry: Json = {"profile": profile}
    if listener.shows_phone:
        entry["wa_id"] = listener.phone
    entry["user_id"] = listener.bsuid
    return entry


def message_value(station: Station, listener: Listener, message: Json) -> Json:
    """`value` of a `messages` change with one incoming message."""
    sender: Json = {"from": listener.phone} if listener.shows_phone else {}
    sender["from_user_id"] = listener.bsuid
    return {**_value(station), "contacts": [contact(listener)], "messages": [{**sender, **message}]}


def status_value(
    station: Station,
    listener: Listener,
    wamid: str,
    status: str,
    at_s: int,
    *,
    callback_data: str | None,
    error: Json | None,
) -> Json:
    """`value` of a `messages` change with one status of a message the station sent."""
    entry: Json = {"id": wamid, "status": status, "timestamp": str(at_s)}
    if listener.shows_phone:
        entry["recipient_id"] = listener.phone
    entry["recipient_user_id"] = listener.bsuid
    if callback_data is not None:
        entry["biz_opaque_callback_data"] = callback_data
    if status in ("sent", "delivered"):
        entry["pricing"] = {
            "billable": False,
            "pricing_model": "PMP",
            "type": "free_customer_service",
            "category": "service",
        }
    value = _value(station)
    if status == "failed":
        entry["errors"] = [error]
    else:
        value["contacts"] = [contact(listener, with_username=status != "sent")]
    return {**value, "statuses": [entry]}


def error_entry(code: int, title: str, details: str) -> Json:
    """An error as it stands in a webhook's errors[]."""
    return {"code": code, "title": title, "message": title, "error_data": {"details": details}}


FIELD = "webhook_field"  # beside a value on its way: the field it belongs to, if not `messages`


def change_of(value: Json) -> Json:
    bare = {name: part for name, part in value.items() if name != FIELD}
    return {"value": bare, "field": value.get(FIELD, "messages")}


def new_id_values(station: Station, old: Listener, new: Listener, wamid: str, at_s: int) -> list[Json]:
    """What the provider says when somebody changes the number: a system message and a field of its own."""
    sentence = f"User {old.name} changed from {old.bsuid} to {new.bsuid}"
    system = {"type": "user_changed_user_id", "user_id": new.bsuid, "body": sentence}
    message: Json = {"id": wamid, "timestamp": str(at_s), "type": "system", "system": system}
    update: Json = {
        "detail": f"User id for {old.name} has been updated.",
        "user_id": {"previous": old.bsuid, "current": new.bsuid},
        "timestamp": str(at_s),
    }
    known: Json = {"profile": {"name": old.name}}
    if new.shows_phone:
        message = {"from": old.phone, **message}
        system["wa_id"] = update["wa_id"] = known["wa_id"] = new.phone
    event = {**_value(station), "contacts": [known], "user_id_update": [update], FIELD: "user_id_update"}
    return [{**_value(station), "messages": [message]}, event]


def envelope(station: Station, values: list[Json], chance: random.Random) -> bytes:
    """One POST body for these values; several are grouped in one of the provider's three ways."""
    changes = [change_of(value) for value in values]
    ways = ["entries", "changes"] if any(FIELD in value for value in values) else ["entries", "changes", "merged"]
    way = chance.choice(ways) if len(values) > 1 else "changes"
    if way == "entries":
        entries = [{"id": station.waba_id, "changes": [change]} for change in changes]
    elif way == "changes":
        entries = [{"id": station.waba_id, "changes": changes}]
    else:
        entries = [{"id": station.waba_id, "changes": [{"value": merged(values), "field": "messages"}]}]
    return written({"object": "whatsapp_business_account", "entry": entries})


def merged(values: list[Json]) -> Json:
    """Several values of one number as one: contacts once each, messages and statuses in order."""
    whole: Json = {key: values[0][key] for key in ("messaging_product", "metadata")}
    for key in ("contacts", "messages", "statuses"):
        rows: list[Json] = []
        for value in values:
            rows += [row for row in value.get(key, []) if key != "contacts" or row not in rows]
        if rows:
            whole[key] = rows
    return whole
