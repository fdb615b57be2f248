"""How loud a sound is, and how it is brought to the station's level without changing its character.

Two ffmpeg processes: the first decodes to float PCM and measures, the second applies gain, holds back peaks, measures
again and encodes every output. Owns the filter graphs, the reading of the meter and the decision about gain; who
publishes the results is `pipeline`. No loudnorm: it squeezes dynamics in one pass and lifts hiss to full level.
Sources: ITU-R BS.1770 (gating, true peak), EBU R 128 (target), ffmpeg's `ebur128` as the meter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from media_store import runner
from media_store.edges import Stretch
from media_store.errors import Corrupt, NoAudio, TooLong
from media_store.runner import AUDIO_LIMITS, Tools

RATE_HZ = 48_000
LONGEST_AUDIO_S = 1800.0
LONGEST_BELIEVED_S = 12 * 3600.0  # a length left open is written as all ones: 13 h at 90 kHz, 49 days at 1 kHz
SILENT_LUFS = -60.0
METER_FLOOR_LUFS = -70.0  # ffmpeg prints it for silence and for clips without a full gating block
GATING_BLOCK_S = 0.4
SHORT_TERM_S = 3.0
MOST_GAIN_DB = 30.0
MOST_GAIN_OF_NOISE_DB = 12.0
MOST_HELD_DB = 18.0  # how far the gain may go beyond the plain difference for the sake of peaks that are held back
LARGEST_STEP_DB = 8.0  # from one pass to the next
LEAST_SLOPE = 0.2  # level won per dB of gain into the limiter; less is noise of the meter
QUIET_GAIN_DB = 20.0
UNEVEN_SHARE = 0.15  # of short-term values; normal speech 0.00-0.06, far-then-near 0.33
UNEVEN_BELOW_LU = 12.0
TOLERANCE_LU = 0.5  # EBU R 128
MOST_PASSES = 4
FADE_FRAMES = 480  # 10 ms where something was cut off: a step in the noise would click
LIMITER_BELOW_TARGET_DB = 0.3  # a -1.0 dBFS limit overshot by 0.2 dB on an 8x meter

# float downmix adds 3 dB to what both channels share unless its sum is held to one
TO_MONO = f"aresample={RATE_HZ}:rematrix_maxval=1.0,aformat=sample_fmts=flt:channel_layouts=mono"
METER = "ebur128=peak=true:dualmono=true:framelog={log}"
# anchored: the file's own tags stand in the same log, indented
_FRAME = re.compile(
    r"^\[Parsed_ebur128[^\]]*\] t: *([\d.]+) +TARGET:.*?M: *(-?[\d.]+|nan|-?inf) +S: *(-?[\d.]+|nan|-?inf)", re.M
)
_SUMMARY = re.compile(r"\b(I|LRA|Peak): +(-?[\d.]+|nan|-?inf) ")


@dataclass(frozen=True)
class AudioTarget:
    """The station's level. The default is EBU R 128."""

    loudness_lufs: float = -23.0
    true_peak_dbtp: float = -1.0


@dataclass(frozen=True)
class Loudness:
    """One measurement of a whole clip.

    `integrated_lufs` is None for silence and for clips under 0.4 s, where the measure is undefined; `true_peak_dbtp` is
    None for digital silence. `moments`: (t_s, momentary_lufs, short_term_lufs), ten a second, t at the window's end;
    momentary means something from 0.4 s on, short-term from 3 s on.
    """

    integrated_lufs: float | None
    range_lu: float
    true_peak_dbtp: float | None
    moments: tuple[tuple[float, float, float], ...] = field(repr=False, default=())

    @property
    def max_momentary_lufs(self) -> float | None:
        return _above_floor(max((m for t, m, _ in self.moments if t > GATING_BLOCK_S - 0.05), default=None))

    @property
    def max_short_term_lufs(self) -> float | None:
        return _above_floor(max((s for t, _, s in self.moments if t > SHORT_TERM_S - 0.05), default=None))


@dataclass(frozen=True)
class Decoded:
    """The first pass: where the float PCM lies, how long it is, what was measured, what the file was.

    `looped_lufs`: for clips under 0.4 s, whose loudness is undefined, what it would be if they went on.
    """

    pcm: Path
    duration_s: float
    loudness: Loudness
    declared_duration_s: float | None
    source: str  # codec and layout, e.g. "opus mono"
    looped_lufs: float | None = None

    @property
    def frames(self) -> int:
        return round(self.duration_s * RATE_HZ)

    @property
    def level_lufs(self) -> float | None:
        """What the gain is reckoned from."""
        return self.loudness.integrated_lufs if self.looped_lufs is None else self.looped_lufs


