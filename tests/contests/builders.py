"""Campaigns and entries for tests; cards and files come from the wall's builders."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from desk import clock, sealing
from desk.contests import actions
from desk.contests.forms import CampaignForm
from desk.contests.models import Campaign
from desk.conversations.models import Message
from desk.listeners.actions import address_about
from desk.listeners.models import Address, Listener
from desk.media import storage
from desk.wall.models import Card
from media_store import keys
from tests.desk_fixtures import SIX
from tests.wall.builders import a_card, a_listener, a_rendition, an_asset

DAY = timedelta(days=1)


def a_campaign(
    session: Session,
    station_id: int,
    keywords: str = "Ständchen",
    *,
    name: str = "Ständchen-Woche",
    opens_at: datetime = SIX - DAY,
    closes_at: datetime | None = SIX + DAY,
) -> Campaign:
    form = CampaignForm(name, keywords, 3, "note", opens_at, closes_at)
    return actions.add_campaign(session, station_id, form, by=None, at=SIX)


def arrive(session: Session, station_id: int, text: str, *, sent_at: datetime = SIX, **said: Any) -> Card:
    """A message comes in as the intake lets it: placed, then entered."""
    card = a_card(session, station_id, text=text, sent_at=sent_at, **said)
    actions.enter_if_matching(session, card, text, sent_at=sent_at, at=SIX)
    return card


def a_caller(session: Session, station_id: int, number: str, first_name: str = "Ada") -> Listener:
    """A listener whose phone number the desk knows."""
    listener = a_listener(session, station_id, first_name)
    lookup = sealing.lookup("address", number)
    sealed = sealing.seal(number, address_about(station_id, lookup))
    session.add(
        Address(
            station_id=station_id, listener_id=listener.id, channel_kind="whatsapp_cloud", kind="phone", lookup=lookup,
            value_sealed=sealed, is_current=True, seen_at=SIX,
        )
    )  # fmt: skip
    session.flush()
    return listener


def put_voice(session: Session, card: Card, content: bytes) -> str:
    """A voice note of these bytes on the card, as the renderer leaves it; returns the key of its file."""
    key = keys.new_key("test", extension="wav")
    digest = storage.current().put(key, io.BytesIO(content), content_type="audio/wav")
    assert digest == hashlib.sha256(content).hexdigest()
    asset = an_asset(
        session, session.get_one(Message, card.message_id).id, card.station_id, state="ready", duration_s=4.0,
        loudness_lufs=-23.0,
    )  # fmt: skip
    a_rendition(session, asset, "broadcast", mime="audio/wav", key=key, bytes=len(content), sha256=digest)
    return key


def ask(session: Session, station_id: int, campaign_id: int, by: int) -> int:
    return actions.ask_for_export(session, station_id, campaign_id, by=by, at=clock.now()).id
