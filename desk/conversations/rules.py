"""Decisions about conversations on plain values: is the window open, which delivery state follows which.

Statuses come in any order and repeatedly. A state is a rank and only moves up, so every order ends in the same state.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

SERVICE_WINDOW = timedelta(hours=24)  # the provider's customer service window
CLOSES_EARLY = timedelta(minutes=5)  # a reply refused at the last moment costs more than one not offered
HELD = timedelta(seconds=5)  # how long a reply can be taken back
LONGEST_TEXT = 4096  # characters, the provider's limit for sending
LATE_AFTER = timedelta(minutes=15)
AHEAD_AFTER = timedelta(minutes=5)


class DeliveryState(StrEnum):
    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    UNSURE = "unsure"
    ACCEPTED = "accepted"
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    CANCELLED = "cancelled"


# A failure is final against a late 'sent'; a 'delivered' or 'read' wins over it, because the message did arrive.
RANKS = {state: rank for rank, state in enumerate(DeliveryState)}


def follows(before: str, after: str) -> bool:
    """Whether a delivery state may follow another: only upwards in rank, and never after a cancellation.

    >>> follows("sent", "read"), follows("read", "delivered"), follows("failed", "sent"), follows("failed", "read")
    (True, False, False, True)
    """
    if before == DeliveryState.CANCELLED:
        return False
    return RANKS[DeliveryState(after)] > RANKS[DeliveryState(before)]


def window_closes_at(sent_at: datetime, received_at: datetime) -> datetime:
    """When the window opened by a listener's message closes, a little early.

    The provider's time counts; one that lies ahead of ours is not believed.
    """
    return min(sent_at, received_at) + SERVICE_WINDOW - CLOSES_EARLY


def is_open(closes_at: datetime | None, at: datetime) -> bool:
    """Whether a free reply may be sent now; None: the listener has never written."""
    return closes_at is not None and at < closes_at


def is_late(sent_at: datetime, received_at: datetime) -> bool:
    """Whether a message was long on its way, so that "now on air" may be over."""
    return received_at - sent_at > LATE_AFTER


def is_ahead(sent_at: datetime, received_at: datetime) -> bool:
    """Whether the provider's time lies in our future by more than clocks differ."""
    return sent_at - received_at > AHEAD_AFTER