@dataclass(frozen=True)
class LevelNote:
    """Why a clip is not at the station's level: a code of `errors.LEVEL_NOTES` and its facts, in dB and LUFS."""

    code: str
    facts: Mapping[str, float]


@dataclass(frozen=True)
class Plan:
    """What the second pass does. `gain_db` None means: leave it alone, there is nothing to raise.

    `most_gain_db` is never passed, whatever the peaks ask for; `is_noise`: nothing but steady hiss.
    """

    gain_db: float | None
    is_limited: bool
    flags: tuple[str, ...]
    most_gain_db: float = MOST_GAIN_DB
    is_noise: bool = False


@dataclass(frozen=True)
class Levelled:
    """The second pass: measured loudness of the result and the gain it took."""

    loudness: Loudness
    gain_db: float
    is_limited: bool
    passes: int


def _above_floor(figure: float | None) -> float | None:
    return None if figure is None or figure <= METER_FLOOR_LUFS else figure


def read_meter(text: str) -> Loudness:
    """Read the log of `ebur128`. Raises NoAudio if the meter never spoke."""
    head, _, summary = text.rpartition("Summary:")
    figures = {name: float(value) for name, value in _SUMMARY.findall(summary)}
    if "I" not in figures:
        raise NoAudio("the meter saw no samples")
    moments = tuple((float(t), float(m), float(s)) for t, m, s in _FRAME.findall(head))
    peak = figures.get("Peak", float("-inf"))
    integrated = figures["I"]
    return Loudness(
        None if integrated != integrated or integrated <= METER_FLOOR_LUFS else integrated,
        figures.get("LRA", 0.0),
        None if peak == float("-inf") or peak != peak else peak,
        moments,
    )


def decode_and_measure(path: Path, demuxer: str, pcm: Path, tools: Tools) -> Decoded:
    """Decode the first audio stream to mono float PCM at 48 kHz and measure it on the way.

    Never 16 bit: decoded Opus peaks reached +4.6 dBTP. Mono first, meter after: a stereo file measured before the
    downmix was off by 0.3 LU. Raises NoAudio, TooLong (over 30 min), Corrupt, LimitsExceeded, TimedOut.
    """
    graph = f"{TO_MONO},{METER.format(log='info')}"
    command = [
        *(tools.ffmpeg, "-hide_banner", "-nostats", *runner.input_options(demuxer, path)),
        # a little more than is accepted, so that too long is seen rather than cut
        *("-map", "0:a:0", "-vn", "-sn", "-dn", "-t", f"{LONGEST_AUDIO_S + 1:g}", "-af", graph),
        *("-c:a", "pcm_f32le", "-f", "f32le", "-y", f"file:{pcm}"),
    ]
    log = runner.run(command, limits=AUDIO_LIMITS, cwd=pcm.parent, ring_bytes=runner.STDERR_LOUDNESS_BYTES).stderr
    duration_s = pcm.stat().st_size / 4 / RATE_HZ
    if duration_s == 0:
        raise NoAudio("no samples were decoded")
    if duration_s > LONGEST_AUDIO_S:
        raise TooLong(minutes=f"{LONGEST_AUDIO_S / 60:g}")
    _refuse_no_numbers(pcm)
    looped_lufs = _measure_looped(pcm, tools) if duration_s < GATING_BLOCK_S else None
    return Decoded(pcm, duration_s, read_meter(log), _declared_duration(log), _source_of(log), looped_lufs)


def _refuse_no_numbers(pcm: Path) -> None:
    """A float file may hold NaN, infinity or figures beyond all measure: encoders die of them."""
    with pcm.open("rb") as file:
        while (block := np.fromfile(file, dtype="<f4", count=RATE_HZ * 20)).size:
            with np.errstate(over="ignore", invalid="ignore"):
                energy = np.dot(block, block)
            if not np.isfinite(energy):
                raise Corrupt("samples that are no numbers")


def _measure_looped(pcm: Path, tools: Tools) -> float | None:
    """A clip without one whole gating block is measured as if it went on for 3.2 s."""
    frames = pcm.stat().st_size // 4
    graph = f"aloop=loop=-1:size={frames},atrim=duration=3.2,{METER.format(log='verbose')}"
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *runner.own_pcm_options(pcm), "-af", graph, "-f", "null", "-"]
    return read_meter(runner.run(command, limits=AUDIO_LIMITS, cwd=pcm.parent).stderr).integrated_lufs


