"""The settings page and what it can do: retry given-up work. Looks of the own interface are the room people's."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template, request
from sqlalchemy import select

from desk import clock, db, settings
from desk.house import queries
from desk.jobs import table
from desk.jobs.models import Job
from desk.live import audit
from desk.web import access
from desk.web.access import requires, signed_in

house = Blueprint("house", __name__)


@house.get("/settings")
@signed_in
def show_settings() -> str:
    """Everybody has a profile here; the rest of the page depends on what the person may see."""
    me, at = access.me(), clock.now()
    station = me.station
    with db.reading() as session:
        channels = (
            queries.list_channels(session, station.id, settings.current().public_url)
            if station and me.may("station.settings")
            else None
        )
        team = queries.list_team(session, station.id) if station and me.may("people.manage") else None
        jobs = queries.list_job_groups(session, at=at) if me.may("jobs.manage") else None
    return render_template("house/settings.html", page="settings", channels=channels, team=team, jobs=jobs, now=at)


@house.get("/api/v1/jobs")
@requires("jobs.manage")
def list_jobs() -> Response:
    """What waits, runs or was given up; ids and codes only."""
    with db.reading() as session:
        return jsonify({"jobs": queries.list_job_groups(session, at=clock.now())})


@house.post("/api/v1/jobs/retry")
@requires("jobs.manage")
def retry_jobs() -> Response:
    """Try given-up work again: all of a `kind`, or of a `kind` and `reason`."""
    body = request.get_json(silent=True) or {}
    at = clock.now()
    with db.transaction() as session:
        wanted = select(Job).where(Job.state == "dead", Job.kind == str(body.get("kind") or ""))
        if body.get("reason"):
            wanted = wanted.where(Job.last_error == str(body["reason"]))
        found = list(session.execute(wanted.limit(1000)).scalars())
        count = sum(table.put_again(session, job.kind, job.subject, at=at) for job in found)
        station = access.me().station
        if station is not None:
            audit.record(
                session, station.id, "jobs.retry", f"jobs:{count}", by=access.me().id, at=at,
                details={"kind": str(body.get("kind") or "")},
            )  # fmt: skip
    return jsonify({"retried": count})
