"""What one item of a delivery does to listeners, conversations, campaigns and the wall.

Every function runs in the item's own transaction and may be repeated: unique constraints decide what is new. The
order of items and deliveries does not matter for where things end.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from desk.channels import contract
from desk.channels.models import Channel
from desk.channels.queries import find_route
from desk.contests.actions import enter_if_matching
from desk.contests.rules import split_keywords
from desk.conversations import actions as conversations
from desk.conversations import queries as threads
from desk.conversations import rules as conversation_rules
from desk.conversations.models import Message
from desk.intake import holding, redacting
from desk.intake.rules import Outcome
from desk.listeners import actions as listeners
from desk.listeners.models import Listener
from desk.listeners.rules import is_blocked
from desk.media import actions as media
from desk.safety import finding
from desk.wall import actions as wall
from desk.wall import floods, mood

logger = logging.getLogger(__name__)
NO_MESSAGE = frozenset({contract.MessageKind.SYSTEM, contract.MessageKind.REQUEST_WELCOME})  # nobody wrote anything
ONLY_COUNTED = frozenset({contract.UnreadableReason.UNKNOWN_FIELD, contract.UnreadableReason.UNKNOWN_STATUS})
WAITS = "waits for its message"
ERASED = "erased"


@dataclass(frozen=True)
class Result:
    """What became of an item. `reason` is for operators: no text, name or number of a listener.

    `is_erased`: it is about a message that was erased; its bytes may not stay in the delivery either.
    """

    outcome: Outcome
    reason: str | None = None
    message_id: int | None = None
    is_erased: bool = False


def accept_item(session: Session, delivered_to: Channel, item: contract.AnyItem, *, received_at: datetime) -> Result:
    """Let one item take effect. Raises whatever breaks; the caller decides what is set aside."""
    channel = find_route(session, delivered_to, item.number_id)
    if channel is None:
        return Result(Outcome.PARKED, "unknown_number")
    about = redacting.message_of(item)
    if about is not None and threads.is_erased(session, channel.id, about):
        return Result(Outcome.REPEAT, ERASED, is_erased=True)
    return ACCEPTS[type(item)](session, channel, item, received_at)


def accept_message(session: Session, channel: Channel, item: contract.Incoming, at: datetime) -> Result:
    """A listener's message: one card, whatever is in it."""
    if item.kind in NO_MESSAGE:
        return Result(Outcome.NOTICE, item.kind.value)
    listener = _recognise(session, channel, item.sender, min(item.sent_at, at), fallback=item.provider_id)
    message = conversations.add_incoming(session, channel, listener, item, at=at)
    if message is None:
        there = threads.find_by_provider_id(session, channel.id, item.provider_id)
        return Result(Outcome.REPEAT, message_id=None if there is None else there.id)
    listeners.note_place(session, listener, item.text)
    applied = conversations.apply_pending(session, message, at=at)
    is_late = conversation_rules.is_late(item.sent_at, at)
    card = wall.place_card(session, message, listener, is_late=is_late, at=at)
    # the words as first sent: a change that came before must not decide differently from one that comes after
    campaign = enter_if_matching(session, card, item.text, sent_at=message.sent_at, at=at)
    finding.look_at_card(session, card, at)
    if card.withdrawn_at is None:  # nothing is folded of what went to the lead
        if campaign is None or not split_keywords(campaign.keywords):  # who says a campaign's word takes part
            mood.fold_arrival(session, card, message, listener, at=at)
        floods.gather_arrival(session, card, listener, at=at)
    _add_file(session, message, listener, item, is_wanted=not applied.is_revoked, at=at)
    if applied.is_revoked:
        wall.withdraw_card(session, card, at=at)
    return Result(Outcome.CARD, message_id=message.id)


def _recognise(session: Session, channel: Channel, sender: contract.Sender, at: datetime, *, fallback: str) -> Listener:
    return listeners.recognise(session, channel.station_id, channel.kind, sender, at=at, fallback=fallback)


def _add_file(
    session: Session, message: Message, listener: Listener, item: contract.Incoming, *, is_wanted: bool, at: datetime
) -> None:
    """Announce the message's file and have it fetched; not what was taken back, nor while its sender is blocked."""
    if item.media is None:
        if item.media_error is not None:
            media.add_lost_asset(session, message, at=at)
        return
    asset = media.add_asset(session, message, item.media, at=at)
    if not is_wanted:
        media.mark_failed(session, asset, contract.MediaGone.code, at=at)
        return
    if is_blocked(listener.blocked_until, at):
        media.leave_with_provider(session, asset, at=at)
        return
    holding.put_fetch(session, asset, message.listener_id, at=at)


