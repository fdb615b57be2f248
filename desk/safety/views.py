"""The lead's page and its part of the HTTP interface. Sending a card there needs the right to judge, everything else
the permission `safety.handle`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from desk import clock, db
from desk.errors import Invalid, NotAllowed
from desk.live import audit, log
from desk.media import queries as media
from desk.media import storage
from desk.safety import actions, forms, queries
from desk.safety.models import SafetyCase
from desk.wall import queries as wall
from desk.web.access import me, my_station, requires
from desk.web.files import send_object

safety = Blueprint("safety", __name__)
Act = Callable[[Session, int, int, int, datetime], object]


@safety.get("/safety")
@requires("safety.handle")
def show_safety() -> str:
    return _page({})


def _page(faults: Mapping[str, str]) -> str:
    """The page; with `faults` the form of the words shows what was given."""
    with db.reading() as session:
        first = _list(session, "open")
        station = queries.rules_of(session, my_station().id)
    entries = {
        "threats": station.words.threats, "insults": station.words.insults, "harmless": station.words.harmless,
        "contact": station.contact, "is_on": "1" if station.is_on else "",
    }  # fmt: skip
    safety_json = json.dumps(first, ensure_ascii=False).replace("<", "\\u003c")
    return render_template(
        "safety/safety.html",
        page="safety",
        safety_json=safety_json,
        entries=request.form if faults else entries,
        faults=faults,
    )


@safety.post("/safety/rules")
@requires("safety.rules")
def set_rules() -> AnyResponse | tuple[str, int]:
    """The station's words and its safety contact."""
    try:
        wanted = forms.read_rules(request.form)
    except Invalid as refused:
        if not me().may("safety.handle"):
            raise
        return _page(refused.fields), 422
    with db.transaction() as session:
        actions.set_rules(
            session, my_station().id, wanted.words, is_on=wanted.is_on, contact=wanted.contact, by=me().id,
            at=clock.now(),
        )  # fmt: skip
    return redirect(url_for("safety.show_safety", _anchor="words"), 303)


@safety.get("/api/v1/safety")
@requires("safety.handle")
def list_cases() -> Response:
    """What is with the lead (`view=open`, default) or was closed (`view=closed`), the newest first."""
    with db.reading() as session:
        return jsonify(_list(session, forms.read_view(request.args.get("view"))))


def _list(session: Session, view: str) -> dict[str, Any]:
    """The number is read first: events after it may repeat what the page shows, and none is missed."""
    station_id, at = my_station().id, clock.now()
    seq = log.last_seq(session, station_id)
    found = queries.list_cases(session, station_id, forms.VIEWS[view])
    return {
        "view": view,
        "cases": queries.view_list(session, found, at=at),
        "counts": queries.counts(session, station_id),
        "seq": seq,
    }


@safety.get("/api/v1/safety/counts")
@requires("safety.handle")
def count_cases() -> Response:
    with db.reading() as session:
        return jsonify({"counts": queries.counts(session, my_station().id)})


@safety.get("/api/v1/safety/<int:case_id>")
@requires("safety.handle")
def show_case(case_id: int) -> Response:
    with db.reading() as session:
        return jsonify(_case_body(session, queries.load_case(session, my_station().id, case_id)))


def _case_body(session: Session, case: SafetyCase) -> dict[str, Any]:
    return {"case": queries.view_case(session, case, at=clock.now())}


@safety.get("/safety/media/<int:asset_id>/<profile>")
@requires("safety.handle")
def send_file(asset_id: int, profile: str) -> Response:
    """A file of a message that is with the lead, and of no other. The original is audited."""
    is_original = profile == media.ORIGINAL
    if is_original and not me().may("media.original"):
        raise NotAllowed(code="access.not_allowed")
    with db.reading() as session:
        asset = queries.load_asset(session, my_station().id, asset_id)
        found = media.load_profile(session, asset, profile)
    if is_original:
        with db.transaction() as session:
            audit.record(session, asset.station_id, "media.original", f"asset:{asset.id}", by=me().id, at=clock.now())
    return send_object(
        storage.current(),
        found.key,
        mime=found.mime,
        size_bytes=found.bytes,
        sha256=found.sha256,
        download_name=f"{asset.id}.bin" if is_original else None,
    )


