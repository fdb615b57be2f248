"""Reads a pulled broadcast WAV as a playout system and a meter would: chunks, format, loudness."""

from __future__ import annotations

import re
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class BroadcastWav:
    chunks: dict[str, bytes]
    rate_hz: int
    bits: int
    integrated_lufs: float

    @property
    def description(self) -> str:
        """The bext chunk's description, 256 bytes (EBU Tech 3285)."""
        return self.chunks["bext"][:256].rstrip(b"\0").decode("utf-8", "replace")


def read_wav(path: Path) -> BroadcastWav:
    data = path.read_bytes()
    if data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        pytest.fail("no RIFF/WAVE file")
    chunks, at = {}, 12
    while at + 8 <= len(data):
        size = struct.unpack_from("<I", data, at + 4)[0]
        chunks[data[at : at + 4].decode("ascii")] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    rate_hz, bits = struct.unpack_from("<I", chunks["fmt "], 4)[0], struct.unpack_from("<H", chunks["fmt "], 14)[0]
    return BroadcastWav(chunks, rate_hz, bits, _measure(path))


def _measure(path: Path) -> float:
    command = ["ffmpeg", "-nostats", "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])
