"""The settings page and what it can do: say how sounds are delivered, retry given-up work.

Looks of the own interface are the room people's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from desk import clock, db, settings
from desk.errors import Invalid
from desk.house import actions, queries
from desk.house.reasons import plain_reason
from desk.identity import permissions
from desk.intake import backfilling
from desk.media import covers, forms, transcripts, wishes
from desk.people.models import Station
from desk.people.rules import ROLES
from desk.wall import mood, tags
from desk.web import access
from desk.web.access import requires, signed_in
from desk.web.sentences import say

house = Blueprint("house", __name__)
LONGEST_KIND, LONGEST_REASON = 40, 400
MOST_OPENED = 20  # reasons whose work is listed one by one


@house.get("/settings")
@signed_in
def show_settings() -> str:
    """Everybody has a profile here; the rest of the page depends on what the person may see."""
    return _page({})


@house.post("/settings/sound")
@requires("station.settings")
def set_sound() -> AnyResponse | tuple[str, int]:
    """How loud, how tight and in which further formats the station takes its sounds."""
    try:
        wanted = forms.read_wishes(request.form)
    except Invalid as refused:
        return _page(refused.fields), 422
    with db.transaction() as session:
        wishes.set_wishes(session, access.my_station().id, wanted, by=access.me().id, at=clock.now())
    return redirect(url_for("house.show_settings", _anchor="sound"), 303)


@house.post("/settings/pictures")
@requires("station.settings")
def set_pictures() -> AnyResponse:
    """Whether pictures are looked at for nudity, which covers them until a person looks."""
    is_on = request.form.get("checks_sensitive") == "1"
    with db.transaction() as session:
        covers.set_check(session, access.my_station().id, is_on=is_on, by=access.me().id, at=clock.now())
    return redirect(url_for("house.show_settings", _anchor="pictures"), 303)


@house.post("/settings/noise")
@requires("station.settings")
def set_noise() -> AnyResponse:
    """Whether emoji and greetings alone are counted in the mood bar instead of standing on the wall."""
    is_on = request.form.get("folds_noise") == "1"
    with db.transaction() as session:
        mood.set_folding(session, access.my_station().id, is_on=is_on, by=access.me().id, at=clock.now())
    return redirect(url_for("house.show_settings", _anchor="noise"), 303)


@house.post("/settings/tags")
@requires("station.settings")
def set_tags() -> AnyResponse | tuple[str, int]:
    """The colour tags people put on cards."""
    try:
        wanted = tags.read_form(request.form)
    except Invalid as refused:
        return _page({}, refused.fields), 422
    with db.transaction() as session:
        tags.set_tags(session, access.my_station().id, wanted, by=access.me().id, at=clock.now())
    return redirect(url_for("house.show_settings", _anchor="tags"), 303)


@house.post("/settings/transcripts")
@requires("station.settings")
def set_transcripts() -> AnyResponse:
    """Whether voice notes that come from now on are written down."""
    is_on = request.form.get("transcribes") == "1"
    with db.transaction() as session:
        transcripts.set_setting(session, access.my_station().id, is_on=is_on, by=access.me().id, at=clock.now())
    return redirect(url_for("house.show_settings", _anchor="transcripts"), 303)


def _page(faults: Mapping[str, str], tag_faults: Mapping[str, str] | None = None) -> str:
    """The page; `faults` by field of the form for sound, `tag_faults` of that for tags: both show what was given."""
    me, at = access.me(), clock.now()
    station = me.station
    channels = team = jobs = backfill = sound = pictures = speech = tag_places = folds_noise = None
    with db.reading() as session:
        if station and me.may("station.settings"):
            channels = queries.list_channels(session, station.id, settings.current().public_url, at=at)
            pictures = covers.view_check(session, station.id)
            speech = transcripts.view_setting(session, station.id)
            folds_noise = mood.folds(session, station.id)
            tag_places = _tag_places(session, station.id, request.form if tag_faults else None)
            sound = request.form if faults else _entries(session.get_one(Station, station.id))
        if station and me.may("people.manage"):
            team = queries.list_team(session, station.id)
        if me.may("jobs.manage"):
            jobs, backfill = _work(session, at), backfilling.progress(session)
    return render_template(
        "house/settings.html",
        page="settings",
        channels=channels,
        team=team,
        jobs=jobs,
        backfill=backfill,
        sound=sound,
        pictures=pictures,
        speech=speech,
        folds_noise=folds_noise,
        tag_places=tag_places,
        tag_faults=tag_faults or {},
        faults=faults,
        now=at,
        why=lambda code: say(plain_reason(code)),
        permissions=permissions(),
        role_names=ROLES,
    )


def _work(session: Session, at: datetime) -> list[dict[str, Any]]:
    """All work by kind, state and reason; what was given up also one by one."""
    groups = queries.list_job_groups(session, _reach(), at=at)
    for group in groups[:MOST_OPENED]:
        if group["may_retry"]:
            group["ones"] = queries.list_dead(session, _reach(), group["kind"], group["reason"], at=at)
    return groups


def _entries(station: Station) -> dict[str, str]:
    """A station's wishes as the fields of the form."""
    return {
        "loudness_lufs": f"{station.loudness_lufs:g}",
        "true_peak_dbtp": f"{station.true_peak_dbtp:g}",
        "is_trimmed": "1" if station.air_is_trimmed else "",
        "before_ms": str(station.air_before_ms),
        "after_ms": str(station.air_after_ms),
        **{f"format_{name}": "1" for name in station.air_formats.split()},
    }


