"""The rundown's page and its part of the HTTP interface, for producers."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from sqlalchemy.orm import Session

from desk import clock, db
from desk.live import log
from desk.shortlist import actions, forms, queries
from desk.shortlist.models import Slot
from desk.web.access import me, my_station, requires

shortlist = Blueprint("shortlist", __name__)


@shortlist.get("/rundown")
@requires("rundown.write")
def show_rundown() -> str:
    with db.reading() as session:
        body = _rundown(session)
    rundown_json = json.dumps(body, ensure_ascii=False).replace("<", "\\u003c")
    return render_template("rundown/rundown.html", page="rundown", rundown_json=rundown_json)


@shortlist.get("/api/v1/rundown")
@requires("rundown.write")
def read_rundown() -> Response:
    with db.reading() as session:
        return jsonify(_rundown(session))


def _rundown(session: Session) -> dict[str, Any]:
    """The number is read first: events after it may repeat what the answer shows, and none is missed."""
    station_id, at = my_station().id, clock.now()
    seq = log.last_seq(session, station_id)
    rundown = queries.current_rundown(session, station_id, at=at)
    pool = queries.list_pool(session, station_id, rundown.edition.id)
    return rundown.as_json() | {"pool": [item.as_json() for item in pool], "seq": seq, "now": clock.iso(at)}


@shortlist.post("/api/v1/rundown/slots")
@requires("rundown.write")
def add_slot() -> Response:
    wanted = forms.read_addition(request.get_json())
    with db.transaction() as session:
        slot = actions.add_to_rundown(
            session,
            my_station().id,
            wanted.card_id,
            position=wanted.position,
            note=wanted.note,
            intro_text=wanted.intro_text,
            by=me().id,
            at=clock.now(),
        )
        body = _after(session, slot)
    return jsonify(body)


@shortlist.patch("/api/v1/rundown/slots/<int:slot_id>")
@requires("rundown.write")
def change_slot(slot_id: int) -> Response:
    change = forms.read_change(request.get_json())
    station_id, by, at = my_station().id, me().id, clock.now()
    with db.transaction() as session:
        if change.position is not None:
            slot = actions.move_slot(
                session, station_id, slot_id, change.position, version=change.version, by=by, at=at
            )
        else:
            slot = actions.set_words(
                session,
                station_id,
                slot_id,
                note=change.note,
                intro_text=change.intro_text,
                version=change.version,
                by=by,
                at=at,
            )
        body = _after(session, slot)
    return jsonify(body)


@shortlist.delete("/api/v1/rundown/slots/<int:slot_id>")
@requires("rundown.write")
def remove_slot(slot_id: int) -> Response:
    station_id, at = my_station().id, clock.now()
    with db.transaction() as session:
        slot = queries.load_slot(session, station_id, slot_id)
        edition_id = slot.edition_id
        actions.remove_slot(session, station_id, slot_id, by=me().id, at=at)
        rundown = queries.view_rundown(session, station_id, queries.view_edition(session, edition_id))
    return jsonify(rundown.as_json())


def _after(session: Session, slot: Slot) -> dict[str, Any]:
    session.flush()
    edition = queries.view_edition(session, slot.edition_id)
    return queries.view_rundown(session, slot.station_id, edition).as_json() | {"slot_id": slot.id}
