"""Colour profiles for tests, written byte by byte, and the figures they must lead to by arithmetic alone.

Only what a reader needs is in them: primaries or a table, a tone curve, a white point, a name.
Source: ICC.1:2001-04 (version 2 profiles); primaries of SMPTE EG 432-1 (Display P3) and Adobe RGB (1998).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Pair = tuple[float, float]

D65: Pair = (0.3127, 0.3290)
D50_XYZ = (0.9642, 1.0, 0.8249)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

SRGB: tuple[Pair, Pair, Pair] = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3: tuple[Pair, Pair, Pair] = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_RGB: tuple[Pair, Pair, Pair] = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
ADOBE_GAMMA = 563 / 256

CYAN_LAB = (55.0, -37.0, -50.0)


def _xyz(x: float, y: float) -> Matrix:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def to_xyz(primaries: tuple[Pair, Pair, Pair]) -> Matrix:
    """Linear RGB with white D65 to XYZ. Columns are the primaries."""
    columns = np.stack([_xyz(*primary) for primary in primaries], axis=1)
    return columns * np.linalg.solve(columns, _xyz(*D65))


def _to_d50(xyz: Matrix) -> Matrix:
    scale = (BRADFORD @ np.array(D50_XYZ)) / (BRADFORD @ _xyz(*D65))
    return np.linalg.inv(BRADFORD) @ np.diag(scale) @ BRADFORD @ xyz


def in_srgb(colour: Sequence[int], primaries: tuple[Pair, Pair, Pair], gamma: float) -> tuple[int, ...]:
    """What a colour of another space is in sRGB, cut off where sRGB does not reach."""
    linear = (np.array(colour) / 255) ** gamma
    srgb = np.clip(np.linalg.solve(to_xyz(SRGB), to_xyz(primaries) @ linear), 0, 1)
    return tuple(int(value) for value in np.rint(255 * encoded(srgb)))


def encoded(linear: Matrix) -> Matrix:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def lab_in_srgb(lab: tuple[float, float, float]) -> tuple[int, ...]:
    y = (lab[0] + 16) / 116
    xyz = np.array(
        [v**3 if v**3 > 0.008856 else (v - 16 / 116) / 7.787 for v in (y + lab[1] / 500, y, y - lab[2] / 200)]
    )
    linear = np.linalg.solve(_to_d50(to_xyz(SRGB)), xyz * np.array(D50_XYZ))
    return tuple(int(value) for value in np.rint(255 * encoded(np.clip(linear, 0, 1))))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz_tag(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in values)


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _description(name: str) -> bytes:
    text = name.encode() + b"\0"
    body = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67)
    return body + bytes(-len(body) % 4)


def _profile(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02100000, kind, space, pcs)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(24)
    head += struct.pack(">I", 0) + b"".join(_fixed(value) for value in D50_XYZ) + bytes(48)
    return head + table + body


def rgb_profile(primaries: tuple[Pair, Pair, Pair], gamma: float, name: str = "test") -> bytes:
    """A display profile of three primaries with white D65 and one exponent."""
    columns = _to_d50(to_xyz(primaries)).T
    tags = {b"desc": _description(name), b"wtpt": _xyz_tag(D50_XYZ), b"cprt": b"text\0\0\0\0none\0\0\0\0"}
    for letter, column in zip((b"r", b"g", b"b"), columns, strict=True):
        tags |= {letter + b"XYZ": _xyz_tag(column), letter + b"TRC": _curve(gamma)}
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    tags = {b"desc": _description("grey"), b"wtpt": _xyz_tag(D50_XYZ), b"kTRC": _curve(gamma)}
    return _profile(b"mntr", b"GRAY", b"XYZ ", tags)


def ink_profile() -> bytes:
    """A printer whose full cyan is CYAN_LAB; other inks are greys by their darkness."""

    def lab(c: int, m: int, y: int, k: int) -> tuple[float, float, float]:
        if (c, m, y, k) == (1, 0, 0, 0):
            return CYAN_LAB
        return (100 * 0.5 ** (c + m + y) * (0.1 if k else 1), 0.0, 0.0)

    corners = [lab(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    grid = bytes(round(v) for L, a, b in corners for v in (L * 2.55, a + 128, b + 128))
    same = bytes(range(256))
    identity = b"".join(_fixed(value) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + same * 4 + grid + same * 3
    tags = {b"desc": _description("inks"), b"wtpt": _xyz_tag(D50_XYZ), b"A2B0": table}
    return _profile(b"prtr", b"CMYK", b"Lab ", tags)