def _accept_unreadable(session: Session, channel: Channel, item: contract.Unreadable, at: datetime) -> Result:
    """Something a person wrote becomes a card that says so; anything else is noted."""
    if not item.is_message:
        outcome = Outcome.NOTICE if item.reason in ONLY_COUNTED else Outcome.SET_ASIDE
        return Result(outcome, f"{item.reason.value} at {item.position}")
    provider_id = item.provider_id or f"unreadable:{_digest(item.raw)}"
    incoming = contract.Incoming(
        number_id=item.number_id,
        account_id=item.account_id,
        position=item.position,
        provider_id=provider_id,
        sender=item.sender,
        sent_at=at,
        kind=contract.MessageKind.UNKNOWN,
        details={"missing": [item.reason.value]},
    )
    return accept_message(session, channel, incoming, at)


def _digest(raw: contract.JSON) -> str:
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()


def _accept_status(session: Session, channel: Channel, item: contract.StatusChange, at: datetime) -> Result:
    message = conversations.apply_status(session, channel, item, at=at)
    return Result(Outcome.STATUS, WAITS if message is None else None, None if message is None else message.id)


def _accept_reaction(session: Session, channel: Channel, item: contract.ReactionChange, at: datetime) -> Result:
    listener = _recognise(session, channel, item.sender, min(item.at, at), fallback=item.provider_id)
    message = conversations.apply_reaction(session, channel, listener, item, at=at)
    return _changed(message)


def _accept_edit(session: Session, channel: Channel, item: contract.Edit, at: datetime) -> Result:
    message = conversations.apply_edit(session, channel, item, at=at)
    if message is not None:
        wall.edit_card(session, message, at=at)
    return _changed(message)


def _accept_revoke(session: Session, channel: Channel, item: contract.Revoke, at: datetime) -> Result:
    message = conversations.apply_revoke(session, channel, item, at=at)
    if message is not None:
        wall.withdraw_card(session, message, at=at)
    return _changed(message)


def _changed(message: Message | None) -> Result:
    return Result(Outcome.CHANGE, "nothing changed now" if message is None else None, message.id if message else None)


def _accept_identity(session: Session, channel: Channel, item: contract.IdentityChange, at: datetime) -> Result:
    listeners.apply_identity_change(session, channel.station_id, channel.kind, item, at=min(item.at, at))
    return Result(Outcome.CHANGE, item.reason.value)


def _accept_preference(session: Session, channel: Channel, item: contract.PreferenceChange, at: datetime) -> Result:
    if item.sender.is_known:
        listener = _recognise(session, channel, item.sender, min(item.at, at), fallback="")
        listeners.set_preference(session, listener, item.value, at=item.at)
    return Result(Outcome.CHANGE, f"preference {item.value[:20]}")


def _accept_echo(session: Session, channel: Channel, item: contract.Echo, at: datetime) -> Result:
    listener = _recognise(session, channel, item.recipient, min(item.sent_at, at), fallback=item.provider_id)
    is_new = conversations.add_echo(session, channel, listener, item, at=at)
    return Result(Outcome.CHANGE if is_new else Outcome.REPEAT, "echo")


def _accept_call(session: Session, channel: Channel, item: contract.Call, at: datetime) -> Result:
    if item.is_from_listener and item.caller.is_known:
        listener = _recognise(session, channel, item.caller, min(item.at, at), fallback=item.provider_id)
        conversations.note_call(session, channel, listener, sent_at=item.at, at=at)
    return Result(Outcome.NOTICE, f"call {item.event[:20]}")


def _accept_notice(session: Session, channel: Channel, item: contract.AccountNotice, at: datetime) -> Result:
    logger.warning("channel %s: the provider says %s, code %s", channel.id, item.field, item.code)
    return Result(Outcome.NOTICE, f"{item.field} {item.code or ''}".strip())


def _accept_history(session: Session, channel: Channel, item: contract.HistoryIgnored, at: datetime) -> Result:
    return Result(Outcome.NOTICE, f"{item.field} {item.count}")


Accept = Callable[[Session, Channel, Any, datetime], Result]
ACCEPTS: dict[type[Any], Accept] = {
    contract.Incoming: accept_message,
    contract.Unreadable: _accept_unreadable,
    contract.StatusChange: _accept_status,
    contract.ReactionChange: _accept_reaction,
    contract.Edit: _accept_edit,
    contract.Revoke: _accept_revoke,
    contract.IdentityChange: _accept_identity,
    contract.PreferenceChange: _accept_preference,
    contract.Echo: _accept_echo,
    contract.Call: _accept_call,
    contract.AccountNotice: _accept_notice,
    contract.HistoryIgnored: _accept_history,
}
