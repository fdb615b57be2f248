"""Sound in all its forms: preview, broadcast WAV and peaks from an original, and cuts of our own broadcast file.

`make_sound` runs the two passes of `loudness` and hands each file on as soon as it is whole. `make_cut` sets in and
out points with pydub, which is good at fades and is given nothing but 16-bit PCM we made ourselves: it would start
ffmpeg without limits on anything else. What the original is, and whether it may be read, `pipeline` has decided.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from media_store import loudness, peaks, recipes, runner, wav
from media_store.errors import Corrupt
from media_store.loudness import AudioTarget, Decoded, Levelled, Loudness, Plan
from media_store.recipes import Made, Publish
from media_store.runner import Tools

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRUNCATED_SHARE = 0.9  # decoded to declared duration
TRUNCATED_LEAST_S = 0.5
# containers whose declared duration is written down rather than guessed from a bit rate
DECLARING_DEMUXERS = frozenset({"mov", "matroska", "wav", "flac"})
COPY_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class SoundFacts:
    """What is known of a sound after its renditions are made; loudness and peak are the source's."""

    duration_s: float
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    gain_db: float | None
    flags: tuple[str, ...]
    peaks56: bytes
    cue_in_s: float | None
    cue_out_s: float | None


def make_sound(
    original: Path,
    demuxer: str,
    *,
    work: Path,
    target: AudioTarget,
    labels: wav.BroadcastLabels,
    publish: Publish,
    skip: Collection[str] = (),
    tools: Tools,
) -> SoundFacts:
    """Make preview, peaks and broadcast file of the first audio stream, and measure it.

    Published in the order of use: what can be listened to first. Silence has no broadcast file. Raises NoAudio and
    whatever `loudness.decode_and_measure` raises.
    """
    decoded = loudness.decode_and_measure(original, demuxer, work / "work.f32", tools)
    planned = loudness.plan(decoded, target)
    cue_in_s, cue_out_s = loudness.find_cue_points(decoded)
    levelled = _publish_levelled(decoded, planned, (cue_in_s, cue_out_s), work, target, labels, publish, skip, tools)
    pairs = peaks.measure_pairs(
        peaks.read_pcm(decoded.pcm), gain_db=levelled.gain_db, ceiling=loudness.limiter_ceiling(target)
    )
    if "peaks" not in skip:
        _publish_peaks(peaks.to_json(pairs), decoded, work, publish)
    _publish_broadcast(decoded, levelled, work, publish)
    decoded.pcm.unlink()
    return SoundFacts(
        round(decoded.duration_s, 3),
        decoded.loudness.integrated_lufs,
        decoded.loudness.true_peak_dbtp,
        None if planned.gain_db is None else round(levelled.gain_db, 2),
        (*planned.flags, *_flags_of(decoded, planned, levelled, target, demuxer)),
        peaks.bars(pairs),
        cue_in_s,
        cue_out_s,
    )


def _flags_of(
    decoded: Decoded, planned: Plan, levelled: Levelled, target: AudioTarget, demuxer: str
) -> tuple[str, ...]:
    declared = decoded.declared_duration_s if demuxer in DECLARING_DEMUXERS else None
    reached = levelled.loudness.integrated_lufs
    noticed = {
        "limited": levelled.is_limited,
        "off_target": planned.gain_db is not None
        and "very_quiet" not in planned.flags
        and reached is not None
        and abs(reached - target.loudness_lufs) > loudness.TOLERANCE_LU,
        "truncated": declared is not None and is_truncated(decoded.duration_s, declared),
    }
    return tuple(flag for flag, is_so in noticed.items() if is_so)


def is_truncated(found_s: float, declared_s: float) -> bool:
    """Whether much less was there than the file declared. Half a second may be lost to rounding in short ones."""
    return found_s < TRUNCATED_SHARE * declared_s and declared_s - found_s > TRUNCATED_LEAST_S


