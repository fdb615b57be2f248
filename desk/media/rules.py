"""Decisions about listeners' files on plain values: what to fetch when, and where a file stands in line."""

from __future__ import annotations

from datetime import datetime, timedelta

from desk.channels.contract import MessageKind
from desk.jobs import line
from media_store.errors import FAILURES

LARGEST_BYTES = 100 * 1024 * 1024  # the provider's limit for a file
FETCH_DEADLINE_S = 300.0  # one attempt, look-up and download together
ID_LIFE = timedelta(days=7)  # the provider's life of a media id from a delivery
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 6 * 3600.0
MOST_DAMAGED = 3  # tries at a file that arrives empty or other than announced
ROOM_KEPT_BYTES = 2 * LARGEST_BYTES  # free space that work on files leaves to everybody else
MOST_TEMP_BYTES = 4 * 1024**3  # all work on files together
# Sound is unfolded to float PCM and written as 24-bit stereo; formats for hand-off come on top.
PCM_BYTES_PER_S = (4 + 2 * 3 + 2) * 48_000
LEAST_SOUND_BYTES_PER_S = 750  # the thinnest voice a telephone sends, 6 kbit/s
LONGEST_SOUND_S, LONGEST_VIDEO_S = 1800, 600
PLAYABLE_BYTES = 230 * 1024 * 1024  # ten minutes at the highest rate we write
PICTURES_BYTES = 16 * 1024 * 1024
LONGEST_NAME_CHARACTERS = 120
LEFT = "media.sender_blocked"  # not fetched, because nobody is to see what its sender sends
FORGOTTEN = "media.forgotten_while_blocked"
ON_THE_WAY = ("waiting", "fetching", "processing")

KINDS = {
    MessageKind.VOICE: "voice",
    MessageKind.AUDIO: "audio",
    MessageKind.IMAGE: "image",
    MessageKind.VIDEO: "video",
    MessageKind.DOCUMENT: "document",
    MessageKind.STICKER: "sticker",
}
FINAL_REASONS = frozenset(failure.code for failure in FAILURES if failure.is_final)
LONG_KINDS = frozenset({"video", "document"})  # a document may be anything until it was fetched
LONG_FROM_BYTES = 8 * 1024 * 1024  # more than ten minutes of a voice note, a minute of WAV


def lane_of(kind: str, size_bytes: int | None = None) -> int:
    """Whether the work on a file is short or long; long work runs one at a time.

    >>> lane_of("voice"), lane_of("video", 90_000), lane_of("document", 90_000), lane_of("audio", 200_000_000)
    (0, 1, 0, 1)
    """
    if kind == "video" or (size_bytes is None and kind in LONG_KINDS):
        return line.LONG
    return line.LONG if kind != "image" and (size_bytes or 0) > LONG_FROM_BYTES else line.SHORT


def room_needed_bytes(kind: str, size_bytes: int) -> int:
    """Temporary space that making the renditions of a file may take, the file itself included.

    >>> room_needed_bytes("voice", 35_000) // 2**20, room_needed_bytes("video", 5_000_000) // 2**20
    (25, 564)
    """
    if kind in ("image", "sticker"):
        return size_bytes + PICTURES_BYTES
    longest_s = LONGEST_VIDEO_S if kind == "video" else LONGEST_SOUND_S
    sound = PCM_BYTES_PER_S * min(longest_s, size_bytes // LEAST_SOUND_BYTES_PER_S + 1)
    return size_bytes + sound + (0 if kind in ("voice", "audio") else PLAYABLE_BYTES)


def kind_of(kind: str, mime: str) -> str:
    """What a file is called before its bytes were seen: by the message's kind, for anything odd by its type."""
    if kind in KINDS:
        return KINDS[MessageKind(kind)]
    family = mime.partition("/")[0].lower()
    return family if family in ("audio", "image", "video") else "document"


def fetch_pause_s(tries: int) -> float:
    """Pause before the next attempt at a file after `tries` failed ones: 5, 10, 20 s … 6 h.

    >>> fetch_pause_s(1), fetch_pause_s(3), fetch_pause_s(40)
    (5.0, 20.0, 21600.0)
    """
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(tries - 1, 30))


def may_retry(reason: str | None, *, is_stored: bool) -> bool:
    """Whether a card offers another try at a failed file: not where the bytes that are here decide the outcome.

    >>> may_retry("media.corrupt", is_stored=True), may_retry("media.corrupt", is_stored=False)
    (False, True)
    >>> may_retry("media.timeout", is_stored=True), may_retry("media.stopped", is_stored=True)
    (True, True)
    """
    return not (is_stored and reason in FINAL_REASONS)


def expires_at(sent_at: datetime, received_at: datetime) -> datetime:
    """When the provider forgets a file: counted from the earlier of the two times we know."""
    return min(sent_at, received_at) + ID_LIFE


def cover_of(is_covered: bool | None, *, is_sensitive: bool, is_document: bool) -> str | None:
    """Why a file lies covered on screens: 'sensitive', 'document', or None if it does not.

    What a person decided stands above the desk's marks.

    >>> cover_of(None, is_sensitive=False, is_document=True), cover_of(False, is_sensitive=True, is_document=True)
    ('document', None)
    """
    if is_covered is False:
        return None
    if is_sensitive:
        return "sensitive"
    if is_document:
        return "document"
    return "sensitive" if is_covered else None


def clean_file_name(name: str | None) -> str | None:
    """A listener's file name as text for people: no control or direction marks, no path, at most 120 characters.

    >>> clean_file_name("../../etc/Gru\\u202ess.mp3\\n")
    'Gruss.mp3'
    """
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    cleaned = "".join(letter for letter in last if letter.isprintable() and letter not in DIRECTION_MARKS).strip()
    if len(cleaned) <= LONGEST_NAME_CHARACTERS:
        return cleaned or None
    stem, dot, ending = cleaned.rpartition(".")
    if not dot or len(ending) > 10:
        return cleaned[:LONGEST_NAME_CHARACTERS]
    return f"{stem[: LONGEST_NAME_CHARACTERS - len(ending) - 1]}.{ending}"


DIRECTION_MARKS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
