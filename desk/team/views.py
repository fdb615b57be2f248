"""The team's line, and the page on which one shift hands over to the next. The station is always the session's."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from desk import clock, db
from desk.team import actions, forms, queries
from desk.web.access import me, my_station, requires

team = Blueprint("team", __name__)


@team.get("/api/v1/team/lines")
@requires("wall.read")
def list_lines() -> Response:
    """The lines of the day after number `after`, oldest first."""
    with db.reading() as session:
        lines = queries.list_lines(session, my_station().id, after=forms.read_after(request.args))
        body: dict[str, Any] = {"lines": [line.as_json() for line in lines]}
    return jsonify(body)


@team.post("/api/v1/team/lines")
@requires("wall.read")
def say() -> Response:
    said = forms.read_line(request.get_json())
    with db.transaction() as session:
        line = actions.say(
            session, my_station().id, said.text, card_id=said.card_id, key=said.key, by=me().id, at=clock.now()
        )
    return jsonify({"id": line.id})


@team.get("/handover")
@requires("wall.read")
def show_handover() -> str:
    """What this shift hands to the next, as it is now."""
    with db.reading() as session:
        shift = queries.build_shift(session, my_station().id, at=clock.now())
    return render_template("team/handover.html", page="handover", shift=shift, zone=my_station().zone)


@team.post("/handover")
@requires("wall.read")
def take_over() -> WerkzeugResponse:
    """The next shift has read it and takes over."""
    station_id, at = my_station().id, clock.now()
    with db.transaction() as session:
        figures = queries.build_shift(session, station_id, at=at).figures
        actions.take_over(session, station_id, figures, by=me().id, at=at)
    return redirect(url_for("team.show_handover"), code=303)
