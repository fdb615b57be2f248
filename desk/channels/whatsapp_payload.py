"""Reads deliveries of the WhatsApp Business Platform (Meta's Cloud API and those who pass its body on unchanged).

Pure: bytes in, items out; no clock, no network, no settings. Owns the walk over the envelope: every entry, every
change, every message and every status, each on its own, so that one broken part never costs its neighbours.
What stands inside a message (text, media, cards …) is read in whatsapp_content, who it is from in whatsapp_people;
taking values out of untrusted JSON is loose_json's. Whether an id is already known, and what follows from an item, is
decided in the rooms above.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias, TypedDict

from desk.channels import loose_json as loose
from desk.channels.contract import (
    JSON,
    AccountNotice,
    AnyItem,
    Call,
    DeliveryStatus,
    Echo,
    Edit,
    HistoryIgnored,
    IdentityChange,
    IdentityReason,
    Incoming,
    NotADelivery,
    PreferenceChange,
    ProviderError,
    ReactionChange,
    Reading,
    Revoke,
    Sender,
    StatusChange,
    Unreadable,
    UnreadableReason,
)
from desk.channels.whatsapp_content import ERROR_MEDIA_LOST, Content, read_content, read_errors
from desk.channels.whatsapp_people import BSUID, NOBODY, Contacts, join_contact, phone_from, read_contact, read_party

OBJECT = "whatsapp_business_account"

# Understood and shown to operators; see "Webhooks" in the provider's reference for their shapes.
ACCOUNT_FIELDS = frozenset(
    {
        "account_alerts",
        "account_review_update",
        "account_settings_update",
        "account_update",
        "business_capability_update",
        "business_status_update",
        "message_template_components_update",
        "message_template_quality_update",
        "message_template_status_update",
        "phone_number_name_update",
        "phone_number_quality_update",
        "security",
        "template_category_update",
    }
)
# Keys of a notice that make up its one line, in this order.
SUMMARY_KEYS = (
    "event",
    "alert_type",
    "alert_description",
    "decision",
    "current_limit",
    "message_template_name",
    "new_quality_score",
    "new_category",
    "reason",
)
# The person's name stands before this and is free text, so only the very end of the sentence is believed.
CHANGED_FROM = re.compile(r".* changed from (\S+) to (\S+?)\.?", re.DOTALL)
# The keys that name a person: number, id, parent id.
FROM = ("from", "from_user_id", "from_parent_user_id")
TO = ("to", "to_user_id", "to_parent_user_id")
NUMBER_CHANGES = frozenset({"user_changed_number", "customer_changed_number"})


class _Broken(Exception):
    """An item lacks what it cannot be without."""

    def __init__(self, reason: UnreadableReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the delivery we are, and what the surroundings say about everybody in it."""

    account_id: str | None
    number_id: str | None
    position: str
    contacts: Contacts

    def below(self, key: str, index: int) -> _Place:
        return replace(self, position=f"{self.position}.{key}[{index}]")


class _Where(TypedDict):
    number_id: str | None
    account_id: str | None
    position: str


_Reader: TypeAlias = Callable[[dict[str, JSON], _Place], AnyItem]


def read(body: bytes) -> Reading:
    """Read one delivery.

    Raises NotADelivery if the body is no JSON object of this provider. Everything else becomes an item: what cannot
    be understood is an Unreadable with its reason and position.
    """
    root = _envelope(body)
    items: list[AnyItem] = []
    for number, entry in enumerate(loose.entries(root, "entry")):
        place = _Place(loose.text(loose.mapping(entry), "id"), None, f"entry[{number}]", NOBODY)
        if isinstance(entry, dict):
            items.extend(_read_entry(entry, place))
        else:
            items.append(_unreadable(place, UnreadableReason.NOT_AN_OBJECT, entry))
    return Reading(tuple(items))


def _envelope(body: bytes) -> dict[str, JSON]:
    try:
        root = loose.parse(body)
    except loose.NotJson as error:
        raise NotADelivery("not_json") from error
    if not isinstance(root, dict) or root.get("object") != OBJECT:
        raise NotADelivery("other_object")
    if not isinstance(root.get("entry"), list):
        raise NotADelivery("no_entry")
    return root


def _read_entry(entry: dict[str, JSON], place: _Place) -> Iterator[AnyItem]:
    if not isinstance(entry.get("changes"), list):
        yield _unreadable(place, UnreadableReason.NOT_AN_OBJECT, entry)
    for number, change in enumerate(loose.entries(entry, "changes")):
        here = place.below("changes", number)
        value = change.get("value") if isinstance(change, dict) else None
        if not isinstance(change, dict) or not isinstance(value, dict):
            yield _unreadable(here, UnreadableReason.NOT_AN_OBJECT, change)
            continue
        field = loose.text(change, "field") or ""
        yield from _read_change(field, value, _placed_in(value, here))


