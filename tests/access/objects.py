"""Objects that addresses of the matrix name: each builder makes one at a station and gives its id.

A room with a new kind of object adds a builder here and its address to matrix.toml.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock
from desk.contests.models import Campaign, Export
from desk.conversations.models import Message
from desk.jobs import table
from desk.media import storage
from desk.media.models import Asset
from desk.people.models import Membership, Person
from desk.safety import actions as safety
from desk.safety import queries as safety_queries
from desk.shortlist.models import Slot
from desk.shows.models import Edition, Show
from desk.wall import actions, blocks
from desk.wall.models import Card, Stack, Tag
from media_store.keys import new_key
from tests.wall.builders import a_card, a_rendition, an_asset

Built = int | str
Builder = Callable[[Session, int, dict[str, Built]], Built]


def card(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    return a_card(session, station_id).id


def act(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    placed = a_card(session, station_id)
    person_id = session.execute(select(Person.id).limit(1)).scalar_one()
    at = clock.now()
    return actions.move_card(session, station_id, placed.id, to="rejected", version=1, by=person_id, at=at).id


def asset(session: Session, station_id: int, made: dict[str, Built]) -> int:
    """A voice with a playable preview in the store."""
    placed = a_card(session, station_id, kind="voice")
    kept = an_asset(session, placed.message_id, station_id, state="ready", duration_s=3.0)
    body = secrets.token_bytes(40)
    key = new_key(str(station_id), extension="mp3")
    sha256 = storage.current().put(key, io.BytesIO(body), content_type="audio/mpeg")
    a_rendition(session, kept, "preview", key=key, bytes=len(body), sha256=sha256)
    made["sha256"] = sha256
    made["card_of_asset"] = placed.id
    return kept.id


def card_of_asset(session: Session, station_id: int, made: dict[str, Built]) -> int:
    made["asset"] = asset(session, station_id, made)
    return int(made["card_of_asset"])


def failed_asset(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    placed = a_card(session, station_id, kind="voice")
    failed = an_asset(session, placed.message_id, station_id, state="failed", reason="media.timeout")
    table.put(session, "fetch_media", f"asset:{failed.id}", {}, at=clock.now(), station_id=station_id)
    return failed.id


def slot(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    at = clock.now()
    show = Show(station_id=station_id, name="Morgen", weekdays="1111111", starts_minute=0, ends_minute=1440)
    session.add(show)
    session.flush()
    edition = Edition(
        station_id=station_id, show_id=show.id, starts_at=at, ends_at=at + timedelta(hours=3), rundown_version=0
    )
    placed = a_card(session, station_id)
    session.add(edition)
    session.flush()
    taken = Slot(station_id=station_id, edition_id=edition.id, card_id=placed.id, position=0, added_at=at)
    session.add(taken)
    session.flush()
    return taken.id


def campaign(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    called = Campaign(station_id=station_id, name="Ständchen", opens_at=clock.now(), created_at=clock.now())
    session.add(called)
    session.flush()
    return called.id


def export(session: Session, station_id: int, made: dict[str, Built]) -> int:
    person_id = session.execute(select(Membership.person_id).limit(1)).scalar_one()
    asked = Export(
        station_id=station_id,
        campaign_id=campaign(session, station_id, made),
        by_person_id=person_id,
        state="queued",
        created_at=clock.now(),
    )
    session.add(asked)
    session.flush()
    return asked.id


def conversation(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    placed = a_card(session, station_id, sent_at=clock.now())
    return _open_conversation(session, placed)


def open_card(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    """A card whose listener may be answered now."""
    placed = a_card(session, station_id, sent_at=clock.now())
    _open_conversation(session, placed)
    return placed.id


def _open_conversation(session: Session, placed: Card) -> int:
    from desk.conversations.models import Conversation

    message = session.get_one(Message, placed.message_id)
    thread = session.get_one(Conversation, message.conversation_id)
    thread.closes_at = clock.now() + timedelta(hours=20)
    session.flush()
    return thread.id


def reply(session: Session, station_id: int, made: dict[str, Built]) -> int:
    """An answer that is still held back."""
    at = clock.now()
    message = session.get_one(Message, a_card(session, station_id, sent_at=at).message_id)
    held = Message(
        station_id=station_id,
        channel_id=message.channel_id,
        conversation_id=message.conversation_id,
        listener_id=message.listener_id,
        direction="out",
        kind="text",
        text="Danke",
        details={},
        sent_at=at,
        received_at=at,
        delivery_state="held",
        held_until=at + timedelta(hours=1),
        idempotency_key=secrets.token_hex(8),
    )
    session.add(held)
    session.flush()
    run_at = at + timedelta(hours=1)
    table.put(session, "send_message", f"message:{held.id}", {}, at=at, station_id=station_id, run_at=run_at)
    return held.id


def stacked_card(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    """A card that stands with a copy."""
    pile = Stack(station_id=station_id, of="picture", reason="picture", cards=2, created_at=clock.now())
    session.add(pile)
    session.flush()
    first, second = a_card(session, station_id), a_card(session, station_id)
    first.stack_id = second.stack_id = pile.id
    session.flush()
    return second.id


def blocked_card(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    """A card whose sender is blocked."""
    placed = a_card(session, station_id)
    person_id = session.execute(select(Person.id).limit(1)).scalar_one()
    blocks.block_sender(session, station_id, placed.id, length="day", reason="flood", by=person_id, at=clock.now())
    return placed.id


def tag(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    made = Tag(station_id=station_id, place=1, name="Dialekt", hue=17)
    session.add(made)
    session.flush()
    return made.id


def escalated_card(session: Session, station_id: int, _made: dict[str, Built]) -> int:
    """A card that somebody sent to the lead."""
    placed = a_card(session, station_id)
    person_id = session.execute(select(Person.id).limit(1)).scalar_one()
    safety.escalate(session, station_id, placed.id, kind="threat", by=person_id, at=clock.now())
    return placed.id


def safety_case(session: Session, station_id: int, made: dict[str, Built]) -> int:
    placed = escalated_card(session, station_id, made)
    return safety_queries.load_newest(session, station_id, placed).id


def case_put_back(session: Session, station_id: int, made: dict[str, Built]) -> int:
    case_id = safety_case(session, station_id, made)
    person_id = session.execute(select(Person.id).limit(1)).scalar_one()
    safety.put_back(session, station_id, case_id, by=person_id, at=clock.now())
    return case_id


def safety_asset(session: Session, station_id: int, made: dict[str, Built]) -> int:
    """A voice with a playable preview, and its card with the lead."""
    asset_id = asset(session, station_id, made)
    person_id = session.execute(select(Person.id).limit(1)).scalar_one()
    card_id = int(made["card_of_asset"])
    safety.escalate(session, station_id, card_id, kind="threat", by=person_id, at=clock.now())
    return asset_id


def key(_session: Session, _station_id: int, _made: dict[str, Built]) -> str:
    return secrets.token_hex(16)


def sha256(_session: Session, _station_id: int, _made: dict[str, Built]) -> str:
    return secrets.token_hex(32)


BUILDERS: dict[str, Builder] = {
    builder.__name__: builder
    for builder in (
        card, act, card_of_asset, asset, failed_asset, slot, campaign, export, conversation, open_card, reply, key,
        sha256, stacked_card, blocked_card, tag, escalated_card, safety_case, case_put_back, safety_asset,
    )
}  # fmt: skip
"""In this order: a builder may make another's object on the way (a card's asset and its hash)."""

__all__ = ["BUILDERS", "Asset", "Builder", "Built"]
