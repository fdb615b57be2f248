"""What happens to a message after it came or was written: statuses, reactions, edits, revokes, telling open threads.

Any of them may come before the message they name; they are kept as PendingChange and applied when it arrives, so every
order of deliveries ends in the same state. New messages are in `actions.py`, replies in `replies.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from desk import clock, db, sealing
from desk.channels import contract
from desk.channels.models import Channel
from desk.conversations import queries, rules, signals
from desk.conversations.models import Message, PendingChange, Reaction
from desk.listeners import queries as listeners
from desk.listeners.models import Listener
from desk.live import audit, log

AUDIENCE = "wall.read"
CALLBACK = "reply-"
KEEP_PENDING = timedelta(days=30)


@dataclass(frozen=True)
class Applied:
    """What pending changes did to a message that has just arrived."""

    is_edited: bool = False
    is_revoked: bool = False


def hold(session: Session, lookup: str) -> None:
    """Let only one transaction at a time deal with a provider's id, there yet or not.

    Without it a change that finds no message and a message that finds no change could pass each other. SQLite has one
    writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": int(lookup[:15], 16)})


def apply_status(session: Session, channel: Channel, change: contract.StatusChange, *, at: datetime) -> Message | None:
    """What became of a message of ours; kept for later if we do not know the message yet (then None).

    A send whose answer was lost is recognised by its callback data and gets its id here.
    """
    lookup = queries.message_lookup(channel.id, change.provider_id)
    hold(session, lookup)
    message = queries.find_by_lookup(session, channel.id, lookup, for_change=True)
    if message is None:
        message = _find_by_callback(session, channel, change.callback_data)
        if message is not None:
            attach_provider_id(session, message, change.provider_id, at=at)
    status = _status_payload(change)
    if message is None:
        keep_pending(session, channel.station_id, channel.id, lookup, "status", change.status.value, status, at)
        return None
    if _raise_state(message, status):
        announce(session, message, at=at)
    return message


def _find_by_callback(session: Session, channel: Channel, callback_data: str | None) -> Message | None:
    number = (callback_data or "").removeprefix(CALLBACK)
    if not (callback_data or "").startswith(CALLBACK) or not number.isdecimal() or len(number) > 18:
        return None
    message = session.get(Message, int(number), with_for_update=True, populate_existing=True)
    if message is None or message.channel_id != channel.id or message.direction != "out":
        return None
    return message if message.provider_lookup is None else None


def attach_provider_id(session: Session, message: Message, provider_id: str, *, at: datetime) -> None:
    """The provider took a message of ours under this id; applies what came for the id before."""
    message.provider_lookup = queries.message_lookup(message.channel_id, provider_id)
    message.provider_id_sealed = sealing.seal(provider_id, queries.provider_id_about(message.channel_id))
    raise_state(message, rules.DeliveryState.ACCEPTED, at=at)
    session.flush()
    apply_pending(session, message, at=at)


def raise_state(message: Message, state: str, *, at: datetime, error: str | None = None) -> bool:
    """Move a delivery state up in rank; False if it stands as high already."""
    if not rules.follows(message.delivery_state or rules.DeliveryState.QUEUED, state):
        return False
    message.delivery_state = str(state)
    message.delivery_at = at
    message.delivery_error = error
    return True


def _status_payload(change: contract.StatusChange) -> dict[str, Any]:
    error = None
    if change.status is contract.DeliveryStatus.FAILED:
        error = f"provider.{change.error.code}" if change.error and change.error.code is not None else "provider.failed"
    return {"status": change.status.value, "at_ms": clock.to_ms(change.at), "error": error}


def _raise_state(message: Message, status: dict[str, Any]) -> bool:
    return raise_state(message, status["status"], at=clock.from_ms(status["at_ms"]), error=status["error"])


