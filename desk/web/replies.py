"""Turns refusals into answers: one JSON shape for programs, one page for people.

{"error": {"code", "message", "fields"?, "current"?}} - and nothing of the inside: no traces, no paths.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from desk.errors import Conflict, DeskError, Invalid, NotAllowed, NotFound, Unavailable
from desk.web.access import wants_json

logger = logging.getLogger(__name__)
STATUS: tuple[tuple[type[DeskError], int], ...] = (
    (NotFound, 404),
    (NotAllowed, 403),
    (Invalid, 422),
    (Conflict, 409),
    (Unavailable, 503),
)
SAYS = {
    400: "This request cannot be understood.",
    401: "Please sign in.",
    403: "Your role does not allow this.",
    404: "There is nothing here under this address.",
    405: "This address does not take that kind of request.",
    409: "Somebody was faster.",
    413: "This is larger than the desk accepts.",
    415: "This kind of content is not accepted here.",
    416: "That part of the file does not exist.",
    422: "Something is missing or wrong in what was sent.",
    429: "Too many tries. Please wait a minute.",
    500: "Something went wrong inside the desk. Nothing you sent was applied.",
    503: "This is not available at the moment. Nothing is lost.",
}


def install(app: Flask) -> None:
    """Answer every kind of error of `app` here and nowhere else."""
    app.register_error_handler(DeskError, _desk_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def status_of(error: DeskError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def _desk_error(error: DeskError) -> Response:
    body: dict[str, Any] = {"code": error.code, "message": _(error.message, **error.facts)}
    if isinstance(error, Invalid):
        body["fields"] = {name: _(says) for name, says in error.fields.items()}
    if isinstance(error, Conflict):
        body["current"] = error.current
    response = answer(status_of(error), body)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(max(1, round(error.after_s)))
    return response


def _csrf_error(_error: CSRFError) -> Response:
    message = _("This page was open for too long or in another session. Please reload it.")
    return answer(403, {"code": "access.csrf", "message": message})


def _http_error(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    status = error.code or 500
    response = answer(status, {"code": f"http.{status}", "message": _(SAYS.get(status, SAYS[400]))})
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "content-range"):
            response.headers[name] = value
    return response


def _unexpected(_error: Exception) -> Response:
    """The request boundary is one of the three edges that catch everything."""
    support = secrets.token_hex(4)
    logger.exception("request to %s failed, support code %s", request.endpoint, support)
    return answer(500, {"code": f"desk.fault.{support}", "message": _(SAYS[500])})


def answer(status: int, error: dict[str, Any]) -> Response:
    if wants_json() or request.is_json:
        response = jsonify({"error": error})
    else:
        response = make_response(render_template("errors/error.html", status=status, error=error, page="error"))
    response.status_code = status
    return response
