"""The inbox page and the interface of dialogues. Answering from a card is the wall's view; both write the same way."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from sqlalchemy.orm import Session

from desk import clock, db
from desk.conversations import inbox, queries, replies
from desk.errors import Invalid
from desk.listeners import queries as listeners
from desk.live import log
from desk.media import queries as media
from desk.web import access
from desk.web.access import requires

conversations = Blueprint("conversations", __name__)
WAITING, ALL = "waiting", "all"


@conversations.get("/inbox")
@requires("reply.send")
def show_inbox() -> str:
    with db.reading() as session:
        page = _page(session, access.my_station().id)
    inbox_json = json.dumps(page, ensure_ascii=False).replace("<", "\\u003c")
    return render_template("conversations/inbox.html", page="inbox", inbox_json=inbox_json, view=page["view"])


@conversations.get("/api/v1/conversations")
@requires("reply.send")
def list_conversations() -> Response:
    """Dialogues: `view=waiting` (default), the window that closes first at the top, or `view=all`, newest first.

    `from` is the `next` of the page before.
    """
    with db.reading() as session:
        return jsonify(_page(session, access.my_station().id))


def _page(session: Session, station_id: int) -> dict[str, Any]:
    """The number is read first: events after it may repeat what the page shows, and none is missed."""
    at, view, start = clock.now(), _view(request.args.get("view")), _cursor(request.args.get("from"))
    seq = log.last_seq(session, station_id)
    if view == WAITING:
        found = inbox.list_waiting(session, station_id, at=at, after=start)
    else:
        found = inbox.list_dialogues(session, station_id, at=at, before=start)
    return {
        "view": view,
        "dialogues": [one.as_json() for one in found],
        "next": _next(found, view),
        "waiting": inbox.count_waiting(session, station_id, at=at),
        "seq": seq,
    }


def _next(found: list[inbox.Dialogue], view: str) -> str | None:
    if len(found) < inbox.PAGE:
        return None
    last = found[-1].conversation
    moment = last.closes_at if view == WAITING else last.last_message_at
    return f"{clock.to_ms(moment)}.{last.id}" if moment else None


def _view(given: str | None) -> str:
    if given not in (None, "", WAITING, ALL):
        raise Invalid({"view": "This list does not exist."})
    return given or WAITING


def _cursor(given: str | None) -> tuple[datetime, int] | None:
    if not given:
        return None
    moment, _, last_id = given.partition(".")
    if not (moment.isdecimal() and last_id.isdecimal() and len(moment) <= 14 and len(last_id) <= 18):
        raise Invalid({"from": "This is no place in the list."})
    return clock.from_ms(int(moment)), int(last_id)


@conversations.get("/api/v1/conversations/<int:conversation_id>")
@requires("reply.send")
def show_conversation(conversation_id: int) -> Response:
    """One dialogue with its newest messages, oldest first, their files, and its service window."""
    with db.reading() as session:
        return jsonify(_conversation(session, access.my_station().id, conversation_id))


def _conversation(session: Session, station_id: int, conversation_id: int) -> dict[str, Any]:
    at = clock.now()
    conversation = queries.load_conversation(session, station_id, conversation_id)
    listener = listeners.load_listener(session, station_id, conversation.listener_id)
    shown = inbox.listener_json(listener, at=at)
    messages = [] if shown["is_blocked"] else queries.thread(session, conversation.id)
    files = media.list_assets(session, [one.id for one in messages if one.media_ids and not one.is_revoked])
    dialogue = inbox.find_dialogue(session, station_id, conversation.id, at=at)
    return {
        "id": conversation.id,
        "listener": shown,
        "messages": [view.as_json() for view in messages],
        "media": [asset.as_json() for assets in files.values() for asset in assets],
        "window": queries.window(conversation, at).as_json(),
        "settled_at": clock.iso(conversation.settled_at),
        "dialogue": dialogue.as_json() if dialogue else None,
    }


@conversations.post("/api/v1/conversations/<int:conversation_id>/settle")
@requires("reply.send")
def settle(conversation_id: int) -> Response:
    """Nothing received until now needs an answer; the dialogue leaves the waiting ones."""
    station_id = access.my_station().id
    with db.transaction() as session:
        inbox.settle(session, station_id, conversation_id, by=access.me().id, at=clock.now())
        session.flush()
        body = _conversation(session, station_id, conversation_id)
    return jsonify(body)


@conversations.delete("/api/v1/conversations/<int:conversation_id>/settle")
@requires("reply.send")
def reopen(conversation_id: int) -> Response:
    station_id = access.my_station().id
    with db.transaction() as session:
        inbox.reopen(session, station_id, conversation_id, by=access.me().id, at=clock.now())
        session.flush()
        body = _conversation(session, station_id, conversation_id)
    return jsonify(body)


@conversations.post("/api/v1/conversations/<int:conversation_id>/replies")
@requires("reply.send")
def write_reply(conversation_id: int) -> tuple[Response, int]:
    """Answer a listener inside the service window; held a few seconds, then sent at most once."""
    body = request.get_json(silent=True)
    given: dict[str, Any] = body if isinstance(body, dict) else {}
    with db.transaction() as session:
        message = replies.write_reply(
            session,
            access.my_station().id,
            conversation_id,
            str(given.get("text") or ""),
            by=access.me().id,
            at=clock.now(),
            idempotency_key=str(given.get("idempotency_key") or ""),
        )
        view = queries.view_messages(session, [message])[0].as_json()
    return jsonify({"message": view}), 201
