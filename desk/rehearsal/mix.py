"""One invented message: who sends what, drawn by a seeded chance, and posted.

Shared by the morning and the burst, which decide how many and when.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace

from . import making
from .cast import Cast, Player, Sample
from .filekinds import file_kind
from .people import Listener
from .sending import Content, KeptFile, Posting, Sender

# shares of a busy morning: voices, photos, clips, written, emoji (product's sum of 4,000), and the odd ones
BUSY = {"voice": 50, "song": 5, "picture": 21, "clip": 7, "text": 9, "emoji": 6, "sticker": 1, "attachment": 1}
# the 4,000 of one morning, to the item: 2,200 voices, 900 photos, 300 films, 350 written, 250 of emoji alone
MORNING = {"voice": 1980, "song": 220, "picture": 900, "clip": 300, "text": 350, "emoji": 250}
GENTLE = {"voice": 26, "song": 10, "picture": 16, "clip": 5, "text": 30, "emoji": 8, "sticker": 3, "attachment": 2}


@dataclass(frozen=True)
class Item:
    """A message not yet posted: text, a sample's file, or ready content of an odd kind.

    `is_varied`: the file shall differ from the sample as another person's would, instead of by its salt alone.
    """

    station: str
    listener: Listener
    text: str
    sample: Sample | None
    salt: str
    faulty: str = ""
    content: Content | None = None
    is_forwarded: bool = False
    is_varied: bool = False


def draw_kind(shares: dict[str, int], chance: random.Random) -> str:
    return chance.choices(list(shares), weights=list(shares.values()))[0]


def draw_item(cast: Cast, station: str, kind: str, chance: random.Random) -> Item:
    """A message of this kind by a fitting sender of the station."""
    player = chance.choice(cast.players_of(station))
    salt = f"{chance.getrandbits(48):012x}"
    if kind in ("text", "emoji"):
        lines = cast.texts[station] if kind == "text" else cast.emoji[station]
        line = chance.choice(lines)
        return Item(station, player.listener, cast.filled(line, player, chance) if kind == "text" else line, None, "")
    sample = chance.choice(cast.samples_of(kind, station))
    return item_of(cast, sample, player, salt, chance)


def item_of(cast: Cast, sample: Sample, player: Player, salt: str, chance: random.Random) -> Item:
    """A sample as sent by its own speaker, or by the given player if it is anyone's."""
    if sample.by is not None:
        player = cast.player(sample.by) or player
    caption = chance.choice(sample.captions) if sample.captions else ""
    return Item(player.station, player.listener, cast.filled(caption, player, chance), sample, salt)


def post_item(sender: Sender, item: Item, posting: Posting) -> str:
    """Post the item now or at its due time. Returns the provider id."""
    station = sender.config.station(item.station)
    if station is None:
        raise LookupError(item.station)
    with sender.ledger.writing():
        sender.introduce(item.listener)
        listener = sender.listener(item.listener.name)
        if item.content is not None:
            content = item.content
        elif item.sample is None:
            content = Content("text", {"body": item.text})
        else:
            kind = file_kind(item.sample.file, is_voice=item.sample.is_voice)
            kept = KeptFile(item.sample.path, item.sample.file, kind, item.salt, item.faulty)
            content = sender.media_content(station, kept, item.text or None)
        if item.is_forwarded:
            posting = replace(posting, context={"forwarded": True})
        wamid = sender.send(station, listener, content, posting)
        if item.is_varied and item.sample is not None and item.sample.path.suffix in making.VARIED:
            making.order(sender.ledger, wamid, content.body["id"], posting.due_at or time.time())
        return wamid
