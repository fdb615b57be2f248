"""Files that are no medium, or one that is not taken: kept as documents, refused in the place of a medium."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from docs.formats.measuring import Row, Table, kilobytes, work_through
from tests.media_store.material import ffmpeg

WORDS = """Only what stands in the tables above is ever opened; the first bytes decide, whatever name and type say. \
Anything else
sent as a document is kept as it came, to be saved from the card, and no program of ours reads it. Where the channel
promised sound, photo or film, the card says that it cannot be played and what to ask for."""
COLUMNS = ("file", "size", "sent as a document", "sent as a medium")


def picture(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), (200, 50, 40)).save(out, form)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("word/document.xml", "<document/>")
    return out.getvalue()


def film(form: str, *options: str) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        path = folder / f"other.{form}"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1", *options, path)
        return path.read_bytes()

    return make


def plain(content: bytes) -> Callable[[Path], bytes]:
    return lambda _: content


OTHERS_SENT: dict[str, Callable[[Path], bytes]] = {
    "PDF": plain(b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"),
    "Word, Excel, ZIP": plain(archive()),
    "contact (vCard)": plain(b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Greta\r\nEND:VCARD\r\n"),
    "text": plain("Grüße aus Königswinter\n".encode() * 10),
    "web page": plain(b"<!doctype html><title>x</title>"),
    "drawing (SVG)": plain(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "playlist (M3U)": plain(b"#EXTM3U\nhttp://example.org/a.ts\n"),
    "program": plain(b"MZ" + bytes(400)),
    "TIFF": plain(picture("TIFF")),
    "BMP": plain(picture("BMP")),
    "JPEG 2000": plain(picture("JPEG2000")),
    "AVI": film("avi", "-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "WMV": film("wmv"),
    "MPEG transport stream": film("ts"),
    "AIFF": film("aiff", "-vn"),
}


def rows(folder: Path) -> Iterator[Row]:
    path = folder / "other"
    for name, make in OTHERS_SENT.items():
        path.write_bytes(make(folder))
        kept = work_through(path, folder, declared="document")
        refused = work_through(path, folder, declared="video")
        yield (name, kilobytes(path.stat().st_size), _became(kept.refused, len(kept.made)),
               _became(refused.refused, len(refused.made)))  # fmt: skip


def _became(refused: str, made: int) -> str:
    if refused:
        return f"refused, `{refused}`"
    return f"opened, {made} forms" if made else "kept, not opened"


OTHERS = Table("Everything else", WORDS, COLUMNS, rows, first_figure=9)
