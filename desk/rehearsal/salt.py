"""Twins that differ: the same sample with other bytes, so that it counts as another file.

The sound and the picture stay as they are; only a comment changes. So a copy comes as people
forward it, with other bytes; what is to be no copy at all is made in `variety`.
"""

from __future__ import annotations

import struct

_POLYNOMIAL = 0x04C11DB7  # Ogg's CRC-32, RFC 3533 section 6


def salted(data: bytes, salt: str) -> bytes:
    """The file with the salt in a comment; unknown formats and an empty salt leave it as it is."""
    note = salt.encode("ascii", "replace")
    if not note:
        return data
    if data[:4] == b"OggS":
        return _salted_ogg(data, note)
    if data[:2] == b"\xff\xd8":
        return data[:2] + b"\xff\xfe" + struct.pack(">H", len(note) + 2) + note + data[2:]
    if data[4:8] == b"ftyp":
        return data + struct.pack(">I", len(note) + 8) + b"free" + note
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _salted_webp(data, note)
    return data


def _salted_webp(data: bytes, note: bytes) -> bytes:
    chunk = b"SALT" + struct.pack("<I", len(note)) + note + b"\0" * (len(note) % 2)
    return data[:4] + struct.pack("<I", len(data) - 8 + len(chunk)) + data[8:] + chunk


def _salted_ogg(data: bytes, note: bytes) -> bytes:
    """Rewrite the second page (OpusTags) with one more comment; other files are left alone."""
    first_end = _page_end(data, 0)
    end = _page_end(data, first_end)
    head_bytes = 27 + data[first_end + 26]
    body = data[first_end + head_bytes : end]
    if body[:8] != b"OpusTags":
        return data
    (vendor_bytes,) = struct.unpack_from("<I", body, 8)
    at = 12 + vendor_bytes
    (count,) = struct.unpack_from("<I", body, at)
    comment = b"COMMENT=" + note
    body = body[:at] + struct.pack("<I", count + 1) + struct.pack("<I", len(comment)) + comment + body[at + 4 :]
    lacing = b"\xff" * (len(body) // 255) + bytes([len(body) % 255])
    if len(lacing) > 255:
        return data
    head = data[first_end : first_end + 22] + b"\0\0\0\0" + bytes([len(lacing)]) + lacing
    page = bytearray(head + body)
    page[22:26] = struct.pack("<I", _crc(bytes(page)))
    return data[:first_end] + bytes(page) + data[end:]


def _page_end(data: bytes, start: int) -> int:
    segments = data[start + 26]
    return start + 27 + segments + sum(data[start + 27 : start + 27 + segments])


def _crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ _POLYNOMIAL) & 0xFFFFFFFF if crc & 0x80000000 else (crc << 1) & 0xFFFFFFFF
    return crc
