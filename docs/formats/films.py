"""Every form of film: a moving test picture of known length with a tone of known loudness, as telephones pack it."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from docs.formats.measuring import (
    Outcome,
    Row,
    Table,
    dbtp,
    kilobytes,
    lufs,
    measured_again,
    off_by,
    seconds,
    size,
    work_through,
)
from media_store import pipeline, runner, video
from tests.media_store.films import amr, frame_at
from tests.media_store.material import corners, ffmpeg, sine, write_wav

SECONDS = 4.0
TONE_LUFS = -20.0
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
HLG = (*X265, "-pix_fmt", "yuv420p10le", "-colorspace", "bt2020nc", "-color_primaries", "bt2020")
UNEVEN = "select='if(lt(t,1.4),1,if(lt(t,2.8),not(mod(n,3)),not(mod(n,5))))'"
PLACES = ((0.25, 0.25, "red"), (0.75, 0.25, "lime"), (0.25, 0.75, "blue"), (0.75, 0.75, "white"))
BOXES = "".join(f",drawbox=x=iw*{x}-iw/16:y=ih*{y}-ih/16:w=iw/8:h=ih/8:c={colour}:t=fill" for x, y, colour in PLACES)
UPRIGHT, TURNED, MIRRORED = "RGBW", "GWRB", "GRWB"
AAC = ("-c:a", "aac")
OPUS = ("-c:a", "libopus", "-b:a", "64k")
WORDS = f"""A moving test picture of {SECONDS:g} s with a tone at −{-TONE_LUFS:g} LUFS (AMR: noise). *Repacked*: the \
pictures stay as they were recorded.
*Off by* is the length we state, and that of the playable form, against the truth. *Shown right*: four colours are where
the person with the telephone saw them, in the poster and in the playable form. A film also becomes what a sound
becomes: preview, peaks and broadcast file, measured here as above. Every playable form is an MP4 with H.264 and AAC,
its index first, its long edge at most {video.PLAYABLE_EDGE_PX} pixels; nothing that says where or by whom is in it."""
COLUMNS: Row = (
    "sent as",
    "found to be",
    "pictures",
    "original",
    "playable",
    "poster",
    "strip",
    "off by",
    "playable off by",
)
COLUMNS += ("source", "for air", "true peak", "CPU")


@dataclass(frozen=True)
class Film:
    """How ffmpeg makes it from test picture and tone; `change` works on the finished file."""

    extension: str
    options: tuple[str, ...]
    size: str = "848x480"
    rate: int = 30
    seconds: float = SECONDS
    has_amr: bool = False
    change: Callable[[Path], None] | None = None
    seen: str = UPRIGHT


def _turned(path: Path) -> None:
    _packed_anew(path, "-metadata:s:v:0", "rotate=90")


def _cut(path: Path) -> None:
    """From between two key frames on: the container says what is to be left out."""
    _packed_anew(path, before=("-ss", "1.5"))


def _packed_anew(path: Path, *options: str, before: tuple[str, ...] = ()) -> None:
    whole = path.with_name(f"whole{path.suffix}")
    shutil.move(path, whole)
    ffmpeg(*before, "-i", whole, "-c", "copy", *options, path)


def _mirrored(path: Path) -> None:
    """As front cameras store it. Source: ISO/IEC 14496-12, 8.3.2: nine numbers in the first track's head."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    struct.pack_into(">9i", content, at, -65536, 0, 0, 0, 65536, 0, 848 << 16, 0, 1 << 30)
    path.write_bytes(content)


