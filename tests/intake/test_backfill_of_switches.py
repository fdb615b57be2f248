"""What a station switches on reaches the files that were there before, behind all live work, until it is off again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from desk import clock, db
from desk.intake import backfilling
from desk.intake.models import Backfill
from desk.jobs import line, table, work
from desk.jobs.models import Job
from desk.media.models import Asset, Print, PrintKey
from desk.people.models import Station
from media_store import sensitive
from media_store.sensitive import Judge
from tests.intake.graph import Graph
from tests.intake.provider import Provider
from tests.intake.test_bad_input import photo, send_file, voice
from tests.intake.test_pipeline import change
from tests.intake.test_transcripts import SAID, kept, shown, speaking_engine, sung_wav
from tests.media_store import material, tiny_engine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An engine for nudity is installed; no station has switched it on."""
    monkeypatch.setattr(sensitive, "JUDGE", Judge(Path(tiny_engine.__file__), package=None))
    yield
    sensitive.JUDGE.close()


def came_before(provider: Provider, graph: Graph, kind: str, data: bytes, mime: str) -> None:
    """A file that was done before anything was switched on, and looked at by a finished backfill."""
    send_file(provider, graph, kind, data, mime)
    provider.run()
    assert backfilling.step() == 0
    assert provider.rows(Backfill)[-1].finished_at is not None


def coloured() -> bytes:
    target = BytesIO()
    material.picture().save(target, "PNG")
    return target.getvalue()


def take() -> table.Taken:
    with db.transaction() as session:
        taken = table.take_first(session, at=clock.now())
    assert taken is not None
    return taken


def test_transcripts_reach_what_came_before_behind_live_work_and_once(
    provider: Provider, graph: Graph, tmp_path: Path
) -> None:
    came_before(provider, graph, "audio", voice(), "audio/wav")
    speaking_engine(provider, tmp_path / "model")

    counted = backfilling.survey().missing
    queued = backfilling.step()
    taken = take()
    work._run(taken)

    assert counted == {"audio": {"transcript": 1}}
    assert queued == 1
    assert taken.place is not None
    assert (taken.kind, taken.place.tier) == ("transcribe", line.BACKFILL)
    assert shown(provider)["text"] == " ".join(word for word, _from, _to in SAID[1]["words"])
    assert (backfilling.step(), backfilling.survey().files) == (0, 0)


def test_switched_off_again_nothing_of_it_goes_on(provider: Provider, graph: Graph, tmp_path: Path) -> None:
    came_before(provider, graph, "audio", voice(), "audio/wav")
    speaking_engine(provider, tmp_path / "model")
    backfilling.step()
    change(Station, transcribes=False)

    taken = take()
    work._run(taken)

    assert kept() == []
    assert [job.state for job in provider.rows(Job) if job.kind == "transcribe"] == ["skipped"]
    assert (backfilling.step(), backfilling.survey().files) == (0, 0)


def test_a_file_made_anew_is_written_down_behind_live_work(provider: Provider, graph: Graph, tmp_path: Path) -> None:
    came_before(provider, graph, "audio", voice(), "audio/wav")
    speaking_engine(provider, tmp_path / "model")
    with db.transaction() as session:
        session.execute(update(Asset).values(facts={"flags": []}))

    backfilling.step()
    work._run(take())
    taken = take()

    assert taken.place is not None
    assert (taken.kind, taken.place.tier) == ("transcribe", line.BACKFILL)


@pytest.mark.parametrize("kind", ["image", "video"])
def test_the_look_for_nudity_reaches_what_came_before(
    provider: Provider, graph: Graph, engine: None, kind: str, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    data = photo() if kind == "image" else material.video(film, size="160x120", seconds=2).read_bytes()
    came_before(provider, graph, kind, data, "image/png" if kind == "image" else "video/mp4")
    change(Station, checks_sensitive=True)

    counted = backfilling.survey().missing
    queued = backfilling.step()
    provider.run()

    assert (counted, queued) == ({kind: {"sensitive": 1}}, 1)
    assert provider.asset().facts["sensitive"] in (True, False)
    assert (backfilling.step(), backfilling.survey().files) == (0, 0)


def test_what_waits_to_be_looked_at_is_left_alone_once_it_is_switched_off(
    provider: Provider, graph: Graph, engine: None
) -> None:
    came_before(provider, graph, "image", photo(), "image/png")
    change(Station, checks_sensitive=True)
    backfilling.step()
    change(Station, checks_sensitive=False)

    provider.run()

    (job,) = [job for job in provider.rows(Job) if job.kind == "make_renditions"]
    assert (job.state, job.last_error) == ("skipped", "not_wanted")
    assert provider.asset().facts["sensitive"] is None


def test_a_look_without_an_answer_is_not_repeated_for_ever(
    provider: Provider, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    came_before(provider, graph, "image", photo(), "image/png")
    monkeypatch.setattr(sensitive, "JUDGE", Judge(Path("/no/such/engine.py"), package=None))
    change(Station, checks_sensitive=True)
    first = backfilling.step()
    provider.run()
    with db.transaction() as session:
        backfilling.begin(session, backfilling.mark_of(session), at=clock.now())

    again = backfilling.step()

    assert (first, again, provider.asset().state) == (1, 0, "ready")


@pytest.mark.parametrize(("kind", "of"), [("audio", {"sound"}), ("image", {"picture"}), ("video", {"film", "sound"})])
def test_files_older_than_prints_get_theirs(
    provider: Provider, graph: Graph, kind: str, of: set[str], tmp_path: Path
) -> None:
    film = material.video(tmp_path / "film.mp4", size="160x120", seconds=4) if kind == "video" else None
    data = film.read_bytes() if film else sung_wav() if kind == "audio" else coloured()
    mime = {"audio": "audio/wav", "image": "image/png", "video": "video/mp4"}[kind]
    came_before(provider, graph, kind, data, mime)
    with db.transaction() as session:
        session.execute(delete(PrintKey))
        session.execute(delete(Print))
        facts = {name: fact for name, fact in provider.asset().facts.items() if name != "printed"}
        session.execute(update(Asset).values(facts=facts))

    counted = backfilling.survey().missing
    change(Backfill, recipes="older")
    backfilling.step()
    provider.run()

    assert counted == {kind: {"print": 1}}
    with db.reading() as session:
        assert set(session.execute(select(Print.of)).scalars()) == of
    assert backfilling.survey().files == 0


def test_copies_of_last_season_are_not_looked_for_so_it_gets_no_prints(provider: Provider, graph: Graph) -> None:
    came_before(provider, graph, "audio", voice(), "audio/wav")
    with db.transaction() as session:
        session.execute(delete(PrintKey))
        session.execute(delete(Print))
        facts = {name: fact for name, fact in provider.asset().facts.items() if name != "printed"}
        session.execute(update(Asset).values(facts=facts, created_at=clock.now() - timedelta(days=91)))

    assert backfilling.survey().files == 0
