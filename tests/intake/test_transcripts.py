"""Voice notes are written down where a station wants it and the machine can; found, handed over, and erased."""

from __future__ import annotations

import json
import shlex
import wave
import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, update

from desk import clock, db, doctor, settings
from desk.jobs.models import Job
from desk.live.models import AuditRow
from desk.media import queries, transcripts
from desk.media.models import Transcript
from desk.people.models import Station
from desk.privacy import answering, erasing, subjects
from desk.wall import queries as wall
from desk.wall import search
from desk.wall.models import Card
from desk.wall.walks import Filter
from tests.desk_fixtures import Browser
from tests.intake.graph import Graph
from tests.intake.provider import Provider
from tests.intake.test_bad_input import photo, send_file, temp_is_empty, voice
from tests.media_store import voices
from tests.media_store.test_transcript import DOUBLE, GOOD
from tests.privacy.search import forms, places_of

CANARY = "Kanarienvogelwort"
SAID: list[dict[str, Any]] = [GOOD[0], {"words": [["Grüße", 0.1, 0.4], [CANARY, 0.5, 0.9]]}, {"done": True}]
NOT_SET_UP = "Transcripts are not set up on this machine."

Say = Callable[..., None]


@pytest.fixture
def say(provider: Provider, tmp_path: Path) -> Say:
    """An engine that says these lines; the station wants transcripts."""
    return speaking_engine(provider, tmp_path / "model")


def speaking_engine(provider: Provider, model: Path) -> Say:
    model.mkdir()
    settings.use(replace(settings.current(), transcript_program=shlex.join(DOUBLE), transcript_model=model))

    def these(*lines: dict[str, Any]) -> None:
        (model / "answer.jsonl").write_text("\n".join(map(json.dumps, lines)))

    these(*SAID)
    switch_on(provider)
    return these


def switch_on(provider: Provider) -> None:
    with db.transaction() as session:
        session.execute(update(Station).where(Station.id == provider.cast.rheinwelle).values(transcribes=True))


def shown(provider: Provider) -> dict[str, Any]:
    asset = provider.asset()
    with db.reading() as session:
        media: dict[str, Any] = queries.list_assets(session, [asset.message_id])[asset.message_id][0].as_json()
    found: dict[str, Any] = media["transcript"]
    return found


def kept() -> list[Transcript]:
    with db.reading() as session:
        return list(session.execute(select(Transcript)).scalars())


def found_by(provider: Provider, text: str) -> list[int]:
    with db.reading() as session:
        asked = search.read(text)
        return wall.list_ids(session, provider.cast.rheinwelle, Filter(), asked, 60, clock.now())


def jobs() -> list[Job]:
    with db.reading() as session:
        return list(session.execute(select(Job).where(Job.kind == "transcribe")).scalars())


def sung_wav() -> bytes:
    target = BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((np.clip(voices.sung(), -1, 1) * 32767).astype("<i2").tobytes())
    return target.getvalue()


