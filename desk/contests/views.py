"""Campaign pages, the interface for campaigns and entries, and fetching exports."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from sqlalchemy.orm import Session

from desk import clock, db
from desk.contests import actions, backwards, forms, queries, rules
from desk.contests.models import Campaign
from desk.errors import Invalid
from desk.live import log
from desk.media import storage
from desk.wall import queries as wall
from desk.wall import sweeps
from desk.web import access
from desk.web.access import requires
from desk.web.files import send_object

contests = Blueprint("contests", __name__)
ENTRIES = 60


@contests.get("/campaigns")
@requires("campaign.read")
def show_campaigns() -> str:
    return _page(None)


@contests.get("/campaigns/<int:campaign_id>")
@requires("campaign.read")
def show_campaign(campaign_id: int) -> str:
    return _page(campaign_id)


def _page(campaign_id: int | None) -> str:
    """The number of the newest event is read first: events after it may repeat what the page shows."""
    station, at = access.my_station(), clock.now()
    with db.reading() as session:
        state: dict[str, Any] = {"seq": log.last_seq(session, station.id)}
        found = queries.list_campaigns(session, station.id)
        state["campaigns"] = [queries.view_campaign(campaign, at=at) for campaign in found]
        chosen = _chosen(session, station.id, found, campaign_id)
        state["campaign_id"] = chosen.id if chosen else None
        state |= _entries(session, chosen.id, None) if chosen else {"entries": [], "next": None}
        exports = queries.list_exports(session, station.id, chosen.id) if chosen and _may_export() else []
        state["exports"] = [queries.view_export(export) for export in exports]
    state_json = json.dumps(state, ensure_ascii=False).replace("<", "\\u003c")
    return render_template(
        "contests/campaigns.html", page="campaigns", state_json=state_json, time_zone=station.timezone,
        campaigns=state["campaigns"], chosen=chosen, icons=rules.ICONS,
    )  # fmt: skip


def _chosen(session: Session, station_id: int, found: list[Campaign], campaign_id: int | None) -> Campaign | None:
    """The campaign of the address; without one the newest. Raises NotFound."""
    if campaign_id is not None:
        return queries.load_campaign(session, station_id, campaign_id)
    return found[0] if found else None


def _may_export() -> bool:
    return access.me().may("export.masked")


def _entries(session: Session, campaign_id: int, before: int | None, *, is_for_jury: bool = False) -> dict[str, Any]:
    pairs = queries.list_entry_cards(
        session, campaign_id, before_number=before, most=ENTRIES + 1, is_for_jury=is_for_jury
    )
    shown = pairs[:ENTRIES]
    views = wall.view_cards(session, [card_id for _number, card_id in shown], at=clock.now())
    rows = [{"number": number, "card": views[card_id].as_json()} for number, card_id in shown if card_id in views]
    return {"entries": rows, "next": shown[-1][0] if len(pairs) > ENTRIES else None}


@contests.get("/api/v1/campaigns")
@requires("campaign.read")
def list_campaigns() -> Response:
    at = clock.now()
    with db.reading() as session:
        found = queries.list_campaigns(session, access.my_station().id)
        return jsonify({"campaigns": [queries.view_campaign(campaign, at=at) for campaign in found]})


@contests.post("/api/v1/campaigns")
@requires("contest.manage")
def add_campaign() -> tuple[Response, int]:
    station, at = access.my_station(), clock.now()
    form = forms.read_campaign(_body(), station.zone, now=at)
    with db.transaction() as session:
        campaign = actions.add_campaign(session, station.id, form, by=access.me().id, at=at)
        view = queries.view_campaign(campaign, at=at)
    return jsonify({"campaign": view}), 201


@contests.patch("/api/v1/campaigns/<int:campaign_id>")
@requires("contest.manage")
def change_campaign(campaign_id: int) -> Response:
    station, at, body = access.my_station(), clock.now(), _body()
    version = body.get("version")
    if not isinstance(version, int):
        raise Invalid({"version": "The version of the campaign is missing."})
    with db.reading() as session:
        present = queries.view_campaign(queries.load_campaign(session, station.id, campaign_id), at=at)
    form = forms.read_campaign({**present, **body}, station.zone, now=at)
    with db.transaction() as session:
        changed = actions.change_campaign(
            session, station.id, campaign_id, form, version=version, by=access.me().id, at=at
        )
        view = queries.view_campaign(changed, at=at)
    return jsonify({"campaign": view})


@contests.post("/api/v1/campaigns/<int:campaign_id>/backwards")
@requires("contest.manage")
def draw_up_backwards(campaign_id: int) -> tuple[Response, int]:
    """What the campaign's rule would take of what came before, as a sweep that can be started. Nothing moves yet."""
    station, by, at = access.my_station(), access.me().id, clock.now()
    span, key = forms.read_backwards(_body())
    with db.reading() as session:
        campaign = queries.load_campaign(session, station.id, campaign_id)
        since = backwards.begin_of(session, campaign, span, at=at)
        plan = backwards.plan(session, campaign, since, at=at)
    wanted = {"campaign_id": campaign.id, "name": campaign.name, "since": clock.iso(since)}
    with db.transaction() as session:
        sweep = sweeps.draw_up(
            session, station.id, plan.cards, act=backwards.ACT, wanted=wanted, key=key, by=by, at=at
        )  # fmt: skip
        view = sweeps.view(session, sweep)
    return jsonify({"sweep": view, "since": clock.iso(since)} | plan.as_json()), 201


