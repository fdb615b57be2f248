"""From an original to its renditions and facts. The one door for whoever owns listeners' files.

Decides by content what a file is, who may read it and what is made of it, and works in a private folder of its own
under a neutral name. The making is done by `audio`, `images` and `video`; the keeping is the caller's: each rendition
is handed to `publish` the moment it is whole. Nothing here is remembered, so everything may be repeated.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from media_store import audio, documents, frames, images, length, runner, sniff, video
from media_store.delivery import Delivery, Handles, extra_profiles
from media_store.errors import Corrupt, Empty, MediaFailure, NoAudio, StoreUnavailable, TooLong, Unsupported
from media_store.frames import Strip
from media_store.images import PictureFacts
from media_store.loudness import LONGEST_AUDIO_S, AudioTarget, LevelNote
from media_store.picture_print import take_picture_print
from media_store.recipes import Made, Publish
from media_store.runner import Tools
from media_store.sensitive import Judge
from media_store.singing import VoiceKind
from media_store.sniff import Kind, Sniffed
from media_store.video import Container
from media_store.wav import BroadcastLabels

__all__ = ["AudioTarget", "BroadcastLabels", "Facts", "Made", "Probe", "make_renditions", "probe", "sweep"]

FOLDER_PREFIX = "media-"
LEFTOVER_AGE_S = 3600.0  # four times the longest job
OGG_TAIL_BYTES = 128 * 1024  # a page is at most 65307 bytes


@dataclass(frozen=True)
class Probe:
    """What a file declares about itself, without decoding it. Sizes of pictures are not yet turned upright."""

    kind: str
    mime: str
    extension: str
    bytes: int
    duration_s: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    frames: int | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of an original after its renditions are made. Nothing in it is personal.

    `kind`: voice, audio, image, video, sticker or document. Loudness and peak are the source's; `gain_db` is what was
    added, None if nothing could be raised, `level_note` why that does not reach the target. `cue_*`: first and last
    sound, `air_*`: what the broadcast file holds, both in seconds of the original. `flags`: codes of `errors.FLAGS`.
    `flag_figures`: the figures of some of them; `quality.remarks` makes sentences of both. `peaks56`: 56 heights
    0..255, loudest 255. `voice_kind`: speech or song, a suggestion. `document_like` and `sensitive` are suggestions to
    cover a picture; `sensitive` None: not checked.
    """

    kind: str
    mime: str
    duration_s: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    gain_db: float | None = None
    flags: tuple[str, ...] = ()
    peaks56: bytes | None = None
    dhash: str | None = None
    blurhash: str | None = None
    document_like: bool = False
    sensitive: bool | None = None
    cue_in_s: float | None = None
    cue_out_s: float | None = None
    air_in_s: float | None = None
    air_out_s: float | None = None
    level_note: LevelNote | None = None
    sound_print: bytes | None = None
    picture_print: bytes | None = None
    scrub: Strip | None = None
    flag_figures: dict[str, dict[str, int]] = field(default_factory=dict)
    voice_kind: VoiceKind | None = None


@dataclass(frozen=True)
class _Work:
    """Everything one job carries: where it reads and writes, for whom, with what."""

    file: Path
    folder: Path
    delivery: Delivery
    labels: BroadcastLabels
    publish: Publish
    skip: Collection[str]
    tools: Tools
    judge: Judge | None


def probe(path: Path, *, tools: Tools | None = None) -> Probe:
    """Look at the head and the declarations of a file. Raises a MediaFailure as `make_renditions` would."""
    sniffed, size = sniff_file(path), path.stat().st_size
    with _private_copy(path, Path(tempfile.gettempdir())) as (file, _):
        if sniffed.demuxer is None:
            found = images.probe_picture(file, sniffed)
            kind = "sticker" if sniffed.picture_format == "WEBP" and found.frames > 1 else "image"
            return Probe(
                kind,
                sniffed.mime,
                sniffed.extension,
                size,
                width_px=found.width_px,
                height_px=found.height_px,
                frames=found.frames,
            )
        container = video.probe_container(file, sniffed.demuxer, tools or runner.default_tools())
    is_voice = sniffed.kind is Kind.VOICE
    return Probe(
        "video" if container.has_video else "voice" if is_voice else "audio",
        _mime(sniffed, container),
        sniffed.extension,
        size,
        duration_s=container.duration_s,
        width_px=container.width_px,
        height_px=container.height_px,
        video_codec=container.video_codec,
        audio_codec=container.audio_codec,
    )


