"""Which of several copies is the one to use, and why; the sentences that say so, and what cards show of a stack.

Reasons are codes on the stack; their sentences are English message ids that the page translates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock
from desk.conversations.models import Message
from desk.media.models import Asset
from desk.wall.models import Card, Stack

BAD_SOUND = frozenset({"clipped", "truncated", "very_quiet", "sound_damaged", "off_target", "noisy", "cut_off"})

REASONS: Mapping[str, str] = {
    "song": "Same song",
    "song_better": "Same song, better sound",
    "song_longer": "Same song, longer",
    "song_forwarded": "Same song, forwarded often",
    "sound": "Same recording",
    "sound_better": "Same recording, better sound",
    "sound_longer": "Same recording, longer",
    "sound_forwarded": "Same recording, forwarded often",
    "picture": "Same picture",
    "picture_better": "Same picture, sharper",
    "picture_forwarded": "Same picture, forwarded often",
    "video": "Same video",
    "video_better": "Same video, better quality",
    "video_longer": "Same video, longer",
    "video_forwarded": "Same video, forwarded often",
    "file": "Same file",
    "file_forwarded": "Same file, forwarded often",
}


@dataclass(frozen=True)
class Copy:
    """One copy as far as the choice needs it; sizes are 0 where there are none."""

    card_id: int
    placed_ms: int
    is_song: bool
    is_forwarded: bool
    is_frequently_forwarded: bool
    flags: frozenset[str]
    duration_s: float
    pixels: int
    bytes: int


@dataclass(frozen=True)
class Choice:
    """The copy to use, and the code of the reason."""

    card_id: int
    reason: str


def list_copies(session: Session, card_ids: Sequence[int]) -> list[Copy]:
    """Those of these cards whose file is ready, as far as the choice among them needs it. One statement."""
    rows = session.execute(
        select(Card, Message, Asset)
        .join(Message, Message.id == Card.message_id)
        .join(Asset, Asset.message_id == Card.message_id)
        .where(Card.id.in_(card_ids))
        .order_by(Card.id, Asset.id)
    )
    copies = {card.id: _copy(card, message, asset) for card, message, asset in rows if asset.state == "ready"}
    return list(copies.values())


def _copy(card: Card, message: Message, asset: Asset) -> Copy:
    kind = asset.facts.get("voice_kind") or {}
    return Copy(
        card_id=card.id,
        placed_ms=clock.to_ms(card.placed_at),
        is_song=kind.get("kind") == "song",
        is_forwarded=message.is_forwarded,
        is_frequently_forwarded=message.is_frequently_forwarded,
        flags=frozenset(asset.facts.get("flags") or ()),
        duration_s=asset.duration_s or 0.0,
        pixels=(asset.width_px or 0) * (asset.height_px or 0),
        bytes=asset.original_bytes or 0,
    )


def choose(of: str, copies: Sequence[Copy]) -> Choice | None:
    """The best of these copies; None if there are none. The order they are given in does not matter.

    What was sent by who made it goes before what was forwarded, then who sent it first.
    """
    if not copies:
        return None
    ranked = sorted(copies, key=lambda copy: (_merits(of, copy), -copy.placed_ms, -copy.card_id), reverse=True)
    best, why = ranked[0], ""
    if len(ranked) > 1:
        pairs = zip(_merits(of, best), _merits(of, ranked[1]), _NAMES[of], strict=True)
        why = next((name for mine, other, name in pairs if mine != other), "")
    if not why and any(copy.is_frequently_forwarded for copy in copies):
        why = "forwarded"
    thing = "song" if of == "sound" and 2 * sum(copy.is_song for copy in copies) > len(copies) else of
    return Choice(best.card_id, f"{thing}_{why}" if why else thing)


# what the merits of a copy say, in the order in which they count
_NAMES: Mapping[str, tuple[str, ...]] = {
    "sound": ("better", "longer", "better", ""),
    "picture": ("better", "better", ""),
    "video": ("better", "longer", "better", "better", ""),
    "file": ("",),
}


def _merits(of: str, copy: Copy) -> tuple[int, ...]:
    """Higher is better; steps, so that a hair's breadth decides nothing."""
    faults, length = -len(copy.flags & BAD_SOUND), round(copy.duration_s)
    rate, area = _step(copy.bytes / max(copy.duration_s, 1.0)), _step(copy.pixels)
    own = int(not copy.is_forwarded) - int(copy.is_frequently_forwarded)
    return {
        "sound": (faults, length, rate, own),
        "picture": (area, _step(copy.bytes), own),
        "video": (faults, length, area, rate, own),
        "file": (own,),
    }[of]


def _step(size: float) -> int:
    """Half powers of two: 40 % more is one better."""
    return round(2 * math.log2(max(size, 1.0)))


def as_json(stack: Stack) -> dict[str, Any]:
    """A stack as events carry it and cards show it. `reason` is an English sentence for the page to translate."""
    return {
        "stack_id": stack.id,
        "count": stack.cards,
        "best_card_id": stack.best_card_id,
        "reason": REASONS.get(stack.reason, ""),
    }


def twins_of(stack: Stack | None, card_id: int) -> dict[str, Any] | None:
    """What a card says about its copies; None if there are none."""
    if stack is None or stack.cards < 2:
        return None
    return as_json(stack) | {"is_best": stack.best_card_id == card_id}
