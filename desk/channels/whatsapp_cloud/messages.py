"""Writes what the Cloud API wants to read: one Outgoing becomes one JSON body.

Pure. Owns the provider's limits for sending, so that a faulty message is refused here with every fault at once and
not by the provider with one number. The window of 24 hours and the price are decided in conversations.
"""

from __future__ import annotations

import re

from desk.channels.contract import JSON, MessageKind, Outgoing, Recipient
from desk.errors import Invalid

# Limits in characters: Meta, "Service messages", September 2026
LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
LONGEST_BUTTON_BODY = 1024
LONGEST_BUTTON_TITLE = 20
LONGEST_BUTTON_ID = 256
LONGEST_CALLBACK_DATA = 512
MOST_BUTTONS = 3
PHONE = re.compile(r"\+[1-9][0-9]{4,19}")
WITH_CAPTION = frozenset({MessageKind.IMAGE, MessageKind.VIDEO, MessageKind.DOCUMENT})
SENDABLE = WITH_CAPTION | {MessageKind.VOICE, MessageKind.AUDIO, MessageKind.STICKER}


def write_body(message: Outgoing) -> dict[str, JSON]:
    """The request body; raises Invalid with every fault."""
    if faults := _faults(message):
        raise Invalid(faults, code="channels.cannot_send")
    body: dict[str, JSON] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_address(message.to),
        **_content(message),
    }
    if message.callback_data:
        body["biz_opaque_callback_data"] = message.callback_data
    if message.reply_to and message.reaction is None:
        body["context"] = {"message_id": message.reply_to}
    return body


def _address(to: Recipient) -> dict[str, JSON]:
    # never both: `to` would win, and a bsuid inside `to` vanishes silently
    return {"recipient": to.bsuid} if to.bsuid else {"to": to.phone}


def _content(message: Outgoing) -> dict[str, JSON]:
    if message.reaction is not None:
        return {"type": "reaction", "reaction": {"message_id": message.reply_to, "emoji": message.reaction}}
    if message.template is not None:
        return {"type": "template", "template": _template(message)}
    if message.media is not None:
        return _media(message)
    if message.buttons:
        return {"type": "interactive", "interactive": _buttons(message)}
    return {"type": "text", "text": {"body": message.text, "preview_url": False}}


def _template(message: Outgoing) -> dict[str, JSON]:
    template = message.template
    assert template is not None
    written: dict[str, JSON] = {"name": template.name, "language": {"code": template.language}}
    if template.parameters:
        parameters: list[JSON] = [{"type": "text", "text": text} for text in template.parameters]
        written["components"] = [{"type": "body", "parameters": parameters}]
    return written


def _media(message: Outgoing) -> dict[str, JSON]:
    media = message.media
    assert media is not None
    file: dict[str, JSON] = {"id": media.provider_media_id}
    if media.kind is MessageKind.VOICE:
        return {"type": "audio", "audio": {**file, "voice": True}}
    if message.text:
        file["caption"] = message.text
    if media.file_name and media.kind is MessageKind.DOCUMENT:
        file["filename"] = media.file_name
    return {"type": media.kind.value, media.kind.value: file}


def _buttons(message: Outgoing) -> dict[str, JSON]:
    buttons: list[JSON] = [
        {"type": "reply", "reply": {"id": button.id, "title": button.title}} for button in message.buttons
    ]
    return {"type": "button", "body": {"text": message.text}, "action": {"buttons": buttons}}


def _faults(message: Outgoing) -> dict[str, str]:
    faults: dict[str, str] = {}
    if not message.to.bsuid and not PHONE.fullmatch(message.to.phone or ""):
        faults["to"] = "There is no address to send to."
    if len(message.callback_data or "") > LONGEST_CALLBACK_DATA:
        faults["callback_data"] = f"At most {LONGEST_CALLBACK_DATA} characters."
    extras = (message.media, message.buttons or None, message.reaction, message.template)
    if sum(extra is not None for extra in extras) > 1:
        faults["message"] = "Only one of file, buttons, reaction and template fits into one message."
    elif message.reaction is not None:
        if not message.reply_to:
            faults["reply_to"] = "A reaction needs the message it belongs to."
    elif message.template is None:
        faults.update(_text_faults(message))
        faults.update(_button_faults(message))
    return faults


def _text_faults(message: Outgoing) -> dict[str, str]:
    if message.media is not None:
        if message.media.kind not in SENDABLE:
            return {"media": "This kind of file cannot be sent."}
        if message.text and message.media.kind not in WITH_CAPTION:
            return {"text": "This kind of file takes no text."}
    elif not message.text.strip():
        return {"text": "There is nothing to send."}
    longest = LONGEST_CAPTION if message.media else LONGEST_BUTTON_BODY if message.buttons else LONGEST_TEXT
    return {"text": f"At most {longest} characters."} if len(message.text) > longest else {}


def _button_faults(message: Outgoing) -> dict[str, str]:
    if len(message.buttons) > MOST_BUTTONS:
        return {"buttons": f"At most {MOST_BUTTONS} buttons."}
    for button in message.buttons:
        if not 0 < len(button.title) <= LONGEST_BUTTON_TITLE:
            return {"buttons": f"A button's text has 1 to {LONGEST_BUTTON_TITLE} characters."}
        if not 0 < len(button.id) <= LONGEST_BUTTON_ID:
            return {"buttons": f"A button's id has 1 to {LONGEST_BUTTON_ID} characters."}
    if len({button.id for button in message.buttons}) < len(message.buttons):
        return {"buttons": "Two buttons have the same id."}
    return {}
