"""Which message a phone makes of a file, and under which name and MIME type.

Decides by the file's name, as the phone app does; the bytes are not trusted and not changed.
Turning recordings into voice notes is done in `recording`, making twins differ in `salt` and `variety`.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import PurePosixPath

INBOUND_LIMIT_BYTES = 100 * 1024 * 1024  # provider: larger files arrive as error 131052
VOICE_MIME = "audio/ogg; codecs=opus"

_KINDS = {
    ".jpg": ("image", "image/jpeg"),
    ".jpeg": ("image", "image/jpeg"),
    ".png": ("image", "image/png"),
    ".mp4": ("video", "video/mp4"),
    ".3gp": ("video", "video/3gpp"),
    ".webp": ("sticker", "image/webp"),
    ".mp3": ("audio", "audio/mpeg"),
    ".m4a": ("audio", "audio/mp4"),
    ".aac": ("audio", "audio/aac"),
    ".amr": ("audio", "audio/amr"),
    ".ogg": ("audio", "audio/ogg"),
    ".opus": ("audio", "audio/ogg"),
    ".heic": ("document", "image/heic"),
    ".wav": ("document", "audio/x-wav"),
    ".mov": ("document", "video/quicktime"),
    ".webm": ("document", "video/webm"),
    ".flac": ("document", "audio/flac"),
}


@dataclass(frozen=True)
class FileKind:
    """type: the message type; mime as declared in the webhook."""

    type: str
    mime: str
    is_voice: bool = False


def file_kind(file_name: str, *, is_voice: bool = False) -> FileKind:
    """Decide the message type; anything unusual is sent as a document."""
    if is_voice:
        return FileKind("audio", VOICE_MIME, is_voice=True)
    suffix = PurePosixPath(file_name).suffix.lower()
    if suffix in _KINDS:
        return FileKind(*_KINDS[suffix])
    return FileKind("document", mimetypes.guess_type(file_name)[0] or "application/octet-stream")


def is_animated(webp: bytes) -> bool:
    return webp[:4] == b"RIFF" and b"ANIM" in webp[:64]
