"""What is said in voice notes: which are written down, what came of it, and the station's switch for it.

An extra that is off until a station switches it on. Where its engine or model is not installed the switch may stand
all the same: nothing is written down then, and the settings page says so. What is sung is left out: engines make up
words for it. The work itself is intake's job; finding engine and model is media_store's.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from desk import settings
from desk.live import audit
from desk.media import signals
from desk.media.models import Asset, Transcript
from desk.people.models import Station
from media_store import transcript
from media_store.transcript import Engine

KINDS = ("voice", "audio")
SUNG_FROM = 0.8  # confidence of the suggestion; below, a try at the words does less harm than none


@dataclass(frozen=True)
class Setting:
    """A station's switch, and what this machine lacks for it: 'engine', 'model' or None."""

    is_on: bool
    missing: str | None


def find_engine() -> Engine:
    """Engine and model of this machine. Raises NotSetUp."""
    given = settings.current()
    return transcript.find_engine(
        given.transcript_model, given.data_dir / "models", command=shlex.split(given.transcript_program)
    )


def missing() -> str | None:
    """What this machine lacks: 'engine', 'model' or None. Cheap; nothing is started."""
    given = settings.current()
    return transcript.missing(given.transcript_model, shlex.split(given.transcript_program))


def view_setting(session: Session, station_id: int) -> Setting:
    return Setting(session.get_one(Station, station_id).transcribes, missing())


def set_setting(session: Session, station_id: int, *, is_on: bool, by: int, at: datetime) -> bool:
    """Switch transcripts on or off; False if it stood so already. The backfill comes to what was there before."""
    station = session.get_one(Station, station_id, with_for_update=True)
    if station.transcribes == is_on:
        return False
    station.transcribes = is_on
    session.flush()
    details = {"transcribes": is_on}
    audit.record(session, station_id, "station.transcripts", f"station:{station_id}", by=by, at=at, details=details)
    return True


def ask(session: Session, asset: Asset, *, at: datetime) -> bool:
    """Say whether a measured file is to be written down now, and note it. What is sung is noted as such."""
    if not _may_speak(asset) or not is_wanted(session, asset) or missing() is not None:
        return False
    row = session.get(Transcript, asset.id)
    if row is not None and row.original_sha256 == asset.original_sha256 and row.state != "failed":
        return row.state == "waiting"
    if row is None:
        row = Transcript(asset_id=asset.id, station_id=asset.station_id)
        session.add(row)
    row.state = "sung" if _is_sung(asset.facts) else "waiting"
    row.language, row.text, row.words, row.original_sha256, row.at = None, "", [], asset.original_sha256 or "", at
    _tell(session, asset, at)
    return row.state == "waiting"


def is_wanted(session: Session, asset: Asset) -> bool:
    """Whether the station of this file wants transcripts."""
    return session.get_one(Station, asset.station_id).transcribes


def _may_speak(asset: Asset) -> bool:
    silent = "silent" in (asset.facts.get("flags") or ())
    return asset.kind in KINDS and asset.original_sha256 is not None and not silent


def find_unwritten(session: Session, assets: Sequence[Asset]) -> set[int]:
    """Those of these files that nobody has tried to write down although their station wants it. At most two statements.

    None where the machine cannot; what failed would fail again.
    """
    speaking = {asset.id: asset for asset in assets if _may_speak(asset)}
    if not speaking or missing() is not None:
        return set()
    wanting = set(session.execute(select(Station.id).where(Station.transcribes)).scalars())
    rows = session.execute(
        select(Transcript.asset_id, Transcript.original_sha256).where(Transcript.asset_id.in_(list(speaking)))
    )
    tried = {row.asset_id for row in rows if speaking[row.asset_id].original_sha256 == row.original_sha256}
    return {asset.id for asset in speaking.values() if asset.station_id in wanting} - tried


def _is_sung(facts: Mapping[str, Any]) -> bool:
    kind = facts.get("voice_kind") or {}
    return bool(kind.get("kind") == "song" and kind.get("confidence", 0.0) >= SUNG_FROM)


def keep(session: Session, asset: Asset, said: transcript.Transcript, *, at: datetime) -> None:
    """It is written down; the wall can find its words."""
    row = session.get_one(Transcript, asset.id)
    row.state, row.language, row.text, row.at = "ready", said.language, said.text, at
    row.words = [[word.text, word.start_s, word.end_s] for word in said.words]
    _tell(session, asset, at)


def fail(session: Session, asset: Asset, *, at: datetime) -> None:
    """Nothing more is tried by itself."""
    row = session.get(Transcript, asset.id)
    if row is not None and row.state == "waiting":
        row.state, row.at = "failed", at
        _tell(session, asset, at)


def drop(session: Session, asset: Asset, *, at: datetime) -> None:
    """It will not be written down after all: switched off, or not set up any more."""
    session.execute(delete(Transcript).where(Transcript.asset_id == asset.id, Transcript.state == "waiting"))
    _tell(session, asset, at)


def forget(session: Session, asset_ids: Sequence[int]) -> None:
    """Erase what was written down of these files."""
    session.execute(delete(Transcript).where(Transcript.asset_id.in_(asset_ids)))


def texts_of(session: Session, message_id: int) -> list[str]:
    """What is said in the files of a message, for the text search."""
    rows = (
        select(Transcript.text)
        .join(Asset, Asset.id == Transcript.asset_id)
        .where(Asset.message_id == message_id, Transcript.text != "")
    )
    return list(session.execute(rows.order_by(Asset.id)).scalars())


def list_spoken(session: Session, message_ids: Sequence[int]) -> dict[int, list[tuple[str | None, str]]]:
    """(language, text) of what is said in the files of these messages; no statement for none."""
    if not message_ids:
        return {}
    rows = (
        select(Asset.message_id, Transcript.language, Transcript.text)
        .join(Transcript, Transcript.asset_id == Asset.id)
        .where(Asset.message_id.in_(message_ids), Transcript.text != "")
    )
    said: dict[int, list[tuple[str | None, str]]] = {}
    for message_id, language, words in session.execute(rows.order_by(Asset.id)):
        said.setdefault(message_id, []).append((language, words))
    return said


def _tell(session: Session, asset: Asset, at: datetime) -> None:
    session.flush()
    for told in (*signals.spoken, *signals.changed):
        told(session, asset.message_id, at)