def _publish_levelled(
    decoded: Decoded,
    planned: Plan,
    cues: tuple[float | None, float | None],
    work: Path,
    target: AudioTarget,
    labels: wav.BroadcastLabels,
    publish: Publish,
    skip: Collection[str],
    tools: Tools,
) -> Levelled:
    """Run the second pass, leave a whole broadcast file in `work` if one is wanted, and publish the preview."""
    preview = work / "preview.mp3"
    if planned.gain_db is None or "broadcast" in skip:
        levelled = loudness.level(decoded, planned, target, preview, None, tools)
    else:
        with (work / "broadcast.wav").open("wb+") as file:
            layout = wav.begin(file, labels, decoded.source)
            levelled = loudness.level(decoded, planned, target, preview, file, tools)
            frames = wav.finish(file, layout, bext_loudness(levelled.loudness), _timers(cues, decoded.duration_s))
            if frames == 0:
                raise Corrupt("no samples reached the broadcast file")
    if "preview" not in skip:
        publish(_described(recipes.PREVIEW, preview, decoded, levelled.loudness))
    return levelled


def _described(recipe: recipes.Recipe, path: Path, decoded: Decoded, measured: Loudness) -> Made:
    return recipes.describe(
        recipe,
        path,
        duration_s=round(decoded.duration_s, 3),
        loudness_lufs=measured.integrated_lufs,
        true_peak_dbtp=measured.true_peak_dbtp,
    )


def _publish_peaks(document: bytes, decoded: Decoded, work: Path, publish: Publish) -> None:
    path = work / "peaks.json"
    path.write_bytes(document)
    publish(recipes.describe(recipes.PEAKS, path, duration_s=round(decoded.duration_s, 3)))


def _publish_broadcast(decoded: Decoded, levelled: Levelled, work: Path, publish: Publish) -> None:
    path = work / "broadcast.wav"
    if path.exists():
        publish(_described(recipes.BROADCAST, path, decoded, levelled.loudness))


def bext_loudness(measured: Loudness) -> wav.BextLoudness:
    """The five figures for the file's header."""
    return wav.BextLoudness(
        measured.integrated_lufs,
        measured.range_lu,
        measured.true_peak_dbtp,
        measured.max_momentary_lufs,
        measured.max_short_term_lufs,
    )


def _timers(cues: tuple[float | None, float | None], duration_s: float) -> wav.Timers:
    """Where playout starts and stops: the suggested cue points, or the whole file."""
    cue_in_s, cue_out_s = cues
    start = 0.0 if cue_in_s is None else cue_in_s
    end = duration_s if cue_out_s is None else cue_out_s
    return wav.Timers({"AUDs": round(start * wav.RATE_HZ), "AUDe": round(end * wav.RATE_HZ)})


def make_cut(
    broadcast_wav: Path,
    cue_in_s: float,
    cue_out_s: float,
    fade_in_ms: int,
    fade_out_ms: int,
    out: Path,
    *,
    tools: Tools | None = None,
) -> Made:
    """Cut our own broadcast file to [cue_in_s, cue_out_s) with fades, keep its labels, measure it anew.

    Cue points past the end are moved to it; fades longer than half the cut are shortened. The unfaded middle is the
    same bytes as before. The level is not touched: a cut sounds as loud as it did. May be repeated; `out` is replaced
    whole. Raises Corrupt if the file is not one of ours, ValueError if nothing lies between the points.
    """
    source = wav.read(broadcast_wav)
    first = max(0, round(cue_in_s * wav.RATE_HZ))
    until = min(source.frames, round(cue_out_s * wav.RATE_HZ))
    if until <= first:
        raise ValueError("nothing lies between the cue points")
    half_ms = (until - first) * 500 // wav.RATE_HZ
    part = out.with_name(f".part-{out.name}")
    with part.open("wb+") as file, broadcast_wav.open("rb") as samples:
        layout = wav.rewrite_header(file, source)
        _write_cut(file, samples, source, first, until, min(fade_in_ms, half_ms), min(fade_out_ms, half_ms))
        timers = wav.Timers({"AUDs": 0, "AUDe": until - first})
        wav.finish(file, layout, wav.BextLoudness(), timers)
        measured = loudness.measure_file(part, "wav", tools or runner.default_tools())
        wav.finish(file, layout, bext_loudness(measured), timers)
    part.replace(out)
    return recipes.describe(
        recipes.CUT,
        out,
        duration_s=round((until - first) / wav.RATE_HZ, 3),
        loudness_lufs=measured.integrated_lufs,
        true_peak_dbtp=measured.true_peak_dbtp,
    )


