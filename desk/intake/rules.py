"""What may become of one item of a delivery, and for how long things wait at the front door."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

WAIT_S = 2.5  # for other writers before a delivery is refused with 503; the provider tries again for days
UNREAD_AFTER = timedelta(minutes=1)
COUNTED_BACK = timedelta(days=1)


class Outcome(StrEnum):
    """Every item ends as exactly one of these."""

    CARD = "card"  # on the wall
    REPEAT = "repeat"  # was there already
    CHANGE = "change"  # changed something else, now or when it comes
    STATUS = "status"  # told what became of a message of ours
    NOTICE = "notice"  # understood and only noted
    PARKED = "parked"  # for a number we do not know, or that this channel may not speak for
    SET_ASIDE = "set_aside"  # broke us; visible and repeatable
