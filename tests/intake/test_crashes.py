"""Files that kill their decoder, sent by listeners: their cards say so, and everybody else's file is made."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from desk import db
from desk.intake.fetching import RENDER
from desk.jobs.models import Job
from desk.media.models import Asset
from media_store import images, runner
from tests.intake.graph import Graph
from tests.intake.provider import Provider, message, messages
from tests.intake.test_bad_input import photo, send_file, temp_is_empty, voice
from tests.media_store.hostile.pictures import palette_of_64_megapixels
from tests.media_store.test_crashes import needs_proc, strike_first
from tests.servers import wait_until


@pytest.fixture
def little_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A second of processor time for a picture process: what a killer picture dies of."""
    images.close_child()
    monkeypatch.setattr(images, "CHILD_LIMITS", replace(images.CHILD_LIMITS, cpu_s=1))
    yield
    images.close_child()


def render_jobs() -> list[tuple[str, str | None, int]]:
    with db.reading() as session:
        rows = session.execute(select(Job.state, Job.last_error, Job.attempts).where(Job.kind == RENDER))
        return [(row.state, row.last_error, row.attempts) for row in rows]


def outcomes(provider: Provider) -> list[tuple[str, str, str | None]]:
    return sorted((one.kind, one.state, one.reason) for one in provider.rows(Asset))


def struck(provider: Provider, how: signal.Signals) -> None:
    """Run what is due while the first ffmpeg that appears is struck."""
    runner.confinement(runner.default_tools())  # starts the tools once each, which must not be struck

    def strike() -> None:
        wait_until(lambda: strike_first("ffmpeg", how), "an ffmpeg", limit_s=60)

    beside = threading.Thread(target=strike)
    beside.start()
    provider.run()
    beside.join()


def test_a_picture_that_kills_its_process_costs_nobody_elses_file(
    provider: Provider, graph: Graph, little_time: None
) -> None:
    files = [
        ("image", palette_of_64_megapixels(), "image/png"),
        ("image", photo(), "image/png"),
        ("audio", voice(), "audio/wav"),
    ]
    sent = []
    for number, (kind, data, mime) in enumerate(files):
        sha256 = graph.keep(f"59000000000004{number}", data, mime)
        sent.append(message(kind, {"id": f"59000000000004{number}", "mime_type": mime, "sha256": sha256}))
    provider.post(messages(*sent))

    provider.run()

    assert outcomes(provider) == [
        ("audio", "ready", None),
        ("image", "failed", "media.limits"),
        ("image", "ready", None),
    ]
    assert sorted(render_jobs()) == [("dead", "media.limits", 1), ("done", None, 1), ("done", None, 1)]
    assert temp_is_empty()


@needs_proc
def test_a_sound_its_decoder_dies_over_is_not_tried_again(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")

    struck(provider, signal.SIGSEGV)

    assert outcomes(provider) == [("audio", "failed", "media.corrupt")]
    assert render_jobs() == [("dead", "media.corrupt", 1)]
    assert temp_is_empty()


@needs_proc
def test_a_sound_interrupted_at_a_shutdown_is_taken_up_again(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")

    struck(provider, signal.SIGTERM)
    (held_up,) = render_jobs()
    provider.run_waiting(RENDER)

    assert held_up == ("ready", "interrupted", 1)
    assert outcomes(provider) == [("audio", "ready", None)]
    assert temp_is_empty()