@safety.post("/api/v1/cards/<int:card_id>/escalate")
@requires("card.judge")
def escalate(card_id: int) -> Response:
    """Send a card to the lead: it leaves wall, run, rundown and studio at once."""
    kind = forms.read_kind(request.get_json())
    with db.transaction() as session:
        case = actions.escalate(session, my_station().id, card_id, kind=kind, by=me().id, at=clock.now())
        body = {"case_id": case.id}
    return jsonify(body)


@safety.delete("/api/v1/cards/<int:card_id>/escalate")
@requires("card.judge")
def take_back(card_id: int) -> Response:
    """Back to the wall, by whoever sent it to the lead or by the lead."""
    is_lead = me().may("safety.handle")
    with db.transaction() as session:
        card = actions.take_back(session, my_station().id, card_id, by=me().id, is_lead=is_lead, at=clock.now())
        session.flush()
        body = {"card": wall.view_card(session, card, at=clock.now()).as_json()} if me().may("wall.read") else {}
    return jsonify(body)


def _act(case_id: int, act: Act) -> Response:
    with db.transaction() as session:
        act(session, my_station().id, case_id, me().id, clock.now())
        session.flush()
        body = _case_body(session, queries.load_case(session, my_station().id, case_id))
    return jsonify(body)


@safety.post("/api/v1/safety/<int:case_id>/take")
@requires("safety.handle")
def take_up(case_id: int) -> Response:
    return _act(case_id, lambda session, station, case, by, at: actions.take_up(session, station, case, by=by, at=at))


@safety.post("/api/v1/safety/<int:case_id>/back")
@requires("safety.handle")
def put_back(case_id: int) -> Response:
    return _act(case_id, lambda session, station, case, by, at: actions.put_back(session, station, case, by=by, at=at))


@safety.post("/api/v1/safety/<int:case_id>/again")
@requires("safety.handle")
def escalate_again(case_id: int) -> Response:
    """Undo of 'back to the wall': the same case goes on."""

    def again(session: Session, station: int, case_id: int, by: int, at: datetime) -> object:
        case = queries.load_case(session, station, case_id)
        return actions.escalate(session, station, case.card_id, kind=case.kind, by=by, at=at)

    return _act(case_id, again)


@safety.post("/api/v1/safety/<int:case_id>/steps")
@requires("safety.handle")
def set_step(case_id: int) -> Response:
    """Tick a step of the checklist or take the tick off."""
    wanted = forms.read_tick(request.get_json())

    def press(session: Session, station: int, case: int, by: int, at: datetime) -> object:
        if not wanted.is_on:
            return actions.untick(session, station, case, wanted.step, by=by, at=at)
        return actions.tick(session, station, case, wanted.step, length=wanted.length, by=by, at=at)

    return _act(case_id, press)


@safety.post("/api/v1/safety/<int:case_id>/note")
@requires("safety.handle")
def set_note(case_id: int) -> Response:
    note = forms.read_note(request.get_json())
    return _act(case_id, lambda s, station, case, by, at: actions.set_note(s, station, case, note, by=by, at=at))


@safety.post("/api/v1/safety/<int:case_id>/close")
@requires("safety.handle")
def close(case_id: int) -> Response:
    outcome = forms.read_outcome(request.get_json())
    return _act(case_id, lambda s, station, case, by, at: actions.close(s, station, case, outcome, by=by, at=at))


@safety.post("/api/v1/safety/<int:case_id>/reopen")
@requires("safety.handle")
def reopen(case_id: int) -> Response:
    return _act(case_id, lambda s, station, case, by, at: actions.reopen(s, station, case, by=by, at=at))
