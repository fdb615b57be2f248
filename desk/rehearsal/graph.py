"""The provider's Graph API: media look-up, download and upload, sending, errors with their numbers.

Answers as the provider does, version prefix and all; checks of a send request stand in
`sendcheck`. Download links live on this host under the provider's own path and need the token
too. Sources: the provider's pages "Media", "Service messages" and "Error codes".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import secrets
import sqlite3
import time
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from . import faults
from .config import Station
from .filekinds import FileKind
from .payloads import error_entry
from .salt import salted
from .sendcheck import APPROVED_TEMPLATES, MIMES_FOR_SENDING, TITLES, GraphError, check_send
from .sending import Content, Sender

URL_LIFE_S = 5 * 60
INBOUND_ID_LIFE_S = 7 * 24 * 3600
UPLOADED_ID_LIFE_S = 30 * 24 * 3600
VERSION = "/<regex('v[0-9]+[.][0-9]+'):version>"
DOWNLOAD_PATH = "/whatsapp_business/attachments/"

graph = Blueprint("graph", __name__)


def _sender() -> Sender:
    sender: Sender = current_app.extensions["rehearsal"].sender
    return sender


@graph.errorhandler(GraphError)
def answer_error(error: GraphError) -> tuple[Response, int]:
    body: dict[str, Any] = {"message": error.sentence, "type": error.type, "code": error.code}
    if error.details:
        body["error_data"] = {"messaging_product": "whatsapp", "details": error.details}
    body["fbtrace_id"] = base64.urlsafe_b64encode(secrets.token_bytes(8)).decode().rstrip("=")
    return jsonify(error=body), error.status


def _token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _check_token(station: Station) -> None:
    if not hmac.compare_digest(_token().encode(), station.access_token.encode()):
        raise GraphError(190, "Invalid OAuth access token - Cannot parse access token", status=401)


def _known_station(phone_number_id: str) -> Station:
    station = _sender().config.station_by_number(phone_number_id)
    if station is None:
        raise _unknown_object(phone_number_id)
    _check_token(station)
    return station


def _unknown_object(object_id: str) -> GraphError:
    return GraphError(
        100,
        f"Unsupported get request. Object with ID '{object_id}' does not exist, cannot be loaded due to missing"
        " permissions, or does not support this operation.",
        type_="GraphMethodException",
    )


# -- the number itself --------------------------------------------------------


@graph.get(f"{VERSION}/<regex('[0-9]+'):object_id>")
def look_up(version: str, object_id: str) -> Response:
    """A phone number's own fields, or a media id's download link."""
    station = _sender().config.station_by_number(object_id)
    if station is None:
        return _look_up_media(object_id)
    _check_token(station)
    return jsonify(
        verified_name=station.slug,
        display_phone_number=station.display_phone_number,
        quality_rating="GREEN",
        platform_type="CLOUD_API",
        code_verification_status="VERIFIED",
        throughput={"level": "STANDARD"},
        id=station.phone_number_id,
    )


@graph.get(f"{VERSION}/<regex('[0-9]+'):waba_id>/<any(subscribed_apps, phone_numbers, message_templates):edge>")
def list_edge(version: str, waba_id: str, edge: str) -> Response:
    """What a business account lists: its apps, its number, its approved templates."""
    station = next((station for station in _sender().config.stations if station.waba_id == waba_id), None)
    if station is None:
        raise _unknown_object(waba_id)
    _check_token(station)
    rows: list[dict[str, Any]] = []
    if edge == "subscribed_apps":
        rows = [
            {"whatsapp_business_api_data": {"id": "1" + waba_id, "name": station.slug, "link": station.webhook_url}}
        ]
    elif edge == "phone_numbers":
        rows = [{"id": station.phone_number_id, "display_phone_number": station.display_phone_number}]
    else:
        rows = APPROVED_TEMPLATES
    return jsonify(data=rows, paging={})


# -- media --------------------------------------------------------------------


def _media_fault() -> None:
    """Bite if a fault for media calls stands."""
    ledger = _sender().ledger
    slow_ms = faults.standing(ledger, "slow_ms")
    if slow_ms:
        time.sleep(float(slow_ms) / 1000)
    status = faults.use(ledger, "next_media_status", "next_media_count")
    if status:
        raise GraphError(131000 if int(status) >= 500 else 131052, "Something went wrong", status=int(status))


def _live_media(media_id: str) -> sqlite3.Row:
    """The media row if the id still lives and the token is its station's."""
    ledger = _sender().ledger
    row = ledger.row("SELECT * FROM media WHERE id = ?", media_id)
    if row is None:
        raise _unknown_object(media_id)
    station = _sender().config.station(row["station"])
    if station is None:
        raise _unknown_object(media_id)
    _check_token(station)
    life_s = UPLOADED_ID_LIFE_S if row["from_station"] else INBOUND_ID_LIFE_S
    asked_number = request.args.get("phone_number_id")
    is_foreign = asked_number is not None and asked_number != station.phone_number_id
    if (
        is_foreign
        or time.time() > row["created_at"] + life_s
        or row["created_at"] <= ledger.note("expire_ids_before", 0)
    ):
        raise _unknown_object(media_id)
    return row


