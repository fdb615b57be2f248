"""The presenter's page, the files it may have, and the interface for vetting and airing.

What is not vetted and cleared for the current edition answers 404 here, like anything that does not exist.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from sqlalchemy.orm import Session

from desk import clock, db
from desk.live import log
from desk.media import links, storage
from desk.onair import actions, forms, queries
from desk.shortlist.content import AIR_PROFILE
from desk.wall import mood
from desk.web.access import me, my_station, requires
from desk.web.files import send_object
from media_store.delivery import FORMATS

onair = Blueprint("onair", __name__)


# --- vetting, for producers -------------------------------------------------------------------------------------


@onair.get("/api/v1/cards/<int:card_id>/vetting")
@requires("wall.read")
def read_vetting(card_id: int) -> Response:
    with db.reading() as session:
        return jsonify(queries.vetting_report(session, my_station().id, card_id, person_id=me().id))


@onair.post("/api/v1/cards/<int:card_id>/listened")
@requires("media.preview")
def note_listened(card_id: int) -> Response:
    heard = forms.read_heard(request.get_json())
    station_id, by = my_station().id, me().id
    with db.transaction() as session:
        actions.note_listened(
            session,
            station_id,
            card_id,
            heard.asset_id,
            heard.sha256,
            heard.from_s,
            heard.to_s,
            by=by,
            at=clock.now(),
        )
        body = queries.vetting_report(session, station_id, card_id, person_id=by)
    return jsonify(body)


@onair.post("/api/v1/cards/<int:card_id>/vet")
@requires("card.vet")
def vet(card_id: int) -> Response:
    sha256 = forms.read_hash(request.get_json())
    with db.transaction() as session:
        actions.vet(session, my_station().id, card_id, sha256, by=me().id, at=clock.now())
        session.flush()
        body = queries.vetting_report(session, my_station().id, card_id, person_id=me().id)
    return jsonify(body)


@onair.post("/api/v1/cards/<int:card_id>/unvet")
@requires("card.vet")
def unvet(card_id: int) -> Response:
    with db.transaction() as session:
        actions.unvet(session, my_station().id, card_id, by=me().id, at=clock.now())
        session.flush()
        body = queries.vetting_report(session, my_station().id, card_id, person_id=me().id)
    return jsonify(body)


# --- the studio -------------------------------------------------------------------------------------------------


@onair.get("/studio")
@requires("rundown.read")
def show_studio() -> str:
    with db.reading() as session:
        studio_json = json.dumps(_studio(session), ensure_ascii=False).replace("<", "\\u003c")
    return render_template("studio/studio.html", page="studio", studio_json=studio_json)


@onair.get("/api/v1/studio")
@requires("rundown.read")
def read_studio() -> Response:
    with db.reading() as session:
        return jsonify(_studio(session))


def _studio(session: Session) -> dict[str, Any]:
    """The number is read first: events after it may repeat what the answer shows, and none is missed."""
    station_id, at = my_station().id, clock.now()
    seq = log.last_seq(session, station_id)
    bar = mood.view_bar(session, station_id, at=at)
    return {"now": clock.iso(at), "seq": seq, "mood": bar} | queries.studio(session, station_id, at=at).as_json()


@onair.get("/studio/media/<int:slot_id>/<profile>")
@requires("media.vetted")
def send_file(slot_id: int, profile: str) -> Response:
    with db.reading() as session:
        found = queries.load_air_file(session, my_station().id, slot_id, profile, at=clock.now())
    return send_object(
        storage.current(),
        found.key,
        mime=found.mime,
        size_bytes=found.bytes,
        sha256=found.sha256,
        download_name=found.download_name if profile in (AIR_PROFILE, *FORMATS) else None,
    )


@onair.post("/api/v1/studio/slots/<int:slot_id>/link")
@requires("media.vetted")
def make_link(slot_id: int) -> Response:
    """A link to the air copy for the playout's own hand; it ends with the item's clearance and with this session."""
    with db.transaction() as session:
        address, until = links.make_link(
            session, queries.PLAYOUT, slot_id, AIR_PROFILE, by=me(), station_id=my_station().id, at=clock.now()
        )
    return jsonify({"address": address, "until": clock.iso(until)})


@onair.post("/api/v1/studio/slots/<int:slot_id>/loaded")
@requires("onair.mark")
def load_cart(slot_id: int) -> Response:
    sha256 = forms.read_hash(request.get_json())
    with db.transaction() as session:
        card = actions.load_cart(session, my_station().id, slot_id, sha256, by=me().id, at=clock.now())
        body = {"slot_id": slot_id, "state": card.state}
    return jsonify(body)


@onair.post("/api/v1/studio/slots/<int:slot_id>/on-air")
@requires("onair.mark")
def set_on_air(slot_id: int) -> Response:
    sha256, is_on = forms.read_on_air(request.get_json())
    with db.transaction() as session:
        card = actions.set_on_air(session, my_station().id, slot_id, sha256, is_on=is_on, by=me().id, at=clock.now())
        body = {"slot_id": slot_id, "state": card.state}
    return jsonify(body)


@onair.post("/api/v1/studio/slots/<int:slot_id>/aired")
@requires("onair.mark")
def mark_aired(slot_id: int) -> Response:
    report = forms.read_aired(request.get_json())
    with db.transaction() as session:
        airing = actions.mark_aired(
            session,
            my_station().id,
            slot_id,
            sha256=report.sha256,
            idempotency_key=report.idempotency_key,
            played_s=report.played_s,
            aired_at=report.aired_at,
            by=me().id,
            at=clock.now(),
        )
        body = {"slot_id": slot_id, "aired_at": clock.iso(airing.aired_at)}
    return jsonify(body)


@onair.delete("/api/v1/studio/slots/<int:slot_id>/aired")
@requires("onair.mark")
def take_back(slot_id: int) -> Response:
    with db.transaction() as session:
        airing = actions.take_back(session, my_station().id, slot_id, by=me().id, at=clock.now())
        body = {"slot_id": slot_id, "undone_at": clock.iso(airing.undone_at)}
    return jsonify(body)
