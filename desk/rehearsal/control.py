"""What drives the rehearsal from outside: a listener sends, a flood, faults, the state.

For the command line and the tests (`client`). Faults and the raw state answer to loopback only.
A custom header on every POST keeps foreign web pages in a browser from playing along.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, request
from werkzeug.datastructures import FileStorage

from . import faults
from .burst import LIMIT, Burst, post_burst
from .client import HEADER
from .config import Station
from .filekinds import file_kind
from .recording import NotARecording, voice_note
from .sending import Content, KeptFile, Posting, Sender

control = Blueprint("control", __name__, url_prefix="/rehearsal")


def rehearsal() -> Any:  # the server's parts; typed in `server`, which imports this module
    return current_app.extensions["rehearsal"]


def check_header() -> None:
    """Refuse POSTs that a web page elsewhere could have caused."""
    if request.method == "POST" and request.headers.get(HEADER) != "1":
        abort(403)


control.before_request(check_header)


def is_loopback() -> bool:
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def refusal(message: str, status: int = 400) -> Response:
    answer = jsonify(error=message)
    answer.status_code = status
    return answer


def station_asked(slug: str | None) -> Station:
    station: Station | None = rehearsal().sender.config.station(slug or "")
    if station is None:
        abort(refusal(f"unknown station: {slug}", 404))
    return station


def keep_upload(sender: Sender, upload: FileStorage, *, is_voice: bool, must_be_readable: bool) -> KeptFile:
    """Keep an uploaded file as a phone would send it; voice notes become OGG/Opus.

    A recording nobody can read goes out as it is, unless must_be_readable (then NotARecording).
    """
    data, name = upload.stream.read(), upload.filename or "Datei"
    if is_voice:
        try:
            data = voice_note(data)
        except NotARecording:
            if must_be_readable:
                raise
    return sender.keep_bytes(data, name, file_kind(name, is_voice=is_voice))


@control.post("/messages")
def send_as_listener() -> Response:
    """multipart: station, from, text | file (+ caption, voice=1), forwarded=1. Answers {"id": wamid}."""
    sender: Sender = rehearsal().sender
    station = station_asked(request.form.get("station"))
    name, text = request.form.get("from", "").strip(), request.form.get("text", "")
    upload = request.files.get("file")
    if not name or (not text and upload is None):
        return refusal("from, and text or file, are needed")
    context = {"forwarded": True} if request.form.get("forwarded") == "1" else None
    posting = Posting(context=context, repeats=int(request.form.get("repeats", "0")))
    if upload is None:
        content = Content("text", {"body": text})
    else:
        kept = keep_upload(sender, upload, is_voice=request.form.get("voice") == "1", must_be_readable=False)
        content = sender.media_content(station, kept, request.form.get("caption") or text or None)
    listener = _known_player(sender, name)
    return jsonify(id=sender.send(station, listener, content, posting))


def _known_player(sender: Sender, name: str) -> Any:
    player = rehearsal().cast.player(name)
    if player is not None:
        sender.introduce(player.listener)
    return sender.listener(name)


@control.post("/numbers")
def change_number() -> Response:
    """JSON {"station", "name"}: the listener changes the phone number; answers the new ids."""
    asked = request.get_json()
    listener = rehearsal().sender.change_number(station_asked(asked.get("station")), str(asked.get("name") or ""))
    return jsonify(user_id=listener.bsuid, wa_id=listener.phone if listener.shows_phone else None)


@control.post("/burst")
def burst() -> Response:
    """JSON: items, per_minute, seed?, repeat_rate?, failing_media_rate?, station?, shares?, call_outs?, is_varied?."""
    asked = request.get_json()
    try:
        wanted = Burst(**asked)
    except TypeError as error:
        return refusal(str(error))
    if not 0 < wanted.items <= LIMIT or wanted.per_minute <= 0:
        return refusal(f"items must be 1 to {LIMIT}, per_minute more than 0")
    try:
        ids = post_burst(rehearsal().sender, rehearsal().cast, wanted)
    except LookupError as error:
        return refusal(f"unknown: {error}", 404)
    return jsonify(ids=ids, lasts_s=round(wanted.making_s + wanted.lasts_s, 1))


@control.route("/faults", methods=["GET", "POST"])
def order_faults() -> Response:
    """GET the standing faults; POST to add some, an empty object to clear them. Loopback only."""
    if not is_loopback():
        abort(404)
    ledger = rehearsal().sender.ledger
    if request.method == "GET":
        return jsonify(faults=ledger.note("faults", {}), known=faults.KNOWN)
    try:
        standing = faults.order(ledger, request.get_json(), time.time())
    except KeyError as error:
        return refusal(f"unknown fault: {error.args[0]}")
    rehearsal().delivery.wake()
    return jsonify(faults=standing)


@control.post("/morning")
def pause_morning() -> Response:
    """JSON {"paused": true|false}: stop or resume the gentle filling."""
    paused = bool(request.get_json().get("paused"))
    rehearsal().morning.pause(paused)
    return jsonify(paused=paused)


@control.get("/state")
def state() -> Response:
    """Counts for tests and long runs: messages in and out, webhooks waiting, files to make, handshakes. Loopback."""
    if not is_loopback():
        abort(404)
    ledger, delivery = rehearsal().sender.ledger, rehearsal().delivery
    counts = ledger.row(
        "SELECT (SELECT count(*) FROM message WHERE NOT from_station) AS incoming,"
        " (SELECT count(*) FROM message WHERE from_station) AS outgoing,"
        " (SELECT count(*) FROM outbox WHERE done_at IS NULL) AS waiting,"
        " (SELECT count(*) FROM unmade) AS unmade,"
        " (SELECT count(*) FROM outbox WHERE done_at IS NOT NULL) AS delivered"
    )
    verified = {station.slug: delivery.is_verified(station.slug) for station in rehearsal().sender.config.stations}
    return jsonify(**dict(counts), verified=verified, morning_paused=rehearsal().morning.is_paused)
