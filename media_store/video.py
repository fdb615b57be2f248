"""Video: something every browser plays. Its sound goes through `audio` like any other, its stills are made by `frames`.

Nearly every messenger video is H.264 already and is only repacked, some sixty times cheaper than transcoding; `choose`
decides that on plain values. Containers are probed here too, because only the probe knows whether an MP4 has pictures.
Sizes are as a person sees them: upright, and with square pixels.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

from media_store import length, recipes, runner, watching
from media_store.errors import Corrupt, TooLarge, TooLong, Unsupported
from media_store.loudness import LONGEST_AUDIO_S, LONGEST_BELIEVED_S
from media_store.recipes import Made
from media_store.runner import PROBE_LIMITS, VIDEO_LIMITS, Tools

LONGEST_VIDEO_S = 600.0
ROUNDING_S = 0.5  # the last sound reaches a little beyond the last picture
LARGEST_VIDEO_BYTES = 100 * runner.MB
LONGEST_EDGE_PX = 4096
MOST_STREAMS = 4  # of sound and pictures; telephones add timed metadata on top
PLAYABLE_EDGE_PX = 1280
PLAYABLE_FPS = 31
PLAYABLE_BIT_RATE = 4_000_000
WIDEST_PIXEL = Fraction(4)  # anamorphic film is 2:1; more is a slip in the file
HDR_TRANSFERS = frozenset({"arib-std-b67", "smpte2084"})
FIELD_ORDERS = frozenset({"tt", "bb", "tb", "bt"})
# Two fields become one picture, and only where the pictures themselves say that they are made of two.
WITHOUT_COMBS = "bwdif=mode=send_frame:deint=interlaced"

ENTRIES = (
    "format=duration,size,bit_rate"
    ":stream=codec_type,codec_name,profile,level,pix_fmt,width,height,avg_frame_rate,r_frame_rate,nb_frames,"
    "sample_aspect_ratio,field_order,color_transfer,color_primaries,color_space,channels,sample_rate,duration"
    ":stream_disposition=attached_pic:stream_side_data=rotation,displaymatrix"
)
# what the decoder leaves unsaid is set first: zscale refuses to guess
UNSAID = {
    "color_transfer": "color_trc",
    "color_primaries": "color_primaries",
    "color_space": "colorspace",
}
HDR_DEFAULTS = {"color_primaries": "bt2020", "color_space": "bt2020nc"}
TONE_MAP = "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
BARE = ["-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]
# Cameras write into the pictures' own stream too (place, serial number): all supplemental information goes, type 6.
BARE_PICTURES = ["-bsf:v", "filter_units=remove_types=6"]
# Holes are filled with silence and a late beginning is too, so that no player has to keep picture and sound together.
IN_STEP = "aresample=async=1:first_pts=0"


class Way(StrEnum):
    """How the playable form is made."""

    REMUX = "remux"
    REMUX_NEW_SOUND = "remux, sound encoded anew"
    TRANSCODE = "transcode"


@dataclass(frozen=True)
class Container:
    """What a container declares. Width and height are as shown: turned upright, with square pixels; None means no
    pictures. `unsaid` names colour properties the pictures leave open. `is_cut`: it holds far less than it says."""

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
    unsaid: tuple[str, ...] = ()
    is_cut: bool = False
    is_mirrored: bool = False
    is_interlaced: bool = False

    @property
    def has_video(self) -> bool:
        return self.video_codec is not None

    @property
    def has_audio(self) -> bool:
        return self.audio_codec is not None


def probe_container(path: Path, demuxer: str, tools: Tools) -> Container:
    """Read what the container declares; about 80 ms.

    Where it does not say how long it is, or says that it is too long, its packets are counted: recorders that write
    piece by piece leave the length open, and a cut file still declares its whole.
    Raises Corrupt, Truncated (no index), LimitsExceeded, TimedOut.
    """
    command = [tools.ffprobe, "-hide_banner", *runner.input_options(demuxer, path, is_probe=True)]
    command += ["-of", "json", "-show_entries", ENTRIES]
    answer = runner.run(command, limits=PROBE_LIMITS, cwd=path.parent, read_stdout=True).stdout
    try:
        container = _container(json.loads(answer))
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as fault:
        raise Corrupt(f"the probe's answer makes no sense: {type(fault).__name__}") from fault
    declared_s, limit_s = container.duration_s, LONGEST_VIDEO_S if container.has_video else LONGEST_AUDIO_S
    if container.streams and (declared_s is None or declared_s > limit_s + ROUNDING_S):
        counted_s = length.count_s(path, demuxer, tools, until_s=max(LONGEST_VIDEO_S, LONGEST_AUDIO_S))
        is_said = declared_s is not None and declared_s < LONGEST_BELIEVED_S
        is_cut = is_said and counted_s is not None and counted_s <= limit_s
        return replace(container, duration_s=counted_s, is_cut=is_cut)
    return container


def _container(answer: dict[str, Any]) -> Container:
    streams = answer.get("streams", [])
    video: dict[str, Any] = next((s for s in streams if s.get("codec_type") == "video" and not _is_cover(s)), {})
    audio: dict[str, Any] = next((s for s in streams if s.get("codec_type") == "audio"), {})
    form = answer.get("format", {})
    turned: dict[str, Any] = next((d for d in video.get("side_data_list", ()) if "rotation" in d), {})
    rotation = int(turned.get("rotation", 0))
    width, height = _with_square_pixels(video)
    if rotation % 180 == 90:
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
        is_mirrored=_is_mirrored(turned.get("displaymatrix", "")),
        is_interlaced=video.get("field_order") in FIELD_ORDERS,
        streams=sum(s.get("codec_type") in ("audio", "video") for s in streams),
        unsaid=tuple(name for name in UNSAID if video.get(name, "unknown") in ("unknown", "unspecified", "reserved")),
    )


def _is_mirrored(matrix: str) -> bool:
    """Whether a display matrix, as the probe writes its three rows, turns the picture over, as front cameras do."""
    rows = [[int(number) for number in line.partition(":")[2].split()] for line in matrix.strip().splitlines()]
    return len(rows) == 3 and rows[0][0] * rows[1][1] < rows[0][1] * rows[1][0]


def _with_square_pixels(video: dict[str, Any]) -> tuple[int | None, int | None]:
    """The size browsers show: the shorter side of the pixel is kept, the other side grows."""
    width, height = video.get("width"), video.get("height")
    across, _, down = video.get("sample_aspect_ratio", "1:1").partition(":")
    if not width or not height or not int(across) or not int(down or 0):
        return width, height
    pixel = Fraction(int(across), int(down))
    if not 1 / WIDEST_PIXEL <= pixel <= WIDEST_PIXEL:
        return width, height
    return (round(width * pixel), height) if pixel >= 1 else (width, round(height / pixel))


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
    if container.duration_s is not None and container.duration_s > LONGEST_VIDEO_S + ROUNDING_S:
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
        and not (container.is_hdr or container.is_mirrored or container.is_interlaced)
    )
    if not is_playable:
        return Way.TRANSCODE
    return Way.REMUX if container.audio_codec in ("aac", None) else Way.REMUX_NEW_SOUND


def make_playable(path: Path, demuxer: str, container: Container, *, work: Path, tools: Tools) -> Made:
    """Make the MP4. Its `duration_s` is what was really there, which for a cut file is less than declared.

    Raises TooLong if more was there than declared; then nothing is made.
    """
    out = work / "playable.mp4"
    codecs = {
        Way.REMUX: ["-c", "copy", *_bare_pictures(container)],
        Way.REMUX_NEW_SOUND: ["-c:v", "copy", *_bare_pictures(container), *_aac()],
        Way.TRANSCODE: _transcode(container, tools),
    }[choose(container)]
    command = [tools.ffmpeg, "-hide_banner", "-nostats", *watching.TELL_OPTIONS, *runner.input_options(demuxer, path)]
    sound = ["-map", "0:a:0?"] if container.has_audio else ["-an"]
    command += ["-map", "0:V:0", *sound, "-t", f"{LONGEST_VIDEO_S + length.COUNTED_BEYOND_S:g}", *codecs, *BARE]
    command += ["-movflags", "+faststart", "-f", "mp4", "-y", f"file:{out}"]
    runner.run(command, limits=VIDEO_LIMITS, cwd=work)
    duration_s = length.read_mp4_s(out)
    if duration_s is not None and duration_s > LONGEST_VIDEO_S + ROUNDING_S:
        out.unlink()
        raise TooLong(minutes=f"{LONGEST_VIDEO_S / 60:g}")
    width, height = playable_size(container)
    return recipes.describe(recipes.PLAYABLE, out, duration_s=duration_s, width_px=width, height_px=height)


def _bare_pictures(container: Container) -> list[str]:
    return BARE_PICTURES if container.video_codec == "h264" else []


def playable_size(container: Container) -> tuple[int | None, int | None]:
    """The size the playable form is shown in: the original's, or what fits into 1280 × 1280 in even numbers. Pure."""
    width, height = container.width_px, container.height_px
    if not width or not height or choose(container) is not Way.TRANSCODE:
        return width, height
    return fit(width, height, PLAYABLE_EDGE_PX, PLAYABLE_EDGE_PX)


