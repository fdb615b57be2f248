"""The adapter behind a webhook address, remembered for a few seconds per process.

A delivery must be answered within milliseconds and the same few channels are asked for all day. A changed secret
counts after KEPT_S at the latest.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from desk import db
from desk.channels import contract
from desk.channels.models import Channel
from desk.channels.queries import load_channel, open_adapter
from desk.errors import Invalid

logger = logging.getLogger(__name__)
KEPT_S = 5.0


@dataclass(frozen=True)
class Door:
    """Where a delivery comes in. `adapter` None: its secrets or settings cannot be used, so nothing is let in."""

    channel_id: int
    station_id: int
    adapter: contract.Channel | None


@dataclass(frozen=True)
class _Kept:
    door: Door
    database: db.Database
    until_s: float


_kept: dict[str, _Kept] = {}


def open_door(public_id: str) -> Door:
    """The door of a webhook address. Raises NoChannel."""
    database = db.current()
    kept = _kept.get(public_id)
    if kept is not None and kept.database is database and time.monotonic() < kept.until_s:
        return kept.door
    with database.reading() as session:
        channel = load_channel(session, public_id)
        door = Door(channel.id, channel.station_id, _adapter(channel))
    _kept[public_id] = _Kept(door, database, time.monotonic() + KEPT_S)
    return door


def _adapter(channel: Channel) -> contract.Channel | None:
    try:
        return open_adapter(channel)
    except Invalid as fault:
        logger.error("channel %s lets nothing in: %s", channel.id, ", ".join(sorted(fault.fields)))
        return None


def forget() -> None:
    """Look every channel up again at its next delivery."""
    _kept.clear()
