"""Faults on order, so that tests and long runs can see what the desk does about them.

Counters live in the ledger and are used up one call at a time. Reachable from loopback only
(`control`); the places where faults bite are `graph` and `delivery`.
"""

from __future__ import annotations

from typing import Any

from .ledger import Ledger

KNOWN = {
    "next_media_status": "HTTP status of the next look-ups or downloads",
    "next_media_count": "how many calls next_media_status applies to (default 1)",
    "expire_urls": "true: every download URL given out so far is expired",
    "expire_ids": "true: every media id given out so far is expired",
    "wrong_sha": "how many look-ups answer with a wrong sha256",
    "short_files": "how many downloads end early",
    "slow_ms": "delay of every media call",
    "next_send_error": "error code of the next sends",
    "next_send_count": "how many sends next_send_error applies to (default 1)",
    "next_failed_status": "error code: the next send is accepted, then reported failed",
    "silent_statuses": "how many sends are accepted without any status",
    "hold_webhooks": "true: nothing is delivered until set to false",
}


def order(ledger: Ledger, wanted: dict[str, Any], now: float) -> dict[str, Any]:
    """Merge new faults into the standing ones; an empty object clears all. Raises KeyError for unknown names."""
    for name in wanted:
        if name not in KNOWN:
            raise KeyError(name)
    with ledger.writing():
        standing = {**ledger.note("faults", {}), **wanted} if wanted else {}
        for name in ("expire_urls", "expire_ids"):
            if standing.pop(name, False):
                ledger.keep_note(f"{name}_before", now)
        ledger.keep_note("faults", standing)
    return standing


def standing(ledger: Ledger, name: str) -> Any:
    return ledger.note("faults", {}).get(name)


def use(ledger: Ledger, name: str, counter: str | None = None) -> Any:
    """The fault's value if it applies to this call, counted down; else None.

    Without a counter the value itself is the count, or applies once.
    """
    with ledger.writing():
        faults = ledger.note("faults", {})
        value = faults.get(name)
        if not value:
            return None
        if counter is not None:
            _count_down(faults, counter, name)
        elif name in ("wrong_sha", "short_files", "silent_statuses"):
            _count_down(faults, name, name)
        else:
            faults.pop(name)
        ledger.keep_note("faults", faults)
    return value


def _count_down(faults: dict[str, Any], counter: str, name: str) -> None:
    left = int(faults.get(counter, 1)) - 1
    faults[counter] = left
    if left <= 0:
        faults.pop(name, None)
        faults.pop(counter, None)
