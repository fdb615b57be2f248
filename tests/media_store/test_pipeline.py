"""The door of the package: a quick look, a clean working folder, whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from media_store import pipeline, runner
from media_store.errors import StoreUnavailable, Unsupported
from tests.media_store.conftest import Render
from tests.media_store.material import ffmpeg, picture, silence, sine, video, voice_note, write_wav


def test_a_quick_look_tells_kind_and_size(tmp_path: Path) -> None:
    picture().save(tmp_path / "p.jpg")
    seen = {
        "voice": pipeline.probe(voice_note(tmp_path / "v.ogg", sine(1, -20))),
        "audio": pipeline.probe(write_wav(tmp_path / "a.wav", silence(1))),
        "video": pipeline.probe(video(tmp_path / "v.mp4", seconds=1)),
        "image": pipeline.probe(tmp_path / "p.jpg"),
    }

    assert {kind: found.kind for kind, found in seen.items()} == {kind: kind for kind in seen}
    assert seen["voice"].duration_s == pytest.approx(1.0, abs=0.05)
    assert (seen["voice"].audio_codec, seen["video"].video_codec) == ("opus", "h264")
    assert (seen["video"].width_px, seen["image"].width_px) == (320, 640)


def test_a_quick_look_refuses_as_the_work_would(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_text("#EXTM3U\n")

    with pytest.raises(Unsupported):
        pipeline.probe(tmp_path / "x.mp4")


def test_a_two_picture_phone_file_is_its_first_picture(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "mpo.jpg"
    picture().save(path, format="MPO", save_all=True, append_images=[picture(320, 240)])

    result = render(path)

    assert (result.facts.kind, result.facts.width_px) == ("image", 640)


def test_hdr_is_mapped_where_the_build_can_and_said_where_not(tmp_path: Path, render: Render) -> None:
    source, path = video(tmp_path / "s.mp4", seconds=0.5, has_sound=False), tmp_path / "hdr.mp4"
    ffmpeg("-i", source, "-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-colorspace",
           "bt2020nc", "-color_trc", "arib-std-b67", path)  # fmt: skip

    result = render(path, kind="video")

    is_mapped = runner.has_filter(runner.default_tools(), "zscale")
    assert set(result.facts.flags) == ({"no_sound"} if is_mapped else {"hdr", "no_sound"})
    assert "playable" in result.made
    shown = video_transfer(result.paths["playable"])
    assert shown == ("bt709" if is_mapped else shown)


def video_transfer(path: Path) -> str:
    command = [
        runner.default_tools().ffprobe,
        "-v",
        "error",
        "-show_entries",
        "stream=color_transfer",
        "-of",
        "csv=p=0",
    ]
    return subprocess.run([*command, path], check=True, capture_output=True, text=True).stdout.strip()


def test_damaged_sound_does_not_cost_the_pictures(tmp_path: Path, render: Render) -> None:
    path = tmp_path / "v.mov"
    ffmpeg("-i", video(tmp_path / "s.mp4", seconds=1), "-c:v", "copy", "-c:a", "pcm_s16le", path)
    # the sound's sample entry names a codec that nobody knows
    path.write_bytes(path.read_bytes().replace(b"sowt", b"zzzz"))

    result = render(path, kind="video")

    assert list(result.made) == ["poster", "scrub", "playable"]
    assert result.facts.flags == ("sound_damaged",)


def test_a_missing_working_folder_is_worth_another_try(tmp_path: Path, labels: pipeline.BroadcastLabels) -> None:
    with pytest.raises(StoreUnavailable):
        pipeline.make_renditions(
            voice_note(tmp_path / "v.ogg", silence(0.5)),
            declared_kind="voice",
            is_voice=True,
            work_dir=tmp_path / "nowhere",
            target=pipeline.AudioTarget(),
            labels=labels,
            publish=lambda made: None,
            original_sha256="0" * 64,
        )


def test_only_old_leftovers_are_swept(tmp_path: Path) -> None:
    old, fresh, foreign = (tmp_path / name for name in ("media-old", "media-fresh", "other"))
    for folder in (old, fresh, foreign):
        (folder / "in").mkdir(parents=True)
    long_ago = time.time() - 7200
    os.utime(old, (long_ago, long_ago))
    os.utime(foreign, (long_ago, long_ago))

    assert pipeline.sweep(tmp_path) == 1
    assert (old.exists(), fresh.exists(), foreign.exists()) == (False, True, True)


def test_the_package_needs_nothing_of_the_desk() -> None:
    code = (
        "import sys, media_store.pipeline, media_store.stores; "
        "print(sorted(n for n in sys.modules if n.split('.')[0] in ('desk', 'flask', 'sqlalchemy', 'pydub', 'PIL')))"
    )

    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=Path.cwd()).stdout

    assert told == b"[]\n"
