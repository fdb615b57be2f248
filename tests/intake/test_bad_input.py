"""Bad input, each with the stated answer, and nothing lost: through the HTTP client, the jobs and a real provider."""

from __future__ import annotations

import json
import resource
import signal
import sqlite3
import struct
import time
import wave
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from flask import Flask
from sqlalchemy import select, update

from desk import clock, db, sealing
from desk.channels.models import Channel
from desk.channels.queries import secrets_about
from desk.conversations.models import Message
from desk.intake import actions, doors, fetching, rules
from desk.intake.models import Delivery, DeliveryItem
from desk.jobs import table, work
from desk.jobs.models import Job
from desk.media import retries, storage, workplace
from desk.media.models import Asset
from desk.people.models import Station
from media_store import sensitive
from media_store.errors import StoreUnavailable
from media_store.sensitive import Judge
from media_store.stores import ObjectInfo
from tests.intake.graph import Graph
from tests.intake.provider import (
    BO,
    Provider,
    delivery,
    message,
    messages,
    secrets,
    sign,
    text_message,
    value,
)
from tests.media_store import tiny_engine


def nothing_is_stored(provider: Provider) -> bool:
    return provider.rows(Delivery) == [] and provider.rows(Message) == []


# --- at the door ------------------------------------------------------------------------------------------------

BODY = delivery(messages(text_message("Grüße ❤️")))
UMLAUTS = json.dumps(json.loads(BODY), ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": sign(BODY).removeprefix("sha256=")},
        {"X-Hub-Signature-256": sign(BODY).upper()},
        {"X-Hub-Signature-256": sign(BODY)[:-2]},
        {"X-Hub-Signature-256": f"{sign(BODY)},{sign(BODY)}"},
        {"X-Hub-Signature-256": sign(BODY, "a-secret-of-somebody-else")},
        {"X-Hub-Signature-256": sign(UMLAUTS)},
        {"X-Hub-Signature-256": sign(BODY + b" ")},
        {"X-Hub-Signature": "sha1=" + "0" * 40},
    ],
    ids=["none", "empty", "bare", "upper", "short", "doubled", "other", "rewritten", "one-byte", "sha1"],
)
def test_a_wrong_signature_is_refused_and_nothing_is_stored(provider: Provider, headers: dict[str, str]) -> None:
    answer = provider.post_raw(BODY, headers=headers)

    assert answer.status_code == 401
    assert nothing_is_stored(provider)


@pytest.mark.parametrize("body", [BODY, UMLAUTS], ids=["escaped", "utf-8"])
def test_the_right_signature_is_over_the_bytes_as_they_came(provider: Provider, body: bytes) -> None:
    assert provider.post_raw(body).status_code == 200
    provider.run()

    assert len(provider.cards()) == 1


def test_a_channel_with_an_empty_secret_lets_nothing_in(provider: Provider) -> None:
    with db.transaction() as session:
        channel = session.get_one(Channel, provider.channel_id)
        channel.secrets_sealed = sealing.seal_json(secrets() | {"app_secrets": [""]}, secrets_about(channel.public_id))
    doors.forget()

    answer = provider.post_raw(BODY, secret="")

    assert answer.status_code == 401
    assert nothing_is_stored(provider)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(provider: Provider) -> None:
    body = b" " * (4 * 1024 * 1024 + 1)

    answer = provider.post_raw(body)

    assert answer.status_code == 413
    assert nothing_is_stored(provider)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b'{"object":"page","entry":[]}', b"[" * 100_000])
def test_what_is_no_delivery_is_kept_set_aside_and_acknowledged(provider: Provider, body: bytes) -> None:
    answer = provider.post_raw(body)
    provider.run()

    (stored,) = provider.rows(Delivery)
    assert answer.status_code == 200
    assert (stored.state, stored.body) == ("set_aside", body)
    assert stored.reason


def test_a_number_nobody_has_is_parked(provider: Provider) -> None:
    answer = provider.post(messages(text_message("Wohin?"), number="4711"))
    provider.run()

    assert answer.status_code == 200
    assert provider.outcomes() == ["parked"]


def test_a_duplicate_is_acknowledged_and_stored_once(provider: Provider) -> None:
    answers = [provider.post_raw(BODY).status_code for _ in range(50)]
    provider.run()

    assert set(answers) == {200}
    assert len(provider.rows(Delivery)) == len(provider.cards()) == 1