def test_nothing_is_written_down_unless_the_station_wants_it(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")

    provider.run()

    assert (kept(), jobs()) == ([], [])
    assert shown(provider) == {"state": "off", "language": None, "text": "", "words": []}


def test_a_voice_note_is_written_down_after_everything_else(provider: Provider, graph: Graph, say: Say) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")

    provider.run()

    assert provider.asset().state == "ready"
    assert shown(provider) == {
        "state": "ready", "language": "de", "text": f"Grüße {CANARY}",
        "words": [["Grüße", 0.1, 0.4], [CANARY, 0.5, 0.9]],
    }  # fmt: skip
    assert [job.state for job in jobs()] == ["done"]
    assert temp_is_empty()


def test_the_wall_finds_what_was_said(provider: Provider, graph: Graph, say: Say) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()

    (card,) = provider.rows(Card)
    assert found_by(provider, "kanarienvogel") == [card.id]
    with db.reading() as session:
        told = wall.view_card(session, session.get_one(Card, card.id), at=clock.now()).as_json()
    assert told["media"][0]["transcript"]["text"] == f"Grüße {CANARY}"


def test_words_are_kept_found_and_erased_on_both_databases(
    provider_on_both: Provider, graph: Graph, tmp_path: Path
) -> None:
    provider = provider_on_both
    speaking_engine(provider, tmp_path / "model")
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    words, hits = shown(provider)["words"], found_by(provider, "kanarienvogel")

    with db.reading() as session:
        subject = subjects.of_listener(session, provider.rows(Card)[0].listener_id)
    report = erasing.erase(subject, reason="asked by letter", by=None, at=clock.now())

    assert words == [["Grüße", 0.1, 0.4], [CANARY, 0.5, 0.9]]
    assert len(hits) == 1
    assert report.is_done, report
    assert (kept(), found_by(provider, "kanarienvogel")) == ([], [])


def test_what_is_sung_gets_no_words(provider: Provider, graph: Graph, say: Say) -> None:
    send_file(provider, graph, "audio", sung_wav(), "audio/wav")

    provider.run()

    assert (shown(provider)["state"], shown(provider)["text"]) == ("sung", "")
    assert jobs() == []


def test_pictures_have_no_transcript(provider: Provider, graph: Graph, say: Say) -> None:
    send_file(provider, graph, "image", photo(), "image/png")
    provider.run()

    assert shown(provider) is None
    assert jobs() == []


def test_where_nobody_speaks_it_is_ready_and_empty(provider: Provider, graph: Graph, say: Say) -> None:
    say({"language": None, "confidence": 0.0}, {"done": True})
    send_file(provider, graph, "audio", voice(), "audio/wav")

    provider.run()

    assert shown(provider) == {"state": "ready", "language": None, "text": "", "words": []}


def test_a_machine_without_engine_says_so_and_is_in_order(
    provider: Provider, graph: Graph, sign_in: Callable[[str], Browser]
) -> None:
    settings.use(replace(settings.current(), transcript_program="speech", transcript_model=Path("/nowhere/at/all")))
    switch_on(provider)
    send_file(provider, graph, "audio", voice(), "audio/wav")

    provider.run()

    assert (shown(provider)["state"], jobs()) == ("off", [])
    page = sign_in("omar").client.get("/settings", headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "Mitschriften sind auf diesem Rechner nicht eingerichtet." in page or NOT_SET_UP in page
    (finding,) = [one for one in doctor.examine() if one.name == "transcripts"]
    assert (finding.is_ok, finding.says) == (True, "not set up here, model absent (an extra)")


def test_the_doctor_starts_the_engine(provider: Provider, say: Say) -> None:
    (finding,) = [one for one in doctor.examine() if one.name == "transcripts"]

    assert (finding.is_ok, finding.says) == (True, "can be made, model in model")


def test_an_engine_that_breaks_off_is_tried_three_times_and_may_be_asked_again(
    provider: Provider, graph: Graph, say: Say
) -> None:
    say({"end": 1})
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    first = shown(provider)["state"]
    for _ in range(2):
        provider.run_waiting("transcribe")
    last, (job,) = shown(provider)["state"], jobs()
    say(*SAID)
    with db.transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values(state="ready", attempts=0, run_at=clock.now()))
    provider.run()

    assert (first, last, job.state, job.last_error) == ("waiting", "failed", "dead", "transcript.failed")
    assert shown(provider)["state"] == "ready"
    assert provider.asset().state == "ready"


def test_switched_off_meanwhile_nothing_is_written_down(provider: Provider, graph: Graph, say: Say) -> None:
    say({"end": 1})
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    with db.transaction() as session:
        session.execute(update(Station).values(transcribes=False))

    provider.run_waiting("transcribe")

    assert (shown(provider)["state"], kept(), jobs()[0].state) == ("off", [], "skipped")


def test_a_second_rendering_does_not_write_it_down_again(provider: Provider, graph: Graph, say: Say) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    (before,) = kept()

    with db.transaction() as session:
        again = transcripts.ask(session, provider.asset(), at=clock.now())

    assert not again
    assert kept()[0].at == before.at


def test_the_words_are_erased_with_the_item(provider: Provider, graph: Graph, say: Say) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    wanted = [*forms(CANARY), *forms(CANARY.lower())]
    folder = settings.current().data_dir
    assert places_of(folder, *wanted), "the search finds nothing even before"
    with db.reading() as session:
        subject = subjects.of_listener(session, provider.rows(Card)[0].listener_id)

    report = erasing.erase(subject, reason="asked by letter", by=None, at=clock.now())

    assert report.is_done, report
    assert kept() == []
    assert places_of(folder, *wanted) == []


def test_the_words_are_handed_over_to_the_person(provider: Provider, graph: Graph, say: Say, tmp_path: Path) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    with db.reading() as session:
        subject = subjects.of_listener(session, provider.rows(Card)[0].listener_id)

    answering.answer(subject, tmp_path / "ada.zip", by=None, at=clock.now())

    answer = json.loads(zipfile.ZipFile(tmp_path / "ada.zip").read("access.json"))
    told = answer["items"][0]["files"][0]["transcript"]
    assert (told["state"], told["language"], told["text"]) == ("ready", "de", f"Grüße {CANARY}")
    assert told["words"][1] == [CANARY, 0.5, 0.9]


def test_an_administrator_switches_it_and_that_is_audited_once(
    provider: Provider, sign_in: Callable[[str], Browser]
) -> None:
    omar, nia = sign_in("omar"), sign_in("nia")

    def send(browser: Browser, **form: str) -> int:
        answer = browser.client.post("/settings/transcripts", data=form, headers=browser._headers())
        return int(answer.status_code)

    codes = [send(nia, transcribes="1"), send(omar, transcribes="1"), send(omar, transcribes="1")]

    assert codes == [403, 303, 303]
    with db.reading() as session:
        assert transcripts.view_setting(session, provider.cast.rheinwelle).is_on
        assert not transcripts.view_setting(session, provider.cast.oldie95).is_on
        rows = session.execute(select(AuditRow).where(AuditRow.act == "station.transcripts")).scalars().all()
    assert [row.details for row in rows] == [{"transcribes": True}]