def _placed_in(value: dict[str, JSON], place: _Place) -> _Place:
    metadata = loose.mapping(value.get("metadata"))
    contacts = Contacts(read_contact(raw) for raw in loose.entries(value, "contacts") if isinstance(raw, dict))
    return replace(place, number_id=loose.text(metadata, "phone_number_id"), contacts=contacts)


def _read_change(field: str, value: dict[str, JSON], place: _Place) -> Iterator[AnyItem]:
    match field:
        case "messages":
            yield from _each(value, "messages", place, _read_message, is_message=True)
            yield from _each(value, "statuses", place, _read_status)
            yield from _read_value_errors(value, place)
        case "user_id_update":
            yield from _each(value, "user_id_update", place, _read_user_id_update)
        case "user_preferences":
            yield from _each(value, "user_preferences", place, _read_preference)
        case "calls":
            yield from _each(value, "calls", place, _read_call)
            yield from _read_value_errors(value, place)
        case "smb_message_echoes":
            yield from _each(value, "message_echoes", place, _read_echo)
        case "history":
            yield _read_history(value, place)
        case "smb_app_state_sync":
            count = len(loose.entries(value, "state_sync"))
            yield HistoryIgnored(field=field, count=count, **_at(place))
        case _ if field in ACCOUNT_FIELDS:
            yield _read_account_notice(field, value, place)
        case _:
            yield _unreadable(place, UnreadableReason.UNKNOWN_FIELD, {"field": field, "value": value})


def _each(
    value: dict[str, JSON], key: str, place: _Place, reader: _Reader, *, is_message: bool = False
) -> Iterator[AnyItem]:
    """Read every entry of a list on its own; a broken one becomes an Unreadable in its place."""
    if not isinstance(value.get(key, []), list):
        yield _unreadable(place, UnreadableReason.NOT_AN_OBJECT, value.get(key), is_message=is_message)
    for number, raw in enumerate(loose.entries(value, key)):
        here = place.below(key, number)
        if not isinstance(raw, dict):
            yield _unreadable(here, UnreadableReason.NOT_AN_OBJECT, raw, is_message=is_message)
            continue
        try:
            yield reader(raw, here)
        except _Broken as broken:
            is_written = is_message and loose.text(raw, "type") != "system"  # nobody wrote a system message
            yield _unreadable(here, broken.reason, raw, is_message=is_written)


# --- messages --------------------------------------------------------------------------------------------------------


def _read_message(raw: dict[str, JSON], place: _Place) -> AnyItem:
    provider_id = _required_id(raw, "id")
    match loose.text(raw, "type"):
        case "system":
            return _read_system(raw, place, provider_id)
        case "reaction":
            return _read_reaction(raw, place, provider_id)
        case "edit":
            return _read_edit(raw, place, provider_id)
        case "revoke":
            revoke = loose.mapping(raw.get("revoke"))
            return Revoke(
                provider_id=provider_id,
                target_id=_target(revoke, "original_message_id"),
                sender=_required_sender(raw, place),
                at=_required_time(raw),
                **_at(place),
            )
        case _:
            return _read_incoming(raw, place, provider_id)


def _read_incoming(raw: dict[str, JSON], place: _Place, provider_id: str) -> Incoming:
    content = read_content(raw)
    context = loose.mapping(raw.get("context"))
    is_frequent = loose.flag(context, "frequently_forwarded")
    return Incoming(
        provider_id=provider_id,
        sender=_required_sender(raw, place),
        sent_at=_required_time(raw),
        kind=content.kind,
        text=content.text,
        media=content.media,
        details=content.details,
        media_error=_media_error(raw),
        reply_to=loose.text(context, "id"),
        is_forwarded=is_frequent or loose.flag(context, "forwarded"),
        is_frequently_forwarded=is_frequent,
        group_id=loose.text(raw, "group_id"),
        **_at(place),
    )


def _read_reaction(raw: dict[str, JSON], place: _Place, provider_id: str) -> ReactionChange:
    reaction = loose.mapping(raw.get("reaction"))
    return ReactionChange(
        provider_id=provider_id,
        sender=_required_sender(raw, place),
        target_id=_target(reaction, "message_id"),
        emoji=loose.text(reaction, "emoji"),  # removal: absent as documented, "" as seen
        at=_required_time(raw),
        **_at(place),
    )