def fit(width_px: int, height_px: int, most_wide_px: int, most_high_px: int) -> tuple[int, int]:
    """A size in even numbers within a frame, never larger than it was. Pure.

    >>> fit(1920, 1080, 1280, 1280), fit(1081, 1921, 1280, 1280), fit(333, 251, 1280, 1280)
    ((1280, 720), (720, 1280), (332, 250))
    """
    ratio = min(1.0, most_wide_px / width_px, most_high_px / height_px)
    # a thousandth, so that 719.9999 is 720
    width, height = (int(edge * ratio + 0.001) // 2 * 2 for edge in (width_px, height_px))
    return max(2, width), max(2, height)


def shown_as(container: Container, width_px: int, height_px: int, tools: Tools) -> list[str]:
    """Filters that bring decoded pictures to this size, with square pixels and in the colours every screen has."""
    filters = [f"scale={width_px}:{height_px}", "setsar=1"]
    if is_tone_mapped(container, tools):
        said = [f"{UNSAID[name]}={HDR_DEFAULTS[name]}" for name in container.unsaid if name in HDR_DEFAULTS]
        filters += [f"setparams={':'.join(said)}"] if said else []
        filters.append(TONE_MAP)
    return filters


def is_tone_mapped(container: Container, tools: Tools) -> bool:
    """Whether pictures recorded in HDR get their colours back. Without zscale in this ffmpeg they stay pale."""
    return container.is_hdr and runner.has_filter(tools, "zscale")


def _aac() -> list[str]:
    return ["-af", IN_STEP, "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"]


def _transcode(container: Container, tools: Tools) -> list[str]:
    """H.264 as every browser plays it. Pictures keep their own times: a telephone's rate is rarely constant."""
    width, height = playable_size(container)
    filters = [WITHOUT_COMBS] if container.is_interlaced else []
    filters += shown_as(container, width or PLAYABLE_EDGE_PX, height or PLAYABLE_EDGE_PX, tools)
    if container.fps > PLAYABLE_FPS:
        filters.append("fps=30")
    filters.append("format=yuv420p")
    return [
        *("-vf", ",".join(filters), "-fps_mode:v", "vfr", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23"),
        *("-maxrate", "3M", "-bufsize", "6M", "-threads", "2", *_aac()),
    ]