@contests.get("/api/v1/campaigns/<int:campaign_id>/entries")
@requires("campaign.read")
def list_entries(campaign_id: int) -> Response:
    with db.reading() as session:
        campaign = queries.load_campaign(session, access.my_station().id, campaign_id)
        before, is_for_jury = request.args.get("before", type=int), request.args.get("jury") == "1"
        return jsonify(_entries(session, campaign.id, before, is_for_jury=is_for_jury))


@contests.get("/api/v1/campaigns/<int:campaign_id>/exports")
@requires("export.masked")
def list_exports(campaign_id: int) -> Response:
    station = access.my_station()
    with db.reading() as session:
        campaign = queries.load_campaign(session, station.id, campaign_id)
        exports = queries.list_exports(session, station.id, campaign.id)
        return jsonify({"exports": [queries.view_export(export) for export in exports]})


@contests.post("/api/v1/campaigns/<int:campaign_id>/exports")
@requires("export.masked")
def ask_for_export(campaign_id: int) -> tuple[Response, int]:
    with db.transaction() as session:
        export = actions.ask_for_export(session, access.my_station().id, campaign_id, by=access.me().id, at=clock.now())
        view = queries.view_export(export)
    return jsonify({"export": view}), 202


@contests.get("/api/v1/exports/<int:export_id>")
@requires("export.masked")
def show_export(export_id: int) -> Response:
    with db.reading() as session:
        export = queries.load_export(session, access.my_station().id, export_id)
        return jsonify({"export": queries.view_export(export)})


@contests.get("/exports/<int:export_id>/download")
@requires("export.masked")
def download(export_id: int) -> Response:
    """Rights are checked again here, and every fetch is in the audit; ranges let a broken download go on."""
    station = access.my_station()
    with db.transaction() as session:
        export = actions.note_fetch(session, station.id, export_id, by=access.me().id, at=clock.now())
        key, size_bytes, sha256 = export.key or "", export.bytes or 0, export.sha256 or ""
    return send_object(
        storage.current(),
        key,
        mime="application/zip",
        size_bytes=size_bytes,
        sha256=sha256,
        download_name=f"export-{station.slug}-{export_id}.zip",
    )


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Invalid({"body": "A JSON object is expected."})
    return body
