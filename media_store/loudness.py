"""How loud a sound is, and how it is brought to the station's level without changing its character.

Two ffmpeg processes: the first decodes to float PCM and measures, the second applies gain, holds back peaks, measures
again and encodes every output. Owns the filter graphs, the reading of the meter and the decision about gain; who
publishes the results is `pipeline`. No loudnorm: it squeezes dynamics in one pass and lifts hiss to full level.
Sources: ITU-R BS.1770 (gating, true peak), EBU R 128 (target), ffmpeg's `ebur128` as the meter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from media_store import runner
from media_store.errors import NoAudio, TooLong
from media_store.runner import AUDIO_LIMITS, Tools

RATE_HZ = 48_000
LONGEST_AUDIO_S = 1800.0
SILENT_LUFS = -60.0
METER_FLOOR_LUFS = -70.0  # ffmpeg prints it for silence and for clips without a full gating block
GATING_BLOCK_S = 0.4
SHORT_TERM_S = 3.0
MOST_GAIN_DB = 30.0
QUIET_GAIN_DB = 20.0
CLIPPED_DBTP = -0.1
UNEVEN_SHARE = 0.15  # of short-term values; normal speech 0.00-0.06, far-then-near 0.33
UNEVEN_BELOW_LU = 12.0
TOLERANCE_LU = 0.5  # EBU R 128
MOST_PASSES = 3
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
    """The first pass: where the float PCM lies, how long it is, what was measured, what the file was."""

    pcm: Path
    duration_s: float
    loudness: Loudness
    declared_duration_s: float | None
    source: str  # codec and layout, e.g. "opus mono"


@dataclass(frozen=True)
class Plan:
    """What the second pass does. `gain_db` None means: leave it alone, there is nothing to raise."""

    gain_db: float | None
    is_limited: bool
    flags: tuple[str, ...]


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
    loudness = read_meter(log)
    if duration_s < GATING_BLOCK_S:
        loudness = _measure_looped(pcm, loudness, tools)
    return Decoded(pcm, duration_s, loudness, _declared_duration(log), _source_of(log))


def _measure_looped(pcm: Path, loudness: Loudness, tools: Tools) -> Loudness:
    """A clip without one whole gating block is measured as if it went on for 3.2 s."""
    frames = pcm.stat().st_size // 4
    graph = f"aloop=loop=-1:size={frames},atrim=duration=3.2,{METER.format(log='verbose')}"
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *runner.own_pcm_options(pcm), "-af", graph, "-f", "null", "-"]
    looped = read_meter(runner.run(command, limits=AUDIO_LIMITS, cwd=pcm.parent).stderr)
    return Loudness(looped.integrated_lufs, 0.0, loudness.true_peak_dbtp, loudness.moments)


def _declared_duration(log: str) -> float | None:
    """What the container claims. For OGG this is read off the last page, so a cut file claims what it has."""
    found = re.search(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", log, re.M)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def _source_of(log: str) -> str:
    found = re.search(r"^  Stream #0:\d+.*?: Audio: (\w+).*?, \d+ Hz, (\w+)", log, re.M)
    return f"{found[1]} {found[2]}" if found else "unknown"


def plan(decoded: Decoded, target: AudioTarget) -> Plan:
    """Decide the gain and what to tell the producer. Pure."""
    measured = decoded.loudness
    short = ("short",) if decoded.duration_s < GATING_BLOCK_S else ()
    if measured.integrated_lufs is None or measured.integrated_lufs <= SILENT_LUFS:
        return Plan(None, False, (*short, "silent"))
    wanted_db = target.loudness_lufs - measured.integrated_lufs
    gain_db = min(wanted_db, MOST_GAIN_DB)
    peak = measured.true_peak_dbtp if measured.true_peak_dbtp is not None else METER_FLOOR_LUFS
    noticed = {
        "very_quiet": wanted_db > MOST_GAIN_DB,
        "quiet": QUIET_GAIN_DB < wanted_db <= MOST_GAIN_DB,
        "clipped": peak > CLIPPED_DBTP,
        "uneven": _is_uneven(measured),
    }
    flags = (*short, *(flag for flag, is_so in noticed.items() if is_so))
    return Plan(gain_db, peak + gain_db > target.true_peak_dbtp, flags)


def _is_uneven(measured: Loudness) -> bool:
    assert measured.integrated_lufs is not None
    low = measured.integrated_lufs - UNEVEN_BELOW_LU
    values = [s for t, _, s in measured.moments if t >= SHORT_TERM_S - 0.05]
    return bool(values) and sum(SILENT_LUFS < s < low for s in values) / len(values) > UNEVEN_SHARE


def level(
    decoded: Decoded, planned: Plan, target: AudioTarget, preview: Path, broadcast: BinaryIO | None, tools: Tools
) -> Levelled:
    """Apply the gain and write both outputs in one process; at most three passes.

    `broadcast` is an open file placed behind its header, or None to write the preview alone. A pass is repeated only
    if the limiter worked and moved the result off target by more than the tolerance: single clicks over quiet speech.
    """
    gain_db, is_limited = planned.gain_db or 0.0, planned.is_limited
    for number in range(1, MOST_PASSES + 1):
        loudness = _encode(decoded, gain_db, is_limited, target, preview, broadcast, tools)
        reached = loudness.integrated_lufs
        off_db = 0.0 if reached is None else target.loudness_lufs - reached
        if abs(off_db) <= TOLERANCE_LU or not is_limited or number == MOST_PASSES:
            break
        gain_db += max(-6.0, min(6.0, off_db))
    return Levelled(_known(loudness, decoded, gain_db), gain_db, is_limited, number)


def _known(loudness: Loudness, decoded: Decoded, gain_db: float) -> Loudness:
    """Under 0.4 s the meter cannot say; then it is what the looped clip measured, plus the gain."""
    if decoded.duration_s >= GATING_BLOCK_S or decoded.loudness.integrated_lufs is None:
        return loudness
    raised = decoded.loudness.integrated_lufs + gain_db
    return Loudness(raised, 0.0, loudness.true_peak_dbtp, loudness.moments)


def _encode(
    decoded: Decoded,
    gain_db: float,
    is_limited: bool,
    target: AudioTarget,
    preview: Path,
    broadcast: BinaryIO | None,
    tools: Tools,
) -> Loudness:
    chain = [f"volume={gain_db:.4f}dB:precision=float"]
    if is_limited:
        chain.append(_limiter(target))
    chain.append(METER.format(log="info" if broadcast else "verbose"))
    data_at = broadcast.tell() if broadcast is not None else 0
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *runner.own_pcm_options(decoded.pcm), "-filter_complex"]
    mp3 = [*("-c:a", "libmp3lame", "-b:a", "96k", "-compression_level", "7", "-map_metadata", "-1")]
    mp3 += [*("-id3v2_version", "0", "-fflags", "+bitexact", "-f", "mp3", "-y", f"file:{preview}")]
    if broadcast is None:
        command += [f"[0:a]{','.join(chain)}[b]", "-map", "[b]", *mp3]
    else:
        # -ac 2 would take 3 dB off; two identical channels read -23 on every meter
        graph = f"[0:a]{','.join(chain)},asplit=2[a][b];[a]pan=stereo|c0=c0|c1=c0[m]"
        command += [graph, *("-map", "[m]", "-c:a", "pcm_s24le", "-f", "s24le", "pipe:1"), "-map", "[b]", *mp3]
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


def _limiter(target: AudioTarget) -> str:
    """Four times oversampled: at 48 kHz the same limiter leaves true peaks of +1.1 dBTP."""
    return (
        f"aresample=192000,alimiter=limit={limiter_ceiling(target):.4f}:level=0:attack=5:release=50:latency=1,"
        f"aresample={RATE_HZ}"
    )


def limiter_ceiling(target: AudioTarget) -> float:
    """Linear full-scale value the limiter holds: 0.8610 for -1 dBTP."""
    return float(10 ** ((target.true_peak_dbtp - LIMITER_BELOW_TARGET_DB) / 20))


def measure_file(path: Path, demuxer: str, tools: Tools) -> Loudness:
    """Measure a file of our own without decoding it to disk, e.g. a cut; channels as they are."""
    graph = METER.format(log="info")
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *runner.input_options(demuxer, path)]
    command += ["-map", "0:a:0", "-af", graph, "-f", "null", "-"]
    limits = AUDIO_LIMITS
    return read_meter(runner.run(command, limits=limits, ring_bytes=runner.STDERR_LOUDNESS_BYTES).stderr)


def find_cue_points(decoded: Decoded) -> tuple[float | None, float | None]:
    """Where the sound begins and ends, in seconds; (None, None) if nothing stands out. Offered, never cut.

    A 400 ms window that ends at t first rises above the threshold when sound starts just before t, and last stays above
    it until 400 ms after the sound stopped. 100 ms are left before and 200 ms after. Sound inside the very first window
    may have started anywhere in it, so the cue is then 0.
    """
    integrated = decoded.loudness.integrated_lufs
    if integrated is None:
        return None, None
    threshold = max(-50.0, integrated - 20.0)
    loud = [t for t, m, _ in decoded.loudness.moments if t > GATING_BLOCK_S - 0.05 and m > threshold]
    if not loud:
        return 0.0, decoded.duration_s
    starts_at_once = loud[0] < GATING_BLOCK_S + 0.05
    cue_in_s = 0.0 if starts_at_once else loud[0] - 0.1 - 0.1
    cue_out_s = loud[-1] - GATING_BLOCK_S + 0.2
    if cue_out_s > decoded.duration_s - 0.3:
        cue_out_s = decoded.duration_s
    return round(max(0.0, cue_in_s), 3), round(min(cue_out_s, decoded.duration_s), 3)
