"""What browsers send to the wall, made into values; every fault is named at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from desk.errors import Invalid
from desk.listeners import rules as listeners
from desk.shows.rules import Span
from desk.wall import assigning, facets, marks, mood, rules
from desk.wall.queries import PAGE, PAGE_MOST
from desk.wall.walks import CLAIMED, Filter

LENGTHS = {"about": 200, "pronunciation": 120, "note": 1000}
REASON = re.compile(r"[a-z_]{1,40}")
MOST_SWEPT = 20_000
MISSING = "This is needed."
NO_NUMBER = "This has to be a whole number."


class _Faults(dict[str, str]):
    def check(self) -> None:
        if self:
            raise Invalid(self)


@dataclass(frozen=True)
class Move:
    """A verdict as the browser asks for it."""

    version: int
    to: str
    reason: str | None
    is_forced: bool
    is_for_copies: bool


@dataclass(frozen=True)
class Notes:
    """What was typed about a card; None leaves a field as it is."""

    version: int
    about: str | None
    pronunciation: str | None
    note: str | None


def read_move(body: Any) -> Move:
    given, faults = _object(body), _Faults()
    version = _number(given, "version", faults)
    to, reason = _verdict(given, faults, (*rules.VERDICTS, rules.MOOD))
    faults.check()
    return Move(version, to, reason, given.get("force") is True, given.get("with_copies") is True)


@dataclass(frozen=True)
class SweepForm:
    """A verdict on many cards: those named, each as the page knew it, or what is left in a filter.

    `among`: of those named only the ones in these states; empty: all.
    """

    to: str
    reason: str | None
    key: str
    is_started: bool
    cards: list[tuple[int, int | None]] | None
    among: tuple[str, ...]
    filter: Filter | None


def read_sweep(body: Any, asker: Asker, *, at: datetime) -> SweepForm:
    given, faults = _object(body), _Faults()
    to, reason = _verdict(given, faults)
    key = _key(given, faults)
    cards, query = given.get("cards"), given.get("filter")
    if (cards is None) == (query is None):
        faults["cards"] = "Name the cards or a filter."
    if cards is not None and not (
        isinstance(cards, list) and 0 < len(cards) <= MOST_SWEPT and all(map(_is_seen, cards))
    ):
        faults["cards"] = "Cards are pairs of number and version, 20,000 at most."
    if query is not None and not (isinstance(query, dict) and all(isinstance(one, str) for one in query.values())):
        faults["filter"] = "This is no filter."
    among = given.get("among") or []
    if not (isinstance(among, list) and all(state in rules.STATES for state in among)):
        faults["among"] = "This is no state of a card."
    faults.check()
    wanted = None if query is None else read_filter(query, asker, at=at)[0]
    chosen = None if cards is None else [(int(one[0]), one[1]) for one in cards]
    return SweepForm(to, reason, key, given.get("start") is True, chosen, tuple(among), wanted)


def _is_seen(pair: Any) -> bool:
    """[card, version], the version null where the page did not know it."""
    if not (isinstance(pair, list) and len(pair) == 2):
        return False
    return all(type(one) is int and 0 < one < 2**53 for one in (pair if pair[1] is not None else pair[:1]))


def _verdict(
    given: dict[str, Any], faults: _Faults, choices: tuple[str, ...] = rules.VERDICTS
) -> tuple[str, str | None]:
    to, reason = given.get("to"), given.get("reason")
    if to not in choices:
        faults["to"] = "A verdict is new, shortlisted or rejected."
    if reason is not None and not (isinstance(reason, str) and REASON.fullmatch(reason)):
        faults["reason"] = "This is no reason the desk knows."
    return str(to), reason


def _key(given: dict[str, Any], faults: _Faults) -> str:
    key = given.get("key")
    if not (isinstance(key, str) and re.fullmatch(r"[A-Za-z0-9-]{8,64}", key)):
        faults["key"] = "Every sweep carries a key of its own, so that it happens once."
    return str(key)


def read_notes(body: Any) -> Notes:
    given, faults = _object(body), _Faults()
    version = _number(given, "version", faults)
    values = {name: _text(given, name, length, faults) for name, length in LENGTHS.items()}
    faults.check()
    return Notes(version, values["about"], values["pronunciation"], values["note"])


def read_consent(body: Any) -> tuple[str, str]:
    """(act, note)"""
    given, faults = _object(body), _Faults()
    act = given.get("act")
    if not isinstance(act, str) or rules.consent_after(act) is None:
        faults["act"] = "Consent can be asked, given, refused, withdrawn or forgotten."
    note = _text(given, "note", 200, faults)
    faults.check()
    return str(act), note or ""


def read_cover(body: Any) -> bool:
    """Whether the files of a card shall lie covered."""
    covered = _object(body).get("covered")
    if not isinstance(covered, bool):
        raise Invalid({"covered": "Say true or false."})
    return covered


def read_block(body: Any) -> tuple[str, str]:
    """(length, reason)"""
    given, faults = _object(body), _Faults()
    length, reason = str(given.get("length")), str(given.get("reason"))
    if length not in listeners.BLOCK_TIMES:
        faults["length"] = "A block holds for an hour, a day or for ever."
    if reason not in listeners.BLOCK_REASONS:
        faults["reason"] = "Say why: insults, threats, flood, advert or other."
    faults.check()
    return length, reason


def read_rating(body: Any) -> int | None:
    given = _object(body)
    rating = given.get("rating")
    if "rating" not in given or not (rating is None or (type(rating) is int and rating in marks.RATINGS)):
        raise Invalid({"rating": "A rating is 1 to 5, or null."})
    return None if rating is None else int(rating)


def read_jury(body: Any) -> bool:
    """Whether a card shall lie before the jury."""
    wanted = _object(body).get("is_for_jury")
    if not isinstance(wanted, bool):
        raise Invalid({"is_for_jury": "Say true or false."})
    return wanted


def read_tag(body: Any) -> tuple[int, bool]:
    """(tag_id, whether it shall be on the card)"""
    given, faults = _object(body), _Faults()
    tag_id = _number(given, "tag_id", faults)
    if not isinstance(given.get("is_on"), bool):
        faults["is_on"] = "Say true or false."
    faults.check()
    return tag_id, given["is_on"] is True


def read_campaign(body: Any) -> int | None:
    given, faults = _object(body), _Faults()
    if "campaign_id" not in given:
        faults["campaign_id"] = MISSING
    wanted = None if given.get("campaign_id") is None else _number(given, "campaign_id", faults)
    faults.check()
    return wanted


def read_reply(body: Any) -> tuple[str, str]:
    """(text, idempotency_key)"""
    given, faults = _object(body), _Faults()
    text = _text(given, "text", 4096, faults)
    if not (text or "").strip():
        faults["text"] = MISSING
    key = given.get("idempotency_key")
    if not (isinstance(key, str) and re.fullmatch(r"[A-Za-z0-9-]{8,64}", key)):
        faults["idempotency_key"] = "Every reply carries a key of its own, so that it goes out once."
    faults.check()
    return str(text), str(key)


def read_force(body: Any) -> bool:
    return _object(body).get("force") is True


def read_ids(body: Any, name: str, most: int = 200) -> tuple[int, ...]:
    """A list of ids; missing, it is empty."""
    given = _object(body).get(name) or []
    if not isinstance(given, list) or not all(type(one) is int and 0 <= one < 2**53 for one in given[:most]):
        raise Invalid({name: "A list of whole numbers is expected here."})
    return tuple(given[:most])


def read_assigned(body: Any) -> tuple[str | None, int | None]:
    """(desk, person_id) a card is passed on to; both None: to nobody."""
    given, faults = _object(body), _Faults()
    desk, person_id = given.get("desk"), None
    if desk is not None and desk not in assigning.DESKS:
        faults["desk"] = "There is no such desk."
    if given.get("person_id") is not None:
        person_id = _number(given, "person_id", faults)
        if desk is not None:
            faults["desk"] = "A card goes to a person or to a desk."
    faults.check()
    return desk, person_id


@dataclass(frozen=True)
class Asker:
    """What a filter's words mean for whoever opens the link: today in this zone, me, and when a show was on.

    span_of(show_id, at) -> the newest broadcast of one of the station's shows that had begun by `at`, or None
    """

    zone: ZoneInfo
    me: int
    span_of: Callable[[int, datetime], Span | None]


def read_filter(args: Mapping[str, str], asker: Asker, *, at: datetime) -> tuple[Filter, str | None, int]:
    """Filter, cursor and length of a page from a query string; lists are separated by commas.

    `assigned` is a desk, or me. A time is hour, today or a day (2026-11-19). A show, by its id, is its broadcast of
    that day, else the latest.
    """
    faults = _Faults()
    states = tuple(part for part in args.get("state", "").split(",") if part and part != "all")
    kinds = tuple(part for part in args.get("kind", "").split(",") if part)
    if not set(states) <= {*rules.STATES, CLAIMED, rules.MOOD}:
        faults["state"] = "This is no state of a card."
    if not all(re.fullmatch(r"[a-z_]{1,20}", kind) for kind in kinds) or len(kinds) > 20:
        faults["kind"] = "This is no kind of message."
    campaign = args.get("campaign", "")
    if campaign and not (campaign.isdecimal() and len(campaign) < 16):
        faults["campaign"] = NO_NUMBER
    chosen, wrong = facets.read(args)
    faults |= dict.fromkeys(wrong, "This is no such choice.")
    order = args.get("order", "")
    if order not in ("", "newest", "oldest"):
        faults["order"] = "The newest or the oldest first."
    since, until = _read_time(args.get("time", ""), faults, zone=asker.zone, at=at)
    if args.get("show"):
        since, until = _read_show(args["show"], since, until, faults, asker, at=at)
    assigned = args.get("assigned", "")
    if assigned and assigned not in ("me", *assigning.DESKS):
        faults["assigned"] = "This is no such choice."
    limit = args.get("limit", "") or str(PAGE)
    if not (limit.isdecimal() and 1 <= int(limit[:9]) <= PAGE_MOST):
        faults["limit"] = "A page holds 1 to 200 cards."
    faults.check()
    text = args.get("text", "")[:200].replace("\x00", "")
    wanted = Filter(
        states=states,
        kinds=kinds,
        text=text,
        campaign_id=int(campaign) if campaign else None,
        is_exact=args.get("exact") == "1",
        facets=chosen,
        since=since,
        until=until,
        is_oldest_first=order == "oldest",
        assigned_to_id=asker.me if assigned == "me" else None,
        assigned_desk=assigned if assigned in assigning.DESKS else None,
    )
    return wanted, args.get("cursor") or None, int(limit)


def _read_time(said: str, faults: _Faults, *, zone: ZoneInfo, at: datetime) -> tuple[datetime | None, datetime | None]:
    """(since, until) of a choice of time."""
    if said == "hour":
        return at - timedelta(hours=1), None
    if not said:
        return None, None
    today = at.astimezone(zone).date()
    try:
        day = today if said == "today" else date.fromisoformat(said)
        start = datetime.combine(day, time(), zone)
        return start.astimezone(UTC), datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        faults["time"] = "A time is hour, today or a day."
        return None, None


def _read_show(
    said: str, since: datetime | None, until: datetime | None, faults: _Faults, asker: Asker, *, at: datetime
) -> tuple[datetime | None, datetime | None]:
    """The bounds of a broadcast within those of a time: a day means the one that began on it, an hour cuts it off."""
    if not (said.isdecimal() and len(said) < 16):
        faults["show"] = NO_NUMBER
        return since, until
    span = asker.span_of(int(said), at if until is None else min(at, until - timedelta(milliseconds=1)))
    if span is None or (until and since and span.starts_at < since):
        faults["show"] = "This show was not on then."
        return since, until
    is_hour = since is not None and until is None
    return max(span.starts_at, since) if is_hour and since else span.starts_at, span.ends_at


def read_mood(args: Mapping[str, str]) -> dict[str, Any]:
    """Which part of the mood bar: minutes, campaign_id, and for what is behind it sign and before (an item's id)."""
    faults = _Faults()
    numbers = {name: args.get(name, "") for name in ("minutes", "campaign", "before")}
    for name, value in numbers.items():
        if value and not (value.isdecimal() and len(value) < 16):
            faults[name] = NO_NUMBER
    minutes = int(numbers["minutes"] or mood.SHOWN_MINUTES) if "minutes" not in faults else mood.SHOWN_MINUTES
    if not 1 <= minutes <= mood.MINUTES_MOST:
        faults["minutes"] = "The bar covers 1 minute to a day."
    faults.check()
    return {
        "minutes": minutes,
        "campaign_id": int(numbers["campaign"]) if numbers["campaign"] else None,
        "sign": args.get("sign", "")[:32] or None,
        "before": int(numbers["before"]) if numbers["before"] else None,
    }


def read_after(args: Mapping[str, str]) -> int:
    after = args.get("after", "")
    if not (after.isdecimal() and len(after) < 16):
        raise Invalid({"after": NO_NUMBER})
    return int(after)


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Invalid({"": "A JSON object is expected here."})
    return body


def _number(given: dict[str, Any], name: str, faults: _Faults) -> int:
    value = given.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    faults[name] = MISSING if value is None else NO_NUMBER
    return 0


def _text(given: dict[str, Any], name: str, most: int, faults: _Faults) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        faults[name] = "This has to be text."
        return None
    if len(value) > most:
        faults[name] = "This is too long."
    return value.replace("\x00", "").strip()
