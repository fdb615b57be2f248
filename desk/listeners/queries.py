"""Reads about listeners: who somebody is now, and where a reply to them goes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from desk import sealing
from desk.channels import contract
from desk.errors import NotFound
from desk.listeners import rules
from desk.listeners.actions import address_about
from desk.listeners.models import Address, Listener


class NoListener(NotFound):
    code = "listeners.no_listener"
    message = "There is no such listener."


def load_listener(session: Session, station_id: int, listener_id: int) -> Listener:
    """The listener, or the one it was merged into. Raises NoListener, also for another station's."""
    found = session.get(Listener, listener_id)
    if found is None or found.station_id != station_id:
        raise NoListener
    if found.merged_into_id is not None:
        return session.get_one(Listener, found.merged_into_id)
    return found


def blocked_ids(station_id: int, at: datetime) -> Select[int]:
    """Those whose messages nobody is to see now, for conditions of rooms above. They are few."""
    return select(Listener.id).where(Listener.station_id == station_id, Listener.blocked_until > at)


def is_blocked(session: Session, listener_id: int, *, at: datetime) -> bool:
    """Whether nobody is to see what this listener sends now."""
    until = session.execute(select(Listener.blocked_until).where(Listener.id == listener_id)).scalar_one()
    return rules.is_blocked(until, at)


def find_recipient(session: Session, listener_id: int, channel_kind: str) -> contract.Recipient | None:
    """Where a reply goes: the newest current ids; None if nobody can be reached any more."""
    rows = session.execute(
        select(Address)
        .where(Address.listener_id == listener_id, Address.channel_kind == channel_kind, Address.is_current)
        .order_by(Address.seen_at, Address.id)
    ).scalars()
    found = {row.kind: sealing.unseal(row.value_sealed, address_about(row.station_id, row.lookup)) for row in rows}
    phone = found.get("phone") or (f"+{found['wa_id']}" if "wa_id" in found else None)
    if phone is None and "bsuid" not in found:
        return None
    return contract.Recipient(bsuid=found.get("bsuid"), phone=phone)


def is_same_person(
    session: Session, station_id: int, channel_kind: str, listener_id: int, sender: contract.Sender
) -> bool:
    """Whether a sender is this listener under any of their ids; changes nothing."""
    ids = [
        ("bsuid", sender.bsuid), ("wa_id", sender.wa_id), ("phone", sender.phone), ("parent", sender.parent_bsuid)
    ]  # fmt: skip
    lookups = [sealing.lookup("address", str(station_id), channel_kind, kind, value) for kind, value in ids if value]
    return listener_id in _owners(session, station_id, channel_kind, lookups)


def _owners(session: Session, station_id: int, channel_kind: str, lookups: Collection[str]) -> set[int]:
    rows = session.execute(
        select(Address.listener_id).where(
            Address.station_id == station_id, Address.channel_kind == channel_kind, Address.lookup.in_(lookups)
        )
    ).scalars()
    return set(rows)
