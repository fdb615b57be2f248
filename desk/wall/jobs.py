"""The wall's work that happens later: sweeps in pieces; copies of a file that became ready are looked for, after
everything urgent; cards are folded anew when one of their tags gets another name.

A video's pictures get their print here too, from the playable form, so that nobody waits for it with the rendition.
Keys are committed before the search begins: of two copies that become ready at once, the later one finds the other.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.jobs import table
from desk.jobs.outcomes import Done, Outcome, RetryLater, Skipped
from desk.jobs.work import Work, job
from desk.media import prints, storage, workplace
from desk.media.models import Asset, Print, Rendition
from desk.wall import stacks, sweeps, tags, telling, words
from media_store import errors as store_errors
from media_store import film_print, runner

__all__ = ["telling"]

FIND_TWINS = "find_twins"
STORE_PAUSE_S = 60.0
BLOCK_BYTES = 1024 * 1024
LONGEST_REST_S = 0.5


def stop_sweep(session: Session, payload: dict[str, Any], _reason: str, at: datetime) -> None:
    sweeps.give_up(session, payload["sweep_id"], at=at)


@job(sweeps.JOB, tries=5, on_dead=stop_sweep)
def sweep(work: Work) -> Outcome:
    """Do a sweep piece by piece. After each it rests as long as the piece took: others want to write, too."""
    while not work.unwanted.is_set():
        begun = time.monotonic()
        with work.transaction() as session:
            has_more = sweeps.go_on(session, work.payload["sweep_id"], work.payload["pass"], at=clock.now())
        if not has_more:
            return Done()
        work.unwanted.wait(min(LONGEST_REST_S, time.monotonic() - begun))
    return Skipped("unwanted")


def ask_for_twins(session: Session, asset: Asset, at: datetime) -> None:
    """A file is ready: look for copies of it when there is time."""
    subject, payload = f"asset:{asset.id}", {"asset_id": asset.id}
    is_new = table.put(
        session, FIND_TWINS, subject, payload, at=at, station_id=asset.station_id, priority=table.BACKGROUND
    )
    if not is_new:
        table.put_again(session, FIND_TWINS, subject, at=at)


@job(FIND_TWINS, tries=5)
def find_twins(work: Work) -> Outcome:
    """Stack the card of a file with those of its copies. Run again it changes nothing."""
    asset_id = work.payload["asset_id"]
    with db.reading() as session:
        asset = session.get(Asset, asset_id)
        playable = _playable_without_print(session, asset) if asset is not None else None
    if asset is None:
        return Skipped("erased")
    if asset.state != "ready":
        return Skipped("not_ready")
    if playable is not None:
        try:
            _keep_film_print(work, asset, playable)
        except (store_errors.StoreUnavailable, store_errors.ToolsMissing, OSError):
            return RetryLater(store_errors.StoreUnavailable.code, STORE_PAUSE_S)
        except store_errors.ObjectMissing:
            return Skipped("erased")
    at = clock.now()
    with db.reading() as session:
        question = prints.ask(session, asset, at=at)
    found = prints.answer(question)
    if found:
        with work.transaction() as session:
            stacks.join(session, asset, found, at=at)
    return Done()


def _playable_without_print(session: Session, asset: Asset) -> str | None:
    """The key of a video's playable form if its pictures have no print yet."""
    if prints.group_of(asset.kind) != "video" or session.get(Print, (asset.id, prints.FILM)) is not None:
        return None
    return session.execute(
        select(Rendition.key).where(Rendition.asset_id == asset.id, Rendition.profile == "playable")
    ).scalar_one_or_none()


def _keep_film_print(work: Work, asset: Asset, key: str) -> None:
    with workplace.workplace(f"render-{asset.id}") as folder:
        playable = folder / "playable.mp4"
        _bring(key, playable)
        made = film_print.take_print(playable, work=folder, tools=runner.default_tools())
    if made is None:
        return
    with work.transaction() as session:
        if session.get(Asset, asset.id, with_for_update=True) is not None:
            prints.keep(session, asset, {prints.FILM: made})


def _bring(key: str, path: Path) -> None:
    with storage.current().open(key) as stream, path.open("wb") as file:
        while block := stream.read(BLOCK_BYTES):
            file.write(block)


@job(tags.REFOLD_TAGGED, tries=5)
def refold_tagged(work: Work) -> Outcome:
    """Let the text filter find a tag's cards by its present name, some in each transaction. May be repeated."""
    after_id: int | None = 0
    while after_id is not None:
        with work.transaction() as session:
            after_id = words.refold_tagged(session, work.payload["tag_id"], after_id)
    return Done()