def _declared_duration(log: str) -> float | None:
    """What the container claims. For OGG this is read off the last page, so a cut file claims what it has."""
    found = re.search(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", log, re.M)
    declared_s = int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None
    return declared_s if declared_s is not None and declared_s < LONGEST_BELIEVED_S else None


def _source_of(log: str) -> str:
    found = re.search(r"^  Stream #0:\d+.*?: Audio: (\w+).*?, \d+ Hz, (\w+)", log, re.M)
    return f"{found[1]} {found[2]}" if found else "unknown"


def plan(decoded: Decoded, target: AudioTarget, *, is_noise: bool = False) -> Plan:
    """Decide the gain and what to tell the producer. Pure. `is_noise`: it is steady hiss from end to end."""
    measured, level_lufs = decoded.loudness, decoded.level_lufs
    short = ("short",) if decoded.duration_s < GATING_BLOCK_S else ()
    if level_lufs is None or level_lufs <= SILENT_LUFS:
        return Plan(None, False, (*short, "silent"), is_noise=is_noise)
    wanted_db = target.loudness_lufs - level_lufs
    most_gain_db = MOST_GAIN_OF_NOISE_DB if is_noise else MOST_GAIN_DB
    gain_db = min(wanted_db, most_gain_db)
    peak = _peak(measured)
    noticed = {
        "very_quiet": wanted_db > MOST_GAIN_DB,
        "quiet": QUIET_GAIN_DB < wanted_db <= MOST_GAIN_DB,
        "uneven": _is_uneven(measured),
    }
    flags = (*short, *(flag for flag, is_so in noticed.items() if is_so))
    return Plan(gain_db, peak + gain_db > target.true_peak_dbtp, flags, most_gain_db, is_noise)


def _peak(measured: Loudness) -> float:
    return measured.true_peak_dbtp if measured.true_peak_dbtp is not None else METER_FLOOR_LUFS


def explain(decoded: Decoded, planned: Plan, levelled: Levelled, target: AudioTarget) -> LevelNote | None:
    """Why the target is not reached, with the figure that is; None if it is reached. Pure."""
    measured = decoded.level_lufs
    if planned.gain_db is None:
        return (
            LevelNote("level.silence", {}) if measured is None else LevelNote("level.silent", _rounded(lufs=measured))
        )
    reached = levelled.loudness.integrated_lufs
    if reached is None:
        return LevelNote("level.undefined", _rounded(gain_db=levelled.gain_db))
    if abs(reached - target.loudness_lufs) <= TOLERANCE_LU + 0.001:
        return None
    facts = _rounded(reached=reached, target=target.loudness_lufs, gain_db=levelled.gain_db, peak=target.true_peak_dbtp)
    if planned.gain_db < planned.most_gain_db - 0.001:
        return LevelNote("level.peaks", facts)
    return LevelNote("level.noise" if planned.is_noise else "level.capped", facts)


def _rounded(**figures: float) -> dict[str, float]:
    return {name: round(figure, 1) for name, figure in figures.items()}


def _is_uneven(measured: Loudness) -> bool:
    if measured.integrated_lufs is None:
        return False
    low = measured.integrated_lufs - UNEVEN_BELOW_LU
    values = [s for t, _, s in measured.moments if t >= SHORT_TERM_S - 0.05]
    return bool(values) and sum(SILENT_LUFS < s < low for s in values) / len(values) > UNEVEN_SHARE


def level(
    decoded: Decoded,
    planned: Plan,
    target: AudioTarget,
    preview: Path,
    broadcast: BinaryIO | None,
    tools: Tools,
    *,
    air: Stretch | None = None,
) -> Levelled:
    """Apply the gain and write both outputs in one process; at most four passes.

    `broadcast` is an open file placed behind its header, or None to write the preview alone. `air` is the stretch that
    goes into it and is measured, None for all; the preview is whole. A pass is repeated only if the result is off
    target by more than the tolerance and more or less gain can help: single clicks over quiet speech.
    """
    gain_db = planned.gain_db or 0.0
    most_db = min(planned.most_gain_db, gain_db + MOST_HELD_DB)
    tried: list[tuple[float, float]] = []
    for number in range(1, MOST_PASSES + 1):
        is_limited = planned.gain_db is not None and _peak(decoded.loudness) + gain_db > target.true_peak_dbtp
        second = _Second(gain_db, is_limited, target, air or Stretch(0, decoded.frames))
        loudness = _encode(decoded, second, preview, broadcast, tools)
        reached = loudness.integrated_lufs
        if planned.gain_db is None or reached is None or abs(target.loudness_lufs - reached) <= TOLERANCE_LU:
            break
        tried.append((gain_db, reached))
        next_db = min(most_db, gain_db + _step_db(tried, target.loudness_lufs))
        if number == MOST_PASSES or abs(next_db - gain_db) < 0.1:
            break
        gain_db = next_db
    return Levelled(loudness, gain_db, is_limited, number)


def _step_db(tried: list[tuple[float, float]], target_lufs: float) -> float:
    """How much more gain, from what the tries before (gain, reached) won: a limiter gives less than it is given."""
    gain_db, reached = tried[-1]
    slope = 1.0
    if len(tried) > 1 and abs(gain_db - tried[-2][0]) > 0.1:
        slope = (reached - tried[-2][1]) / (gain_db - tried[-2][0])
    step_db = (target_lufs - reached) / max(LEAST_SLOPE, min(1.0, slope))
    return max(-LARGEST_STEP_DB, min(LARGEST_STEP_DB, step_db))


@dataclass(frozen=True)
class _Second:
    """One try of the second pass."""

    gain_db: float
    is_limited: bool
    target: AudioTarget
    air: Stretch


def _encode(decoded: Decoded, second: _Second, preview: Path, broadcast: BinaryIO | None, tools: Tools) -> Loudness:
    limiter = [limiter_of(second.target.true_peak_dbtp)] if second.is_limited else []
    whole = ",".join([f"volume={second.gain_db:.4f}dB:precision=float", *limiter])
    air = ",".join([*_cut(second.air, decoded.frames), METER.format(log="info" if broadcast else "verbose")])
    # -ac 2 would take 3 dB off; two identical channels read -23 on every meter
    wide = ",pan=stereo|c0=c0|c1=c0" if broadcast else ""
    graph = f"[0:a]{whole},asplit=2[a][b];[a]{air}{wide}[m]"
    samples = ["-c:a", "pcm_s24le", "-f", "s24le", "pipe:1"] if broadcast else ["-f", "null", "-"]
    mp3 = [*("-c:a", "libmp3lame", "-b:a", "96k", "-compression_level", "7", "-map_metadata", "-1")]
    mp3 += [*("-id3v2_version", "0", "-fflags", "+bitexact", "-f", "mp3", "-y", f"file:{preview}")]
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *runner.own_pcm_options(decoded.pcm)]
    command += ["-filter_complex", graph, "-map", "[m]", *samples, "-map", "[b]", *mp3]
    data_at = broadcast.tell() if broadcast is not None else 0
    if broadcast is not None:
        broadcast.truncate()
    finished = runner.run(
        command,
        limits=AUDIO_LIMITS,
        cwd=preview.parent,
        stdout_to=broadcast,
        ring_bytes=runner.STDERR_LOUDNESS_BYTES,
    )
    if broadcast is not None:
        broadcast.seek(data_at)  # the child moved the shared position; a further pass begins here again
    return read_meter(finished.stderr)


