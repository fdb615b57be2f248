"""Untrusted input about a station's sounds to values, with every fault at once."""

from __future__ import annotations

import math
from collections.abc import Mapping

from desk.errors import Invalid
from media_store import delivery
from media_store.delivery import Delivery, Handles
from media_store.loudness import AudioTarget


def read_wishes(given: Mapping[str, str]) -> Delivery:
    """Read the settings of sound; a further format is asked for by `format_<its name>`. Raises Invalid."""
    faults: dict[str, str] = {}
    loudness_lufs = _figure(given.get("loudness_lufs"), delivery.LOWEST_LUFS, delivery.HIGHEST_LUFS)
    if loudness_lufs is None:
        faults["loudness_lufs"] = "The loudness lies between -31 and -9 LUFS."
    true_peak_dbtp = _figure(given.get("true_peak_dbtp"), delivery.LOWEST_DBTP, delivery.HIGHEST_DBTP)
    if true_peak_dbtp is None:
        faults["true_peak_dbtp"] = "The highest peak lies between -9 and -1 dBTP."
    handles = None
    if given.get("is_trimmed") == "1":
        before_ms, after_ms = (_handle(given.get(name), name, faults) for name in ("before_ms", "after_ms"))
        handles = Handles(before_ms, after_ms)
    if faults or loudness_lufs is None or true_peak_dbtp is None:
        raise Invalid(faults)
    formats = frozenset(name for name in delivery.FORMATS if given.get(f"format_{name}") == "1")
    return Delivery(AudioTarget(loudness_lufs, true_peak_dbtp), handles, formats)


def _figure(text: str | None, lowest: float, highest: float) -> float | None:
    """A level in tenths, with a comma or a point; None if it is none or lies outside."""
    try:
        figure = float((text or "").strip().replace(",", ".").replace("−", "-"))
    except ValueError:
        return None
    return round(figure, 1) if math.isfinite(figure) and lowest <= figure <= highest else None


def _handle(text: str | None, name: str, faults: dict[str, str]) -> int:
    given = (text or "").strip()
    if given.isascii() and given.isdigit() and len(given) <= 5 and int(given) <= delivery.LONGEST_HANDLE_MS:
        return int(given)
    faults[name] = "This has to be a whole number of milliseconds, 5000 at most."
    return 0
