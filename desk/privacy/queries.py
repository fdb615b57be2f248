"""Everything the desk keeps about one person, as plain values for an answer to their request.

Ids and numbers stand in clear: they are the person's own. About others there is nothing: staff appear as the
station, third persons in shared contact cards as a number of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, sealing
from desk.channels.models import Channel
from desk.contests.models import Campaign, Entry, Export
from desk.conversations import queries as conversations
from desk.conversations.models import Message, Reaction
from desk.listeners.actions import name_about
from desk.listeners.models import Block, Listener
from desk.media import prints
from desk.media.models import Asset, Rendition, Transcript
from desk.onair.models import Airing
from desk.people.models import Station
from desk.privacy import subjects
from desk.shortlist.models import Slot
from desk.shows.models import Edition, Show
from desk.wall import tags
from desk.wall.models import Card, ConsentRecord

# Parts of a message that tell of others: how many there were is all that is handed over.
OF_OTHERS = ("cards", "cards_sealed")
BY_LISTENER, BY_STATION = "listener", "station"


@dataclass(frozen=True)
class KeptFile:
    """An object of the store that belongs into the answer, and its name there."""

    key: str
    sha256: str
    name: str


def list_files(session: Session, message_ids: Sequence[int]) -> list[KeptFile]:
    """Originals and renditions of these messages, named by message, file and profile."""
    found = []
    for asset in subjects.list_assets(session, message_ids):
        stem = f"media/message-{asset.message_id}-file-{asset.id}"
        if asset.original_key is not None:
            found.append(KeptFile(asset.original_key, asset.original_sha256 or "", f"{stem}-original{_end(asset)}"))
        for one in _renditions(session, asset):
            ending = one.key.rsplit(".", 1)[-1]
            found.append(KeptFile(one.key, one.sha256, f"{stem}-{one.profile}.{ending}"))
    return found


def _end(asset: Asset) -> str:
    return "." + (asset.original_key or "").rsplit(".", 1)[-1]


def _renditions(session: Session, asset: Asset) -> list[Rendition]:
    rows = select(Rendition).where(Rendition.asset_id == asset.id).order_by(Rendition.id)
    return list(session.execute(rows).scalars())


def describe_person(session: Session, listener_ids: Sequence[int]) -> dict[str, Any]:
    """Names, addresses and marks of a person."""
    listener = session.get_one(Listener, listener_ids[0])
    sealed = listener.display_name_sealed
    return {
        "id": listener.id,
        "alias": listener.alias,
        "first_name": listener.first_name,
        "name_in_messenger": None if sealed is None else sealing.unseal(sealed, name_about(listener.id)),
        "place": listener.place,
        "messages": listener.message_count,
        "first_seen_at": clock.iso(listener.first_seen_at),
        "last_seen_at": clock.iso(listener.last_seen_at),
        "blocked_until": clock.iso(listener.blocked_until),
        "blocks": _blocks(session, listener_ids),
        "asked_to_be_left_alone_at": clock.iso(listener.stopped_at),
        "addresses": [
            {"channel": row.channel_kind, "kind": row.kind, "value": value, "is_current": row.is_current,
             "seen_at": clock.iso(row.seen_at)}
            for row, value in subjects.handles(session, listener_ids)
            if value
        ],
    }  # fmt: skip


def _blocks(session: Session, listener_ids: Sequence[int]) -> list[dict[str, Any]]:
    """When the station did not want to see what the person sent, and why."""
    rows = select(Block).where(Block.listener_id.in_(listener_ids)).order_by(Block.id)
    return [
        {"at": clock.iso(one.at), "until": clock.iso(one.until), "reason": one.reason, "by": BY_STATION,
         "ended_at": clock.iso(one.ended_at)}
        for one in session.execute(rows).scalars()
    ]  # fmt: skip


def list_items(session: Session, message_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Every message of a person with what became of it, oldest first."""
    rows = session.execute(
        select(Message, Channel)
        .join(Channel, Channel.id == Message.channel_id)
        .where(Message.id.in_(message_ids))
        .order_by(Message.sent_at, Message.id)
    ).all()
    cards = {card.message_id: card for card in subjects.list_cards(session, message_ids)}
    return [_item(session, message, channel, cards.get(message.id)) for message, channel in rows]


def _item(session: Session, message: Message, channel: Channel, card: Card | None) -> dict[str, Any]:
    details = {key: value for key, value in message.details.items() if key not in OF_OTHERS}
    if isinstance(message.details.get("cards"), list):
        details["contact_cards"] = len(message.details["cards"])
    item: dict[str, Any] = {
        "message": message.id,
        "direction": "received" if message.direction == "in" else "sent",
        "kind": message.kind,
        "text": message.text,
        "details": details,
        "channel": channel.name,
        "station_number": channel.display_number,
        "provider_id": conversations.provider_id_of(message),
        "sent_at": clock.iso(message.sent_at),
        "received_at": clock.iso(message.received_at),
        "edited_at": clock.iso(message.edited_at),
        "revoked_at": clock.iso(message.revoked_at),
        "erased_at": clock.iso(message.erased_at),
        "is_forwarded": message.is_forwarded,
        "delivery": message.delivery_state,
        "reactions": _reactions(session, message),
        "files": [_file(session, asset) for asset in subjects.list_assets(session, [message.id])],
        "consents": [],
        "uses": [],
    }
    if card is not None:
        item |= {"card": _card(session, card), "consents": _consents(session, card), "uses": _uses(session, card)}
    return item