def _read_edit(raw: dict[str, JSON], place: _Place, provider_id: str) -> Edit:
    edit = loose.mapping(raw.get("edit"))
    message = loose.mapping(edit.get("message"))
    content: Content = read_content(message)
    return Edit(
        provider_id=provider_id,
        target_id=_target(edit, "original_message_id"),
        sender=_required_sender(raw, place),
        at=_required_time(raw),
        kind=content.kind,
        text=content.text,
        media=content.media,
        details=content.details,
        media_error=_media_error(message),
        **_at(place),
    )


def _read_system(raw: dict[str, JSON], place: _Place, provider_id: str) -> AnyItem:
    system = loose.mapping(raw.get("system"))
    kind = loose.text(system, "type") or ""
    if kind == "user_changed_user_id":
        return _changed_user_id(raw, system, place, provider_id)
    if kind in NUMBER_CHANGES:
        number = loose.text(system, "wa_id") or loose.text(system, "new_wa_id")
        new = Sender(bsuid=loose.text(system, "user_id"), wa_id=number, phone=phone_from(number))
        return _identity_change(raw, place, provider_id, read_party(raw, NOBODY, *FROM), new, IdentityReason.NUMBER)
    if kind == "customer_identity_changed":
        same = _required_sender(raw, place)
        return _identity_change(raw, place, provider_id, same, same, IdentityReason.DEVICE)
    summary = loose.text(system, "body") or kind
    return AccountNotice(field="messages.system", summary=summary, details=system, **_at(place))


def _changed_user_id(raw: dict[str, JSON], system: dict[str, JSON], place: _Place, provider_id: str) -> IdentityChange:
    number = loose.text(system, "wa_id")
    new = Sender(bsuid=loose.text(system, "user_id"), wa_id=number, phone=phone_from(number))
    old = read_party(raw, NOBODY, *FROM)
    if old.bsuid is None or old.bsuid == new.bsuid:
        old = replace(old, bsuid=_old_bsuid(loose.text(system, "body") or "", new.bsuid))
    return _identity_change(raw, place, provider_id, old, new, IdentityReason.USER_ID)


def _old_bsuid(body: str, new_bsuid: str | None) -> str | None:
    """The former id from the sentence 'User … changed from OLD to NEW', where the event has no field for it."""
    found = CHANGED_FROM.fullmatch(body)
    if not found or found[2] != new_bsuid or not BSUID.fullmatch(found[1]):
        return None
    return found[1]


def _identity_change(
    raw: dict[str, JSON], place: _Place, provider_id: str | None, old: Sender, new: Sender, reason: IdentityReason
) -> IdentityChange:
    if not old.is_known or not new.is_known:
        raise _Broken(UnreadableReason.MISSING_SENDER)
    at = _required_time(raw)
    return IdentityChange(provider_id=provider_id, old=old, new=new, at=at, reason=reason, **_at(place))


def _read_user_id_update(raw: dict[str, JSON], place: _Place) -> IdentityChange:
    ids, parents = loose.mapping(raw.get("user_id")), loose.mapping(raw.get("parent_user_id"))
    wa_id = loose.text(raw, "wa_id")
    old = Sender(bsuid=loose.text(ids, "previous"), parent_bsuid=loose.text(parents, "previous"))
    new = Sender(bsuid=loose.text(ids, "current"), parent_bsuid=loose.text(parents, "current"), wa_id=wa_id)
    return _identity_change(raw, place, None, old, new, IdentityReason.USER_ID)


# --- everything else -------------------------------------------------------------------------------------------------


def _read_status(raw: dict[str, JSON], place: _Place) -> StatusChange:
    provider_id = _required_id(raw, "id")
    try:
        status = DeliveryStatus(loose.text(raw, "status") or "")
    except ValueError:
        raise _Broken(UnreadableReason.UNKNOWN_STATUS) from None
    recipient_id = loose.text(raw, "recipient_id")
    is_group = loose.text(raw, "recipient_type") == "group"
    person = None if is_group else recipient_id
    user_id, parent = loose.text(raw, "recipient_user_id"), loose.text(raw, "recipient_parent_user_id")
    errors = read_errors(raw)
    return StatusChange(
        provider_id=provider_id,
        status=status,
        at=_required_time(raw),
        recipient=join_contact(
            Sender(bsuid=user_id, parent_bsuid=parent, phone=phone_from(person)), person, place.contacts
        ),
        group_id=recipient_id if is_group else None,
        callback_data=loose.text(raw, "biz_opaque_callback_data"),
        error=errors[0] if errors else None,
        pricing=_pricing(loose.mapping(raw.get("pricing"))),
        **_at(place),
    )


def _pricing(raw: dict[str, JSON]) -> dict[str, JSON]:
    if not raw:
        return {}
    billable = raw.get("billable")
    return {
        "category": loose.text(raw, "category"),
        "type": loose.text(raw, "type"),
        "model": loose.text(raw, "pricing_model"),
        "billable": billable if isinstance(billable, bool) else None,
    }


