"""The page of figures."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template, request

from desk import clock, db
from desk.errors import Invalid
from desk.media.queries import reason_text
from desk.reports import queries
from desk.reports.queries import DayReport
from desk.web import access
from desk.web.access import requires

reports = Blueprint("reports", __name__)


def _report() -> DayReport:
    station = access.my_station()
    try:
        starts_at, ends_at = queries.day_bounds(station.zone, request.args.get("day"), now=clock.now())
    except ValueError as fault:
        raise Invalid({"day": "This is no date such as 2026-11-19."}) from fault
    with db.reading() as session:
        return queries.report_day(session, station.id, starts_at, ends_at)


@reports.get("/reports")
@requires("reports.read")
def show_reports() -> str:
    return render_template(
        "reports/reports.html",
        page="reports",
        report=_report(),
        zone=access.my_station().zone,
        reason_text=reason_text,
        today=clock.now().astimezone(access.my_station().zone).date(),
    )


@reports.get("/api/v1/reports/day")
@requires("reports.read")
def show_day() -> Response:
    """Figures of one day (`day=2026-11-19`, today if left out)."""
    return jsonify({"report": _report().as_json()})