def _look_up_media(media_id: str) -> Response:
    row = _live_media(media_id)
    _media_fault()
    _media_goes_wrong(row)
    sha256 = row["sha256"]
    if faults.use(_sender().ledger, "wrong_sha"):
        sha256 = hashlib.sha256(sha256.encode()).hexdigest()
    return jsonify(
        messaging_product="whatsapp",
        url=download_url(media_id, time.time()),
        mime_type=row["mime"].partition(";")[0],
        sha256=sha256,
        file_size=str(row["bytes"]),
        id=media_id,
    )


def _media_goes_wrong(row: sqlite3.Row) -> None:
    """Media of a burst may be meant to fail once: `once` answers 500 the first time it is asked for."""
    if row["faulty"] != "once":
        return
    with _sender().ledger.writing() as db:
        db.execute("UPDATE media SET faulty = '' WHERE id = ?", (row["id"],))
    raise GraphError(131000, "Something went wrong", status=500)


def _link_hash(media_id: str, expires_at: int, issued_at_ms: int) -> str:
    key = current_app.extensions["rehearsal"].link_key
    return hmac.new(key, f"{media_id}:{expires_at}:{issued_at_ms}".encode(), hashlib.sha256).hexdigest()[:40]


def download_url(media_id: str, now: float) -> str:
    """A link that lives five minutes, on the host the caller used."""
    expires_at, issued_at_ms = int(now + URL_LIFE_S), int(now * 1000)
    return (
        f"{request.host_url.rstrip('/')}{DOWNLOAD_PATH}?mid={media_id}&source=getMedia&ext={expires_at}"
        f"&iat={issued_at_ms}&hash={_link_hash(media_id, expires_at, issued_at_ms)}"
    )


