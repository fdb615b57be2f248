"""Writes about channels: adding one, and what we learn of its health while using it.

What a number's files cost the provider in failed reads is counted here (see `note_media_fault`), because the budget
belongs to the number and is shared by all workers.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from desk import sealing
from desk import settings as desk_settings
from desk.channels import registry
from desk.channels.models import Channel
from desk.channels.queries import find_by_number, secrets_about
from desk.errors import Conflict
from desk.live import audit

# Twenty failed reads an hour block a number at one provider: after four in a row every other file waits its turn.
FAULTS_IN_A_ROW = 4
FAULT_PAUSE = timedelta(minutes=15)  # four tries an hour from then on, until one works


class NumberTaken(Conflict):
    code = "channels.number_taken"
    message = "This number belongs to a channel already."


class OfStation(Protocol):
    """Anything that has a station's id: the row of a station, or its card."""

    @property
    def id(self) -> int: ...


def add_channel(
    session: Session,
    station: OfStation,
    kind: str,
    *,
    name: str,
    number_id: str,
    display_number: str,
    secrets: Mapping[str, Any],
    settings: Mapping[str, Any],
    at: datetime,
    by: int | None = None,
) -> Channel:
    """Add a channel; its webhook address is /webhooks/<public_id>.

    Raises Invalid with every fault in settings and secrets, UnknownChannel, NumberTaken.
    """
    registry.open_channel(kind, number_id, settings, secrets, is_rehearsal=_is_rehearsal())
    if find_by_number(session, kind, number_id) is not None:
        raise NumberTaken
    public_id = randomness.token_hex(16)
    channel = Channel(
        station_id=station.id,
        public_id=public_id,
        kind=kind,
        name=name,
        number_id=number_id,
        display_number=display_number,
        secrets_sealed=sealing.seal_json(dict(secrets), secrets_about(public_id)),
        settings=dict(settings),
        media_faults=0,
        created_at=at,
    )
    session.add(channel)
    session.flush()
    audit.record(session, station.id, "channel.add", f"channel:{channel.id}", by=by, at=at, details={"kind": kind})
    return channel


def _is_rehearsal() -> bool:
    return desk_settings.current().is_rehearsal


def mark_verified(session: Session, channel_id: int, *, at: datetime) -> None:
    """The provider has checked our address."""
    session.execute(update(Channel).where(Channel.id == channel_id).values(verified_at=at))


def mark_delivery(session: Session, channel_id: int, *, at: datetime) -> None:
    """Something was read from this channel; the newest moment stays."""
    session.execute(
        update(Channel)
        .where(Channel.id == channel_id, (Channel.last_delivery_at.is_(None)) | (Channel.last_delivery_at < at))
        .values(last_delivery_at=at)
    )


def media_pause_until(session: Session, channel_id: int, *, at: datetime) -> datetime | None:
    """When this number's files may be asked for again; None if they may be now.

    After some failed reads in a row one file at a time tries again; the others wait for it.
    """
    faults, faulted_at = session.execute(
        select(Channel.media_faults, Channel.media_faulted_at).where(Channel.id == channel_id)
    ).one()
    if faults < FAULTS_IN_A_ROW or faulted_at is None or at >= faulted_at + FAULT_PAUSE:
        return None
    until: datetime = faulted_at + FAULT_PAUSE
    return until


def note_media_fault(session: Session, channel_id: int, *, at: datetime) -> None:
    """A file could not be read at the provider, and another try may help."""
    session.execute(
        update(Channel)
        .where(Channel.id == channel_id)
        .values(media_faults=Channel.media_faults + 1, media_faulted_at=at)
    )


def note_media_read(session: Session, channel_id: int) -> bool:
    """A file was read; True if that ended a row of failures so long that others were made to wait."""
    had = session.execute(select(Channel.media_faults).where(Channel.id == channel_id)).scalar_one()
    if had:
        session.execute(update(Channel).where(Channel.id == channel_id).values(media_faults=0))
    return had >= FAULTS_IN_A_ROW
