"""Is a send request one the provider would accept? Shape, limits, recipient, window.

Raises GraphError with the provider's own numbers and otherwise returns the content to keep.
Limits: the provider's pages "Service messages", "Media" and "Error codes".
"""

from __future__ import annotations

import time
from typing import Any

from .config import Station
from .people import Listener
from .sending import Content, Sender

_MB = 1024 * 1024
MIMES_FOR_SENDING = {
    "audio/aac": 16 * _MB,
    "audio/amr": 16 * _MB,
    "audio/mpeg": 16 * _MB,
    "audio/mp4": 16 * _MB,
    "audio/ogg": 16 * _MB,
    "image/jpeg": 5 * _MB,
    "image/png": 5 * _MB,
    "image/webp": 500 * 1024,
    "video/mp4": 16 * _MB,
    "video/3gpp": 16 * _MB,
    "text/plain": 100 * _MB,
    "application/pdf": 100 * _MB,
    "application/msword": 100 * _MB,
    "application/vnd.ms-excel": 100 * _MB,
    "application/vnd.ms-powerpoint": 100 * _MB,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": 100 * _MB,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": 100 * _MB,
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": 100 * _MB,
}
_FAMILIES = {
    "image": ("image/jpeg", "image/png"),
    "audio": ("audio/",),
    "video": ("video/",),
    "sticker": ("image/webp",),
    "document": ("",),
}
TITLES = {
    130429: "Rate limit hit",
    131000: "Something went wrong",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131051: "Message type is not currently supported",
    131053: "Media upload error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
}
APPROVED_TEMPLATES: list[dict[str, Any]] = [
    {
        "name": name,
        "language": "de",
        "status": "APPROVED",
        "category": category,
        "id": f"77000000000{number}",
        "components": [{"type": "BODY", "text": text}],
    }
    for number, (name, category, text) in enumerate(
        [
            ("gewinn_info", "UTILITY", "Hallo {{1}}, du hast gewonnen. Bitte melde dich bei uns."),
            ("rueckruf", "UTILITY", "Hallo {{1}}, wir möchten dich gern zurückrufen. Passt dir das?"),
            ("danke", "UTILITY", "Danke für deine Nachricht, {{1}}."),
            ("mitmach_einladung", "MARKETING", "Hallo {{1}}, morgen früh suchen wir wieder Stimmen. Machst du mit?"),
        ]
    )
]
_STATUSES = {190: 401, 130429: 429, 131000: 500, 131056: 429, 132001: 404}


