"""From a listener's file to what the station wants of it: cut to the sound, labelled as consented, in its formats."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import select, update

from desk import clock, db
from desk.conversations.models import Message
from desk.intake import backfilling
from desk.jobs import work
from desk.jobs.models import Job
from desk.listeners.models import Listener
from desk.media import queries, storage, wishes
from desk.media.models import Rendition
from desk.wall.models import Card
from media_store import wav
from media_store.delivery import Delivery, Handles
from media_store.loudness import AudioTarget
from tests.intake.graph import Graph
from tests.intake.provider import Provider
from tests.intake.test_bad_input import send_file
from tests.media_store.material import hiss, silence, speech, write_wav


@pytest.fixture
def note(provider: Provider, graph: Graph, tmp_path: Path) -> Provider:
    """A listener sent a sound with two seconds of nothing before and after it."""
    samples = np.concatenate([silence(2), speech(2, -30), silence(2)]) + hiss(6, -75)
    send_file(provider, graph, "audio", write_wav(tmp_path / "s.wav", samples).read_bytes(), "audio/wav")
    return provider


def made() -> dict[str, Rendition]:
    with db.reading() as session:
        return {one.profile: one for one in session.execute(select(Rendition)).scalars()}


def wish(provider: Provider, wanted: Delivery) -> None:
    with db.transaction() as session:
        assert wishes.set_wishes(session, provider.cast.rheinwelle, wanted, by=provider.cast.omar, at=clock.now())


def cart_of(one: Rendition, folder: Path) -> bytes:
    path = folder / "read.wav"
    with storage.current().open(one.key) as stream:
        path.write_bytes(stream.read())
    return wav.read(path).chunks[b"cart"]


def text_at(body: bytes, offset: int, size: int = 64) -> str:
    return body[offset : offset + size].rstrip(b"\0").decode("ascii")


def test_the_copy_for_air_is_cut_and_the_card_says_where(note: Provider) -> None:
    note.run()

    asset, found = note.asset(), made()
    with db.reading() as session:
        shown = queries.list_assets(session, [asset.message_id])[asset.message_id][0].as_json()
    assert (asset.duration_s, found["preview"].duration_s) == (6.0, 6.0)
    assert found["broadcast"].begins_s == shown["air_in_s"] == pytest.approx(2 - 0.1 - 0.25, abs=0.1)
    assert shown["air_out_s"] == pytest.approx(found["broadcast"].begins_s + (found["broadcast"].duration_s or 0))
    assert shown["cue_in_s"] == pytest.approx(1.9, abs=0.1)
    assert shown["cue_out_s"] == pytest.approx(4.2, abs=0.2)
    assert shown["gain_db"] is not None
    assert shown["level_note"] is None
    assert set(found) & {"flac", "mp3", "mp2"} == set()


def test_a_level_that_cannot_be_reached_is_explained_on_the_card(
    provider: Provider, graph: Graph, tmp_path: Path
) -> None:
    send_file(provider, graph, "audio", write_wav(tmp_path / "h.wav", hiss(3, -50)).read_bytes(), "audio/wav")

    provider.run()

    asset = provider.asset()
    with db.reading() as session:
        note = queries.list_assets(session, [asset.message_id])[asset.message_id][0].as_json()["level_note"]
    assert note["code"] == "level.noise"
    assert note["facts"]["target"] == -23.0
    assert (note["text"] % note["facts"]).startswith("Steady noise, raised by no more than 12.0 dB.")


def test_a_format_switched_on_later_is_all_that_is_made(note: Provider) -> None:
    note.run()
    before = {profile: one.sha256 for profile, one in made().items()}
    wish(note, Delivery(formats=frozenset({"mp2", "flac"})))

    counted = backfilling.survey().missing
    backfilling.step()
    note.run()

    after = {profile: one.sha256 for profile, one in made().items()}
    assert counted == {"audio": {"flac": 1, "mp2": 1}}
    assert {profile: after[profile] for profile in before} == before
    assert set(after) - set(before) == {"flac", "mp2"}
    assert backfilling.survey().files == 0


def test_another_level_makes_everything_that_is_heard_anew(note: Provider) -> None:
    note.run()
    before = {profile: one.sha256 for profile, one in made().items()}
    wish(note, Delivery(AudioTarget(-16.0, -1.0), Handles(0, 0)))

    backfilling.step()
    note.run()

    after = made()
    assert after["broadcast"].loudness_lufs == pytest.approx(-16.0, abs=0.5)
    assert after["broadcast"].settings == "-16LUFS -1dBTP 0+0ms"
    assert {profile for profile in before if after[profile].sha256 == before[profile]} <= {"transcript"}
    assert note.asset().facts["air_in_s"] == note.asset().facts["cue_in_s"] == after["broadcast"].begins_s


@pytest.mark.parametrize(("consent", "is_named"), [("unknown", True), ("given", True), ("refused", False)])
def test_the_label_is_the_first_name_and_without_consent_the_alias(
    consent: str, is_named: bool, note: Provider, tmp_path: Path
) -> None:
    with db.reading() as session:
        waiting = session.execute(select(Job.id).where(Job.kind == "read_delivery")).scalars().all()
    for job_id in waiting:
        work.run(job_id)
    with db.transaction() as session:
        session.execute(update(Card).values(consent=consent))
    note.run()

    cart = cart_of(made()["broadcast"], tmp_path)
    with db.reading() as session:
        listener = session.execute(select(Listener)).scalar_one()
    assert text_at(cart, 68) == (listener.first_name if is_named else wav.plain_ascii(listener.alias, 64).decode())
    assert listener.first_name == "Ada"
    assert text_at(cart, 260) == "Hoerer"
    assert text_at(cart, 324) == "audio"
    sent_at = note.rows(Message)[0].sent_at.astimezone(ZoneInfo("Europe/Berlin"))
    assert text_at(cart, 452, 10) == f"{sent_at:%Y-%m-%d}"
    assert not any(needle in cart for needle in (b"Koester", b"K?ster", b"4915790"))
    assert is_named or b"Ada" not in cart
