"""Writes down what is said in a voice note, after everything else was made of it; an extra that is off by default.

The preview is brought from the store into a folder of its own, media_store's confined engine does the work, and the
words are noted on the file. It stands in the long lane, so that one at a time is written down and short work goes
first; what is long itself makes room for everything that comes in.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, settings
from desk.conversations.models import Message
from desk.jobs import line, table
from desk.jobs.line import Place
from desk.jobs.outcomes import Done, GiveUp, Outcome, RetryLater, Skipped
from desk.jobs.work import LIVE_FIRST, Work, job
from desk.media import actions as media
from desk.media import storage, transcripts, workplace
from desk.media.models import Asset, Rendition
from media_store import errors as store_errors
from media_store import runner, transcript
from media_store.watching import Stopped, Watch, watched

KIND = "transcribe"
LONG_S = 180.0
PAUSE_S = 20.0
LIVE_FIRST_PAUSE_S = 10.0
OF_ALL = "transcripts"  # they share one turn: a video waits for one of them at most
BLOCK_BYTES = 1024 * 1024


def put_transcription(session: Session, asset: Asset, *, at: datetime, tier: int = line.LIVE) -> bool:
    """Have a finished file written down if its station wants that; False if not, or if nothing is to be written."""
    if not transcripts.ask(session, asset, at=at):
        return False
    subject, payload = f"asset:{asset.id}", {"asset_id": asset.id}
    place = Place(line.LONG, OF_ALL, line.BACKFILL if (asset.duration_s or 0) > LONG_S else tier)
    if not table.put(session, KIND, subject, payload, at=at, station_id=asset.station_id, place=place):
        table.put_again(session, KIND, subject, at=at, place=place)
    return True


def _given_up(session: Session, payload: dict[str, Any], reason: str, at: datetime) -> None:
    asset = media.lock_asset(session, payload["asset_id"])
    if asset is not None:
        transcripts.fail(session, asset, at=at)


@job(KIND, tries=3, on_dead=_given_up)
def transcribe(work: Work) -> Outcome:
    """Write down one file. Run again it does so anew, with the same words."""
    asset_id: int = work.payload["asset_id"]
    preview = _begin(work, asset_id)
    if isinstance(preview, Skipped):
        return preview
    watch = Watch(lambda: not work.unwanted.is_set(), lambda _share: None)
    try:
        engine = transcripts.find_engine()
        with workplace.workplace(f"{KIND}-{asset_id}") as folder, watched(watch):
            _bring(preview, folder / "preview.mp3")
            given = settings.current()
            tools = runner.find_tools(given.ffmpeg_binary, given.ffprobe_binary)
            said = transcript.transcribe(folder / "preview.mp3", engine, folder, tools)
    except transcript.NotSetUp as absent:
        return _drop(work, asset_id, absent.code)
    except Stopped:
        return RetryLater(LIVE_FIRST, LIVE_FIRST_PAUSE_S, is_counted=False)
    except store_errors.ObjectMissing:
        return _drop(work, asset_id, "erased")
    except (store_errors.StoreUnavailable, store_errors.ToolsMissing) as fault:
        return RetryLater(fault.code, PAUSE_S, is_counted=False)
    except transcript.EngineFailed as fault:
        return RetryLater(fault.code, PAUSE_S)
    except store_errors.MediaFailure as fault:
        return GiveUp(fault.code)
    return _keep(work, asset_id, said)


def _begin(work: Work, asset_id: int) -> str | Skipped:
    """The key of the preview in the store, or why there is nothing to do."""
    with work.transaction() as session:
        asset = media.lock_asset(session, asset_id)
        if asset is None:
            return Skipped("erased")
        if session.get_one(Message, asset.message_id).revoked_at is not None:
            return Skipped("withdrawn")
        if not transcripts.ask(session, asset, at=clock.now()):
            transcripts.drop(session, asset, at=clock.now())
            return Skipped("not_wanted")
        preview = select(Rendition.key).where(Rendition.asset_id == asset_id, Rendition.profile == "preview")
        return session.execute(preview).scalar_one_or_none() or Skipped("no_preview")


def _bring(key: str, path: Path) -> None:
    with storage.current().open(key) as stream, path.open("wb") as file:
        while block := stream.read(BLOCK_BYTES):
            file.write(block)


def _keep(work: Work, asset_id: int, said: transcript.Transcript) -> Outcome:
    with work.transaction() as session:
        asset = media.lock_asset(session, asset_id)
        if asset is None:
            return Skipped("erased")
        if not transcripts.is_wanted(session, asset):  # switched off while the engine was at it
            transcripts.drop(session, asset, at=clock.now())
            return Skipped("not_wanted")
        transcripts.keep(session, asset, said, at=clock.now())
    return Done()


def _drop(work: Work, asset_id: int, reason: str) -> Outcome:
    with work.transaction() as session:
        asset = media.lock_asset(session, asset_id)
        if asset is not None:
            transcripts.drop(session, asset, at=clock.now())
    return Skipped(reason)