def apply_reaction(
    session: Session, channel: Channel, listener: Listener, change: contract.ReactionChange, *, at: datetime
) -> Message | None:
    """A listener's reaction to a message of ours, or its removal; the newest counts. None: message unknown yet."""
    lookup = queries.message_lookup(channel.id, change.target_id)
    hold(session, lookup)
    message = queries.find_by_lookup(session, channel.id, lookup)
    reaction = {"listener_id": listener.id, "emoji": change.emoji or "", "at_ms": clock.to_ms(change.at)}
    if message is None:
        keep_pending(
            session, channel.station_id, channel.id, lookup, "reaction", _token(change.provider_id), reaction, at
        )
        return None
    if _react(session, message, reaction):
        announce(session, message, at=at)
    return message


def _react(session: Session, message: Message, reaction: dict[str, Any]) -> bool:
    emoji: str = reaction["emoji"][:32]
    moment = clock.from_ms(reaction["at_ms"])
    listener_id = listeners.load_listener(session, message.station_id, reaction["listener_id"]).id
    values = {"station_id": message.station_id, "message_id": message.id, "listener_id": listener_id,
              "emoji": emoji, "at": moment}  # fmt: skip
    if db.insert_if_absent(session, Reaction.metadata.tables["reaction"], values, unique=["message_id", "listener_id"]):
        _tell_reaction(session, message, listener_id)
        return emoji != ""
    newer = (Reaction.at < moment) | ((Reaction.at == moment) & (Reaction.emoji < emoji))
    changed: Any = session.execute(
        update(Reaction)
        .where(Reaction.message_id == message.id, Reaction.listener_id == listener_id, newer)
        .values(emoji=emoji, at=moment)
    )
    if changed.rowcount == 1:
        _tell_reaction(session, message, listener_id)
    return bool(changed.rowcount == 1)


def _tell_reaction(session: Session, message: Message, listener_id: int) -> None:
    for told in signals.reacted:
        told(session, message.id, listener_id, clock.now())


def apply_edit(session: Session, channel: Channel, change: contract.Edit, *, at: datetime) -> Message | None:
    """The author changed a message's words; the newest change counts. None if nothing was changed (now)."""
    payload = {"text": change.text, "at_ms": clock.to_ms(change.at)}
    return _change_by_author(session, channel, "edit", change.target_id, change.provider_id, change.sender, payload, at)


def apply_revoke(session: Session, channel: Channel, change: contract.Revoke, *, at: datetime) -> Message | None:
    """The author took a message back. None if nothing was changed (now)."""
    payload = {"at_ms": clock.to_ms(change.at)}
    return _change_by_author(
        session, channel, "revoke", change.target_id, change.provider_id, change.sender, payload, at
    )


def _change_by_author(
    session: Session,
    channel: Channel,
    kind: str,
    target_id: str,
    provider_id: str,
    sender: contract.Sender,
    payload: dict[str, Any],
    at: datetime,
) -> Message | None:
    lookup = queries.message_lookup(channel.id, target_id)
    hold(session, lookup)
    message = queries.find_by_lookup(session, channel.id, lookup, for_change=True)
    payload |= {"bsuid": sender.bsuid, "wa_id": sender.wa_id, "phone": sender.phone, "parent": sender.parent_bsuid}
    if message is None:
        keep_pending(session, channel.station_id, channel.id, lookup, kind, _token(provider_id), payload, at)
        return None
    if not _apply_change(session, channel.kind, message, kind, payload):
        return None
    act = "message.edit" if kind == "edit" else "message.revoke"
    audit.record(session, message.station_id, act, f"message:{message.id}", by=None, at=at)
    announce(session, message, at=at)
    return message


def _apply_change(session: Session, channel_kind: str, message: Message, kind: str, payload: dict[str, Any]) -> bool:
    """Edit or revoke, if the sender is the author under any of their ids."""
    if message.erased_at is not None:
        return False
    sender = contract.Sender(payload["bsuid"], payload["parent"], payload["wa_id"], payload["phone"])
    is_author = listeners.is_same_person(session, message.station_id, channel_kind, message.listener_id, sender)
    if message.direction != "in" or not is_author:
        return False
    moment = clock.from_ms(payload["at_ms"])
    if kind == "revoke":
        if message.revoked_at is not None and message.revoked_at <= moment:
            return False
        is_first = message.revoked_at is None
        message.revoked_at = moment
        return is_first
    if message.edited_at is not None and (message.edited_at, message.text) >= (moment, payload["text"]):
        return False
    message.edited_at = moment
    message.text = payload["text"]
    return True


