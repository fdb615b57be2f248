"""Browser recordings become voice notes: OGG with Opus, mono, as the phone app makes them.

Two passes (source to WAV, WAV to Opus), because recorders in browsers write broken timelines.
A file that already is OGG goes through untouched.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

TIMEOUT_S = 120


class NotARecording(Exception):
    """No sound could be read from the bytes."""


def is_ogg(data: bytes) -> bool:
    return data[:4] == b"OggS"


def voice_note(data: bytes) -> bytes:
    """OGG/Opus mono of any recording with sound. Raises NotARecording."""
    if is_ogg(data):
        return data
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        source, wav, note = (Path(folder) / name for name in ("source", "sound.wav", "note.ogg"))
        source.write_bytes(data)
        _ffmpeg("-i", str(source), "-vn", "-ac", "1", "-ar", "16000", str(wav))
        _ffmpeg("-i", str(wav), "-c:a", "libopus", "-b:a", "24k", "-application", "voip", str(note))
        return note.read_bytes()


def _ffmpeg(*arguments: str) -> None:
    command = [os.environ.get("FFMPEG_BINARY") or "ffmpeg", "-v", "error", "-nostdin", "-y", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotARecording("the recording took too long to read") from error
    if done.returncode != 0:
        raise NotARecording(done.stderr.decode(errors="replace").strip()[-300:])