def _read_preference(raw: dict[str, JSON], place: _Place) -> PreferenceChange:
    wa_id = loose.text(raw, "wa_id")
    stated = Sender(bsuid=loose.text(raw, "user_id"), parent_bsuid=loose.text(raw, "parent_user_id"), wa_id=wa_id)
    return PreferenceChange(
        sender=_known(join_contact(stated, wa_id, place.contacts)),
        category=loose.text(raw, "category") or "",
        value=loose.text(raw, "value") or "",
        detail=loose.text(raw, "detail") or "",
        at=_required_time(raw),
        signup_id=loose.text(raw, "signup_id"),
        **_at(place),
    )


def _read_call(raw: dict[str, JSON], place: _Place) -> Call:
    is_from_listener = loose.text(raw, "direction") == "USER_INITIATED"
    ends = FROM if is_from_listener else TO
    return Call(
        provider_id=_required_id(raw, "id"),
        caller=_known(read_party(raw, place.contacts, *ends)),
        event=loose.text(raw, "event") or "",
        is_from_listener=is_from_listener,
        at=_required_time(raw),
        **_at(place),
    )


def _read_echo(raw: dict[str, JSON], place: _Place) -> Echo:
    content = read_content(raw)
    return Echo(
        provider_id=_required_id(raw, "id"),
        recipient=_known(read_party(raw, place.contacts, *TO)),
        sent_at=_required_time(raw),
        kind=content.kind,
        text=content.text,
        media=content.media,
        details=content.details,
        reply_to=loose.text(loose.mapping(raw.get("context")), "id"),
        **_at(place),
    )


def _read_history(value: dict[str, JSON], place: _Place) -> HistoryIgnored:
    chunks = [loose.mapping(chunk) for chunk in loose.entries(value, "history")]
    threads = [loose.mapping(thread) for chunk in chunks for thread in loose.entries(chunk, "threads")]
    errors = [error for holder in (value, *chunks) for error in read_errors(holder)]
    return HistoryIgnored(
        field="history",
        count=sum(len(loose.entries(thread, "messages")) for thread in threads),
        error=errors[0] if errors else None,
        **_at(place),
    )


def _read_value_errors(value: dict[str, JSON], place: _Place) -> Iterator[AccountNotice]:
    """Problems of the account or the provider that stand beside or instead of messages."""
    for number, error in enumerate(read_errors(value)):
        yield AccountNotice(
            field="messages.errors",
            summary=error.details or error.title,
            code=error.code,
            details=_error_details(error),
            **_at(place.below("errors", number)),
        )


def _error_details(error: ProviderError) -> dict[str, JSON]:
    return {"code": error.code, "title": error.title, "details": error.details}


def _read_account_notice(field: str, value: dict[str, JSON], place: _Place) -> AccountNotice:
    parts = [part for key in SUMMARY_KEYS if (part := loose.text(value, key))]
    return AccountNotice(field=field, summary=" · ".join(parts) or field, details=value, **_at(place))


# --- what an item cannot be without, and where it stands -------------------------------------------------------------


def _required_sender(raw: dict[str, JSON], place: _Place) -> Sender:
    return _known(read_party(raw, place.contacts, *FROM))


def _known(sender: Sender) -> Sender:
    if not sender.is_known:
        raise _Broken(UnreadableReason.MISSING_SENDER)
    return sender


def _required_id(raw: dict[str, JSON], key: str) -> str:
    found = loose.text(raw, key)
    if found is None:
        raise _Broken(UnreadableReason.MISSING_ID)
    return found


def _target(raw: dict[str, JSON], key: str) -> str:
    found = loose.text(raw, key)
    if found is None:
        raise _Broken(UnreadableReason.MISSING_TARGET)
    return found


def _required_time(raw: dict[str, JSON]) -> datetime:
    found = loose.moment(raw, "timestamp")
    if found is None:
        raise _Broken(UnreadableReason.MISSING_TIME)
    return found


def _media_error(raw: dict[str, JSON]) -> int | None:
    return ERROR_MEDIA_LOST if any(error.code == ERROR_MEDIA_LOST for error in read_errors(raw)) else None


def _at(place: _Place) -> _Where:
    return {"number_id": place.number_id, "account_id": place.account_id, "position": place.position}


def _unreadable(place: _Place, reason: UnreadableReason, raw: JSON, *, is_message: bool = False) -> Unreadable:
    told = loose.mapping(raw) if is_message else {}
    return Unreadable(
        reason=reason,
        raw=raw,
        is_message=is_message,
        provider_id=loose.text(told, "id"),
        sender=read_party(told, place.contacts, *FROM),
        **_at(place),
    )
