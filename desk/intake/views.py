"""The front door for providers: the address check and deliveries.

A delivery is verified on its raw bytes and stored with its job in one synced commit before the 200; everything else
happens later. What is refused was not stored and is sent again by the provider.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import cast

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import Forbidden, RequestEntityTooLarge, Unauthorized

from desk import clock, db
from desk.channels.actions import mark_verified
from desk.channels.contract import BadSignature
from desk.intake import doors, gathering
from desk.web.access import public

logger = logging.getLogger(__name__)
intake = Blueprint("intake", __name__)


@intake.get("/webhooks/<public_id>")
@public
def answer_handshake(public_id: str) -> Response:
    """Prove to the provider that this address is ours."""
    door = doors.open_door(public_id)
    challenge = door.adapter.answer_handshake(request.args) if door.adapter is not None else None
    if challenge is None:
        raise Forbidden
    with db.transaction() as session:
        mark_verified(session, door.channel_id, at=clock.now())
    response = Response(challenge, mimetype="text/plain")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@intake.post("/webhooks/<public_id>")
@public
def receive(public_id: str) -> Response:
    """Take one delivery: 200 once it is stored, 401 unless the provider signed it, 503 if it cannot be stored now."""
    door = doors.open_door(public_id)
    at = clock.now()
    headers = cast(Mapping[str, str], request.headers)
    if door.adapter is None or not door.adapter.may_be_signed(headers):
        raise Unauthorized
    most_bytes = current_app.config["MAX_CONTENT_LENGTH"]
    if (request.content_length or 0) > most_bytes:
        raise RequestEntityTooLarge
    body = request.get_data(cache=False)
    try:
        door.adapter.verify(body, headers, at=at)
    except BadSignature as fault:
        logger.warning("delivery to channel %s refused: %s", door.channel_id, fault.reason)
        raise Unauthorized from fault
    gathering.keep(door.station_id, door.channel_id, body, at=at)
    return Response(status=200)