def _tag_places(session: Session, station_id: int, given: Mapping[str, str] | None) -> list[dict[str, Any]]:
    """The nine places of the form, as they are or as they were given."""
    if given is not None:
        return [
            {"place": place, "name": given.get(f"name_{place}", ""), "hue": given.get(f"hue_{place}", "")}
            for place in tags.PLACES
        ]
    known = {tag.place: tag for tag in tags.list_tags(session, station_id)}
    return [
        {"place": place, "name": known[place].name, "hue": str(known[place].hue)}
        if place in known
        else {"place": place, "name": "", "hue": str(tags.HUES[place - 1])}
        for place in tags.PLACES
    ]


def _reach() -> int | None:
    """Whose jobs a person may see and retry: an operator everybody's (None), others those of their station."""
    return None if access.me().may("system.read") else access.my_station().id


@house.get("/api/v1/jobs")
@requires("jobs.manage")
def list_jobs() -> Response:
    """What waits, runs or was given up; codes and counts only."""
    with db.reading() as session:
        return jsonify({"jobs": queries.list_job_groups(session, _reach(), at=clock.now())})


@house.post("/api/v1/jobs/retry")
@requires("jobs.manage")
def retry_jobs() -> Response:
    """Try given-up work again: one by its `id`, or all of a `kind`, or of a `kind` and `reason`."""
    body = request.get_json(silent=True)
    if isinstance(body, dict) and "id" in body:
        return _retry_one(body["id"])
    kind, reason = _wanted(body)
    with db.transaction() as session:
        count = actions.retry_dead(session, _reach(), kind, reason, by=access.me().id, at=clock.now())
    return jsonify({"retried": count})


def _retry_one(job_id: Any) -> Response:
    if not isinstance(job_id, int) or isinstance(job_id, bool) or not 0 < job_id < 2**63:
        raise Invalid({"id": "This is no piece of work."})
    with db.transaction() as session:
        count = actions.retry_one(session, _reach(), job_id, by=access.me().id, at=clock.now())
    return jsonify({"retried": count})


def _wanted(body: Any) -> tuple[str, str | None]:
    given: dict[str, Any] = body if isinstance(body, dict) else {}
    kind, reason = given.get("kind"), given.get("reason")
    faults: dict[str, str] = {}
    if not (isinstance(kind, str) and 0 < len(kind) <= LONGEST_KIND):
        faults["kind"] = "Say which kind of work should be tried again."
    if not (reason is None or (isinstance(reason, str) and len(reason) <= LONGEST_REASON)):
        faults["reason"] = "This is no reason."
    if faults:
        raise Invalid(faults)
    return str(kind), reason or None
