"""Cuts single items out of a kept delivery, by the position their item names ("entry[0].changes[1].messages[2]").

The rest stays readable, every other item keeps its position, and contacts nobody in the rest refers to go as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from desk.channels import loose_json as loose
from desk.channels.contract import JSON

# Reads as something nobody wrote: a delivery that is replayed makes no card of it.
CUT: dict[str, JSON] = {"type": "system", "erased": True}
STEP = re.compile(r"(\w+)\[(\d+)\]")
IDS = ("wa_id", "user_id", "parent_user_id")


def cut_items(body: bytes, positions: Iterable[str]) -> bytes:
    """The delivery without what stands at these positions. A body that is no JSON is dropped whole."""
    try:
        root = loose.parse(body)
    except loose.NotJson:
        return b""
    for position in positions:
        holder = _cut(root, [(name, int(index)) for name, index in STEP.findall(position)])
        if holder is not None:
            _drop_contacts(holder)
    return json.dumps(root, ensure_ascii=False, separators=(",", ":")).encode()


def _cut(root: JSON, path: list[tuple[str, int]]) -> dict[str, JSON] | None:
    """Put the stub in place of the item; returns the change's value it stood in."""
    holder = root
    for depth, (name, index) in enumerate(path, start=1):
        if isinstance(holder, dict) and isinstance(holder.get("value"), dict):
            holder = holder["value"]
        found = loose.entries(loose.mapping(holder), name)
        if index >= len(found):
            return None
        if depth == len(path):
            found[index] = dict(CUT)
            return loose.mapping(holder)
        holder = found[index]
    return None


def _drop_contacts(value: dict[str, JSON]) -> None:
    contacts = loose.entries(value, "contacts")
    if not contacts:
        return
    rest = json.dumps({key: part for key, part in value.items() if key not in ("contacts", "metadata")})
    value["contacts"] = [one for one in contacts if _is_named(loose.mapping(one), rest)]


def _is_named(contact: dict[str, JSON], rest: str) -> bool:
    return any(json.dumps(found) in rest for key in IDS if (found := loose.text(contact, key)))