def sniff_file(path: Path) -> Sniffed:
    """Sniff a file on disk. Raises Empty or Unsupported."""
    if path.exists() and not path.is_file():
        raise Unsupported("a folder, pipe or device")  # opening a pipe would wait for ever
    with path.open("rb") as file:
        head = file.read(sniff.HEAD_BYTES)
        if not (tag_bytes := sniff.id3_bytes(head)):
            return sniff.sniff(head)
        file.seek(tag_bytes)
        return sniff.sniff_behind_id3(file.read(sniff.HEAD_BYTES))


def make_renditions(
    original: Path,
    *,
    declared_kind: str | None,
    is_voice: bool,
    work_dir: Path,
    target: AudioTarget,
    labels: BroadcastLabels,
    publish: Publish,
    original_sha256: str,
    skip: Collection[str] = frozenset(),
    handles: Handles | None = Handles(),  # noqa: B008 -- frozen
    formats: Collection[str] = frozenset(),
    judge: Judge | None = None,
    tools: Tools | None = None,
) -> Facts:
    """Make every rendition of an original and say what it is.

    `declared_kind` is what the sender's channel called it; only two things follow from it: a 'document' that is no
    medium is kept without renditions instead of refused, and a WebP sent as 'sticker' is one. `publish` is called for
    each file as soon as it is whole, the one of first use first; the file is gone after this returns. Profiles in
    `skip` are there already. `target`, `handles` and `formats` are the station's wishes, see `delivery`. The working
    folder is made under `work_dir` and removed whatever happens.

    Raises a MediaFailure if nothing can be made (final), StoreUnavailable if the working folder is full, and lets
    through what `publish` raises.
    """
    try:
        sniffed = sniff_file(original)
    except Unsupported:
        if declared_kind == "document":
            return Facts("document", "application/octet-stream")
        raise
    with _private_copy(original, work_dir, name=original_sha256[:16]) as (file, folder):
        delivery = Delivery(target, handles, extra_profiles(formats))
        told = _remembering(publish, delivery)
        work = _Work(file, folder, delivery, labels, told, frozenset(skip), tools or runner.default_tools(), judge)
        if sniffed.demuxer is None:
            return _make_pictures(sniffed, work, declared_kind)
        return _make_media(sniffed, sniffed.demuxer, work, is_voice)


def _remembering(publish: Publish, delivery: Delivery) -> Publish:
    """Have each finished file say which of the station's wishes shaped it."""
    settings = delivery.settings()
    return lambda made: publish(replace(made, settings=settings.get(made.profile, "")))


