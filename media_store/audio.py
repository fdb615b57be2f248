"""Sound in all its forms: preview, broadcast WAV and peaks from an original, and cuts of our own broadcast file.

`make_sound` runs the two passes of `loudness` and hands each file on as soon as it is whole. `make_cut` sets in and
out points with pydub, which is good at fades and is given nothing but 16-bit PCM we made ourselves: it would start
ffmpeg without limits on anything else. What the original is, and whether it may be read, `pipeline` has decided.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from media_store import (
    edges,
    hand_off,
    loudness,
    peaks,
    pitch,
    quality,
    recipes,
    runner,
    singing,
    sound_print,
    speakers,
    wav,
)
from media_store.delivery import Delivery
from media_store.edges import Edges, Stretch
from media_store.errors import Corrupt
from media_store.loudness import Decoded, Levelled, LevelNote, Loudness, Plan
from media_store.pitch import Course
from media_store.recipes import Made, Publish
from media_store.runner import Tools
from media_store.singing import VoiceKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRUNCATED_SHARE = 0.9  # decoded to declared duration
TRUNCATED_LEAST_S = 0.5
# containers whose declared duration is written down rather than guessed from a bit rate
DECLARING_DEMUXERS = frozenset({"mov", "matroska", "wav", "flac"})
COPY_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class SoundFacts:
    """What is known of a sound after its renditions are made; loudness and peak are the source's.

    Cue points and air copy are places in the source; None for silence. `level_note`: why it is not at station level.
    `flag_figures`: the figures of those flags that have some, by code.
    """

    duration_s: float
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    gain_db: float | None
    flags: tuple[str, ...]
    peaks56: bytes
    cue_in_s: float | None
    cue_out_s: float | None
    air_in_s: float | None = None
    air_out_s: float | None = None
    level_note: LevelNote | None = None
    flag_figures: dict[str, dict[str, int]] = field(default_factory=dict)
    voice_kind: VoiceKind | None = None
    sound_print: bytes | None = None


def make_sound(
    original: Path,
    demuxer: str,
    *,
    work: Path,
    delivery: Delivery,
    labels: wav.BroadcastLabels,
    publish: Publish,
    skip: Collection[str] = (),
    is_film: bool = False,
    tools: Tools,
) -> SoundFacts:
    """Make preview, peaks, broadcast file and the formats asked for of the first audio stream, and measure it.

    Published in the order of use: what can be listened to first. Preview and peaks are whole; the broadcast file
    starts and ends with the sound. Silence has no broadcast file. `is_film`: what the file declares is the length of
    its pictures, which may go on in silence. Raises NoAudio and whatever `loudness.decode_and_measure` raises.
    """
    decoded = loudness.decode_and_measure(original, demuxer, work / "work.f32", tools)
    levels = edges.measure_levels(peaks.read_pcm(decoded.pcm))
    planned = loudness.plan(decoded, delivery.target, is_noise=edges.is_steady_hiss(levels))
    found = None if planned.gain_db is None else edges.find_edges(levels, decoded.duration_s)
    air = _air(found, decoded, delivery)
    job = _Job(decoded, planned, found, air, work, delivery, labels, publish, frozenset(skip), tools)
    levelled = _publish_levelled(job)
    ceiling = loudness.ceiling_of(delivery.target.true_peak_dbtp)
    plain = peaks.measure_pairs(peaks.read_pcm(decoded.pcm))
    drawing = peaks.raised(plain, levelled.gain_db, ceiling)
    _publish_peaks(job, recipes.PEAKS, drawing)
    _publish_broadcast(job, levelled)
    _publish_peaks(job, recipes.PEAKS_FINE, drawing)
    heard = quality.listen(decoded.pcm, decoded.duration_s, peaks.coarser(plain, quality.PIECE).pairs, levels[0])
    course = None if planned.gain_db is None else pitch.follow(decoded.pcm, decoded.duration_s)
    printed = sound_print.take_print(peaks.read_pcm(decoded.pcm))
    decoded.pcm.unlink()
    is_declared = demuxer in DECLARING_DEMUXERS and not is_film
    flags = (
        *planned.flags,
        *_flags_of(job, levelled, is_declared=is_declared),
        *_heard(heard, course, decoded, planned),
    )
    figures = quality.figures(heard, decoded.duration_s, decoded.loudness.integrated_lufs)
    return SoundFacts(
        round(decoded.duration_s, 3),
        decoded.loudness.integrated_lufs,
        decoded.loudness.true_peak_dbtp,
        None if planned.gain_db is None else round(levelled.gain_db, 2),
        flags,
        peaks.bars(drawing),
        found.cue_in_s if found else None,
        found.cue_out_s if found else None,
        round(air.first / wav.RATE_HZ, 3) if found else None,
        round(air.until / wav.RATE_HZ, 3) if found else None,
        loudness.explain(decoded, planned, levelled, delivery.target),
        {code: figures[code] for code in flags if code in figures},
        singing.suggest(course) if course else None,
        printed.to_bytes() if printed else None,
    )


def _heard(heard: quality.Heard, course: Course | None, decoded: Decoded, planned: Plan) -> tuple[str, ...]:
    """What was heard beyond the level; of silence, which has no course of pitch, there is nothing more to say."""
    if course is None:
        return ()
    several = ("several_voices",) if speakers.are_several(course) else ()
    return (*(code for code in quality.flags_of(heard, decoded.duration_s) if code not in planned.flags), *several)


@dataclass(frozen=True)
class _Job:
    """One sound on its way: what was decoded and decided, for whom, and where the results go."""

    decoded: Decoded
    planned: Plan
    edges: Edges | None
    air: Stretch
    work: Path
    delivery: Delivery
    labels: wav.BroadcastLabels
    publish: Publish
    skip: Collection[str]
    tools: Tools

    @property
    def formats(self) -> tuple[recipes.Recipe, ...]:
        """Further formats that are asked for and not there yet."""
        asked = self.delivery.formats.difference(self.skip)
        return tuple(recipe for recipe in recipes.HAND_OFFS if recipe.profile in asked)


def _air(found: Edges | None, decoded: Decoded, delivery: Delivery) -> Stretch:
    handles = delivery.handles
    if handles is None:
        return Stretch(0, decoded.frames)
    return edges.air_stretch(found, decoded.frames, handles.before_ms, handles.after_ms)


def _flags_of(job: _Job, levelled: Levelled, *, is_declared: bool) -> tuple[str, ...]:
    declared = job.decoded.declared_duration_s if is_declared else None
    reached = levelled.loudness.integrated_lufs
    noticed = {
        "limited": levelled.is_limited,
        "off_target": job.planned.gain_db is not None
        and "very_quiet" not in job.planned.flags
        and reached is not None
        and abs(reached - job.delivery.target.loudness_lufs) > loudness.TOLERANCE_LU,
        "truncated": declared is not None and is_truncated(job.decoded.duration_s, declared),
    }
    return tuple(flag for flag, is_so in noticed.items() if is_so)


def is_truncated(found_s: float, declared_s: float) -> bool:
    """Whether much less was there than the file declared. Half a second may be lost to rounding in short ones."""
    return found_s < TRUNCATED_SHARE * declared_s and declared_s - found_s > TRUNCATED_LEAST_S


def _publish_levelled(job: _Job) -> Levelled:
    """Run the second pass, leave a whole broadcast file in `work` if one is wanted, and publish the preview."""
    decoded, preview, target = job.decoded, job.work / "preview.mp3", job.delivery.target
    if job.planned.gain_db is None or ("broadcast" in job.skip and not job.formats):
        levelled = loudness.level(decoded, job.planned, target, preview, None, job.tools, air=job.air)
    else:
        with (job.work / "broadcast.wav").open("wb+") as file:
            layout = wav.begin(file, job.labels, decoded.source)
            levelled = loudness.level(decoded, job.planned, target, preview, file, job.tools, air=job.air)
            frames = wav.finish(file, layout, hand_off.bext_loudness(levelled.loudness), timers_of(job.edges, job.air))
            if frames == 0:
                raise Corrupt("no samples reached the broadcast file")
    if "preview" not in job.skip:
        job.publish(_described(recipes.PREVIEW, preview, decoded.duration_s, levelled.loudness))
    return levelled


def _described(recipe: recipes.Recipe, path: Path, duration_s: float, measured: Loudness) -> Made:
    return recipes.describe(
        recipe,
        path,
        duration_s=round(duration_s, 3),
        loudness_lufs=measured.integrated_lufs,
        true_peak_dbtp=measured.true_peak_dbtp,
    )


def _publish_peaks(job: _Job, recipe: recipes.Recipe, drawing: peaks.Drawing) -> None:
    if recipe.profile in job.skip:
        return
    is_fine = recipe is recipes.PEAKS_FINE
    document = peaks.to_dat(peaks.for_editor(drawing)) if is_fine else peaks.to_json(peaks.for_pane(drawing))
    path = job.work / f"{recipe.profile}.{recipe.extension}"
    path.write_bytes(document)
    job.publish(recipes.describe(recipe, path, duration_s=round(job.decoded.duration_s, 3)))


def _publish_broadcast(job: _Job, levelled: Levelled) -> None:
    path = job.work / "broadcast.wav"
    if not path.exists():
        return
    begins_s = round(job.air.first / wav.RATE_HZ, 3)
    if "broadcast" not in job.skip:
        made = _described(recipes.BROADCAST, path, job.air.duration_s, levelled.loudness)
        job.publish(replace(made, begins_s=begins_s))
    for recipe in job.formats:
        asked = hand_off.Asked(path, job.labels, job.decoded.source, levelled.loudness, job.delivery.target)
        made = hand_off.MAKERS[recipe.profile](asked, timers_of(job.edges, job.air), job.work, job.tools)
        job.publish(replace(made, begins_s=begins_s))


def timers_of(found: Edges | None, air: Stretch) -> wav.Timers:
    """Where playout starts and stops within the air copy: first and last sound, or the whole of it."""
    length = air.until - air.first
    start = 0 if found is None else round(found.cue_in_s * wav.RATE_HZ) - air.first
    end = length if found is None else round(found.cue_out_s * wav.RATE_HZ) - air.first
    return wav.Timers({"AUDs": max(0, start), "AUDe": min(length, end)})


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
        wav.finish(file, layout, hand_off.bext_loudness(measured), timers)
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
