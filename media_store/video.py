"""Video: something every browser plays, and a picture of it. Its sound goes through `audio` like any other.

Nearly every messenger video is H.264 already and is only repacked, some sixty times cheaper than transcoding; `choose`
decides that on plain values. Containers are probed here too, because only the probe knows whether an MP4 has pictures.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

from media_store import recipes, runner
from media_store.errors import Corrupt, TooLarge, TooLong, Unsupported
from media_store.recipes import Made
from media_store.runner import POSTER_LIMITS, PROBE_LIMITS, VIDEO_LIMITS, Tools

LONGEST_VIDEO_S = 600.0
LARGEST_VIDEO_BYTES = 100 * runner.MB
LONGEST_EDGE_PX = 4096
MOST_STREAMS = 4  # of sound and pictures; telephones add timed metadata on top
PLAYABLE_EDGE_PX = 1280
PLAYABLE_FPS = 31
PLAYABLE_BIT_RATE = 4_000_000
POSTER_WIDTH_PX = 640
HDR_TRANSFERS = frozenset({"arib-std-b67", "smpte2084"})

ENTRIES = (
    "format=duration,size,bit_rate"
    ":stream=codec_type,codec_name,profile,level,pix_fmt,width,height,avg_frame_rate,r_frame_rate,nb_frames,"
    "color_transfer,channels,sample_rate,duration"
    ":stream_disposition=attached_pic:stream_side_data=rotation"
)
FIT = (
    f"scale='min({PLAYABLE_EDGE_PX},iw)':'min({PLAYABLE_EDGE_PX},ih)'"
    ":force_original_aspect_ratio=decrease:force_divisible_by=2"
)
TONE_MAP = "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
BARE = ["-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]


class Way(StrEnum):
    """How the playable form is made."""

    REMUX = "remux"
    REMUX_NEW_SOUND = "remux, sound encoded anew"
    TRANSCODE = "transcode"


@dataclass(frozen=True)
class Container:
    """What a container declares. Width and height are as shown, that is after rotation; None means no pictures."""

    duration_s: float | None
    video_codec: str | None
    audio_codec: str | None
    pixel_format: str | None
    width_px: int | None
    height_px: int | None
    fps: float
    bit_rate: int
    rotation_deg: int
    is_hdr: bool
    streams: int

    @property
    def has_video(self) -> bool:
        return self.video_codec is not None

    @property
    def has_audio(self) -> bool:
        return self.audio_codec is not None


def probe_container(path: Path, demuxer: str, tools: Tools) -> Container:
    """Read what the container declares; about 80 ms. Raises Corrupt, Truncated (no index), LimitsExceeded, TimedOut."""
    command = [tools.ffprobe, "-hide_banner", *runner.input_options(demuxer, path, is_probe=True)]
    command += ["-of", "json", "-show_entries", ENTRIES]
    answer = runner.run(command, limits=PROBE_LIMITS, cwd=path.parent, read_stdout=True).stdout
    try:
        return _container(json.loads(answer))
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as fault:
        raise Corrupt(f"the probe's answer makes no sense: {type(fault).__name__}") from fault


def _container(answer: dict[str, Any]) -> Container:
    streams = answer.get("streams", [])
    video: dict[str, Any] = next((s for s in streams if s.get("codec_type") == "video" and not _is_cover(s)), {})
    audio: dict[str, Any] = next((s for s in streams if s.get("codec_type") == "audio"), {})
    form = answer.get("format", {})
    rotation = next((int(d["rotation"]) for d in video.get("side_data_list", ()) if "rotation" in d), 0)
    width, height = video.get("width"), video.get("height")
    if rotation % 180 == 90 or rotation % 180 == -90:
        width, height = height, width
    return Container(
        duration_s=_seconds(form.get("duration")) or _seconds(video.get("duration")),
        video_codec=video.get("codec_name", "unknown") if video else None,
        audio_codec=audio.get("codec_name", "unknown") if audio else None,
        pixel_format=video.get("pix_fmt"),
        width_px=width,
        height_px=height,
        fps=_rate(video.get("avg_frame_rate")) or _rate(video.get("r_frame_rate")),
        bit_rate=int(form.get("bit_rate", 0)),
        rotation_deg=rotation,
        is_hdr=video.get("color_transfer") in HDR_TRANSFERS,
        streams=sum(s.get("codec_type") in ("audio", "video") for s in streams),
    )


def _is_cover(stream: dict[str, Any]) -> bool:
    return bool(stream.get("disposition", {}).get("attached_pic"))


def _seconds(text: str | None) -> float | None:
    return float(text) if text else None


def _rate(text: str | None) -> float:
    numerator, _, denominator = (text or "0/1").partition("/")
    return float(Fraction(int(numerator), int(denominator))) if int(denominator or 0) else 0.0


def refuse_over_limits(container: Container, size_bytes: int) -> None:
    """Raise TooLong, TooLarge or Unsupported for a video that is not worked on. Pure."""
    if container.streams > MOST_STREAMS:
        raise Unsupported(f"{container.streams} streams")
    if container.duration_s is not None and container.duration_s > LONGEST_VIDEO_S:
        raise TooLong(minutes=f"{LONGEST_VIDEO_S / 60:g}")
    if size_bytes > LARGEST_VIDEO_BYTES:
        raise TooLarge(limit="100 MB")
    if max(container.width_px or 0, container.height_px or 0) > LONGEST_EDGE_PX:
        raise TooLarge(limit=f"{LONGEST_EDGE_PX} × {LONGEST_EDGE_PX}")


def choose(container: Container) -> Way:
    """Repack what every browser plays as it is; transcode the rest. Pure."""
    is_playable = (
        container.video_codec == "h264"
        and container.pixel_format in ("yuv420p", "yuvj420p")
        and max(container.width_px or 0, container.height_px or 0) <= PLAYABLE_EDGE_PX
        and container.fps <= PLAYABLE_FPS
        and container.bit_rate <= PLAYABLE_BIT_RATE
        and container.rotation_deg % 90 == 0
    )
    if not is_playable:
        return Way.TRANSCODE
    return Way.REMUX if container.audio_codec in ("aac", None) else Way.REMUX_NEW_SOUND


def make_playable(path: Path, demuxer: str, container: Container, *, work: Path, tools: Tools) -> Made:
    """Make the MP4. Its `duration_s` is what was really there, which for a cut file is less than declared."""
    out = work / "playable.mp4"
    codecs = {
        Way.REMUX: ["-c", "copy"],
        Way.REMUX_NEW_SOUND: ["-c:v", "copy", *_aac()],
        Way.TRANSCODE: _transcode(container, tools),
    }[choose(container)]
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *runner.input_options(demuxer, path)]
    sound = ["-map", "0:a:0?"] if container.has_audio else ["-an"]
    command += ["-map", "0:V:0", *sound, "-t", f"{LONGEST_VIDEO_S + 1:g}", *codecs, *BARE]
    command += ["-movflags", "+faststart", "-f", "mp4", "-y", f"file:{out}"]
    log = runner.run(command, limits=VIDEO_LIMITS, cwd=work).stderr
    width, height = _playable_size(container)
    return recipes.describe(recipes.PLAYABLE, out, duration_s=_written_duration(log), width_px=width, height_px=height)


def _playable_size(container: Container) -> tuple[int | None, int | None]:
    """As ffmpeg's scale with force_divisible_by=2 computes it."""
    width, height = container.width_px, container.height_px
    if not width or not height or choose(container) is not Way.TRANSCODE:
        return width, height
    ratio = min(1.0, PLAYABLE_EDGE_PX / max(width, height))
    return int(width * ratio) // 2 * 2, int(height * ratio) // 2 * 2