def _write_cut(
    file: BinaryIO,
    samples: BinaryIO,
    source: wav.BroadcastFile,
    first: int,
    until: int,
    fade_in_ms: int,
    fade_out_ms: int,
) -> None:
    """Faded head, untouched middle, faded tail."""
    head = first + fade_in_ms * wav.RATE_HZ // 1000
    tail = until - fade_out_ms * wav.RATE_HZ // 1000
    file.write(_faded(_frames(samples, source, first, head), fade_in_ms=fade_in_ms))
    samples.seek(source.data_at + head * wav.BLOCK_BYTES)
    left = (tail - head) * wav.BLOCK_BYTES
    while left > 0 and (block := samples.read(min(left, COPY_BLOCK_BYTES))):
        left -= file.write(block)
    file.write(_faded(_frames(samples, source, tail, until), fade_out_ms=fade_out_ms))


def _frames(samples: BinaryIO, source: wav.BroadcastFile, first: int, until: int) -> bytes:
    samples.seek(source.data_at + first * wav.BLOCK_BYTES)
    return samples.read((until - first) * wav.BLOCK_BYTES)


def _faded(pcm24: bytes, *, fade_in_ms: int = 0, fade_out_ms: int = 0) -> bytes:
    """Fade a short stretch in 16 bit, as pydub does it, and widen it again."""
    if not pcm24:
        return b""
    segment = _audio_segment()(data=to_16_bit(pcm24), sample_width=2, frame_rate=wav.RATE_HZ, channels=wav.CHANNELS)
    if fade_in_ms:
        segment = segment.fade_in(fade_in_ms)
    if fade_out_ms:
        segment = segment.fade_out(fade_out_ms)
    return to_24_bit(segment.raw_data)


def to_16_bit(pcm24: bytes) -> bytes:
    """Little-endian 24 bit to 16, rounded to the nearest step."""
    words = np.frombuffer(pcm24, dtype=np.uint8).reshape(-1, 3)
    padded: NDArray[np.uint8] = np.zeros((len(words), 4), dtype=np.uint8)
    padded[:, 1:] = words
    whole = padded.view("<i4").ravel() >> 8
    rounded: NDArray[np.int16] = np.clip((whole + 128) >> 8, -32768, 32767).astype("<i2")
    return rounded.tobytes()


def to_24_bit(pcm16: bytes) -> bytes:
    """Little-endian 16 bit to 24; a zero byte below."""
    words = np.frombuffer(pcm16, dtype=np.uint8).reshape(-1, 2)
    padded = np.zeros((len(words), 3), dtype=np.uint8)
    padded[:, 1:] = words
    return padded.tobytes()


@functools.cache
def _audio_segment() -> Any:  # pydub has no types
    """pydub's class, imported when the first cut is made.

    Its import warns of audioop's end (Python 3.13 takes the audioop-lts package), of its own regular expressions, and
    of a missing ffmpeg it will never be asked to start. None of the three concerns what is done with it here.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'audioop' is deprecated", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="invalid escape sequence", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="invalid escape sequence", category=SyntaxWarning)
        warnings.filterwarnings("ignore", message="Couldn't find ff", category=RuntimeWarning)
        from pydub import AudioSegment
    return AudioSegment