def apply_pending(session: Session, message: Message, *, at: datetime) -> Applied:
    """Apply what came for this message before it; called once it stands, with its author's addresses known."""
    rows = session.execute(
        select(PendingChange)
        .where(PendingChange.channel_id == message.channel_id, PendingChange.target_lookup == message.provider_lookup)
        .order_by(PendingChange.id)
    ).scalars().all()  # fmt: skip
    if not rows:
        return Applied()
    channel_kind = session.get_one(Channel, message.channel_id).kind
    changed: set[str] = set()
    for row in rows:
        if _apply_one(session, channel_kind, message, row.kind, open_pending(row)):
            changed.add(row.kind)
    session.execute(delete(PendingChange).where(PendingChange.id.in_([row.id for row in rows])))
    if changed:
        announce(session, message, at=at)
    return Applied(is_edited="edit" in changed, is_revoked="revoke" in changed)


def _apply_one(session: Session, channel_kind: str, message: Message, kind: str, payload: dict[str, Any]) -> bool:
    if kind == "status":
        return _raise_state(message, payload)
    if kind == "reaction":
        return _react(session, message, payload)
    if kind == "quote":
        session.execute(update(Message).where(Message.id == payload["id"]).values(reply_to_id=message.id))
        return False
    return _apply_change(session, channel_kind, message, kind, payload)


def keep_pending(
    session: Session,
    station_id: int,
    channel_id: int,
    lookup: str,
    kind: str,
    token: str,
    payload: dict[str, Any],
    at: datetime,
) -> None:
    db.insert_if_absent(
        session,
        PendingChange.metadata.tables["pending_change"],
        {
            "station_id": station_id,
            "channel_id": channel_id,
            "target_lookup": lookup,
            "kind": kind,
            "token": token,
            "payload_sealed": sealing.seal_json(payload, _pending_about(channel_id, lookup)),
            "at": at,
        },
        unique=["channel_id", "target_lookup", "kind", "token"],
    )


def open_pending(row: PendingChange) -> dict[str, Any]:
    """What a kept change holds, opened."""
    opened: dict[str, Any] = sealing.unseal_json(row.payload_sealed, _pending_about(row.channel_id, row.target_lookup))
    return opened


def _pending_about(channel_id: int, lookup: str) -> str:
    return f"pending:{channel_id}:{lookup}"


def _token(provider_id: str) -> str:
    return hashlib.sha256(provider_id.encode()).hexdigest()


def forget_pending(session: Session, *, at: datetime) -> int:
    """Drop changes whose message never came within 30 days; returns how many."""
    old = PendingChange.at < at - KEEP_PENDING
    gone = session.execute(select(func.count()).select_from(PendingChange).where(old)).scalar_one()
    if gone:
        session.execute(delete(PendingChange).where(old))
    return gone


# --- telling ----------------------------------------------------------------------------------------------------


def announce(session: Session, message: Message, *, at: datetime) -> None:
    """Tell open threads of a message as it stands at the end of this transaction; once, however often it changed."""
    noted: dict[int, tuple[Message, datetime]] = session.info.setdefault("changed_messages", {})
    noted[message.id] = (message, at)
    db.before_commit(session, "60-messages", _record_changes)


def _record_changes(session: Session) -> None:
    noted: dict[int, tuple[Message, datetime]] = session.info.pop("changed_messages", {})
    session.flush()
    messages = [message for message, _ in noted.values()]
    for view, message in zip(queries.view_messages(session, messages), messages, strict=True):
        shown = view.as_json()
        if message.direction == "in" and listeners.is_blocked(session, message.listener_id, at=noted[message.id][1]):
            shown["text"] = ""
        payload = {"conversation_id": message.conversation_id, "message": shown}
        log.record(session, message.station_id, "message.changed", payload, audience=AUDIENCE, at=noted[message.id][1])
