"""Sends listeners' files to staff: rights are checked at every request, ranges are answered in part.

A link made for a program stands for the rights of whoever made it (`links`).
The original and the size for the web are downloads, audited once per fetch from their beginning; previews are not.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session

from desk import clock, db
from desk.errors import NotAllowed
from desk.live import audit
from desk.media import links, queries, retries, storage
from desk.media.models import Asset
from desk.web import limits
from desk.web.access import me, my_station, public, requires
from desk.web.files import send_object
from media_store.stores.links import PARAMETER

media = Blueprint("media", __name__)
TAKEN_AWAY = (queries.ORIGINAL, "web")  # leave the house with the person who asks


@media.get("/media/<int:asset_id>/<profile>")
@requires("media.preview")
def send_file(asset_id: int, profile: str) -> Response:
    is_original, is_taken_away = profile == queries.ORIGINAL, profile in TAKEN_AWAY
    if is_taken_away and not me().may("media.original"):
        raise NotAllowed(code="access.not_allowed")
    with db.reading() as session:
        asset = queries.load_shown_asset(session, my_station().id, asset_id, at=clock.now())
        found = queries.load_profile(session, asset, profile)
    if is_taken_away:
        _note_fetch(asset, profile)
    return send_object(
        storage.current(),
        found.key,
        mime=found.mime,
        size_bytes=found.bytes,
        sha256=found.sha256,
        download_name=_original_name(asset) if is_original else f"{asset.id}.jpg" if is_taken_away else None,
    )


@media.get(links.ADDRESS)
@public
@limits.guessing
def send_linked_file() -> Response:
    """What a link is for. It comes in the query, which logs leave out, and is worth something for minutes only."""
    with db.reading() as session:
        found = links.open_link(session, request.args.get(PARAMETER, ""), at=clock.now())
    answer = send_object(
        storage.current(),
        found.key,
        mime=found.mime,
        size_bytes=found.bytes,
        sha256=found.sha256,
        download_name=found.download_name,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _note_fetch(asset: Asset, profile: str) -> None:
    """One audit row per fetch: a player asks for many ranges, of which one begins at the start."""
    wanted = request.range
    if request.method == "HEAD" or (wanted is not None and wanted.ranges and (wanted.ranges[0][0] or 0) > 0):
        return
    with db.transaction() as session:
        audit.record(session, asset.station_id, f"media.{profile}", f"asset:{asset.id}", by=me().id, at=clock.now())


def _original_name(asset: Asset) -> str | None:
    """A name makes it a download; sound and pictures play in the page."""
    mime = (asset.original_mime or "").partition("/")[0]
    return None if mime in ("audio", "image") else f"{asset.id}.{_ending(asset)}"


def _ending(asset: Asset) -> str:
    ending = (asset.original_mime or "").partition(";")[0].rpartition("/")[2]
    return ending if ending.isalnum() else "bin"


@media.post("/api/v1/media/<int:asset_id>/retry")
@requires("card.judge")
def retry(asset_id: int) -> Response:
    with db.transaction() as session:
        asset = retries.try_again(session, my_station().id, asset_id, by=me().id, at=clock.now())
        body = _state(session, asset)
    return jsonify(body)


def _state(session: Session, asset: Asset) -> dict[str, object]:
    return {"asset": queries.list_assets(session, [asset.message_id])[asset.message_id][0].as_json()}