def _reactions(session: Session, message: Message) -> list[dict[str, Any]]:
    rows = select(Reaction).where(
        Reaction.message_id == message.id, Reaction.listener_id == message.listener_id, Reaction.emoji != ""
    )
    return [{"emoji": one.emoji, "at": clock.iso(one.at)} for one in session.execute(rows).scalars()]


def _file(session: Session, asset: Asset) -> dict[str, Any]:
    return {
        "file": asset.id,
        "kind": asset.kind,
        "state": asset.state,
        "reason": asset.reason,
        "name_given": asset.file_name,
        "original": {"sha256": asset.original_sha256, "bytes": asset.original_bytes, "mime": asset.original_mime},
        "duration_s": asset.duration_s,
        "width_px": asset.width_px,
        "height_px": asset.height_px,
        "loudness_lufs": asset.loudness_lufs,
        "prints": sorted(prints.load_prints(session, [asset.id]).get(asset.id, {})),
        "voice_kind": asset.facts.get("voice_kind"),
        "transcript": _transcript(session, asset),
        "renditions": [
            {"profile": one.profile, "sha256": one.sha256, "bytes": one.bytes, "mime": one.mime}
            for one in _renditions(session, asset)
        ],
    }


def _transcript(session: Session, asset: Asset) -> dict[str, Any] | None:
    """What a machine wrote down of the person's words; None if it did not."""
    row = session.get(Transcript, asset.id)
    if row is None:
        return None
    return {"state": row.state, "language": row.language, "text": row.text, "words": row.words, "at": clock.iso(row.at)}


def _card(session: Session, card: Card) -> dict[str, Any]:
    """What the station noted about an item is about the person, too."""
    return {
        "id": card.id,
        "state": card.state,
        "about": card.about,
        "pronunciation": card.pronunciation,
        "note": card.note,
        "rating": card.rating,
        "is_for_jury": card.is_for_jury,
        "tags": [tag["name"] for tag in tags.badges(session, card.tag_ids).values()],
        "consent": card.consent,
        "reject_reason": card.reject_reason,
        "withdrawn_at": clock.iso(card.withdrawn_at),
    }


def _consents(session: Session, card: Card) -> list[dict[str, Any]]:
    rows = select(ConsentRecord).where(ConsentRecord.card_id == card.id).order_by(ConsentRecord.id)
    return [
        {
            "act": one.act, "uses": one.uses, "at": clock.iso(one.at), "note": one.note,
            "by": BY_LISTENER if one.by_person_id is None else BY_STATION,
        }
        for one in session.execute(rows).scalars()
    ]  # fmt: skip


def _uses(session: Session, card: Card) -> list[dict[str, Any]]:
    return [*_airings(session, card), *_places(session, card), *_entries(session, card)]


def _airings(session: Session, card: Card) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Airing, Edition.starts_at, Show.name)
        .join(Slot, Slot.id == Airing.slot_id, isouter=True)
        .join(Edition, Edition.id == Slot.edition_id, isouter=True)
        .join(Show, Show.id == Edition.show_id, isouter=True)
        .where(Airing.card_id == card.id)
        .order_by(Airing.aired_at)
    ).all()
    return [
        {
            "use": "aired", "at": clock.iso(airing.aired_at), "show": show, "played_s": airing.played_s,
            "taken_back_at": clock.iso(airing.undone_at),
        }
        for airing, _starts_at, show in rows
    ]  # fmt: skip


def _places(session: Session, card: Card) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Slot, Edition.starts_at, Show.name)
        .join(Edition, Edition.id == Slot.edition_id)
        .join(Show, Show.id == Edition.show_id)
        .where(Slot.card_id == card.id)
        .order_by(Slot.id)
    ).all()
    return [
        {
            "use": "planned", "at": clock.iso(slot.added_at), "show": show, "edition": clock.iso(starts_at),
            "note": slot.note, "intro_text": slot.intro_text,
        }
        for slot, starts_at, show in rows
    ]  # fmt: skip


def _entries(session: Session, card: Card) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Entry, Campaign).join(Campaign, Campaign.id == Entry.campaign_id).where(Entry.card_id == card.id)
    ).all()
    return [
        {
            "use": "campaign", "at": clock.iso(entry.at), "campaign": campaign.name, "number": entry.number,
            "taken_out_at": clock.iso(entry.removed_at), "exports": _exports(session, entry),
        }
        for entry, campaign in rows
    ]  # fmt: skip


def _exports(session: Session, entry: Entry) -> list[dict[str, Any]]:
    """Files with this entry in them: made after it came and before it was taken out."""
    rows = select(Export).where(
        Export.campaign_id == entry.campaign_id,
        Export.ready_at.is_not(None),
        Export.ready_at >= entry.at,
    )
    if entry.removed_at is not None:
        rows = rows.where(Export.ready_at <= entry.removed_at)
    return [
        {"exported_at": clock.iso(one.ready_at), "fetched": one.fetched, "numbers": "masked", "state": one.state}
        for one in session.execute(rows.order_by(Export.id)).scalars()
    ]


def recipients(session: Session, station: Station, items: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Who has received something: the station itself, the providers it came by, and those who fetched exports."""
    found = [{"who": station.name, "why": "editing and broadcasting"}]
    kinds = session.execute(select(Channel.kind).where(Channel.station_id == station.id).distinct()).scalars()
    found += [{"who": kind, "why": "the messenger carries the messages"} for kind in kinds]
    uses = [use for item in items for use in item.get("uses", [])]
    if any(use["use"] == "aired" and use["taken_back_at"] is None for use in uses):
        found.append({"who": "the audience", "why": "aired"})
    if any(export["fetched"] for use in uses for export in use.get("exports", [])):
        found.append({"who": "editors of the station", "why": "fetched an export of a campaign"})
    return found
