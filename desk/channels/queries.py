"""Reads about channels, and the adapter of one row.

A row holds its secrets sealed; `open_adapter` opens them and asks the registry for the adapter. Which channel an
item of a delivery belongs to is decided here too (`find_route`), because it is a matter of trust between channels.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import sealing, settings
from desk.channels import contract, registry
from desk.channels.models import Channel
from desk.errors import NotFound


class NoChannel(NotFound):
    code = "channels.no_channel"
    message = "There is no such channel."


def load_channel(session: Session, public_id: str) -> Channel:
    """The channel behind a webhook address. Raises NoChannel."""
    found = session.execute(select(Channel).where(Channel.public_id == public_id)).scalar_one_or_none()
    if found is None:
        raise NoChannel
    return found


def find_by_number(session: Session, kind: str, number_id: str) -> Channel | None:
    """The channel with the provider's id of a number; stations never share one."""
    return session.execute(
        select(Channel).where(Channel.kind == kind, Channel.number_id == number_id)
    ).scalar_one_or_none()


def list_channels(session: Session, station_id: int | None = None) -> list[Channel]:
    """Channels of a station, or of all, in the order they were added."""
    statement = select(Channel).order_by(Channel.id)
    if station_id is not None:
        statement = statement.where(Channel.station_id == station_id)
    return list(session.execute(statement).scalars())


def open_adapter(channel: Channel) -> contract.Channel:
    """The adapter for a row. Raises Invalid if its settings or secrets cannot be used (an empty secret, for one)."""
    return registry.open_channel(
        channel.kind,
        channel.number_id,
        channel.settings,
        open_secrets(channel),
        is_rehearsal=settings.current().is_rehearsal,
    )


def open_secrets(channel: Channel) -> dict[str, Any]:
    opened: dict[str, Any] = sealing.unseal_json(channel.secrets_sealed, secrets_about(channel.public_id))
    return opened


def secrets_about(public_id: str) -> str:
    """What a channel's secrets are sealed for."""
    return f"channel:{public_id}"


def find_route(session: Session, delivered_to: Channel, number_id: str | None) -> Channel | None:
    """The channel an item belongs to: by the number it names, None if no channel of ours may take it from there.

    One app of the provider may serve several numbers over one webhook. Another station's number is believed only if
    both channels trust the same app secret: else the owner of one number could speak in the name of another.
    """
    if number_id is None or number_id == delivered_to.number_id:
        return delivered_to
    named = find_by_number(session, delivered_to.kind, number_id)
    if named is None or named.station_id == delivered_to.station_id:
        return named
    return named if _app_secrets(named) & _app_secrets(delivered_to) else None


def _app_secrets(channel: Channel) -> set[str]:
    entries = open_secrets(channel).get("app_secrets") or []
    values = {str(entry.get("value", "")) if isinstance(entry, dict) else str(entry) for entry in entries}
    return values - {""}
