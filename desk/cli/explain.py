"""What the desk makes of a file and why, in plain words; nothing is kept and no desk needs to run.

The file goes through the very pipeline a listener's file goes through, in a folder that is gone afterwards.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk import clock
from media_store import pipeline, quality
from media_store.errors import LEVEL_NOTES, MediaFailure
from media_store.pipeline import AudioTarget, BroadcastLabels, Facts, Made, Probe

CODECS = {"h264": "H.264", "hevc": "HEVC", "aac": "AAC", "opus": "Opus", "mp3": "MP3", "flac": "FLAC",
          "amr_nb": "AMR", "vorbis": "Vorbis", "vp8": "VP8", "vp9": "VP9", "av1": "AV1"}  # fmt: skip
KINDS = {"voice": "a voice note", "audio": "a sound", "image": "a picture", "video": "a film",
         "sticker": "a sticker", "document": "a document"}  # fmt: skip
FORMS = {
    "preview": "preview to listen to", "peaks": "waveform for card and pane", "peaks_fine": "waveform for an editor",
    "broadcast": "broadcast file", "thumb": "picture in lists", "card": "picture on the card",
    "large": "picture for the full screen", "web": "picture to take away", "still": "still",
    "animation": "moving picture", "playable": "film every browser plays", "poster": "picture of the film",
    "scrub": "ten pictures to leaf through",
}  # fmt: skip


@dataclass(frozen=True)
class Explained:
    """`failure`: why nothing can be made; `facts` and `made` (profile, mime, bytes, width, height) if something can."""

    path: Path
    sha256: str
    bytes: int
    declared: Probe | None
    facts: Facts | None
    made: list[Made]
    seconds: float
    failure: MediaFailure | None = None


def explain(path: Path) -> Explained:
    """Look at a file and make everything of it, as a station with the usual settings would get it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    declared, facts, failure, made = None, None, None, list[Made]()
    began = time.monotonic()
    try:
        declared = pipeline.probe(path)
        with tempfile.TemporaryDirectory(prefix="desk-probe-") as folder:
            facts = pipeline.make_renditions(
                path,
                declared_kind=None,
                is_voice=declared.kind == "voice",
                work_dir=Path(folder),
                target=AudioTarget(),
                labels=BroadcastLabels("", "", "", "", clock.now()),
                publish=made.append,
                original_sha256=digest,
            )
    except MediaFailure as fault:
        failure = fault
    return Explained(path, digest, path.stat().st_size, declared, facts, made, time.monotonic() - began, failure)


def as_document(found: Explained) -> dict[str, Any]:
    """For programs; the same facts as the text."""
    document: dict[str, Any] = {"ok": found.failure is None, "bytes": found.bytes, "sha256": found.sha256}
    if found.declared is not None:
        document |= {name: getattr(found.declared, name) for name in Probe.__dataclass_fields__}
    if found.failure is not None:
        document |= {"code": found.failure.code, "says": found.failure.message}
    if (facts := found.facts) is not None:
        document |= {
            "loudness_lufs": facts.loudness_lufs, "true_peak_dbtp": facts.true_peak_dbtp, "gain_db": facts.gain_db,
            "cue_in_s": facts.cue_in_s, "cue_out_s": facts.cue_out_s, "flags": list(facts.flags),
            "document_like": facts.document_like, "upright_px": [facts.width_px, facts.height_px],
            "made": [{"profile": one.profile, "mime": one.mime, "bytes": one.bytes} for one in found.made],
        }  # fmt: skip
    return document


def as_text(found: Explained) -> str:
    """For people: one line for each thing there is to know."""
    lines = [("File", f"{found.path.name}, {size(found.bytes)}"), *_declared(found)]
    if found.failure is not None:
        lines.append(("Nothing is made", found.failure.message))
        if str(found.failure) != found.failure.message:
            lines.append(("Because", str(found.failure)))
        lines.append(("Still", "The file is kept as it came; its card says this sentence."))
    if found.facts is not None:
        lines += [*_measured(found.facts), *_noticed(found.facts), *_made(found.made)]
        lines.append(("Took", f"{found.seconds:.1f} s"))
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in lines)


Lines = Sequence[tuple[str, str]]


def _declared(found: Explained) -> Lines:
    if (declared := found.declared) is None:
        return []
    codecs = [CODECS.get(name, name) for name in (declared.video_codec, declared.audio_codec) if name]
    parts = [KINDS[declared.kind], " with ".join(filter(None, (declared.mime, " and ".join(codecs))))]
    if declared.duration_s is not None:
        parts.append(f"{declared.duration_s:.1f} s")
    if declared.width_px:
        parts.append(f"{declared.width_px} x {declared.height_px} pixels")
    if (declared.frames or 1) > 1:
        parts.append(f"{declared.frames} frames")
    lines = [("What it is", ", ".join(parts))]
    ending = found.path.suffix.removeprefix(".").lower()
    if ending and ending != declared.extension:
        lines.append(("Its name", f"ends in .{ending}, its bytes are .{declared.extension}: the bytes count"))
    return lines


def _measured(facts: Facts) -> Lines:
    lines = []
    if facts.loudness_lufs is not None and facts.true_peak_dbtp is not None:
        lines.append(("Recorded at", f"{facts.loudness_lufs:.1f} LUFS, true peak {facts.true_peak_dbtp:.1f} dBTP"))
    if facts.gain_db is not None:
        lines.append(("For air", f"changed by {facts.gain_db:+.1f} dB towards {AudioTarget().loudness_lufs:g} LUFS"))
    if facts.level_note is not None:
        lines.append(("Level", LEVEL_NOTES[facts.level_note.code] % facts.level_note.facts))
    if facts.cue_in_s is not None and facts.cue_out_s is not None:
        lines.append(("Sound", f"from {facts.cue_in_s:.2f} s to {facts.cue_out_s:.2f} s"))
    if facts.voice_kind is not None:
        said = "sung" if facts.voice_kind.kind == "song" else "spoken"
        lines.append(("Probably", f"{said}, {facts.voice_kind.confidence:.0%} sure"))
    return lines


def _noticed(facts: Facts) -> Lines:
    texts = [one["text"] % one["facts"] for one in quality.remarks(facts.flags, facts.flag_figures)]
    if facts.document_like:
        texts.append("It looks like a document: its card is covered until somebody uncovers it.")
    return [("Noticed", text) for text in texts]


def _made(made: Sequence[Made]) -> Lines:
    return [
        ("Made", f"{FORMS.get(one.profile, one.profile)}: {one.mime}{_shape(one)}, {size(one.bytes)}") for one in made
    ]


def _shape(one: Made) -> str:
    shape = f", {one.width_px} x {one.height_px} pixels" if one.width_px else ""
    if one.duration_s is not None:
        shape += f", {one.duration_s:.1f} s"
    return shape + (f", {one.loudness_lufs:.1f} LUFS" if one.loudness_lufs is not None else "")


def size(count: int) -> str:
    """Bytes as people read them."""
    if count >= 1_000_000:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1000:.0f} kB" if count >= 1000 else f"{count} B"