class GraphError(Exception):
    """An answer with an error body; the HTTP status is 400 unless the number has its own."""

    def __init__(
        self, code: int, sentence: str, *, details: str = "", status: int | None = None, type_: str = "OAuthException"
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence if sentence.startswith("(#") or code in (100, 190) else f"(#{code}) {sentence}"
        self.details = details
        self.status = status or _STATUSES.get(code, 400)
        self.type = type_


def _fault(code: int, details: str) -> GraphError:
    return GraphError(code, TITLES[code], details=details)


def _missing(name: str) -> GraphError:
    return GraphError(100, f"(#100) The parameter {name} is required.")


def _invalid(details: str) -> GraphError:
    return GraphError(100, "(#100) Invalid parameter", details=details)


def check_send(asked: dict[str, Any], sender: Sender, station: Station, listener: Listener | None) -> Content:
    """The content of a send request. Raises GraphError in the order the provider checks: shape, recipient, window."""
    if not asked.get("to") and not asked.get("recipient"):
        raise _missing("to")
    kind = str(asked.get("type") or "text")
    check = _CHECKS.get(kind)
    if check is None:
        raise _invalid(f"Param type must be one of {{{', '.join(_CHECKS).upper()}}} - got {kind}.")
    body = asked.get(kind)
    if not isinstance(body, dict):
        raise _missing(kind)
    if len(str(asked.get("biz_opaque_callback_data") or "")) > 512:
        raise _invalid("biz_opaque_callback_data is longer than 512 characters.")
    content = Content(kind, check(body, sender, station))
    if listener is None:
        raise _fault(131026, "Message Undeliverable.")
    if kind not in ("template",) and not _window_is_open(sender, station, listener):
        raise _fault(
            131047,
            "Message failed to send because more than 24 hours have passed"
            " since the customer last replied to this number.",
        )
    return content


def _window_is_open(sender: Sender, station: Station, listener: Listener) -> bool:
    closes_at = sender.closes_at(station, listener)
    return closes_at is not None and time.time() < closes_at


def _text(body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    text = body.get("body")
    if not isinstance(text, str) or not text.strip():
        raise _missing("text['body']")
    if len(text) > 4096:
        raise _invalid("Param text['body'] must be at most 4096 characters long.")
    return {"body": text}


def _media(kind: str, body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    if len(str(body.get("caption") or "")) > 1024:
        raise _invalid("Param caption must be at most 1024 characters long.")
    if body.get("link") and not body.get("id"):
        return {**body}
    row = sender.ledger.row("SELECT * FROM media WHERE id = ? AND station = ?", str(body.get("id") or ""), station.slug)
    if row is None or not row["from_station"]:
        raise _invalid(f"Media ID {body.get('id')} does not belong to this number or does not exist.")
    if not row["mime"].startswith(_FAMILIES[kind]):
        raise _fault(131053, f"{row['mime']} cannot be sent as {kind}.")
    return {**body, "mime_type": row["mime"], "filename": body.get("filename") or row["file_name"]}


def _image(body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    return _media("image", body, sender, station)


def _audio(body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    return _media("audio", body, sender, station)


def _video(body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    return _media("video", body, sender, station)


def _document(body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    return _media("document", body, sender, station)


def _sticker(body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    return _media("sticker", body, sender, station)


def _reaction(body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    if not body.get("message_id"):
        raise _missing("reaction['message_id']")
    if (
        sender.ledger.row("SELECT id FROM message WHERE id = ? AND station = ?", body["message_id"], station.slug)
        is None
    ):
        raise _fault(131009, "Invalid message_id.")
    return {"message_id": body["message_id"], "emoji": str(body.get("emoji") or "")}


def _interactive(body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    kind, action = body.get("type"), body.get("action")
    text = (body.get("body") or {}).get("text") if isinstance(body.get("body"), dict) else None
    if kind not in ("button", "list", "request_contact_info", "cta_url"):
        raise _invalid(f"Param interactive['type'] is not supported - got {kind}.")
    if not isinstance(action, dict) or not text:
        raise _missing("interactive['action'] or interactive['body']")
    if len(text) > 1024:
        raise _invalid("Param interactive['body']['text'] must be at most 1024 characters long.")
    if kind == "button":
        _check_buttons(action.get("buttons"))
    if kind == "list":
        _check_rows(action.get("sections"))
    return body


def _check_buttons(buttons: Any) -> None:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise _invalid("Param interactive['action']['buttons'] must have 1 to 3 items.")
    for button in buttons:
        reply = button.get("reply") if isinstance(button, dict) else None
        if not isinstance(reply, dict) or not reply.get("id") or not reply.get("title"):
            raise _missing("interactive['action']['buttons'][]['reply']")
        if len(reply["title"]) > 20 or len(reply["id"]) > 256:
            raise _invalid("Button title length invalid. Min length: 1, Max length: 20.")


def _check_rows(sections: Any) -> None:
    rows = [row for section in sections or [] for row in section.get("rows", [])]
    if not 1 <= len(rows) <= 10:
        raise _invalid("Param interactive['action']['sections'] must have 1 to 10 rows in all.")
    for row in rows:
        if not row.get("id") or not 1 <= len(row.get("title") or "") <= 24 or len(row.get("description") or "") > 72:
            raise _invalid("A row needs an id, a title of 1 to 24 and a description of at most 72 characters.")


def _template(body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    language = (body.get("language") or {}).get("code") if isinstance(body.get("language"), dict) else None
    if not body.get("name") or not language:
        raise _missing("template['name'] or template['language']['code']")
    if not isinstance(body.get("components", []), list):
        raise _invalid("Param template['components'] must be an array.")
    found = next((row for row in APPROVED_TEMPLATES if row["name"] == body["name"]), None)
    if found is None or found["language"] != language:
        raise _fault(132001, f"template name ({body['name']}) does not exist in {language}")
    text: str = found["components"][0]["text"]
    values = [value for part in body.get("components", []) for value in part.get("parameters", [])]
    if len(values) != text.count("{{"):
        raise _fault(132000, f"body: number of localizable_params ({len(values)}) does not match the template")
    for number, value in enumerate(values, start=1):
        text = text.replace(f"{{{{{number}}}}}", str(value.get("text", "")))
    return {**body, "shown_text": text}


def _as_given(body: dict[str, Any], sender: Sender, station: Station) -> dict[str, Any]:
    return body


_CHECKS = {
    "text": _text,
    "image": _image,
    "audio": _audio,
    "video": _video,
    "document": _document,
    "sticker": _sticker,
    "reaction": _reaction,
    "interactive": _interactive,
    "template": _template,
    "location": _as_given,
}
