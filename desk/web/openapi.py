"""Describes the HTTP interface from what is really there: every address, its guard, its parameters, its errors.

GET /api/v1/openapi.json is OpenAPI 3.1, made from the application's own routes, so it cannot be out of date.
A view says what it takes with `describes` (JSON schema of the body) and what it does in its docstring.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app, jsonify
from werkzeug.routing import Rule

import desk
from desk.web.access import PUBLIC, guard_of, signed_in

interface = Blueprint("interface", __name__)
View = TypeVar("View", bound=Callable[..., Any])
TYPES = {"IntegerConverter": "integer", "FloatConverter": "number"}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "Stable; decide by this, not by the sentence."},
                "message": {"type": "string", "description": "A sentence for staff in their language."},
                "fields": {"type": "object", "additionalProperties": {"type": "string"}},
                "current": {"description": "What is there now, after a conflict."},
            },
        }
    },
}
REFUSALS = {
    "401": "Nobody is signed in.",
    "403": "The person may not do this.",
    "404": "Not there, or of another station.",
    "409": "Somebody was faster; `current` says what is there now.",
    "422": "Something is missing or wrong; `fields` names every fault.",
    "503": "Something this needs is down; nothing was lost.",
}


def describes(body: dict[str, Any] | None = None, query: dict[str, Any] | None = None) -> Callable[[View], View]:
    """Say what a view takes: JSON schemas of the body's and the query's properties by name."""

    def mark(view: View) -> View:
        view.__takes__ = (body, query)  # type: ignore[attr-defined]
        return view

    return mark


@interface.get("/api/v1/openapi.json")
@signed_in
def show_openapi() -> Response:
    """This description."""
    rules = [rule for rule in current_app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")]
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(rules, key=lambda one: one.rule):
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(rule, method)
    return jsonify(
        {
            "openapi": "3.1.0",
            "info": {"title": "Hörerpult", "version": desk.__version__},
            "servers": [{"url": "/"}],
            "components": {
                "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "desk"}},
                "schemas": {"Error": ERROR},
            },
            "security": [{"session": []}],
            "paths": paths,
        }
    )


def _operation(rule: Rule, method: str) -> dict[str, Any]:
    view = current_app.view_functions[rule.endpoint]
    guard = guard_of(view)
    says = inspect.getdoc(view) or rule.endpoint.rpartition(".")[2].replace("_", " ").capitalize() + "."
    body, query = getattr(view, "__takes__", (None, None))
    operation: dict[str, Any] = {
        "operationId": f"{rule.endpoint}.{method.lower()}",
        "summary": says.splitlines()[0],
        "tags": [rule.endpoint.partition(".")[0]],
        "x-permission": guard,
        "parameters": [_parameter(rule, name) for name in sorted(rule.arguments)],
        "responses": {"2XX": {"description": "It worked.", "content": {"application/json": {}}}, **_refusals()},
    }
    operation["parameters"] += [{"name": name, "in": "query", "schema": one} for name, one in (query or {}).items()]
    if method in ("POST", "PUT", "PATCH"):
        schema = {"type": "object", "properties": body or {}}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    if guard == PUBLIC:
        operation["security"] = []
    return operation


def _parameter(rule: Rule, name: str) -> dict[str, Any]:
    kind = TYPES.get(type(rule._converters[name]).__name__, "string")
    return {"name": name, "in": "path", "required": True, "schema": {"type": kind}}


def _refusals() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": says, "content": content} for status, says in REFUSALS.items()}
