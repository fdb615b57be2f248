"""Decisions of the privacy room on plain values: what stands in a recorded event once its message is erased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Payload = dict[str, Any]
BLANK_LISTENER = {"alias": "", "first_name": "", "place": "", "initial": "?"}
TAKEN_BACK = {"text": "", "media_ids": [], "reactions": [], "is_revoked": True}


@dataclass(frozen=True)
class Gone:
    """Ids of what was erased."""

    cards: frozenset[int]
    messages: frozenset[int]


def told_after(kind: str, payload: Payload, gone: Gone) -> tuple[str, Payload] | None:
    """The event that stands in place of one that named something erased; None if it named nothing of it."""
    if kind.startswith("card."):
        card = payload.get("card") or {}
        if card.get("id") not in gone.cards or set(card) == {"id"}:
            return None
        return "card.removed", {**payload, "card": {"id": card["id"]}}
    if kind == "message.changed":
        message = payload.get("message") or {}
        if message.get("id") not in gone.messages:
            return None
        return kind, {**payload, "message": {**message, **TAKEN_BACK}}
    without, has_changed = _without(payload, gone.cards)
    return (kind, without) if has_changed and isinstance(without, dict) else None


def _without(value: Any, cards: frozenset[int]) -> tuple[Any, bool]:
    """The value without items of these cards, wherever they stand; and whether there were any."""
    if isinstance(value, Mapping):
        parts = {key: _without(part, cards) for key, part in value.items()}
        kept = {key: None if _is_of(value[key], cards) else part for key, (part, _changed) in parts.items()}
        changed = any(changed for _part, changed in parts.values())
        return kept, changed or any(_is_of(part, cards) for part in value.values())
    if isinstance(value, list):
        left = [_without(part, cards) for part in value if not _is_of(part, cards)]
        return [part for part, _changed in left], len(left) != len(value) or any(changed for _part, changed in left)
    return value, False


def _is_of(value: Any, cards: frozenset[int]) -> bool:
    return isinstance(value, Mapping) and value.get("card_id") in cards
