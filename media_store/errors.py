"""What can be wrong with a file, a store or the tools, each with a stable code and a plain sentence.

A `MediaFailure` is about the listener's file and mostly final: the bytes decide it, and trying again changes nothing
(`is_final`). A `StoreError` is about keeping bytes. Only `StoreUnavailable`, `ToolsMissing` and `Interrupted` are worth
another try by themselves, and say so in `is_transient`. The sentences are English message ids with `%(name)s` places;
whoever shows them translates `template` and fills in `facts`. `MESSAGES` lists them all, so that a catalogue can be
checked against it.
"""

from __future__ import annotations


class MediaStoreError(Exception):
    """Root of everything this package raises on purpose. `code` is stable, `template % facts` is for people."""

    code = "media_store.error"
    template = "Something is wrong with this file."
    is_transient = False
    is_final = False  # fixed by the file's bytes: the same programs find the same again

    def __init__(self, detail: str = "", **facts: object) -> None:
        self.detail = detail  # for the log; may quote a tool, never shown to listeners
        self.facts = facts
        super().__init__(f"{self.code}: {detail}" if detail else self.code)

    @property
    def message(self) -> str:
        """The English sentence with its facts filled in."""
        return self.template % self.facts


class MediaFailure(MediaStoreError):
    """The file itself is the reason. Never worth a retry by itself."""

    is_final = True


class Unsupported(MediaFailure):
    code = "media.unsupported"
    template = "This kind of file cannot be played here. Ask for a voice note, a photo or a video."


class Empty(MediaFailure):
    code = "media.empty"
    template = "The file is empty. Ask for it again."


class Corrupt(MediaFailure):
    code = "media.corrupt"
    template = "The file is damaged and cannot be read. Ask for it again."


class Truncated(MediaFailure):
    code = "media.truncated"
    template = "Part of the file is missing, and nothing in it can be used. Ask for it again."


class NoAudio(MediaFailure):
    code = "media.no_audio"
    template = "There is no sound in this file."


class TooLong(MediaFailure):
    """Facts: `minutes`, the longest that is accepted."""

    code = "media.too_long"
    template = "Longer than %(minutes)s minutes. Ask for a shorter one."


class TooLarge(MediaFailure):
    """Facts: `limit`, the largest accepted, with its unit."""

    code = "media.too_large"
    template = "Larger than %(limit)s. Ask for a smaller one."


class Bomb(MediaFailure):
    """A small file that would unfold into an enormous picture."""

    code = "media.bomb"
    template = "The picture claims an enormous size and was not opened."


class TimedOut(MediaFailure):
    """Perhaps the machine was busy: a person may try again."""

    code = "media.timeout"
    is_final = False
    template = "Reading the file took too long and was stopped."


class LimitsExceeded(MediaFailure):
    """Perhaps the machine was busy: a person may try again."""

    code = "media.limits"
    is_final = False
    template = "Reading the file needed too much memory or time and was stopped."


class ToolsMissing(MediaStoreError):
    """ffmpeg or ffprobe is absent, too old or lacks a part. Facts: `missing`."""

    code = "media.tools_missing"
    template = "The station's computer lacks a program for sound and video: %(missing)s."
    is_transient = True


class Interrupted(MediaStoreError):
    """A child was told to end from outside, as at a shutdown; the file has nothing to do with it."""

    code = "media.interrupted"
    template = "Work on this file was interrupted. It is taken up again by itself."
    is_transient = True


class StoreError(MediaStoreError):
    """Something about keeping bytes."""

    code = "store.error"
    template = "The file could not be stored."


class BadKey(StoreError, ValueError):
    """The key is not one of ours; nothing was touched."""

    code = "store.bad_key"
    template = "This is not a valid name in the store."


class LinkBroken(StoreError):
    """A signed link that was not made here, was changed, or is for something else."""

    code = "store.link_broken"
    template = "This link is not valid."


class LinkExpired(StoreError):
    """A signed link of ours whose time is over."""

    code = "store.link_expired"
    template = "This link has run out. Make a new one."


class ObjectMissing(StoreError, KeyError):
    """No object under this key."""

    code = "store.missing"
    template = "The file is no longer in the store."

    def __str__(self) -> str:  # KeyError would print the repr
        return Exception.__str__(self)


class AlreadyStored(StoreError):
    """The key holds other bytes. Originals are write-once."""

    code = "store.already_stored"
    template = "Another file is already stored under this name."


class StoreUnavailable(StoreError):
    """The store cannot be reached or has no room. Worth another try later."""

    code = "store.unavailable"
    template = "The store for files cannot be reached or is full. The file is fetched again by itself."
    is_transient = True


FAILURES: tuple[type[MediaStoreError], ...] = (
    Unsupported,
    Empty,
    Corrupt,
    Truncated,
    NoAudio,
    TooLong,
    TooLarge,
    Bomb,
    TimedOut,
    LimitsExceeded,
    ToolsMissing,
    Interrupted,
    BadKey,
    LinkBroken,
    LinkExpired,
    ObjectMissing,
    AlreadyStored,
    StoreUnavailable,
)

MESSAGES: dict[str, str] = {failure.code: failure.template for failure in FAILURES}

# What was noticed without being a failure. The rendition exists; the producer should know. Figures come from
# `quality.figures`, as whole numbers.
FLAGS: dict[str, str] = {
    "silent": "There is only silence.",
    "quiet": "Recorded too quietly, at %(lufs)s LUFS.",
    "very_quiet": "Recorded far too quietly, at %(lufs)s LUFS.",
    "clipped": "Overloaded: %(percent)s per cent of the recording is clipped.",
    "noisy": "Noisy: the voice stands only %(snr_db)s dB above the noise.",
    "cut_start": "The beginning is cut off: it starts in full sound.",
    "cut_end": "The end is cut off: it stops in full sound.",
    "short": "Very short: %(tenths)s tenths of a second.",
    "long": "Long: more than %(minutes)s minutes.",
    "several_voices": "Several voices: more than one person seems to speak.",
    "uneven": "Loud and quiet parts differ strongly.",
    "limited": "Single peaks were held back.",
    "off_target": "Could not be brought to station level.",
    "truncated": "The end is missing.",
    "no_sound": "A video without sound.",
    "sound_damaged": "The sound of this video is damaged.",
    "hdr": "Recorded in HDR, colours may look pale.",
    "animated": "A moving picture.",
    "frozen": "A long moving picture, only its beginning is shown, as a still.",
}

# Why a sound is not at the station's level. Facts: `reached`, `target` and `lufs` in LUFS, `gain_db`, `peak` in dBTP.
LEVEL_NOTES: dict[str, str] = {
    "level.silence": "There is only silence: it has no loudness, and no copy for air is made.",
    "level.silent": "At %(lufs)s LUFS this is as good as silence: it is not raised, and no copy for air is made.",
    "level.undefined": "Loudness is defined from 0.4 seconds on. This was levelled by %(gain_db)s dB as if it went on.",
    "level.capped": "Raised by %(gain_db)s dB, the most there is, so that its noise does not come up. It reaches"
    " %(reached)s instead of %(target)s LUFS.",
    "level.noise": "Steady noise, raised by no more than %(gain_db)s dB. It reaches %(reached)s instead of"
    " %(target)s LUFS.",
    "level.peaks": "Single peaks stand in the way: more level would pass %(peak)s dBTP. It reaches %(reached)s instead"
    " of %(target)s LUFS.",
}
