"""The page of figures."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, Response, jsonify, render_template, request
from sqlalchemy.orm import Session

from desk import clock, db
from desk.errors import Invalid
from desk.media.queries import reason_text
from desk.reports import queries
from desk.reports.queries import DayReport
from desk.web import access
from desk.web.access import requires

reports = Blueprint("reports", __name__)
WEEK = timedelta(days=7)


def _day() -> date:
    try:
        return queries.day_of(request.args.get("day"), access.my_station().zone, now=clock.now())
    except ValueError as fault:
        raise Invalid({"day": "This is no date such as 2026-11-19."}) from fault


def _report(session: Session, day: date) -> DayReport:
    station = access.my_station()
    return queries.report_day(session, station.id, *queries.day_bounds(station.zone, day))


@reports.get("/reports")
@requires("reports.read")
def show_reports() -> str:
    """One day and, for comparing, the same day a week before."""
    day = _day()
    with db.reading() as session:
        report, before = _report(session, day), _report(session, day - WEEK)
    station = access.my_station()
    return render_template(
        "reports/reports.html",
        page="reports",
        day=day,
        today=clock.now().astimezone(station.zone).date(),
        report=report,
        before=before,
        zone=station.zone,
        reason_text=reason_text,
        step=timedelta(days=1),
    )


@reports.get("/api/v1/reports/day")
@requires("reports.read")
def show_day() -> Response:
    """Figures of one day (`day=2026-11-19`, today if left out)."""
    day = _day()
    with db.reading() as session:
        return jsonify({"report": _report(session, day).as_json()})
