"""The page of figures."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, jsonify, render_template, request
from sqlalchemy.orm import Session

from desk import clock, db
from desk.errors import Invalid
from desk.media.queries import reason_text
from desk.reports import queries
from desk.reports.queries import DayReport
from desk.web import access
from desk.web.access import requires
from desk.web.sentences import say

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
        hours=_labelled(report, station.zone),
        failures=[
            (say(reason_text(code), report.failure_facts.get(code)), count)
            for code, count in report.media_failures.items()
        ],
        step=timedelta(days=1),
    )


def _labelled(report: DayReport, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Hours by the station's clock; where it was put back, the two that are called alike bear their time's name."""
    starts = [report.day_starts_at + timedelta(hours=at) for at in range(len(report.hours))]
    local = [start.astimezone(zone) for start in starts]
    return [
        {
            "hour": start.hour,
            "label": f"{start:%H:%M}" + (f" {start:%Z}" if len(local) != 24 and 1 <= start.hour <= 3 else ""),
            "cards": one["cards"],
        }
        for start, one in zip(local, report.hours, strict=True)
    ]


@reports.get("/api/v1/reports/day")
@requires("reports.read")
def show_day() -> Response:
    """Figures of one day (`day=2026-11-19`, today if left out)."""
    day = _day()
    with db.reading() as session:
        return jsonify({"report": _report(session, day).as_json()})
