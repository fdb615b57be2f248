"""A flood on order: N mixed messages at M a minute, some webhooks delivered twice.

Evenly, or as on a morning with four call-outs, each of which a flood answers. Everything is planned and written to the
outbox at once, so the pace is kept by due times and the flood goes on after kill -9. The caller gets every provider
id, to count what arrived.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from . import making
from .cast import Cast
from .mix import BUSY, draw_item, draw_kind, post_item
from .people import Listener, invented_bsuid, invented_phone, username_of
from .sending import Posting, Sender

LIMIT = 100_000
COMMITTED_AT_ONCE = 100  # items; the deliveries write in between
# A morning of three hours: when the presenter calls listeners up, and which share of all items answers within the
# FLOOD_LASTS after it (six minutes); the rest comes evenly. All as shares of the whole.
CALL_OUTS = ((1 / 40, 0.25), (10 / 40, 0.15), (20 / 40, 0.15), (30 / 40, 0.15))
FLOOD_LASTS = 6 / 180
COPIES = 0.03  # of what is varied: forwarded ones, of which everybody has the same
PLANNING_S = 0.003  # per item: nothing is due before the plan is written, or the pace would begin with a rush


@dataclass(frozen=True)
class Burst:
    """items > 0; per_minute > 0; the rates are shares between 0 and 1.

    `shares`: kinds with their weights, of which exactly so many are sent; None draws from the usual mix. `call_outs`:
    whether they come as on a morning, at that pace on the whole. `is_varied`: whether each file is another person's,
    made before the first message is due, instead of the cast's few over and over.
    """

    items: int
    per_minute: float
    seed: int = 1
    repeat_rate: float = 0.05
    failing_media_rate: float = 0.0
    station: str | None = None
    shares: Mapping[str, int] | None = None
    call_outs: bool = False
    is_varied: bool = False

    @property
    def making_s(self) -> float:
        """Before the first is due."""
        return making.takes_s(self.items, self.shares or BUSY) if self.is_varied else 0.0

    @property
    def lasts_s(self) -> float:
        """From the first to the last."""
        return self.items * 60 / self.per_minute


def deal_kinds(items: int, shares: Mapping[str, int], chance: random.Random) -> list[str]:
    """So many of each kind as the shares say, to the item, in a chance order. LookupError for a kind nobody sends."""
    if not shares or not set(shares) <= set(BUSY):
        raise LookupError(", ".join(sorted(set(shares) - set(BUSY))) or "no kinds")
    dealt: list[str] = []
    total, ends = sum(shares.values()), 0
    for kind, share in shares.items():
        ends += share
        dealt += [kind] * (round(items * ends / total) - len(dealt))
    chance.shuffle(dealt)
    return dealt


def moments(items: int, *, call_outs: bool) -> list[float]:
    """When each item is due, ascending, as shares of the whole time."""
    floods = CALL_OUTS if call_outs else ()
    found = [begins + at * FLOOD_LASTS for begins, share in floods for at in _evenly(round(items * share))]
    return sorted([*found, *_evenly(items - len(found))])


def _evenly(count: int) -> Iterator[float]:
    return (number / count for number in range(count))


def post_burst(sender: Sender, cast: Cast, burst: Burst) -> list[str]:
    """Plan the whole flood. Returns the provider ids in order of their due times."""
    chance = random.Random(f"burst:{burst.seed}")
    slugs = [burst.station] if burst.station else [station.slug for station in sender.config.stations]
    slugs = [slug for slug in slugs if slug in cast.stations]
    if not slugs:
        raise LookupError(burst.station or "no station of the cast")
    kinds = deal_kinds(burst.items, burst.shares, chance) if burst.shares is not None else None
    start = time.time() + 0.5 + burst.items * PLANNING_S + burst.making_s
    due = [start + burst.lasts_s * share for share in moments(burst.items, call_outs=burst.call_outs)]
    ids: list[str] = []
    while len(ids) < burst.items:
        count = min(COMMITTED_AT_ONCE, burst.items - len(ids))
        with sender.ledger.writing():
            ids += [
                _post_one(
                    sender, cast, burst, kinds[number] if kinds else None, chance.choice(slugs), due[number], chance
                )
                for number in range(len(ids), len(ids) + count)
            ]
    sender.wake()
    return ids


def _post_one(
    sender: Sender, cast: Cast, burst: Burst, kind: str | None, slug: str, due_at: float, chance: random.Random
) -> str:
    item = draw_item(cast, slug, kind or draw_kind(BUSY, chance), chance)
    if chance.random() < 0.7:
        item = replace(item, listener=_stranger(chance))
    if chance.random() < burst.failing_media_rate:
        item = replace(item, faulty="once")
    if burst.is_varied and item.sample is not None:
        is_copy = chance.random() < COPIES
        item = replace(item, is_varied=not is_copy, is_forwarded=is_copy)
    repeats = 1 if chance.random() < burst.repeat_rate else 0
    return post_item(sender, item, Posting(sent_at=due_at, due_at=due_at, repeats=repeats))


def _stranger(chance: random.Random) -> Listener:
    """Somebody outside the cast; one in ten has hidden the number."""
    first = chance.choice(
        ["Lena", "Emre", "Sofie", "Paweł", "Ute", "Jonas", "Leyla", "Kurt", "Nele", "Ömer", "Zuzanna", "Bernd"]
    )
    last = chance.choice(
        ["Braun", "Demir", "Großkopf", "Hölscher", "Kaya", "Löhr", "Mäurer", "Nowak", "Schütz", "Ziegler"]
    )
    name = f"{first} {last} {chance.randrange(1, 60)}"
    hides = chance.random() < 0.1
    return Listener(
        name=name,
        phone=invented_phone(name),
        bsuid=invented_bsuid(name),
        username=username_of(name) if hides else None,
        shows_phone=not hides,
    )
