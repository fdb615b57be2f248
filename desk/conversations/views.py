"""The inbox page and the interface of dialogues. Answering from a card is the wall's view; both write the same way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from desk import clock, db
from desk.conversations import inbox, queries, replies
from desk.errors import Invalid
from desk.listeners import queries as listeners
from desk.web import access
from desk.web.access import requires

conversations = Blueprint("conversations", __name__)


@conversations.get("/inbox")
@requires("reply.send")
def show_inbox() -> str:
    with db.reading() as session:
        state = _page(inbox.list_dialogues(session, access.my_station().id, at=clock.now()))
    return render_template("conversations/inbox.html", page="inbox", state=state)


@conversations.get("/api/v1/conversations")
@requires("reply.send")
def list_conversations() -> Response:
    """Dialogues, newest first; `before` is the `next` of the page before."""
    with db.reading() as session:
        found = inbox.list_dialogues(
            session, access.my_station().id, at=clock.now(), before=_cursor(request.args.get("before"))
        )
        return jsonify(_page(found))


def _page(found: list[inbox.Dialogue]) -> dict[str, Any]:
    last = found[-1] if len(found) == inbox.PAGE else None
    following = f"{clock.to_ms(last.last_at)}.{last.id}" if last else None
    return {"dialogues": [one.as_json() for one in found], "next": following}


def _cursor(given: str | None) -> tuple[datetime, int] | None:
    if not given:
        return None
    moment, _, last_id = given.partition(".")
    if not (moment.isdecimal() and last_id.isdecimal()):
        raise Invalid({"before": "This is no place in the list."})
    return clock.from_ms(int(moment)), int(last_id)


@conversations.get("/api/v1/conversations/<int:conversation_id>")
@requires("reply.send")
def show_conversation(conversation_id: int) -> Response:
    """One dialogue with its newest messages, oldest first, and its service window."""
    at = clock.now()
    with db.reading() as session:
        station_id = access.my_station().id
        conversation = queries.load_conversation(session, station_id, conversation_id)
        listener = listeners.load_listener(session, station_id, conversation.listener_id)
        return jsonify(
            {
                "id": conversation.id,
                "listener": {"alias": listener.alias, "first_name": listener.first_name, "place": listener.place},
                "messages": [view.as_json() for view in queries.thread(session, conversation.id)],
                "window": queries.window(conversation, at).as_json(),
            }
        )


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