def _aac() -> list[str]:
    return ["-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"]


def _transcode(container: Container, tools: Tools) -> list[str]:
    filters = [FIT]
    if container.is_hdr and runner.has_filter(tools, "zscale"):
        filters.append(TONE_MAP)
    if container.fps > PLAYABLE_FPS:
        filters.append("fps=30")
    filters.append("format=yuv420p")
    return [
        *("-vf", ",".join(filters), "-c:v", "libx264", "-preset", "veryfast", "-crf", "23"),
        *("-maxrate", "3M", "-bufsize", "6M", "-threads", "2", *_aac()),
    ]


def _written_duration(log: str) -> float | None:
    """From ffmpeg's last status line."""
    times = re.findall(r"time=(\d+):(\d\d):(\d\d\.\d+)", log)
    if not times:
        return None
    hours, minutes, seconds = times[-1]
    return round(int(hours) * 3600 + int(minutes) * 60 + float(seconds), 3)


def make_poster(path: Path, demuxer: str, container: Container, *, work: Path, tools: Tools) -> Made:
    """One frame from the first second, or first third of something shorter. Raises Corrupt if there is none."""
    out = work / "poster.jpg"
    at_s = min(1.0, (container.duration_s or 0.0) / 3)
    width = min(POSTER_WIDTH_PX, container.width_px or POSTER_WIDTH_PX)
    command = [tools.ffmpeg, "-hide_banner", "-nostats", "-ss", f"{at_s:.3f}", *runner.input_options(demuxer, path)]
    command += ["-map", "0:V:0", "-frames:v", "1", "-vf", f"scale={width}:-2", "-q:v", "4", *BARE]
    command += ["-f", "image2", "-update", "1", "-y", f"file:{out}"]
    runner.run(command, limits=POSTER_LIMITS, cwd=work)
    if not out.exists():
        raise Corrupt("no frame could be decoded")
    height = round((container.height_px or 0) * width / (container.width_px or 1) / 2) * 2 or None
    return recipes.describe(recipes.POSTER, out, width_px=width, height_px=height)
