"""Reads what stands inside one WhatsApp message: its kind, text, file, and the details staff may see.

Shared by listener messages, edits and echoes. The table READERS is the list of types we know; one that is missing
there becomes kind 'unknown' and a visible card, never an error. The keys of `details` are documented at
contract.Incoming. Sender, time and ids are whatsapp_payload's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field

from desk.channels import loose_json as loose
from desk.channels.contract import JSON, IncomingMedia, MessageKind, ProviderError

ERROR_MEDIA_LOST = 131052  # the listener's file could not be fetched by the provider, or is above its 100 MB
SHA256_BYTES = 32


@dataclass(slots=True)
class Content:
    kind: MessageKind
    text: str = ""
    media: IncomingMedia | None = None
    details: dict[str, JSON] = field(default_factory=dict)


def read_content(message: dict[str, JSON]) -> Content:
    """Read the part of a message that its type names; never raises."""
    type_name = loose.text(message, "type")
    reader = READERS.get(type_name or "")
    content = reader(message) if reader else Content(MessageKind.UNKNOWN, details={"raw_type": type_name})
    _add_common_details(content, message)
    return content


def read_errors(holder: dict[str, JSON]) -> list[ProviderError]:
    return [
        ProviderError(
            code=loose.whole(error, "code"),
            title=loose.text(error, "title") or loose.text(error, "message") or "",
            details=loose.text(loose.mapping(error.get("error_data")), "details") or "",
        )
        for error in map(loose.mapping, loose.entries(holder, "errors"))
        if error
    ]


def read_sha256(text: str | None) -> bytes | None:
    """32 bytes from base64 (44 characters, in deliveries) or hex (64, seen in answers); None for anything else."""
    if text is None:
        return None
    try:
        digest = bytes.fromhex(text) if len(text) == 2 * SHA256_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return digest if len(digest) == SHA256_BYTES else None


def _add_common_details(content: Content, message: dict[str, JSON]) -> None:
    errors = read_errors(message)
    if errors:
        content.details["errors"] = [{"code": e.code, "title": e.title, "details": e.details} for e in errors]
    if referral := loose.mapping(message.get("referral")):
        content.details["referral"] = _referral(referral)
    if product := loose.mapping(loose.mapping(message.get("context")).get("referred_product")):
        content.details["product"] = {
            "catalogue_id": loose.text(product, "catalog_id"),
            "product": loose.text(product, "product_retailer_id"),
        }


def _referral(raw: dict[str, JSON]) -> dict[str, JSON]:
    """The ad a message began at. The click id is left out: it follows the person, and nobody here needs it."""
    keys = (
        "source_url",
        "source_id",
        "source_type",
        "headline",
        "body",
        "media_type",
        "image_url",
        "video_url",
        "thumbnail_url",
    )
    referral: dict[str, JSON] = {key: loose.text(raw, key) for key in keys}
    referral["welcome_text"] = loose.text(loose.mapping(raw.get("welcome_message")), "text")
    return referral


def _text(message: dict[str, JSON]) -> Content:
    body = loose.text(loose.mapping(message.get("text")), "body")
    if body is None:
        return Content(MessageKind.TEXT, details={"missing": ["text"]})
    return Content(MessageKind.TEXT, body)


def _file(kind: MessageKind) -> Callable[[dict[str, JSON]], Content]:
    def read_file(message: dict[str, JSON]) -> Content:
        raw = loose.mapping(message.get(kind.value))
        is_voice = kind is MessageKind.AUDIO and loose.flag(raw, "voice")
        content = Content(MessageKind.VOICE if is_voice else kind, loose.text(raw, "caption") or "")
        is_lost = any(error.code == ERROR_MEDIA_LOST for error in read_errors(message))
        media_id = loose.text(raw, "id")
        if media_id is None or is_lost:
            if not is_lost:
                content.details["missing"] = ["media"]
            return content
        content.media = IncomingMedia(
            provider_media_id=media_id,
            mime=loose.text(raw, "mime_type") or "",
            sha256=read_sha256(loose.text(raw, "sha256")),
            file_name=loose.text(raw, "filename"),
            is_voice=is_voice,
            is_animated=loose.flag(raw, "animated"),
        )
        return content

    return read_file


def _location(message: dict[str, JSON]) -> Content:
    raw = loose.mapping(message.get("location"))
    location: dict[str, JSON] = {
        "latitude": loose.number(raw, "latitude"),
        "longitude": loose.number(raw, "longitude"),
        "name": loose.text(raw, "name"),
        "address": loose.text(raw, "address"),
        "url": loose.text(raw, "url"),
    }
    content = Content(MessageKind.LOCATION, details={"location": location})
    if location["latitude"] is None or location["longitude"] is None:
        content.details["missing"] = ["location"]
    return content


def _cards(message: dict[str, JSON]) -> Content:
    cards: list[JSON] = [_card(card) for card in map(loose.mapping, loose.entries(message, "contacts")) if card]
    content = Content(MessageKind.CONTACTS, details={"cards": cards})
    if not cards:
        content.details["missing"] = ["cards"]
    return content


def _card(raw: dict[str, JSON]) -> dict[str, JSON]:
    """One address card as people read it; the vCard with its picture stays in the raw delivery."""
    name, organisation = loose.mapping(raw.get("name")), loose.mapping(raw.get("org"))
    parts = [part for key in ("first_name", "last_name") if (part := loose.text(name, key))]
    return {
        "name": loose.text(name, "formatted_name") or " ".join(parts) or None,
        "phones": [
            {key: loose.text(phone, key) for key in ("phone", "wa_id", "type")}
            for phone in map(loose.mapping, loose.entries(raw, "phones"))
        ],
        "emails": _column(raw, "emails", "email"),
        "organisation": loose.text(organisation, "company"),
        "addresses": [_address(address) for address in map(loose.mapping, loose.entries(raw, "addresses"))],
        "urls": _column(raw, "urls", "url"),
        "birthday": loose.text(raw, "birthday"),
        "origin": loose.text(raw, "origin"),
    }


def _column(raw: dict[str, JSON], key: str, inner: str) -> list[JSON]:
    return [found for part in loose.entries(raw, key) if (found := loose.text(loose.mapping(part), inner))]


def _address(raw: dict[str, JSON]) -> str:
    return ", ".join(part for key in ("street", "zip", "city", "state", "country") if (part := loose.text(raw, key)))


def _button(message: dict[str, JSON]) -> Content:
    raw = loose.mapping(message.get("button"))
    details: dict[str, JSON] = {"button": {"payload": loose.text(raw, "payload")}}
    return Content(MessageKind.BUTTON, loose.text(raw, "text") or "", details=details)


def _interactive(message: dict[str, JSON]) -> Content:
    raw = loose.mapping(message.get("interactive"))
    type_name = loose.text(raw, "type")
    reply = loose.mapping(raw.get(type_name or ""))
    title = loose.text(reply, "title")
    answer: dict[str, JSON] = {
        "type": type_name,
        "id": loose.text(reply, "id"),
        "title": title,
        "description": loose.text(reply, "description"),
        "name": loose.text(reply, "name"),
        "form": _form(loose.text(reply, "response_json")),
    }
    content = Content(
        MessageKind.INTERACTIVE, title or loose.text(reply, "body") or "", details={"interactive": answer}
    )
    if not reply:
        content.details["missing"] = ["interactive"]
    return content


def _form(response_json: str | None) -> JSON:
    """A filled-in form arrives as JSON inside a text; one that cannot be parsed is kept as that text."""
    if response_json is None:
        return None
    try:
        return loose.parse(response_json.encode())
    except loose.NotJson:
        return response_json


def _order(message: dict[str, JSON]) -> Content:
    raw = loose.mapping(message.get("order"))
    items: list[JSON] = [
        {
            "product": loose.text(item, "product_retailer_id"),
            "quantity": loose.number(item, "quantity"),
            "price": loose.number(item, "item_price"),
            "currency": loose.text(item, "currency"),
        }
        for item in map(loose.mapping, loose.entries(raw, "product_items"))
        if item
    ]
    order: dict[str, JSON] = {"catalogue_id": loose.text(raw, "catalog_id"), "items": items}
    return Content(MessageKind.ORDER, loose.text(raw, "text") or "", details={"order": order})


def _unsupported(message: dict[str, JSON]) -> Content:
    type_name = loose.text(loose.mapping(message.get("unsupported")), "type")
    return Content(MessageKind.UNSUPPORTED, details={"unsupported": {"type": type_name}})


def _request_welcome(message: dict[str, JSON]) -> Content:
    return Content(MessageKind.REQUEST_WELCOME)


def _reaction(message: dict[str, JSON]) -> Content:
    """Reached from echoes and edits only: a listener's own reaction is a ReactionChange."""
    return Content(MessageKind.REACTION, loose.text(loose.mapping(message.get("reaction")), "emoji") or "")


READERS: dict[str, Callable[[dict[str, JSON]], Content]] = {
    "text": _text,
    "audio": _file(MessageKind.AUDIO),
    "image": _file(MessageKind.IMAGE),
    "video": _file(MessageKind.VIDEO),
    "document": _file(MessageKind.DOCUMENT),
    "sticker": _file(MessageKind.STICKER),
    "location": _location,
    "contacts": _cards,
    "button": _button,
    "interactive": _interactive,
    "order": _order,
    "unsupported": _unsupported,
    "unknown": _unsupported,  # the older name
    "request_welcome": _request_welcome,
    "reaction": _reaction,
}
