"""Writes about listeners: recognising a sender, changed identities, two that turn out to be one.

Identity is (channel kind, external id). Look-ups go by keyed hash; values are sealed. A name or user name never
identifies anybody. Every function here may be repeated and may come in any order: the state at the end is the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from desk import db, sealing
from desk.channels import contract
from desk.listeners import blocking, rules, signals
from desk.listeners.models import Address, Listener
from desk.live import audit


@dataclass(frozen=True)
class Handle:
    """One external id of a person on a kind of channel."""

    kind: str  # bsuid, parent, wa_id, phone or nameless
    value: str
    is_current: bool = True


def recognise(
    session: Session, station_id: int, channel_kind: str, sender: contract.Sender, *, at: datetime, fallback: str = ""
) -> Listener:
    """The listener behind a sender; a new one if nobody is known under any of the ids.

    Ids of two listeners in one sender show that they are one person: they are merged. `fallback` stands in for a
    sender without any id (the provider's id of the message), so that a repeat finds the same nameless listener.
    """
    handles = _handles(sender) or [Handle("nameless", fallback)]
    listener = _bind(session, station_id, channel_kind, handles, at=at)
    _learn_name(listener, sender.profile_name)
    listener.first_seen_at = min(listener.first_seen_at, at)
    listener.last_seen_at = max(listener.last_seen_at, at)
    return listener


def apply_identity_change(
    session: Session, station_id: int, channel_kind: str, change: contract.IdentityChange, *, at: datetime
) -> Listener:
    """A person has new ids; the old ones stay as aliases. Makes the listener if the news comes before any message."""
    new = _handles(change.new)
    kept = {(handle.kind, handle.value) for handle in new}
    old = [
        Handle(handle.kind, handle.value, is_current=False)
        for handle in _handles(change.old)
        if (handle.kind, handle.value) not in kept
    ]
    replaced = {handle.kind for handle in new}
    listener = _bind(session, station_id, channel_kind, [*new, *old], at=at)
    for handle in old:
        if handle.kind in replaced:
            _retire(session, station_id, channel_kind, handle)
    _learn_name(listener, change.new.profile_name or change.old.profile_name)
    return listener


def set_preference(session: Session, listener: Listener, value: str, *, at: datetime) -> None:
    """A person told the provider to stop or resume messages that we begin. `at` is the moment they said so."""
    if value == "stop":
        listener.stopped_at = max(at, listener.stopped_at or at)
    elif listener.stopped_at is not None and listener.stopped_at <= at:
        listener.stopped_at = None


def note_place(session: Session, listener: Listener, text: str) -> None:
    """Keep the place somebody greets from, unless one is known."""
    if not listener.place and (place := rules.find_place(text)):
        listener.place = place


def count_message(session: Session, listener: Listener) -> None:
    """One more message of this listener; counted in the database, where two workers cannot lose one."""
    listener.message_count = session.execute(
        update(Listener)
        .where(Listener.id == listener.id)
        .values(message_count=Listener.message_count + 1)
        .returning(Listener.message_count)
        .execution_options(synchronize_session=False)
    ).scalar_one()


def _handles(sender: contract.Sender) -> list[Handle]:
    """Most reliable first; the phone is kept in one form, whether it came as digits or with a plus."""
    found = [
        ("bsuid", sender.bsuid),
        ("wa_id", sender.wa_id),
        ("phone", sender.phone),
        ("parent", sender.parent_bsuid),
    ]
    return [Handle(kind, value) for kind, value in found if value]


def _bind(session: Session, station_id: int, channel_kind: str, handles: Sequence[Handle], *, at: datetime) -> Listener:
    """One listener under all these handles. The unique constraint on addresses decides between two at a time."""
    keys = {handle: _lookup(station_id, channel_kind, handle) for handle in handles}
    known = _owners(session, station_id, channel_kind, list(keys.values()))
    listener = _one_of(session, known, at=at) if known else _add_listener(session, station_id, at=at)
    is_taken = False
    for handle, lookup in keys.items():
        if not _add_address(session, listener, channel_kind, handle, lookup, at=at):
            is_taken = True
    if is_taken:
        listener = _settle(session, station_id, channel_kind, list(keys.values()), listener, is_new=not known, at=at)
    return listener


def _lookup(station_id: int, channel_kind: str, handle: Handle) -> str:
    return sealing.lookup("address", str(station_id), channel_kind, handle.kind, handle.value)


def _owners(session: Session, station_id: int, channel_kind: str, lookups: list[str]) -> list[int]:
    """Ids of the living listeners under these look-ups, oldest first."""
    rows = session.execute(
        select(Address.listener_id)
        .where(Address.station_id == station_id, Address.channel_kind == channel_kind, Address.lookup.in_(lookups))
        .distinct()
    ).scalars()
    return sorted(rows)


def _add_listener(session: Session, station_id: int, *, at: datetime) -> Listener:
    listener = Listener(
        station_id=station_id,
        alias=rules.alias_of(secrets.randbelow(10_000)),
        first_name="",
        place="",
        hue=secrets.randbelow(rules.HUES),
        message_count=0,
        first_seen_at=at,
        last_seen_at=at,
    )
    session.add(listener)
    session.flush()
    return listener


def _add_address(
    session: Session, listener: Listener, channel_kind: str, handle: Handle, lookup: str, *, at: datetime
) -> bool:
    """Add a handle to a listener; False if it is there already, whoever has it."""
    return db.insert_if_absent(
        session,
        Address.metadata.tables["address"],
        {
            "station_id": listener.station_id,
            "listener_id": listener.id,
            "channel_kind": channel_kind,
            "kind": handle.kind,
            "lookup": lookup,
            "value_sealed": sealing.seal(handle.value, address_about(listener.station_id, lookup)),
            "is_current": handle.is_current,
            "seen_at": at,
        },
        unique=["station_id", "channel_kind", "kind", "lookup"],
    )


def address_about(station_id: int, lookup: str) -> str:
    """What the value of an address is sealed for."""
    return f"address:{station_id}:{lookup}"


def _settle(
    session: Session,
    station_id: int,
    channel_kind: str,
    lookups: list[str],
    listener: Listener,
    *,
    is_new: bool,
    at: datetime,
) -> Listener:
    """Some handles were there: whoever owns any of them now is this person."""
    session.flush()
    owners = _owners(session, station_id, channel_kind, lookups)
    if is_new and listener.id not in owners:  # another worker made this person a moment ago
        session.delete(listener)
        session.flush()
    return _one_of(session, owners, at=at)


def _one_of(session: Session, ids: list[int], *, at: datetime) -> Listener:
    """The one listener of several ids; the oldest keeps what the others have."""
    rows = session.execute(
        select(Listener).where(Listener.id.in_(ids)).order_by(Listener.id).with_for_update()
    ).scalars().all()  # fmt: skip
    kept = rows[0]
    for gone in rows[1:]:
        merge(session, kept, gone, at=at)
    return kept


def merge(session: Session, kept: Listener, gone: Listener, *, at: datetime) -> None:
    """Two listeners are one person: addresses, counts and restrictions move to `kept`, other rooms follow."""
    session.execute(update(Address).where(Address.listener_id == gone.id).values(listener_id=kept.id))
    kept.message_count += gone.message_count
    kept.first_seen_at = min(kept.first_seen_at, gone.first_seen_at)
    kept.last_seen_at = max(kept.last_seen_at, gone.last_seen_at)
    kept.first_name = kept.first_name or gone.first_name
    if kept.display_name_sealed is None and gone.display_name_sealed is not None:
        kept.display_name_sealed = sealing.seal(
            sealing.unseal(gone.display_name_sealed, name_about(gone.id)), name_about(kept.id)
        )
    kept.place = kept.place or gone.place
    blocked_before, kept.blocked_until = kept.blocked_until, _later(kept.blocked_until, gone.blocked_until)
    kept.stopped_at = _later(kept.stopped_at, gone.stopped_at)
    gone.merged_into_id = kept.id
    gone.message_count = 0
    session.execute(update(Listener).where(Listener.merged_into_id == gone.id).values(merged_into_id=kept.id))
    session.flush()
    for follow in signals.merged:
        follow(session, kept.id, gone.id, at)
    blocking.join(session, kept, gone, blocked_before, at=at)
    audit.record(
        session, kept.station_id, "listener.merge", f"listener:{kept.id}", by=None, at=at, details={"gone": gone.id}
    )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


def _retire(session: Session, station_id: int, channel_kind: str, handle: Handle) -> None:
    session.execute(
        update(Address)
        .where(
            Address.station_id == station_id,
            Address.channel_kind == channel_kind,
            Address.kind == handle.kind,
            Address.lookup == _lookup(station_id, channel_kind, handle),
        )
        .values(is_current=False)
    )


def name_about(listener_id: int) -> str:
    """What a listener's full name is sealed for."""
    return f"listener-name:{listener_id}"


def _learn_name(listener: Listener, profile_name: str | None) -> None:
    if not profile_name or listener.display_name_sealed is not None:
        return
    listener.display_name_sealed = sealing.seal(profile_name, name_about(listener.id))
    listener.first_name = listener.first_name or rules.first_name_of(profile_name)