@graph.get(DOWNLOAD_PATH)
def download() -> Response:
    """The bytes, for the token's holder with a User-Agent and an unexpired link; else 4xx."""
    media_id, ext, iat = (request.args.get(name, "") for name in ("mid", "ext", "iat"))
    if not request.headers.get("User-Agent") or not _token():
        return Response(status=401)
    is_ours = (
        ext.isdigit()
        and iat.isdigit()
        and hmac.compare_digest(
            request.args.get("hash", "").encode(), _link_hash(media_id, int(ext), int(iat)).encode()
        )
    )
    if not is_ours or int(ext) < time.time() or int(iat) <= _sender().ledger.note("expire_urls_before", 0) * 1000:
        return Response(status=404)
    row = _live_media(media_id)
    _media_fault()
    data = salted(Path(row["path"]).read_bytes(), row["salt"])
    if faults.use(_sender().ledger, "short_files"):
        data = data[: len(data) // 2]
    return Response(data, mimetype=row["mime"].partition(";")[0], headers={"Cache-Control": "private, no-store"})


@graph.delete(f"{VERSION}/<regex('[0-9]+'):media_id>")
def delete_media(version: str, media_id: str) -> Response:
    row = _live_media(media_id)
    with _sender().ledger.writing() as db:
        db.execute("UPDATE media SET created_at = 0 WHERE id = ?", (row["id"],))
    return jsonify(success=True)


@graph.post(f"{VERSION}/<regex('[0-9]+'):phone_number_id>/media")
def upload(version: str, phone_number_id: str) -> Response:
    """Keep a file the station wants to send; types and sizes as the provider allows."""
    station = _known_station(phone_number_id)
    if request.form.get("messaging_product") != "whatsapp":
        raise GraphError(100, "(#100) The parameter messaging_product is required.")
    file = request.files.get("file")
    if file is None:
        raise GraphError(100, "(#100) The parameter file is required.")
    mime = (request.form.get("type") or file.mimetype).partition(";")[0].strip().lower()
    if mime not in MIMES_FOR_SENDING:
        listed = ", ".join(MIMES_FOR_SENDING)
        raise GraphError(
            100, f"(#100) Param file must be a file with one of the following types: {listed}. Received {mime}."
        )
    data = file.stream.read()
    if len(data) > MIMES_FOR_SENDING[mime]:
        raise GraphError(131053, "Media upload error", details="File is larger than allowed for its type.")
    kept = _sender().keep_bytes(data, file.filename or "file", FileKind("document", mime))
    return jsonify(id=_sender().add_media(station, kept, from_station=True)["id"])


# -- sending ------------------------------------------------------------------


@graph.post(f"{VERSION}/<regex('[0-9]+'):phone_number_id>/messages")
def send_message(version: str, phone_number_id: str) -> Response:
    """Accept a message or a read receipt; statuses follow by webhook."""
    station = _known_station(phone_number_id)
    asked = request.get_json(silent=True)
    if not isinstance(asked, dict):
        raise GraphError(100, "(#100) The request body is not a JSON object.")
    if asked.get("messaging_product") != "whatsapp":
        raise GraphError(100, "(#100) The parameter messaging_product is required.")
    if "status" in asked:
        return _mark_read(station, asked)
    return _accept(station, asked)


def _mark_read(station: Station, asked: dict[str, Any]) -> Response:
    sender = _sender()
    row = sender.ledger.row(
        "SELECT * FROM message WHERE id = ? AND station = ? AND NOT from_station", asked.get("message_id"), station.slug
    )
    if asked["status"] != "read" or row is None:
        raise GraphError(131009, "(#131009) Parameter value is not valid", details="Invalid message_id or status.")
    earlier = sender.ledger.rows(
        "SELECT id FROM message WHERE station = ? AND listener = ? AND NOT from_station AND sent_at <= ?",
        station.slug, row["listener"], row["sent_at"],
    )  # fmt: skip
    for message in earlier:
        sender.raise_status(message["id"], "read")
    if asked.get("typing_indicator"):
        sender.ledger.keep_note(f"typing:{station.slug}:{row['listener']}", time.time())
    return jsonify(success=True)


def _accept(station: Station, asked: dict[str, Any]) -> Response:
    sender = _sender()
    ordered = faults.use(sender.ledger, "next_send_error", "next_send_count")
    if ordered:
        raise GraphError(int(ordered), TITLES.get(int(ordered), "Something went wrong"))
    listener = sender.find_recipient(asked.get("to"), asked.get("recipient"))
    content = check_send(asked, sender, station, listener)
    assert listener is not None  # check_send refuses unknown recipients
    context_id = (asked.get("context") or {}).get("message_id")
    callback_data = asked.get("biz_opaque_callback_data")
    wamid = sender.accept_from_station(
        station, listener, content, {"id": context_id} if context_id else None, callback_data
    )
    _follow_up(sender, wamid, content, listener.reads)
    contact: dict[str, Any] = {"input": asked.get("to") or asked.get("recipient")}
    contact.update({"wa_id": listener.phone} if asked.get("to") else {"user_id": listener.bsuid})
    return jsonify(messaging_product="whatsapp", contacts=[contact], messages=[{"id": wamid}])


def _follow_up(sender: Sender, wamid: str, content: Content, reads: bool) -> None:
    """Statuses as a phone causes them: sent, delivered, and read by those who show it."""
    if faults.use(sender.ledger, "silent_statuses"):
        return
    failed = faults.use(sender.ledger, "next_failed_status")
    if failed:
        title = TITLES.get(int(failed), "Message undeliverable")
        sender.post_statuses(wamid, [("failed", 0.4)], error_entry(int(failed), title, title))
        return
    steps = [("sent", 0.3), ("delivered", 0.9)]
    if reads:
        read_s = 1.8 + random.random() * 3
        steps.append(("read", read_s))
        if content.type == "audio" and content.body.get("voice"):
            steps.append(("played", read_s + 2))
    sender.post_statuses(wamid, steps)


@graph.route(f"{VERSION}/<regex('[0-9]+'):phone_number_id>/block_users", methods=["POST", "DELETE"])
def block_users(version: str, phone_number_id: str) -> Response:
    """Accept blocking and unblocking of listeners who are known."""
    station = _known_station(phone_number_id)
    asked = request.get_json(silent=True) or {}
    users = [str(entry.get("user", "")) for entry in asked.get("block_users", []) if isinstance(entry, dict)]
    known = [(user, _sender().find_recipient(user, None) or _sender().find_recipient(None, user)) for user in users]
    if not users or any(listener is None for _, listener in known):
        raise GraphError(131009, "(#131009) Parameter value is not valid", details="block_users names an unknown user.")
    blocked = set(_sender().ledger.note(f"blocked:{station.slug}", []))
    names = {listener.name for _, listener in known if listener is not None}
    blocked = blocked | names if request.method == "POST" else blocked - names
    _sender().ledger.keep_note(f"blocked:{station.slug}", sorted(blocked))
    done = [{"input": user, "wa_id": listener.phone} for user, listener in known if listener is not None]
    key = "added_users" if request.method == "POST" else "removed_users"
    return jsonify(messaging_product="whatsapp", block_users={key: done})
