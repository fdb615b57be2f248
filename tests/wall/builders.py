"""Rows the wall's tests are about; each builder takes only what its test says, the rest is ordinary."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.channels.models import Channel
from desk.conversations.models import Conversation, Message
from desk.listeners.models import Listener
from desk.media.models import Asset, Rendition
from desk.wall import actions
from desk.wall.models import Card
from tests.desk_fixtures import SIX

_numbers = itertools.count(1)


def a_channel(session: Session, station_id: int) -> Channel:
    found = session.execute(select(Channel).where(Channel.station_id == station_id)).scalars().first()
    if found is not None:
        return found
    channel = Channel(
        station_id=station_id,
        public_id=f"hook-{station_id}",
        kind="whatsapp_cloud",
        name="WhatsApp",
        number_id=f"number-{station_id}",
        display_number="",
        secrets_sealed="",
        settings={},
        created_at=SIX,
    )
    session.add(channel)
    session.flush()
    return channel


def a_listener(session: Session, station_id: int, first_name: str = "Ada", **values: Any) -> Listener:
    given: dict[str, Any] = {"alias": f"Amsel {next(_numbers)}", "first_name": first_name, "message_count": 1} | values
    listener = Listener(station_id=station_id, first_seen_at=SIX, last_seen_at=SIX, **given)
    session.add(listener)
    session.flush()
    return listener


def a_message(
    session: Session,
    station_id: int,
    *,
    text: str = "Guten Morgen",
    kind: str = "text",
    listener: Listener | None = None,
    sent_at: datetime | None = None,
    **values: Any,
) -> Message:
    listener = listener or a_listener(session, station_id)
    channel = a_channel(session, station_id)
    thread = session.execute(
        select(Conversation).where(Conversation.channel_id == channel.id, Conversation.listener_id == listener.id)
    ).scalar_one_or_none()
    if thread is None:
        thread = Conversation(station_id=station_id, channel_id=channel.id, listener_id=listener.id)
        session.add(thread)
        session.flush()
    thread.closes_at = SIX + timedelta(hours=24)
    number = next(_numbers)
    given: dict[str, Any] = {"details": {}, "direction": "in", "provider_lookup": f"provider-{number}"} | values
    message = Message(
        station_id=station_id,
        channel_id=channel.id,
        conversation_id=thread.id,
        listener_id=listener.id,
        kind=kind,
        text=text,
        sent_at=sent_at or SIX + timedelta(seconds=number),
        received_at=sent_at or SIX + timedelta(seconds=number),
        **given,
    )
    session.add(message)
    session.flush()
    return message


def a_card(
    session: Session, station_id: int, *, at: datetime | None = None, is_late: bool = False, **said: Any
) -> Card:
    message = a_message(session, station_id, **said)
    listener = session.get_one(Listener, message.listener_id)
    return actions.place_card(session, message, listener, is_late=is_late, at=at or message.sent_at)


def an_asset(session: Session, message_id: int, station_id: int, **values: Any) -> Asset:
    given: dict[str, Any] = {"kind": "voice", "state": "waiting", "facts": {}, "created_at": SIX} | values
    asset = Asset(station_id=station_id, message_id=message_id, **given)
    session.add(asset)
    session.flush()
    return asset


def a_rendition(session: Session, asset: Asset, profile: str, **values: Any) -> Rendition:
    given: dict[str, Any] = {
        "mime": "audio/mpeg",
        "key": f"k/{profile}",
        "bytes": 10,
        "sha256": profile[0] * 64,
    } | values
    rendition = Rendition(
        station_id=asset.station_id,
        asset_id=asset.id,
        profile=profile,
        recipe_version=1,
        original_sha256="0" * 64,
        created_at=SIX,
        **given,
    )
    session.add(rendition)
    session.flush()
    return rendition
