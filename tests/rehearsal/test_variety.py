"""Each file of a varied burst is another one to the desk's own ears and eyes, and the same again from one salt."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from desk.rehearsal import burst, client, variety
from desk.rehearsal.cast import SAMPLES, read_cast
from desk.rehearsal.config import read_config
from desk.rehearsal.salt import salted
from desk.rehearsal.sending import Sender
from desk.rehearsal.server import create_app
from media_store import likeness, pipeline, sound_print
from media_store.likeness import Likeness
from media_store.picture_print import PicturePrint, take_picture_print
from media_store.sound_print import SoundPrint
from tests.rehearsal.stage import ROOT, ReceivingDesk, Running, wait_for

FILES = ("rw-voice-01.ogg", "torte.jpg", "clip-schnee.mp4")
ONE, OTHER = "0000000000a1", "0000000000a2"
MAKE_AGAIN = f"""
import hashlib
from desk.rehearsal import cast, variety
for file in {FILES}:
    print(hashlib.sha256(variety.varied(cast.SAMPLES / file, {ONE!r})).hexdigest())
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Two of each file, and a copy of the sample that differs in its comment alone."""
    folder = tmp_path_factory.mktemp("made")
    found = {}
    for file in FILES:
        sample = SAMPLES / file
        copies = {salt: variety.varied(sample, salt) for salt in (ONE, OTHER)}
        for salt, data in {**copies, "copy": salted(sample.read_bytes(), ONE), "sample": sample.read_bytes()}.items():
            found[file, salt] = folder / f"{salt}-{file}"
            found[file, salt].write_bytes(data)
    return found


def test_the_same_salt_makes_the_same_file_in_another_process(made: dict[tuple[str, str], Path]) -> None:
    again = subprocess.run([sys.executable, "-c", MAKE_AGAIN], cwd=ROOT, check=True, capture_output=True, text=True)

    assert again.stdout.split() == [hashlib.sha256(made[file, ONE].read_bytes()).hexdigest() for file in FILES]


@pytest.mark.parametrize("file", FILES)
def test_two_of_one_sample_are_strangers_to_the_desk_and_a_copy_is_none(
    file: str, made: dict[tuple[str, str], Path]
) -> None:
    one, other, copy, sample = (made[file, salt] for salt in (ONE, OTHER, "copy", "sample"))

    assert not _compare(one, other).is_same
    assert not _compare(one, sample).is_same
    assert _compare(copy, sample).is_same


@pytest.mark.parametrize("file", FILES)
def test_what_was_made_is_what_the_sample_is(file: str, made: dict[tuple[str, str], Path]) -> None:
    one, sample = (pipeline.probe(made[file, salt]) for salt in (ONE, "sample"))

    assert (one.kind, one.mime, one.video_codec, one.audio_codec) == (
        sample.kind, sample.mime, sample.video_codec, sample.audio_codec
    )  # fmt: skip
    assert one.duration_s is None or variety.SHORTEST_S - 0.2 <= one.duration_s <= variety.LONGEST_S + 0.2


def _compare(one: Path, other: Path) -> Likeness:
    if one.suffix == ".jpg":
        return likeness.compare_pictures(_seen(one), _seen(other))
    return likeness.compare_sounds(_heard(one), _heard(other))  # no film is the same whose sound is not


def _seen(path: Path) -> PicturePrint:
    with Image.open(path) as photo:
        small = photo.resize((320, 240))
    found = take_picture_print(small.tobytes(), *small.size)
    assert found is not None
    return found


def _heard(path: Path) -> SoundPrint:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vn", "-ac", "1", "-ar", "48000", "-f", "f32le", "-"]
    found = sound_print.take_print(
        [np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<f4")]
    )
    assert found is not None
    return found


def test_webhooks_wait_for_their_files_and_tell_their_hashes_though_all_is_killed(
    own_server: Running, own_desk: ReceivingDesk
) -> None:
    own_server.start()
    shares = {"voice": 2, "picture": 2}
    plan = client.burst(own_server.base_url, 4, 6000, seed=5, station="rheinwelle", shares=shares, is_varied=True)
    own_server.kill()
    own_server.start()

    bodies = [message[message["type"]] for message in map(own_desk.message, plan.ids)]
    wait_for(lambda: client.fetch_state(own_server.base_url)["waiting"] == 0)

    assert client.fetch_state(own_server.base_url)["unmade"] == 0
    for body in bodies:
        digest = base64.b64decode(body["sha256"]).hex()
        facts = own_server.graph(f"/v25.0/{body['id']}").json()
        files = [own_server.graph(facts["url"].removeprefix(own_server.base_url)).content for _ in range(2)]
        assert facts["sha256"] == digest
        assert {hashlib.sha256(data).hexdigest() for data in files} == {digest}
        assert int(facts["file_size"]) == len(files[0])
    kept = {path.name for path in (Path(own_server.config["data_dir"]) / "media").iterdir()}  # type: ignore[arg-type]
    assert {base64.b64decode(body["sha256"]).hex() for body in bodies} <= kept


def test_a_few_are_forwarded_copies_and_nothing_is_due_before_the_rest_is_made(own_server: Running) -> None:
    sender: Sender = create_app(read_config(own_server.config_path)).extensions["rehearsal"].sender
    plan = burst.Burst(150, 6000, shares={"picture": 14, "sticker": 1}, is_varied=True)

    burst.post_burst(sender, read_cast(), plan)

    first, copies, unmade = sender.ledger.row(
        "SELECT (SELECT min(due_at - created_at) FROM outbox),"
        " (SELECT count(*) FROM outbox WHERE json_extract(value, '$.messages[0].context.forwarded')),"
        " (SELECT count(*) FROM unmade)"
    )  # type: ignore[misc]
    sender.ledger.close()
    assert first >= plan.making_s > 3
    assert 1 <= copies <= 10
    assert 130 <= unmade <= 140
