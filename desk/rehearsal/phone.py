"""The listener's phone: a chat page in the browser that plays one invented listener.

Sends through the same path as everything else (`sending`) and shows the thread with the
station's answers. The page is `templates/phone.html` with `static/phone.js`; nobody signs in
here, which is why the server only starts in rehearsal mode.
"""

from __future__ import annotations

import json
import mimetypes
import secrets
import sqlite3
import time
from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, render_template, request, send_file

from .config import Station
from .control import check_header, keep_upload, refusal, rehearsal, station_asked
from .people import Listener
from .recording import NotARecording
from .sending import Content, Posting, Sender
from .words import LANGUAGES, catalogue, say

THREAD_LIMIT = 200
TYPING_S = 25  # provider: the typing sign ends after 25 s
_SHOWN_INLINE = ("image/jpeg", "image/png", "image/webp", "audio/", "video/mp4")

phone = Blueprint("phone", __name__, url_prefix="/phone")
phone.before_request(check_header)


@phone.after_request
def add_headers(response: Response) -> Response:
    nonce = g.get("nonce")
    scripts = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:;"
        " connect-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(self), geolocation=()"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


@phone.get("")
def show_phone() -> str:
    g.nonce = secrets.token_urlsafe(16)
    asked = request.args.get("lang", "")
    language = asked if asked in LANGUAGES else request.accept_languages.best_match(LANGUAGES, "de") or "de"
    cast, config = rehearsal().cast, rehearsal().sender.config
    facts = {
        "lang": language,
        "words": catalogue(language),
        "stations": [_station_facts(station) for station in config.stations],
        "players": [
            {"name": player.listener.name, "station": player.station, "place": player.place,
             "hidden": not player.listener.shows_phone}
            for player in cast.players
        ],
    }  # fmt: skip
    return render_template(
        "phone.html",
        _=lambda text: say(language, text),
        lang=language,
        nonce=g.nonce,
        facts=json.dumps(facts).replace("<", "\\u003c"),
        desk_url=config.desk_public_url,
    )


def _station_facts(station: Station) -> dict[str, str]:
    known = rehearsal().cast.stations.get(station.slug, {})
    return {"slug": station.slug, "name": known.get("name", station.slug), "number": station.display_phone_number}


def _asked_listener() -> Listener:
    sender: Sender = rehearsal().sender
    name = request.values.get("listener", "").strip()[:80]
    if not name:
        abort(refusal("listener is missing"))
    player = rehearsal().cast.player(name)
    if player is not None:
        sender.introduce(player.listener)
    return sender.listener(name)


@phone.get("/thread")
def show_thread() -> Response:
    """What changed in one thread since `after`: messages, newest change, typing, window."""
    station, listener = station_asked(request.args.get("station")), _asked_listener()
    sender: Sender = rehearsal().sender
    after = request.args.get("after", 0, type=int)
    _note_seen(sender, listener)
    rows = sender.ledger.rows(
        "SELECT * FROM (SELECT * FROM message WHERE station = ? AND listener = ? AND change > ? AND sent_at <= ?"
        " ORDER BY sent_at DESC LIMIT ?) ORDER BY sent_at, change",
        station.slug, listener.name, after, time.time() + 1, THREAD_LIMIT,
    )  # fmt: skip
    typed_at = sender.ledger.note(f"typing:{station.slug}:{listener.name}", 0)
    answered = any(row["from_station"] and row["sent_at"] > typed_at for row in rows)
    return jsonify(
        messages=[_message_facts(row) for row in rows],
        change=max((row["change"] for row in rows), default=after),
        typing=not answered and time.time() - typed_at < TYPING_S,
        closes_at=sender.closes_at(station, listener),
    )


def _note_seen(sender: Sender, listener: Listener) -> None:
    """Somebody plays this listener by hand; written at most once a minute."""
    row = sender.ledger.row("SELECT seen_at FROM listener WHERE name = ?", listener.name)
    if row is not None and row["seen_at"] < time.time() - 60:
        with sender.ledger.writing() as db:
            db.execute("UPDATE listener SET seen_at = ? WHERE name = ?", (time.time(), listener.name))


def _message_facts(row: sqlite3.Row) -> dict[str, Any]:
    kept = json.loads(row["content"])
    return {
        "id": row["id"],
        "mine": not row["from_station"],
        "type": row["type"],
        "body": kept["body"],
        "failed": bool(kept["errors"]),
        "quotes": row["context_id"],
        "status": row["status"],
        "at": row["sent_at"],
    }


@phone.post("/messages")
def send_from_phone() -> Response:
    """multipart: station, listener, and one of text, file, target (+ emoji), button (+ title), share_number.

    A file may carry text as its caption and voice=1 for a recording; quotes names the message answered.
    """
    station, listener = station_asked(request.form.get("station")), _asked_listener()
    sender: Sender = rehearsal().sender
    try:
        content = _content(sender, station, listener)
    except NotARecording:
        return refusal("recording", 422)
    if content is None:
        return refusal("nothing to send")
    wamid = sender.send(station, listener, content, Posting(context=_context(sender, station, listener)))
    return jsonify(id=wamid)


def _content(sender: Sender, station: Station, listener: Listener) -> Content | None:
    form, upload = request.form, request.files.get("file")
    if upload is not None:
        kept = keep_upload(sender, upload, is_voice=form.get("voice") == "1", must_be_readable=True)
        return sender.media_content(station, kept, form.get("text") or None)
    if form.get("target"):
        emoji = form.get("emoji", "")
        return Content("reaction", {"message_id": form["target"], **({"emoji": emoji} if emoji else {})})
    if form.get("button"):
        reply = {"id": form["button"], "title": form.get("title", "")}
        kind = "list_reply" if form.get("list") == "1" else "button_reply"
        return Content("interactive", {"type": kind, kind: reply})
    if form.get("share_number") == "1":
        return Content("contacts", [_own_card(listener)])
    text = form.get("text", "").strip()
    return Content("text", {"body": text}) if text else None


def _own_card(listener: Listener) -> dict[str, Any]:
    phone_entry = {"phone": "+" + listener.phone, "wa_id": listener.phone, "type": "CELL"}
    name = {"formatted_name": listener.name, "first_name": listener.name.split()[0]}
    return {"origin": "contact_request", "name": name, "phones": [phone_entry]}


def _context(sender: Sender, station: Station, listener: Listener) -> dict[str, Any] | None:
    """The quoted message with its author; an unknown id quotes nothing."""
    row = sender.ledger.row(
        "SELECT * FROM message WHERE id = ? AND station = ? AND listener = ?",
        request.form.get("quotes"), station.slug, listener.name,
    )  # fmt: skip
    if row is None:
        return None
    if row["from_station"]:
        return {"from": station.display_phone_number, "id": row["id"]}
    author = {"from": listener.phone} if listener.shows_phone else {"from_user_id": listener.bsuid}
    return {**author, "id": row["id"]}


@phone.get("/media/<regex('[0-9]+'):media_id>")
def show_media(media_id: str) -> Response:
    """A file of a thread as the phone holds it, ranges included; unusual kinds as a download."""
    row = rehearsal().sender.ledger.row("SELECT * FROM media WHERE id = ?", media_id)
    if row is None:
        abort(404)
    mime = row["mime"].partition(";")[0]
    name = row["file_name"] or "datei" + (mimetypes.guess_extension(mime) or "")
    is_inline = mime.startswith(_SHOWN_INLINE)
    answer = send_file(row["path"], mimetype=mime, conditional=True, as_attachment=not is_inline, download_name=name)
    answer.headers["Cache-Control"] = "private, max-age=600"
    return answer
