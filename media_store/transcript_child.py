"""The confined process that writes down what is said. Started by `transcript` for one sound, as a program of its own.

It alone imports the speech engine (faster-whisper, an optional extra), and it needs nothing else of this package. What
it reads is 16-bit PCM at 16 kHz that we made, and a folder with a model; it has no network and opens no other files.
It answers in lines of JSON, which any other program may answer as well:
{"language": "de", "confidence": 0.98}  or null if nobody speaks, once
{"words": [["Guten", 0.12, 0.41], ...]}  in the order they are said, seconds from the start, as often as need be
{"done": true}  at the end; {"failed": "model"} or {"failed": "engine"} instead if it cannot work.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RATE_HZ = 16_000
THREADS = 2
LEAST_SPEECH_S = 0.4
REPETITIVE = 2.4  # a text that packs this well repeats itself: the engine babbles over noise or song
UNLIKELY = -1.0  # mean log probability of a segment's words


def main() -> int:
    """Read the order from the command line, write the answer to standard output."""
    order = argparse.ArgumentParser()
    order.add_argument("--check", action="store_true", help="load the engine, transcribe nothing")
    order.add_argument("--sound", type=Path)
    order.add_argument("--model", type=Path)
    order.add_argument("--languages", default="de,en")
    asked = order.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(THREADS)
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import faster_whisper
    except ImportError:
        return _tell({"failed": "engine"})
    if asked.check:
        return _tell({"done": True})
    samples = _read(asked.sound)
    if not _is_spoken(samples):  # asked before the model is even loaded: it hears words in noise
        _tell({"language": None, "confidence": 0.0})
        return _tell({"done": True})
    try:
        model = faster_whisper.WhisperModel(
            str(asked.model), device="cpu", compute_type="int8", cpu_threads=THREADS, local_files_only=True
        )
    except (RuntimeError, ValueError, OSError):
        return _tell({"failed": "model"})
    return _transcribe(model, samples, asked.languages.split(","))


def _tell(line: dict[str, Any]) -> int:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    return 0


def _read(sound: Path) -> Any:
    import numpy as np

    return np.fromfile(sound, dtype="<i2").astype(np.float32) / 32768


def _transcribe(model: Any, samples: Any, languages: list[str]) -> int:
    language, confidence = _language(model, samples, languages)
    _tell({"language": language, "confidence": round(confidence, 3)})
    segments, _ = model.transcribe(
        samples,
        language=language,
        temperature=0,
        condition_on_previous_text=False,
        vad_filter=True,
        word_timestamps=True,
    )
    for segment in segments:
        if segment.compression_ratio <= REPETITIVE and segment.avg_logprob >= UNLIKELY:
            _tell({"words": list(_words(segment.words or ()))})
    return _tell({"done": True})


def _is_spoken(samples: Any) -> bool:
    """Whether there is speech at all, by the voice detector that comes with the engine."""
    from faster_whisper.vad import get_speech_timestamps

    spoken = sum(stretch["end"] - stretch["start"] for stretch in get_speech_timestamps(samples))
    return bool(spoken >= LEAST_SPEECH_S * RATE_HZ)


def _language(model: Any, samples: Any, languages: list[str]) -> tuple[str, float]:
    """The likeliest of the languages asked for; the engine knows a hundred, and mistakes dialects for others."""
    if len(languages) == 1:
        return languages[0], 1.0
    _, _, everything = model.detect_language(samples, vad_filter=True)
    likely = {name: share for name, share in everything if name in languages} or {languages[0]: 1.0}
    best = max(likely, key=lambda name: likely[name])
    return best, likely[best] / max(sum(likely.values()), 1e-9)


def _words(words: Iterable[Any]) -> Iterable[tuple[str, float, float]]:
    for word in words:
        yield word.word.strip(), round(word.start, 2), round(word.end, 2)


if __name__ == "__main__":
    sys.exit(main())