FILMS_SENT: dict[str, Film] = {
    "MP4, H.264, AAC": Film("mp4", (*X264, *AAC)),
    "MP4, turned by 90°": Film("mp4", (*X264, *AAC), change=_turned, seen=TURNED),
    "MP4, mirrored": Film("mp4", (*X264, *AAC), change=_mirrored, seen=MIRRORED),
    "MP4 cut without encoding (edit list)": Film("mp4", (*X264, "-g", "60", *AAC), seconds=SECONDS - 1.5, change=_cut),
    "MP4, uneven rate of pictures": Film("mp4", ("-vf", UNEVEN, "-fps_mode", "vfr", *X264, *AAC)),
    "MP4, 60 pictures a second": Film("mp4", (*X264, *AAC), rate=60),
    "MP4, 1080 lines": Film("mp4", (*X264, *AAC), size="1920x1080"),
    "MP4, 4K": Film("mp4", (*X264, *AAC), size="3840x2160"),
    "MP4 without sound": Film("mp4", (*X264, "-an")),
    "MP4 with sound alone": Film("mp4", ("-vn", *AAC)),
    "MP4, H.264 10 bit": Film("mp4", (*X264, "-pix_fmt", "yuv420p10le", *AAC)),
    "MP4, HEVC": Film("mp4", (*X265, "-tag:v", "hvc1", *AAC)),
    "MP4, HEVC 10 bit, HDR (HLG)": Film("mp4", (*HLG, "-color_trc", "arib-std-b67", *AAC)),
    "MP4, HEVC 10 bit, HDR (PQ)": Film("mp4", (*HLG, "-color_trc", "smpte2084", *AAC)),
    "MP4, MPEG-4, MP3": Film("mp4", ("-c:v", "mpeg4", "-q:v", "5", "-c:a", "libmp3lame")),
    "MOV, H.264, AAC": Film("mov", (*X264, *AAC)),
    "MOV, H.264, PCM": Film("mov", (*X264, "-c:a", "pcm_s16le")),
    "MOV, HEVC, AAC": Film("mov", (*X265, "-tag:v", "hvc1", *AAC)),
    "3GP, H.263, AMR": Film("3gp", ("-c:v", "h263", "-c:a", "copy"), size="176x144", rate=15, has_amr=True),
    "3GP, MPEG-4, AMR": Film("3gp", ("-c:v", "mpeg4", "-c:a", "copy"), size="320x240", rate=15, has_amr=True),
    "3GP, MPEG-4, AAC": Film("3gp", ("-c:v", "mpeg4", *AAC), size="320x240", rate=15),
    "3GP, H.264, AAC": Film("3gp", (*X264, *AAC), size="640x480"),
    "WebM, VP8, Opus": Film("webm", ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", *OPUS)),
    "WebM, VP9, Opus": Film("webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", *OPUS)),
    "WebM with no length": Film(
        "webm", ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", *OPUS, "-live", "1")
    ),
    "Matroska, H.264, AAC": Film("mkv", (*X264, *AAC)),
}


def rows(folder: Path) -> Iterator[Row]:
    tone, murmur = write_wav(folder / "tone.wav", sine(SECONDS, TONE_LUFS)), amr(folder / "murmur.amr", SECONDS)
    for name, film in FILMS_SENT.items():
        path = folder / f"film.{film.extension}"
        source = f"testsrc2=s={film.size}:r={film.rate}:d={SECONDS:g}{BOXES}"
        ffmpeg("-f", "lavfi", "-i", source, "-i", murmur if film.has_amr else tone, *film.options, path)
        if film.change is not None:
            film.change(path)
        yield (name, *_row(film, path, work_through(path, folder, declared="video")))


def _row(film: Film, path: Path, outcome: Outcome) -> Row:
    facts, air, playable = outcome.facts, measured_again(outcome), outcome.made.get("playable")
    found, sent = pipeline.probe(path), kilobytes(path.stat().st_size)
    original = f"{found.width_px} × {found.height_px}, {sent}" if found.width_px else sent
    lengths = (facts.duration_s, playable.duration_s if playable else None)
    levels = (lufs(facts.loudness_lufs), lufs(air.integrated_lufs)) if "broadcast" in outcome.made else ("–", "–")
    return (
        facts.mime or outcome.refused,
        _way(path) if playable else "–",
        original,
        size(playable),
        *outcome.sizes("poster", "scrub"),
        *(off_by(length, film.seconds) for length in lengths),
        _is_shown_right(film, outcome) if playable else "–",
        *levels,
        dbtp(air.true_peak_dbtp),
        seconds(outcome.cpu_s),
    )


def _is_shown_right(film: Film, outcome: Outcome) -> str:
    """Whether poster and playable form have the four colours where a person holding the telephone saw them."""
    playable = outcome.made["playable"].path
    shown = frame_at(playable, SECONDS / 3, playable.with_suffix(".png"))
    with Image.open(outcome.made["poster"].path) as poster:
        return "yes" if corners(poster) == corners(shown) == film.seen else f"no, {corners(poster)}, {corners(shown)}"


def _way(path: Path) -> str:
    demuxer = pipeline.sniff_file(path).demuxer or ""
    container = video.probe_container(path, demuxer, runner.default_tools())
    return {
        video.Way.REMUX: "repacked",
        video.Way.REMUX_NEW_SOUND: "repacked, sound encoded anew",
        video.Way.TRANSCODE: "encoded anew",
    }[video.choose(container)]


FILMS = Table("Films", WORDS, COLUMNS, rows, first_figure=3)
