"""Untrusted input about campaigns to values, with every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from desk.contests import rules
from desk.errors import Invalid

SPANS = ("start", "show", "today", "week", "month")
FIRST_YEAR, LAST_YEAR = 2000, 2100


@dataclass(frozen=True)
class CampaignForm:
    """What a person may set on a campaign."""

    name: str
    keywords: str
    hue: int
    icon: str
    opens_at: datetime
    closes_at: datetime | None


def read_campaign(given: Mapping[str, Any], zone: ZoneInfo, *, now: datetime) -> CampaignForm:
    """Read a campaign; times without an offset are the station's. Raises Invalid naming every faulty field."""
    faults: dict[str, str] = {}
    name = _text(given.get("name"))
    if not 0 < len(name) <= 80:
        faults["name"] = "A campaign needs a name of up to 80 characters."
    keywords = _text(given.get("keywords"))
    if len(keywords) > rules.LONGEST_KEYWORDS:
        faults["keywords"] = "The keywords are longer than 200 characters."
    elif keywords and not rules.split_keywords(keywords):
        faults["keywords"] = "A keyword needs a letter or a digit."
    hue = given.get("hue", 0)
    if not isinstance(hue, int) or isinstance(hue, bool) or not 0 <= hue <= 23:
        faults["hue"] = "The colour is a number from 0 to 23."
        hue = 0
    icon = str(given.get("icon") or "campaign")
    if icon not in rules.ICONS:
        faults["icon"] = "There is no such picture."
    opens_at = _moment(given.get("opens_at"), zone, "opens_at", faults) or now
    closes_at = _moment(given.get("closes_at"), zone, "closes_at", faults)
    if closes_at is not None and closes_at <= opens_at:
        faults["closes_at"] = "The end lies before the beginning."
    if faults:
        raise Invalid(faults)
    return CampaignForm(name, keywords, hue, icon, opens_at, closes_at)


def read_backwards(given: Mapping[str, Any]) -> tuple[str, str]:
    """The span and the key of a request to run a rule backwards. Raises Invalid."""
    faults: dict[str, str] = {}
    span, key = given.get("span"), given.get("key")
    if span not in SPANS:
        faults["span"] = "There is no such span."
    if not isinstance(key, str) or not 8 <= len(key) <= 64:
        faults["key"] = "Every sweep carries a key of its own, so that it happens once."
    if faults:
        raise Invalid(faults)
    return str(span), str(key)


def _text(given: Any) -> str:
    """One line without control characters and without doubled spaces."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(given or "")).split())


def _moment(given: Any, zone: ZoneInfo, name: str, faults: dict[str, str]) -> datetime | None:
    if given in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(str(given))
    except ValueError:
        faults[name] = "This is no date with time."
        return None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        faults[name] = "This date lies too far away."
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