@contextmanager
def _private_copy(original: Path, work_dir: Path, name: str = "") -> Iterator[tuple[Path, Path]]:
    """A folder of our own holding the file alone, under a neutral name; and an empty folder for the results."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{name}-", dir=work_dir))
    except OSError as full:
        raise StoreUnavailable("no working folder can be made") from full
    try:
        (folder / "in").mkdir()
        (folder / "out").mkdir()
        file = folder / "in" / "original"
        _link_or_copy(original, file)
        yield file, folder / "out"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(work_dir: Path, *, older_than_s: float = LEFTOVER_AGE_S) -> int:
    """Remove working folders that killed processes left behind; call at start. Returns how many went.

    Nothing younger is touched: another worker may be at it.
    """
    limit, swept = time.time() - older_than_s, 0
    for folder in work_dir.glob(f"{FOLDER_PREFIX}*"):
        if folder.is_dir() and not folder.is_symlink() and folder.stat().st_mtime <= limit:
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept


def _link_or_copy(original: Path, file: Path) -> None:
    try:
        os.link(original.resolve(), file)
    except OSError:  # another file system, or one without hard links
        try:
            shutil.copyfile(original, file)
        except OSError as full:
            raise StoreUnavailable("the original does not fit into the working folder") from full


def _make_pictures(sniffed: Sniffed, work: _Work, declared_kind: str | None) -> Facts:
    is_sticker = sniffed.picture_format == "WEBP" and (
        declared_kind == "sticker" or images.probe_picture(work.file, sniffed).frames > 1
    )
    make = images.make_sticker if is_sticker else images.make_photo
    made = make(work.file, sniffed, work=work.folder, publish=work.publish, skip=work.skip)
    return _picture_facts("sticker" if is_sticker else "image", sniffed, made, work.judge)


def _picture_facts(kind: str, sniffed: Sniffed, made: PictureFacts, judge: Judge | None) -> Facts:
    flags = made.flags if "animated" in made.flags or made.frames == 1 else (*made.flags, "animated")
    return Facts(
        kind,
        sniffed.mime,
        width_px=made.width_px,
        height_px=made.height_px,
        flags=flags,
        dhash=made.dhash,
        blurhash=made.blurhash,
        picture_print=_picture_print(made),
        document_like=kind == "image" and _looks_like_document(made),
        sensitive=_sensitive(made, judge),
    )


def _looks_like_document(made: PictureFacts) -> bool:
    return made.small is not None and documents.looks_like_document(made.small.read())


def _sensitive(made: PictureFacts, judge: Judge | None) -> bool | None:
    judgement = judge.judge(made.small) if judge is not None and made.small is not None else None
    return None if judgement is None else judgement.is_sensitive


def _picture_print(made: PictureFacts) -> bytes | None:
    if made.small is None:
        return None
    taken = take_picture_print(made.small.path.read_bytes(), made.small.width_px, made.small.height_px)
    return None if taken is None else taken.to_bytes()


def _make_media(sniffed: Sniffed, demuxer: str, work: _Work, is_voice: bool) -> Facts:
    container = None
    if sniffed.kind is Kind.VIDEO_OR_AUDIO:  # anything else cannot hold pictures; the probe would cost a fifth
        container = video.probe_container(work.file, demuxer, work.tools)
        if container.has_video:
            return _make_video(sniffed, demuxer, container, work)
        if not container.has_audio:
            raise NoAudio("neither sound nor pictures")
        if container.duration_s is not None and container.duration_s > LONGEST_AUDIO_S:
            raise TooLong(minutes=f"{LONGEST_AUDIO_S / 60:g}")
    else:
        length.refuse_too_long(work.file, demuxer, work.tools)
    facts = _make_sound(demuxer, work, Facts("voice" if is_voice else "audio", _mime(sniffed, container)))
    if demuxer == "ogg" and ends_mid_page(work.file):
        return replace(facts, flags=_with(facts.flags, "truncated"))
    return facts


def _mime(sniffed: Sniffed, container: Container | None) -> str:
    """MP4, 3GP and WebM without pictures are sound."""
    if container is None or container.has_video:
        return sniffed.mime
    return sniffed.mime.replace("video/", "audio/").replace("audio/quicktime", "audio/mp4")


def _make_sound(demuxer: str, work: _Work, facts: Facts) -> Facts:
    """Renditions of the sound, and `facts` with what was learnt from it."""
    sound = audio.make_sound(
        work.file,
        demuxer,
        work=work.folder,
        delivery=work.delivery,
        labels=work.labels,
        publish=work.publish,
        skip=work.skip,
        is_film=facts.kind == "video",
        tools=work.tools,
    )
    return replace(
        facts,
        duration_s=facts.duration_s or sound.duration_s,
        loudness_lufs=sound.loudness_lufs,
        true_peak_dbtp=sound.true_peak_dbtp,
        gain_db=sound.gain_db,
        flags=_with(facts.flags, *sound.flags),
        peaks56=sound.peaks56,
        sound_print=sound.sound_print,
        cue_in_s=sound.cue_in_s,
        cue_out_s=sound.cue_out_s,
        air_in_s=sound.air_in_s,
        air_out_s=sound.air_out_s,
        level_note=sound.level_note,
        flag_figures=sound.flag_figures,
        voice_kind=sound.voice_kind,
    )


def _make_video(sniffed: Sniffed, demuxer: str, container: Container, work: _Work) -> Facts:
    """Poster first, then whichever of picture and sound is sooner done; a damaged sound does not cost the pictures."""
    video.refuse_over_limits(container, work.file.stat().st_size)
    is_pale = container.is_hdr and not video.is_tone_mapped(container, work.tools)
    facts = Facts(
        "video",
        sniffed.mime,
        duration_s=container.duration_s,
        width_px=container.width_px,
        height_px=container.height_px,
        flags=(*(("hdr",) if is_pale else ()), *(("truncated",) if container.is_cut else ())),
    )
    facts = _make_stills(demuxer, container, work, facts)
    is_quick = video.choose(container) is not video.Way.TRANSCODE
    if is_quick:
        facts = _make_playable(demuxer, container, work, facts)
    facts = _make_sound_of_video(demuxer, container, work, facts)
    return facts if is_quick else _make_playable(demuxer, container, work, facts)


def _make_stills(demuxer: str, container: Container, work: _Work, facts: Facts) -> Facts:
    """Poster and strip come from one process, so that either is made anew only with the other."""
    if {"poster", "scrub"} <= set(work.skip):
        return facts
    made = frames.make_stills(work.file, demuxer, container, work=work.folder, tools=work.tools)
    seen = images.look_at_still(made.poster.path, work=work.folder)
    facts = replace(facts, blurhash=seen.blurhash, sensitive=_sensitive(seen, work.judge))
    for one in (made.poster, made.scrub):
        if one.profile not in work.skip:
            work.publish(one)
    return replace(facts, scrub=made.strip)


def _make_playable(demuxer: str, container: Container, work: _Work, facts: Facts) -> Facts:
    if "playable" in work.skip:
        return facts
    try:
        made = video.make_playable(work.file, demuxer, container, work=work.folder, tools=work.tools)
    except (Corrupt, Unsupported):
        if not container.has_audio:
            raise
        mute = replace(container, audio_codec=None)  # pictures whose sound cannot be read are still worth seeing
        made = video.make_playable(work.file, demuxer, mute, work=work.folder, tools=work.tools)
        facts = replace(facts, flags=_with(facts.flags, "sound_damaged"))
    work.publish(made)
    declared = container.duration_s
    if declared and made.duration_s is not None and audio.is_truncated(made.duration_s, declared):
        return replace(facts, duration_s=made.duration_s, flags=_with(facts.flags, "truncated"))
    return facts


def _make_sound_of_video(demuxer: str, container: Container, work: _Work, facts: Facts) -> Facts:
    if not container.has_audio:
        return replace(facts, flags=_with(facts.flags, "no_sound"))
    try:
        return _make_sound(demuxer, work, facts)
    except NoAudio:
        return replace(facts, flags=_with(facts.flags, "no_sound"))
    except MediaFailure:
        return replace(facts, flags=_with(facts.flags, "sound_damaged"))


def _with(flags: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return (*flags, *(flag for flag in more if flag not in flags))


def ends_mid_page(path: Path) -> bool:
    """Whether an OGG breaks off inside its last page.

    Its declared duration is read off that page, so nothing else tells.
    Source: RFC 3533, section 6: header of 27 bytes, then a table of segment lengths.
    """
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - OGG_TAIL_BYTES))
        tail = file.read()
    at = tail.rfind(b"OggS")
    if at < 0:
        raise Empty("no page") if not tail else Unsupported("no OGG page near the end")
    if len(tail) - at < 27:
        return True
    segments = tail[at + 26]
    table = tail[at + 27 : at + 27 + segments]
    return len(table) < segments or at + 27 + segments + sum(table) > len(tail)
