"""Alive, ready, and figures for a monitoring system."""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence

from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from desk import clock, db, settings
from desk.errors import NotAllowed
from desk.web.access import public

health = Blueprint("health", __name__)
LOOPBACK = ("127.0.0.1", "::1")


@health.get("/healthz")
@public
def alive() -> Response:
    return jsonify({"ok": True})


@health.get("/readyz")
@public
def ready() -> tuple[Response, int]:
    """Ready means: the database writes durably. The store and the queue may be down; webhooks are taken anyway."""
    started = time.monotonic()
    try:
        with db.transaction() as session:
            durable = db.is_durable(session)
            session.execute(text("SELECT 1"))
    except Exception:  # noqa: BLE001 - request boundary: whatever is wrong, the answer is "not ready"
        return jsonify({"ok": False, "database": "unreachable"}), 503
    ok = durable
    body = {"ok": ok, "database": "ok" if durable else "not durable", "ms": round((time.monotonic() - started) * 1000)}
    return jsonify(body), 200 if ok else 503


@health.get("/metrics")
@public
def metrics() -> Response:
    token = settings.current().metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if (token and not hmac.compare_digest(token, given)) or (not token and request.remote_addr not in LOOPBACK):
        raise NotAllowed("Figures are for the monitoring system.", code="metrics.refused")
    figures = CollectorRegistry()
    figures.register(_Asked(_ask_database()))
    return Response(generate_latest(REGISTRY) + generate_latest(figures), content_type=CONTENT_TYPE_LATEST)


def _ask_database() -> list[GaugeMetricFamily]:
    """What the rooms count. Without the database the process still gives its own figures: then they are wanted most."""
    is_up = GaugeMetricFamily("desk_database_up", "1 if the database answered just now.")
    found: list[GaugeMetricFamily] = []
    try:
        with db.reading() as session:
            for collect in current_app.extensions["desk.gauges"]:
                found += collect(session, at=clock.now())
        is_up.add_metric([], 1)
    except (db.Busy, SQLAlchemyError):
        is_up.add_metric([], 0)
    return [is_up, *found]


class _Asked(Collector):
    """Figures that were asked for this moment."""

    def __init__(self, figures: Sequence[GaugeMetricFamily]) -> None:
        self._figures = figures

    def collect(self) -> Sequence[GaugeMetricFamily]:
        return self._figures
