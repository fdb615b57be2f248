"""The pipeline of files: made anew when recipes change, in a fair order, ended when erased, within its room."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from desk import clock, db
from desk.conversations.models import Message
from desk.intake import backfilling, fetching, removing
from desk.intake.models import Backfill
from desk.jobs import line, table, work
from desk.jobs.models import Job
from desk.live.models import LiveEvent
from desk.media import rules, storage, workplace
from desk.media.models import Asset, Rendition
from desk.people.models import Station
from desk.privacy import erasing, subjects
from desk.wall import actions
from desk.wall.models import Card
from media_store import recipes
from media_store.errors import AlreadyStored
from tests.desk_fixtures import Browser
from tests.intake.graph import Graph
from tests.intake.provider import ADA, BO, Provider, message, messages
from tests.intake.test_bad_input import photo, send_file, temp_is_empty, voice
from tests.media_store.material import ffmpeg
from tests.servers import wait_until


def change(model: Any, **values: Any) -> None:
    with db.transaction() as session:
        session.execute(update(model).values(**values))


def grow_old(profile: str) -> None:
    """As if the recipe of a profile had been raised since."""
    with db.transaction() as session:
        session.execute(update(Rendition).where(Rendition.profile == profile).values(recipe_version=0))


def made() -> dict[str, Rendition]:
    with db.reading() as session:
        return {one.profile: one for one in session.execute(select(Rendition)).scalars()}


def sha256_in_store(key: str) -> str:
    with storage.current().open(key) as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def take() -> table.Taken | None:
    with db.transaction() as session:
        return table.take_first(session, at=clock.now())


# --- recipes and backfill ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "data", "mime"),
    [("audio", voice(), "audio/wav"), ("image", photo(), "image/png")],
    ids=["sound", "picture"],
)
def test_what_was_just_made_lacks_nothing(provider: Provider, graph: Graph, kind: str, data: bytes, mime: str) -> None:
    send_file(provider, graph, kind, data, mime)
    provider.run()

    found = backfilling.survey()

    assert (found.checked, found.files, found.missing) == (1, 0, {})


def test_a_raised_recipe_is_found_and_made_behind_everybodys_back(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    grow_old("preview")

    counted = backfilling.survey().as_json()
    queued = backfilling.step()
    waiting = take()
    assert waiting is not None
    assert waiting.place is not None
    states = {provider.asset().state}
    work._run(waiting)

    assert (counted["files"], counted["missing"]) == (1, {"audio": {"preview": 1}})
    assert (queued, waiting.place.tier, waiting.subject) == (1, line.BACKFILL, f"asset:{provider.asset().id}")
    assert states | {provider.asset().state} == {"ready"}
    assert made()["preview"].recipe_version == recipes.PREVIEW.version
    assert (backfilling.step(), backfilling.survey().files) == (0, 0)


def test_a_backfill_has_few_jobs_in_flight_and_goes_on_where_it_was(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", photo(), "image/png")
    provider.run()
    with db.transaction() as session:
        first = session.execute(select(Asset)).scalar_one()
        columns = [column.name for column in Asset.__table__.columns if column.name != "id"]
        for _ in range(2 * backfilling.MOST_IN_FLIGHT + 3):
            session.add(Asset(**{name: getattr(first, name) for name in columns}))

    steps = [backfilling.step(), backfilling.step()]
    with db.transaction() as session:
        session.execute(update(Job).where(Job.tier == line.BACKFILL).values(state="done"))
    steps.append(backfilling.step())

    (run,) = provider.rows(Backfill)
    assert steps == [backfilling.MOST_IN_FLIGHT, 0, backfilling.MOST_IN_FLIGHT]
    assert (run.queued, run.checked, run.finished_at) == (2 * backfilling.MOST_IN_FLIGHT, 1 + run.queued, None)
    with db.transaction() as session:
        session.execute(update(Job).where(Job.tier == line.BACKFILL).values(state="done"))
    assert backfilling.step() == 3
    assert provider.rows(Backfill)[0].finished_at is not None


@pytest.mark.parametrize("how", ["revoked", "failed", "erased"])
def test_a_backfill_leaves_alone_what_may_not_be_made(provider: Provider, graph: Graph, how: str) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    grow_old("preview")
    if how == "erased":
        erase(provider)
    elif how == "failed":
        change(Asset, state="failed")
    else:
        change(Message, revoked_at=clock.now())

    assert (backfilling.step(), backfilling.survey().files) == (0, 0)


def test_what_cannot_be_made_anew_stays_as_it_was_and_is_not_tried_for_ever(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    grow_old("preview")
    before = made()["preview"].key
    broken = storage.current()
    with broken.open(provider.asset().original_key or "") as stream:
        data = stream.read()
    key = (provider.asset().original_key or "").replace(".wav", "x.wav")
    cut = data[:30]
    broken.put(key, io.BytesIO(cut), content_type="audio/wav")
    sha256 = hashlib.sha256(cut).hexdigest()
    change(Asset, original_key=key, original_sha256=sha256)
    change(Rendition, original_sha256=sha256)

    backfilling.step()
    provider.run()
    with db.transaction() as session:
        backfilling.begin(session, backfilling.mark_of(session), at=clock.now())
    again = backfilling.step()

    assert (provider.asset().state, provider.asset().reason) == ("ready", None)
    assert (made()["preview"].key, again) == (before, 0)
    assert [job.state for job in provider.rows(Job) if job.kind == fetching.RENDER] == ["skipped"]


def test_a_replaced_object_is_removed_a_little_later_and_only_that(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    old = (provider.asset().original_key or "").replace(".wav", ".preview-0-000000000000.mp3")
    storage.current().put(old, io.BytesIO(b"as it was made before"), content_type="audio/mpeg")
    with db.transaction() as session:
        session.execute(update(Rendition).where(Rendition.profile == "preview").values(recipe_version=0, key=old))

    backfilling.step()
    provider.run()
    there = {info.key for info in storage.current().list("")}
    provider.run_waiting(removing.KIND)
    left = {info.key for info in storage.current().list("")}

    assert old in there
    assert there - left == {old}
    assert left == {provider.asset().original_key, *(one.key for one in made().values())}


def test_originals_stay_as_they_came_and_every_rendition_says_what_it_was_made_of(
    provider: Provider, graph: Graph
) -> None:
    data = voice()
    send_file(provider, graph, "audio", data, "audio/wav")
    provider.run()
    grow_old("broadcast")
    backfilling.step()
    provider.run()
    asset, sha256 = provider.asset(), hashlib.sha256(data).hexdigest()

    assert (asset.original_sha256, sha256_in_store(asset.original_key or "")) == (sha256, sha256)
    with pytest.raises(AlreadyStored):
        storage.current().put(asset.original_key or "", io.BytesIO(b"other"), content_type="audio/wav")
    wanted = {recipe.profile: recipe.version for recipe in recipes.RECIPES["audio"]}
    assert {one.original_sha256 for one in made().values()} == {sha256}
    assert all(one.recipe_version == wanted[profile] for profile, one in made().items())
    assert all(sha256_in_store(one.key) == one.sha256 for one in made().values())


def test_vetting_outlasts_the_same_bytes_and_ends_with_others(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()
    vetted = made()["broadcast"].sha256
    change(Card, vetted_sha256=vetted)

    grow_old("broadcast")
    backfilling.step()
    provider.run()
    after_same = provider.cards()[0].vetted_sha256
    change(Station, loudness_lufs=-16.0)
    queued = backfilling.step()
    provider.run()

    assert after_same == vetted
    assert (queued, provider.cards()[0].vetted_sha256) == (1, None)
    assert made()["broadcast"].sha256 != vetted


# --- order ------------------------------------------------------------------------------------------------------


def send_voices(provider: Provider, sender: str, count: int) -> None:
    body = {"id": "590000000000031", "mime_type": "audio/ogg; codecs=opus", "voice": True}
    given = [message("audio", body, sender=sender) for _ in range(count)]
    assert provider.post(messages(*given)).status_code == 200
    with db.reading() as session:
        wanted = select(Job.id).where(Job.kind == "read_delivery", Job.state == "ready")
        for job_id in session.execute(wanted).scalars().all():
            work.run(job_id)


def test_one_note_is_not_delayed_by_anothers_sixty(provider: Provider) -> None:
    send_voices(provider, ADA, 60)
    for _ in range(10):
        assert take() is not None
    send_voices(provider, BO, 1)
    of_bo = provider.rows(Asset)[-1]
    order = []
    while f"asset:{of_bo.id}" not in order:
        taken = take()
        assert taken is not None
        order.append(taken.subject)

    assert len(order) <= 3


def test_an_open_card_goes_before_all_others(provider: Provider, sign_in: Callable[[str], Browser]) -> None:
    send_voices(provider, ADA, 5)
    nia = sign_in("nia")
    last = provider.cards()[-1]
    (wanted,) = [asset for asset in provider.rows(Asset) if asset.message_id == last.message_id]
    before = take()
    assert nia.get(f"/api/v1/cards/{last.id}").status_code == 200
    after = take()

    assert before is not None
    assert after is not None
    assert before.subject != f"asset:{wanted.id}" == after.subject


def test_a_planned_card_goes_before_all_others(provider: Provider, sign_in: Callable[[str], Browser]) -> None:
    send_voices(provider, ADA, 5)
    last = provider.cards()[-1]
    (wanted,) = [asset for asset in provider.rows(Asset) if asset.message_id == last.message_id]
    with db.transaction() as session:
        actions.move_card(
            session, provider.cast.rheinwelle, last.id, to="planned", version=last.version, by=provider.cast.nia,
            at=clock.now(),
        )  # fmt: skip
    after = take()

    assert after is not None
    assert after.subject == f"asset:{wanted.id}"


def test_what_is_fetched_is_made_playable_before_the_next_is_fetched(provider: Provider, graph: Graph) -> None:
    graph.keep("590000000000031", voice(), "audio/wav")
    for sender in (ADA, BO, "4915790001236"):
        send_voices(provider, sender, 2)
    kinds = []
    while (taken := take()) is not None:
        kinds.append(taken.kind)
        work._run(taken)

    assert kinds == [fetching.FETCH, fetching.RENDER] * 6


def test_what_can_be_used_first_is_on_the_card_at_once_and_the_rest_follows(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()

    changes = [event.payload["card"] for event in provider.rows(LiveEvent) if event.kind == "card.changed"]
    media = [card["media"][0] for card in changes]
    first = next(one for one in media if "preview" in one["profiles"])
    working = [one["progress"] for one in media if one["state"] == "processing"]
    assert (first["state"], set(first["profiles"])) == ("processing", {"original", "preview"})
    assert working == sorted(working)
    assert working[-1] <= 95
    assert (media[-1]["state"], media[-1]["progress"]) == ("ready", None)


# --- erased while it runs ---------------------------------------------------------------------------------------


def erase(provider: Provider) -> erasing.Report:
    (sent,) = provider.rows(Message)
    with db.reading() as session:
        subject = subjects.of_message(session, sent)
    return erasing.erase(subject, reason="asked by letter", by=None, at=clock.now())


def slow_video(folder: Path) -> bytes:
    """Long to transcode, made in a moment: one busy second, repeated."""
    one, many = folder / "one.mp4", folder / "many.mp4"
    busy = ["-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30", "-t", "1", "-pix_fmt", "yuv420p"]
    ffmpeg(*busy, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "32", "-y", one)
    ffmpeg("-stream_loop", "59", "-i", one, "-c", "copy", "-y", many)
    return many.read_bytes()


def children_at_work() -> list[str]:
    """Command lines of processes that work in our temporary folder."""
    mine = str(workplace.temp_folder()).encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        if mine in words:
            found.append(words.replace(b"\0", b" ").decode(errors="replace"))
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for children in /proc")
def test_an_erasure_ends_a_long_transcoding_within_seconds(provider: Provider, graph: Graph, tmp_path: Path) -> None:
    send_file(provider, graph, "video", slow_video(tmp_path), "video/mp4")
    running = threading.Thread(target=work.run_due)
    running.start()
    wait_until(lambda: any("playable" in one for one in children_at_work()), "the transcoding", limit_s=90)
    wait_until(lambda: (provider.asset().progress_percent or 0) > 20, "a figure on the card", limit_s=90)
    assert provider.asset().progress_percent < 95
    begun = time.monotonic()
    report = erase(provider)
    running.join(20)
    took_s = time.monotonic() - begun

    assert not running.is_alive()
    assert took_s < 15
    assert report.is_done
    assert (children_at_work(), list(storage.current().list(""))) == ([], [])
    assert (provider.rows(Rendition), temp_is_empty()) == ([], True)


def test_an_erasure_ends_a_long_download_within_seconds(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "video", bytes(4_000_000), "video/mp4", is_slow=True)
    running = threading.Thread(target=work.run_due)
    running.start()
    try:
        wait_until(lambda: any(workplace.temp_folder().glob("fetch-*/*")), "the download", limit_s=60)
        report = erase(provider)
        running.join(20)
        is_ended = not running.is_alive()
    finally:
        graph.stopped.set()
        running.join(60)

    assert (report.is_done, is_ended) == (True, True)
    assert (provider.rows(Asset), list(storage.current().list("")), temp_is_empty()) == ([], [], True)


# --- room -------------------------------------------------------------------------------------------------------


def test_all_work_together_stays_within_its_share(house: object) -> None:
    large = rules.MOST_TEMP_BYTES // 2 + 1
    if workplace.free_bytes() < large + rules.ROOM_KEPT_BYTES:
        pytest.skip("this disk is too small to say anything")
    with workplace.workplace("render-1", needs_bytes=large):
        with workplace.workplace("render-2", needs_bytes=1000):
            pass
        with pytest.raises(workplace.NoRoom), workplace.workplace("render-3", needs_bytes=large):
            pass
    with workplace.workplace("render-3", needs_bytes=large):
        pass

    assert temp_is_empty()


def test_what_is_used_already_is_not_counted_twice(house: object) -> None:
    with workplace.workplace("render-1", needs_bytes=10_000_000) as folder:
        (folder / "work").write_bytes(bytes(4_000_000))

        promised, used = workplace._at_work()

    assert promised == 10_000_000
    assert 3_900_000 <= used <= 4_200_000


def test_no_work_begins_on_a_disk_that_is_nearly_full_and_the_card_says_so(
    provider: Provider, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_file(provider, graph, "image", photo(), "image/png")
    while provider.rows(Asset) == [] or provider.asset().original_key is None:
        with db.reading() as session:
            job_id = table.next_due(session, at=clock.now())
        assert job_id is not None
        work.run(job_id)
    monkeypatch.setattr("desk.media.rules.ROOM_KEPT_BYTES", 2**60)  # a figure: no disk has that much room
    for _ in range(12):  # more often than a file may fail
        provider.run_waiting(fetching.RENDER)
    waiting = provider.asset()
    monkeypatch.undo()
    provider.run_waiting(fetching.RENDER)

    assert (waiting.state, waiting.reason) == ("processing", "store.unavailable")
    assert waiting.retry_at is not None
    assert waiting.retry_at > clock.now() - timedelta(minutes=1)
    assert (provider.asset().state, provider.asset().reason) == ("ready", None)


def _hold_room(begun: Any) -> None:
    with workplace.workplace("render-9", needs_bytes=5_000_000) as folder:
        (folder / "work").write_bytes(b"half done")
        begun.set()
        threading.Event().wait()


def test_what_a_killed_worker_left_is_removed_and_its_room_is_free_at_once(house: object) -> None:
    processes = multiprocessing.get_context("fork")
    begun = processes.Event()
    worker = processes.Process(target=_hold_room, args=(begun,))
    worker.start()
    assert begun.wait(20)
    held = workplace._at_work()
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join(20)

    assert held[0] == 5_000_000
    assert workplace._at_work() == (0, 0)
    assert (workplace.empty_temp(), temp_is_empty()) == (1, True)