def test_one_broken_message_of_a_batch_becomes_a_card_and_its_neighbours_too(provider: Provider) -> None:
    broken = [{"type": "text"}, {"id": "wamid.B2", "type": "text", "text": 7}, "no object", {"id": None}]
    odd = text_message("Null \x00 und \ud800 halb")
    batch = value(messages=[text_message("vorher"), *broken, odd, text_message("nachher", sender=BO)])

    provider.post_raw(json.dumps({"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [{"field": "messages", "value": batch}]}]}).encode())  # fmt: skip
    provider.run()

    texts = [row.text for row in provider.rows(Message)]
    assert "vorher" in texts
    assert "nachher" in texts
    assert "Null \ufffd und \ufffd halb" in texts
    assert set(provider.outcomes()) <= {"card", "set_aside", "repeat"}
    assert len(provider.outcomes()) == 7
    assert "unknown" in {card.kind for card in provider.cards()}


def test_an_item_that_breaks_us_is_set_aside_and_can_be_replayed(provider: Provider) -> None:
    provider.post(messages(text_message("gut"), text_message("bricht", id="wamid.BREAKS"), text_message("auch gut")))
    with db.transaction() as session:  # the trigger stands for any fault of ours
        session.connection().exec_driver_sql(
            "CREATE TRIGGER breaks BEFORE INSERT ON message WHEN NEW.text = 'bricht' "
            "BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )

    provider.run()
    assert provider.outcomes() == ["card", "set_aside", "card"]
    with db.transaction() as session:
        session.connection().exec_driver_sql("DROP TRIGGER breaks")
        actions.replay_delivery(session, provider.rows(Delivery)[0].id, at=clock.now())
    provider.run()

    assert sorted(provider.outcomes()) == ["card", "card", "card"]
    assert len(provider.cards()) == 3


def test_a_locked_database_answers_503_and_the_repeat_is_stored(
    provider: Provider, house: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "WAIT_S", 0.2)  # a figure, not a function: the test need not wait the whole time
    path = db.current().url.removeprefix("sqlite:///")
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        began_s = time.monotonic()
        locked = provider.post_raw(BODY)
        took_s = time.monotonic() - began_s
        other.execute("ROLLBACK")
    other.close()

    again = provider.post_raw(BODY)
    provider.run()

    assert locked.status_code == 503
    assert "Retry-After" in locked.headers
    assert took_s < 2
    assert again.status_code == 200
    assert len(provider.cards()) == 1


# --- media ------------------------------------------------------------------------------------------------------


def photo() -> bytes:
    """A PNG of 8 by 8 pixels."""
    return png(8, 8, b"".join(b"\x00" + b"\x20\x40\x80" * 8 for _ in range(8)))


def png(width_px: int, height_px: int, rows: bytes) -> bytes:
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


def voice() -> bytes:
    """A second of a 440 Hz square wave as WAV."""
    target = BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(b"".join(struct.pack("<h", 8000 if at // 54 % 2 else -8000) for at in range(48000)))
    return target.getvalue()


def send_file(provider: Provider, graph: Graph, kind: str, data: bytes, mime: str, **odd: object) -> None:
    """A listener sends a file; it is on the wall before anything is fetched."""
    sha256 = graph.keep("590000000000031", data, mime, **odd)
    body = {"id": "590000000000031", "mime_type": mime, "sha256": sha256}
    provider.post(messages(message(kind, body)))


def temp_is_empty() -> bool:
    return list(workplace.temp_folder().iterdir()) == []


def test_a_file_is_fetched_kept_and_rendered(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", photo(), "image/png")

    provider.run()

    asset = provider.asset()
    assert (asset.state, asset.reason, asset.kind, asset.width_px) == ("ready", None, "image", 8)
    assert provider.renditions() >= {"thumb", "card", "large"}
    with storage.current().open(asset.original_key or "") as stream:
        assert stream.read() == photo()
    assert temp_is_empty()


def test_a_station_that_wants_it_has_its_pictures_looked_at(
    provider: Provider, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensitive, "JUDGE", Judge(Path(tiny_engine.__file__), package=None))
    with db.transaction() as session:
        for station in session.execute(select(Station)).scalars():
            station.checks_sensitive = True
    send_file(provider, graph, "image", photo(), "image/png")

    provider.run()

    sensitive.JUDGE.close()
    assert provider.asset().facts["sensitive"] in (True, False)


def test_a_voice_note_gets_its_loudness_and_peaks(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "audio", voice(), "audio/wav")

    provider.run()

    asset = provider.asset()
    assert asset.state == "ready"
    assert asset.loudness_lufs is not None
    assert len(asset.peaks or b"") == 56
    assert provider.renditions() == {"preview", "peaks", "peaks_fine", "broadcast"}


def test_vanished_media_fails_visibly_and_the_card_stays(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", photo(), "image/png")
    graph.files.clear()

    provider.run()

    assert (provider.asset().state, provider.asset().reason) == ("failed", "channels.media_gone")
    assert len(provider.cards()) == 1


def test_lying_media_is_fetched_again_a_few_times_and_then_fails(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", photo(), "image/png", announced_bytes=4000)

    provider.run()
    waiting = provider.asset()
    for _ in range(3):
        provider.run_waiting(fetching.FETCH)

    assert (waiting.state, waiting.reason) == ("waiting", "channels.media_mismatch")
    assert waiting.retry_at is not None
    assert (provider.asset().state, provider.asset().reason) == ("failed", "media.corrupt")
    assert temp_is_empty()


def test_a_provider_in_trouble_is_asked_again_later_and_the_file_arrives(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", photo(), "image/png", statuses=[500, 503])

    provider.run()
    waiting = provider.asset()
    for _ in range(3):
        provider.run_waiting(fetching.FETCH)

    assert (waiting.state, waiting.reason) == ("waiting", "channels.media_unreachable")
    assert provider.asset().state == "ready"


def test_a_provider_that_fails_for_an_hour_is_asked_only_a_few_times(provider: Provider, graph: Graph) -> None:
    for number in range(6):
        media_id = f"5900000000001{number}"
        graph.keep(media_id, photo(), "image/png", statuses=[500] * 50)
        provider.post(messages(message("image", {"id": media_id, "mime_type": "image/png"})))
    for _ in range(5):
        provider.run_waiting(fetching.FETCH)
    asked = len(graph.asked)

    for kept in graph.files.values():
        kept.statuses.clear()
    with db.transaction() as session:
        session.execute(update(Channel).values(media_faulted_at=None))
    provider.run_waiting(fetching.FETCH)

    assert asked == 4
    assert {asset.state for asset in provider.rows(Asset)} == {"ready"}


def test_a_line_that_was_down_uses_up_nothing_of_the_providers_budget(provider: Provider, graph: Graph) -> None:
    reached = _lead_to(provider, "http://127.0.0.1:9")
    for number in range(6):
        media_id = f"5900000000002{number}"
        graph.keep(media_id, photo(), "image/png")
        provider.post(messages(message("image", {"id": media_id, "mime_type": "image/png"})))
    for _ in range(3):
        provider.run_waiting(fetching.FETCH)
    waiting = {asset.reason for asset in provider.rows(Asset)}

    _lead_to(provider, reached)
    provider.run_waiting(fetching.FETCH)

    assert waiting == {"channels.media_not_reached"}
    assert {asset.state for asset in provider.rows(Asset)} == {"ready"}


def _lead_to(provider: Provider, url: str) -> str:
    """Have the number's provider looked for at `url`; returns where it was before."""
    with db.transaction() as session:
        channel = session.get_one(Channel, provider.channel_id)
        before = str(channel.settings["graph_base_url"])
        hosts = [one.removeprefix("http://") for one in (before, url)]
        channel.settings = {"graph_base_url": url, "allowed_hosts": hosts}
    return before


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<?xml version='1.0'?><MPD/>",
    ],
    ids=["m3u8", "concat", "mpd"],
)
def test_a_playlist_disguised_as_a_film_is_kept_but_never_opened(provider: Provider, graph: Graph, data: bytes) -> None:
    send_file(provider, graph, "video", data, "video/mp4")

    provider.run()

    asset = provider.asset()
    assert (asset.state, asset.reason) == ("failed", "media.unsupported")
    assert asset.original_bytes == len(data)
    assert provider.renditions() == set()


def test_a_file_of_zero_bytes_fails_as_empty(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "audio", b"", "audio/ogg")

    for _ in range(4):
        provider.run_waiting(fetching.FETCH)

    assert (provider.asset().state, provider.asset().reason) == ("failed", "media.empty")


def test_an_image_bomb_is_kept_and_not_unfolded(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", png(40_000, 40_000, b"\x00" * 1000), "image/png")

    provider.run()

    asset = provider.asset()
    assert (asset.state, asset.reason) == ("failed", "media.bomb")
    assert asset.original_key is not None


def test_half_a_film_fails_with_a_reason(provider: Provider, graph: Graph) -> None:
    half = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00\x01\x00\x00mdat" + b"\x11" * 5000
    send_file(provider, graph, "video", half, "video/mp4")

    provider.run()

    asset = provider.asset()
    assert asset.state == "failed"
    assert asset.reason in ("media.truncated", "media.corrupt")


def test_a_connection_that_breaks_off_leaves_nothing_behind(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", photo(), "image/png", cut_to=20)

    provider.run()

    assert provider.asset().state == "waiting"
    assert temp_is_empty()


def test_an_address_outside_the_list_is_never_asked(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", photo(), "image/png", location="http://169.254.169.254/latest/meta-data")

    provider.run()

    assert (provider.asset().state, provider.asset().reason) == ("failed", "channels.host_refused")


class DownStore:
    """A store that is down: it takes nothing and gives nothing."""

    def put(self, key: str, stream: BinaryIO, *, content_type: str) -> str:
        raise StoreUnavailable("down")

    def open(self, key: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        raise StoreUnavailable("down")

    def info(self, key: str) -> ObjectInfo:
        raise StoreUnavailable("down")

    def delete(self, key: str) -> None:
        raise StoreUnavailable("down")

    def list(self, prefix: str) -> object:
        raise StoreUnavailable("down")

    def link(self, key: str, seconds: int, download_name: str | None = None) -> None:
        return None


def test_a_store_that_is_down_delays_the_file_and_nothing_else(provider: Provider, graph: Graph) -> None:
    up = storage.current()
    storage.use(DownStore())  # type: ignore[arg-type]
    send_file(provider, graph, "image", photo(), "image/png")
    provider.say("Text geht weiter")

    provider.run()
    waiting = provider.asset()
    storage.use(up)
    provider.run_waiting(fetching.FETCH)

    assert (waiting.state, waiting.reason) == ("waiting", "store.unavailable")
    assert graph.asked.count("/whatsapp_business/attachments/") == 1
    assert len(provider.cards()) == 2
    assert provider.asset().state == "ready"


def test_a_store_that_goes_down_between_original_and_renditions_is_waited_for(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", photo(), "image/png")
    up = storage.current()
    while True:
        with db.reading() as session:
            job_id = table.next_due(session, at=clock.now())
        if job_id is None or (provider.rows(Asset) and provider.asset().original_key):
            break
        work.run(job_id)
    storage.use(DownStore())  # type: ignore[arg-type]
    provider.run()
    waiting = provider.asset()
    storage.use(up)
    provider.run_waiting(fetching.RENDER)

    assert waiting.state == "processing"
    assert provider.asset().state == "ready"


def test_a_full_disk_delays_the_file_until_there_is_room(
    provider: Provider, graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.media.rules.ROOM_KEPT_BYTES", 2**60)  # a figure: no disk has that much room
    send_file(provider, graph, "image", photo(), "image/png")

    provider.run()
    waiting = provider.asset()
    monkeypatch.undo()
    provider.run_waiting(fetching.FETCH)

    assert (waiting.state, waiting.reason) == ("waiting", "store.unavailable")
    assert graph.asked.count("/whatsapp_business/attachments/") == 1
    assert provider.asset().state == "ready"


def test_a_disk_that_fills_while_the_file_arrives_loses_nothing(
    provider: Provider, graph: Graph, tmp_path: Path
) -> None:
    send_file(provider, graph, "image", photo() + b"\x00" * 9_000_000, "image/png")
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000_000, hard))
    try:
        provider.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    waiting = provider.asset()
    provider.run_waiting(fetching.FETCH)

    assert (waiting.state, waiting.reason) == ("waiting", "store.unavailable")
    assert provider.asset().original_bytes == len(photo()) + 9_000_000
    assert temp_is_empty()


def test_a_person_may_have_a_failed_file_tried_again(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", photo(), "image/png")
    kept = dict(graph.files)
    graph.files.clear()
    provider.run()
    assert provider.asset().state == "failed"
    graph.files.update(kept)

    with db.transaction() as session:
        retries.try_again(session, provider.cast.rheinwelle, provider.asset().id, by=provider.cast.nia, at=clock.now())
    provider.run()

    assert provider.asset().state == "ready"


def test_the_media_jobs_may_run_twice(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", photo(), "image/png")
    provider.run()
    before = provider.asset()
    with db.transaction() as session:
        session.execute(update(Job).values(state="ready", run_at=clock.now(), lease=None))
    provider.run()

    after = provider.asset()
    assert (after.state, after.original_key) == ("ready", before.original_key)
    assert len(list(storage.current().list(""))) == 5


def test_what_dead_workers_left_is_removed_and_a_living_ones_is_not(house: object) -> None:
    left = workplace.temp_folder() / "render-7-dead"
    left.mkdir()
    left.with_suffix(workplace.LOCK).touch()
    (workplace.temp_folder() / "stray").mkdir()

    with workplace.workplace("fetch-8") as living:
        removed = workplace.empty_temp()

        assert living.is_dir()
    assert removed == 2
    assert temp_is_empty()


def test_a_delivery_is_never_refused_because_a_worker_is_missing(provider: Provider, app: Flask) -> None:
    answers = [provider.post(messages(text_message(f"Nummer {number}"))).status_code for number in range(20)]

    assert set(answers) == {200}
    assert len(provider.rows(Delivery)) == 20
    assert provider.rows(DeliveryItem) == []
