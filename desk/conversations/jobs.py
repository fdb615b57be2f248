"""Sends a reply whose moment to be taken back is over. At most once: see replies.py.

The row is marked and committed before the provider is asked, and read again after. What the provider's answer means
is in the channel's errors: only those that say nothing went out are tried again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from desk import clock, db
from desk.channels import contract
from desk.channels.models import Channel
from desk.channels.queries import open_adapter
from desk.conversations import queries, replies
from desk.conversations.changes import CALLBACK
from desk.conversations.models import Message
from desk.errors import DeskError, Invalid
from desk.jobs.outcomes import Done, GiveUp, Outcome, RetryLater, Skipped
from desk.jobs.work import Work, job
from desk.listeners import queries as listeners

BROKEN_PAUSE_S = 60.0


def _given_up(session: Session, payload: dict[str, Any], reason: str, at: datetime) -> None:
    message = session.get(Message, payload["message_id"], with_for_update=True)
    if message is None:
        return
    if message.delivery_state == "sending":  # the last try may have got through
        replies.note_unsure(session, message, at=at)
    elif message.delivery_state in ("held", "queued"):
        replies.note_failed(session, message, reason[:60], at=at)


@job(replies.JOB, tries=12, on_dead=_given_up)
def send_message(work: Work) -> Outcome:
    """Send one reply. Run again it never sends twice."""
    message_id: int = work.payload["message_id"]
    with work.transaction() as session:
        message = replies.begin_sending(session, message_id, at=clock.now())
        if message is None:
            return Skipped("not_to_be_sent")
        recipient = _recipient(session, message)
        if recipient is None:
            replies.note_failed(session, message, "reply.no_address", at=clock.now())
            return Done()
        outgoing = _outgoing(session, message, recipient)
        channel = session.get_one(Channel, message.channel_id)
    try:
        adapter = open_adapter(channel)
    except Invalid:
        return _wait(message_id, "channels.invalid_settings", BROKEN_PAUSE_S)
    try:
        result = adapter.send(outgoing)
    except (contract.SendError, Invalid) as fault:
        return _explain(message_id, fault)
    # not fenced by the lease: what the provider did is true, whoever has the job by now
    with db.transaction() as session:
        replies.note_accepted(session, message_id, result.provider_id, at=clock.now())
    return Done()


def _recipient(session: Session, message: Message) -> contract.Recipient | None:
    channel = session.get_one(Channel, message.channel_id)
    return listeners.find_recipient(session, message.listener_id, channel.kind)


def _outgoing(session: Session, message: Message, recipient: contract.Recipient) -> contract.Outgoing:
    quoted = session.get(Message, message.reply_to_id) if message.reply_to_id is not None else None
    return contract.Outgoing(
        to=recipient,
        text=message.text,
        reply_to=None if quoted is None else queries.provider_id_of(quoted),
        callback_data=f"{CALLBACK}{message.id}",
    )


def _explain(message_id: int, fault: contract.SendError | Invalid) -> Outcome:
    """What the provider's refusal means for this reply."""
    if isinstance(fault, contract.Throttled | contract.Unreachable):
        return _wait(message_id, fault.code, fault.after_s)
    if isinstance(fault, contract.ChannelBroken):
        return _wait(message_id, f"{fault.code}.{fault.advice}", BROKEN_PAUSE_S)
    at = clock.now()
    with db.transaction() as session:
        message = session.get_one(Message, message_id, with_for_update=True)
        if isinstance(fault, contract.OutcomeUnknown):
            replies.note_unsure(session, message, at=at)
            return Done()
        reason = _reason(fault)
        replies.note_failed(session, message, reason, at=at)
    return GiveUp(reason)


def _reason(fault: DeskError) -> str:
    if isinstance(fault, contract.Refused):
        return f"{fault.code}.{fault.reason.value}"
    return replies.WindowClosed.code if isinstance(fault, contract.WindowClosed) else fault.code


def _wait(message_id: int, reason: str, after_s: float) -> Outcome:
    with db.transaction() as session:
        replies.note_waiting(session, message_id, reason, at=clock.now())
    return RetryLater(reason, after_s)