def _cut(air: Stretch, frames: int) -> list[str]:
    """Filters that leave the stretch, faded where something was cut off; none for the whole clip."""
    if (air.first, air.until) == (0, frames):
        return []
    length = air.until - air.first
    filters = [f"atrim=start_sample={air.first}:end_sample={air.until}", "asetpts=PTS-STARTPTS"]
    if air.first > 0:
        filters.append(f"afade=t=in:ss=0:ns={FADE_FRAMES}")
    if air.until < frames:
        filters.append(f"afade=t=out:ss={length - FADE_FRAMES}:ns={FADE_FRAMES}")
    return filters


def limiter_of(true_peak_dbtp: float) -> str:
    """Four times oversampled: at 48 kHz the same limiter leaves true peaks of +1.1 dBTP."""
    return (
        f"aresample=192000,alimiter=limit={ceiling_of(true_peak_dbtp):.4f}:level=0:attack=5:release=50:latency=1,"
        f"aresample={RATE_HZ}"
    )


def ceiling_of(true_peak_dbtp: float) -> float:
    """Linear full-scale value the limiter holds: 0.8610 for -1 dBTP."""
    return float(10 ** ((true_peak_dbtp - LIMITER_BELOW_TARGET_DB) / 20))


def measure_file(path: Path, demuxer: str, tools: Tools) -> Loudness:
    """Measure a file of our own without decoding it to disk, e.g. a cut; channels as they are."""
    graph = METER.format(log="info")
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *runner.input_options(demuxer, path)]
    command += ["-map", "0:a:0", "-af", graph, "-f", "null", "-"]
    limits = AUDIO_LIMITS
    return read_meter(runner.run(command, limits=limits, ring_bytes=runner.STDERR_LOUDNESS_BYTES).stderr)
