"""How long a file is, without decoding any of it: what it declares, and where that is in doubt, what it holds.

Nothing over the limits is decoded, so that hours of sound cost a look at a header. A declaration alone refuses
nobody: MP3 and AAC guess theirs from the first frames, and a browser's recorder writes none at all. Then packets are
counted, which takes a tenth of a second for half an hour. What a file's pictures declare is `video`'s matter.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO

from media_store import runner
from media_store.errors import TooLong
from media_store.loudness import LONGEST_AUDIO_S
from media_store.runner import PROBE_LIMITS, Tools

# 30 min at the slowest rate a telephone records (AMR, 4.75 kbit/s). Anything smaller is not looked at: the probe would
# cost a fifth of a voice note, and what is longer all the same (silence, sent as next to nothing) decodes to an end.
DOUBTED_FROM_BYTES = 1_000_000
COUNTED_BEYOND_S = 2.0
_TIME = re.compile(r"time=(\d+):(\d\d):(\d\d\.\d+)")


def refuse_too_long(path: Path, demuxer: str, tools: Tools) -> None:
    """Raise TooLong for a sound of more than 30 minutes. Nothing is decoded; a file too small to be one costs nothing.

    Raises Corrupt, LimitsExceeded or TimedOut if its head cannot be read.
    """
    if path.stat().st_size < DOUBTED_FROM_BYTES:
        return
    declared = _declared_s(path, demuxer, tools)
    if declared is not None and declared <= LONGEST_AUDIO_S:
        return
    held = count_s(path, demuxer, tools, until_s=LONGEST_AUDIO_S)
    if held is not None and held > LONGEST_AUDIO_S:
        raise TooLong(minutes=f"{LONGEST_AUDIO_S / 60:g}")


def _declared_s(path: Path, demuxer: str, tools: Tools) -> float | None:
    command = [tools.ffprobe, "-hide_banner", *runner.input_options(demuxer, path, is_probe=True)]
    command += ["-of", "default=noprint_wrappers=1:nokey=1", "-show_entries", "format=duration"]
    answer = runner.run(command, limits=PROBE_LIMITS, cwd=path.parent, read_stdout=True).stdout
    try:
        return float(answer)
    except ValueError:  # "N/A"
        return None


def count_s(path: Path, demuxer: str, tools: Tools, *, until_s: float) -> float | None:
    """How much a file holds, from its packets; stops a little after `until_s`. None if there is nothing to count."""
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *runner.input_options(demuxer, path)]
    command += ["-map", "0:V:0?", "-map", "0:a:0?", "-t", f"{until_s + COUNTED_BEYOND_S:g}", "-c", "copy"]
    command += ["-f", "null", "-"]
    return read_written_s(runner.run(command, limits=PROBE_LIMITS, cwd=path.parent).stderr)


def read_written_s(log: str) -> float | None:
    """How much ffmpeg says it has written, from its last line of figures."""
    times = _TIME.findall(log)
    if not times:
        return None
    hours, minutes, seconds = times[-1]
    return round(int(hours) * 3600 + int(minutes) * 60 + float(seconds), 3)


def read_mp4_s(path: Path) -> float | None:
    """What an MP4 of our own declares, to the millisecond; None if it is none.

    Source: ISO/IEC 14496-12, 8.2.2: mvhd holds the time scale and the length of the longest track, delays included.
    """
    with path.open("rb") as file:
        if not _enter(file, b"moov") or not _enter(file, b"mvhd"):
            return None
        version = file.read(4)[:1]
        wide = version == b"\x01"
        fields = file.read(28 if wide else 16)
    scale, duration = struct.unpack_from(">IQ" if wide else ">II", fields, 16 if wide else 8)
    return round(duration / scale, 3) if scale else None


def _enter(file: BinaryIO, name: bytes) -> bool:
    """Go to the beginning of the next box of this name among its neighbours."""
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        if kind == name:
            return True
        if size == 1:
            size = struct.unpack(">Q", file.read(8))[0] - 8
        if size < 8:
            return False
        file.seek(size - 8, 1)
    return False
