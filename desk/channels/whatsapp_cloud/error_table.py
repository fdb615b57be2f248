"""What the provider's error numbers mean for a message we send, as data.

Numbers decide, never titles (they will be removed). A number that is not here is judged by the HTTP status.
The same table explains a `failed` status that arrives later. Source: Meta, "Error codes", May 2026.
"""

from __future__ import annotations

from desk.channels.contract import (
    ChannelBroken,
    OutcomeUnknown,
    RefusalReason,
    Refused,
    SendError,
    Throttled,
    WindowClosed,
)

WINDOW_CLOSED = 131047
PAIR_LIMIT = 131056  # wait 4^n seconds, n = 0, 1, 2 …
PAIR_LIMIT_S = 4.0
THROTTLED_S = 30.0  # where the provider names no time itself

# nothing can be sent until somebody acts: number → where to look
BROKEN: dict[int, str] = {
    0: "token",
    190: "token",
    3: "permission",
    10: "permission",
    131005: "permission",
    **dict.fromkeys(range(200, 300), "permission"),
    368: "account",
    131031: "account",
    131037: "number",
    131045: "number",
    133010: "number",
    133016: "number",
    131042: "payment",
}
# number → seconds to wait
THROTTLED: dict[int, float] = {
    4: 300.0,
    80007: 300.0,
    130429: THROTTLED_S,
    131057: 60.0,  # the number is being moved to a higher throughput, about a minute
}
# faults of the provider after which the message may or may not be on its way
TEMPORARY = frozenset({1, 2, 131000, 131016})
REFUSED: dict[int, RefusalReason] = {
    100: RefusalReason.BAD_REQUEST,
    131008: RefusalReason.BAD_REQUEST,
    131009: RefusalReason.BAD_REQUEST,
    131021: RefusalReason.BAD_REQUEST,
    131051: RefusalReason.BAD_REQUEST,
    130403: RefusalReason.RECIPIENT_BLOCKED,
    130472: RefusalReason.HELD_BACK,
    131049: RefusalReason.HELD_BACK,
    130497: RefusalReason.RECIPIENT_UNREACHABLE,
    131026: RefusalReason.RECIPIENT_UNREACHABLE,
    130501: RefusalReason.NOT_IN_THIS_CHAT,
    131048: RefusalReason.TOO_MUCH_SPAM,
    131050: RefusalReason.OPTED_OUT,
    131052: RefusalReason.MEDIA,
    131053: RefusalReason.MEDIA,
    131062: RefusalReason.NEEDS_PHONE,
    131063: RefusalReason.TEMPLATE,
    131064: RefusalReason.TEMPLATE,
    132000: RefusalReason.TEMPLATE,
    132001: RefusalReason.TEMPLATE,
    132005: RefusalReason.TEMPLATE,
    132007: RefusalReason.TEMPLATE,
    132008: RefusalReason.TEMPLATE,
    132012: RefusalReason.TEMPLATE,
    132015: RefusalReason.TEMPLATE,
    132016: RefusalReason.TEMPLATE,
    137000: RefusalReason.IDENTITY,
}


def explain_code(provider_code: int) -> SendError | None:
    """The error a number stands for, or None for one we do not know."""
    if provider_code == WINDOW_CLOSED:
        return WindowClosed(provider_code=provider_code)
    if provider_code == PAIR_LIMIT:
        return Throttled(PAIR_LIMIT_S, provider_code=provider_code, is_pair_limit=True)
    if provider_code in THROTTLED:
        return Throttled(THROTTLED[provider_code], provider_code=provider_code)
    if provider_code in TEMPORARY:
        return OutcomeUnknown(provider_code=provider_code)
    if provider_code in BROKEN:
        return ChannelBroken(BROKEN[provider_code], provider_code=provider_code)
    if provider_code in REFUSED:
        return Refused(REFUSED[provider_code], provider_code=provider_code)
    return None


def explain_answer(status: int, provider_code: int | None, after_s: float | None) -> SendError:
    """The error for an HTTP answer that is not a success; `after_s` is the provider's own Retry-After."""
    known = explain_code(provider_code) if provider_code is not None else None
    if known is not None:
        if isinstance(known, Throttled) and after_s is not None:
            known.after_s = max(known.after_s, after_s)
        return known
    if status == 429:
        return Throttled(after_s or THROTTLED_S, provider_code=provider_code)
    if status in (401, 403):
        return ChannelBroken("token" if status == 401 else "permission", provider_code=provider_code)
    if 400 <= status < 500:
        return Refused(RefusalReason.UNKNOWN, provider_code=provider_code)
    return OutcomeUnknown(provider_code=provider_code)
