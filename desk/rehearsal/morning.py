"""A believable Thursday morning: a backlog at the first start, then a message now and then.

The backlog is posted once per data folder, in one commit; the gentle filling goes on after
every start and can be paused. Station slugs the cast does not know are left in peace.
"""

from __future__ import annotations

import logging
import random
import threading
import time

from .cast import Cast, Sample
from .mix import GENTLE, Item, draw_item, draw_kind, item_of, post_item
from .payloads import error_entry
from .sending import Content, Posting, Sender

BACKLOG_PER_STATION = 52
CHAIN_SENDERS = 4
BACKLOG_SPAN_S = 3 * 3600
BACKLOG_STEP_S = 0.2  # between two messages of one station: quick, but no flood
PAUSE_S = (8.0, 20.0)

# what also arrives on a morning: a place, and a poll, which the provider does not hand on
ODD = (
    Content("location", {"latitude": 50.7374, "longitude": 7.0982, "name": "Alter Zoll", "address": "Bonn"}),
    Content(
        "unsupported",
        {"type": "poll_creation"},
        errors=(error_entry(131051, "Message type unknown", "Message type is currently not supported."),),
    ),
)

log = logging.getLogger("desk.rehearsal")


def seed_morning(sender: Sender, cast: Cast) -> int:
    """Post the backlog unless this data folder has seen it. Returns how many messages were posted."""
    known = [station.slug for station in sender.config.stations if station.slug in cast.stations]
    with sender.ledger.writing():
        if sender.ledger.note("morning_seeded_at") is not None:
            return 0
        for player in cast.players:
            sender.introduce(player.listener)
        posted = sum(_seed_station(sender, cast, slug) for slug in known)
        sender.ledger.keep_note("morning_seeded_at", time.time())
    return posted


def _seed_station(sender: Sender, cast: Cast, slug: str) -> int:
    chance = random.Random(f"morning:{slug}")
    items = backlog(cast, slug, chance)
    now = time.time()
    for number, item in enumerate(items):
        ago_s = BACKLOG_SPAN_S * (1 - number / len(items)) ** 1.15 + chance.uniform(5, 40)
        if number == 0:
            ago_s = 20.0  # the first to arrive is heard first, so it stands on top
        post_item(sender, item, Posting(sent_at=now - ago_s, due_at=now + number * BACKLOG_STEP_S))
    return len(items)


def backlog(cast: Cast, slug: str, chance: random.Random) -> list[Item]:
    """The station's backlog: its first voice note first, then every note and song once among the rest."""
    spoken = cast.samples_of("voice", slug)
    samples: list[Sample] = [*spoken[1:], *cast.samples_of("song", slug)]
    for kind in ("picture", "clip", "sticker", "attachment"):
        samples += cast.samples_of(kind, slug)
    players = cast.players_of(slug)
    odd = [Item(slug, chance.choice(players).listener, "", None, "", content=content) for content in ODD]
    items = [*odd, *(item_of(cast, sample, chance.choice(players), "", chance) for sample in samples)]
    items += chain_letter(cast, slug, chance)
    while len(items) < BACKLOG_PER_STATION - 1:
        items.append(draw_item(cast, slug, "emoji" if chance.random() < 0.22 else "text", chance))
    chance.shuffle(items)
    return [item_of(cast, spoken[0], players[0], "", chance), *items]


def chain_letter(cast: Cast, slug: str, chance: random.Random) -> list[Item]:
    """One song that makes the rounds: the same bytes, forwarded by several people."""
    song = cast.samples_of("song", slug)[-1]
    senders = chance.sample(cast.players_of(slug), CHAIN_SENDERS)
    return [Item(slug, player.listener, "", song, "", is_forwarded=True) for player in senders]


class Morning:
    """Keeps filling gently until stopped; `pause` and `resume` are remembered."""

    def __init__(self, sender: Sender, cast: Cast) -> None:
        self._sender = sender
        self._cast = cast
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="morning").start()

    def stop(self) -> None:
        self._stopping.set()

    @property
    def is_paused(self) -> bool:
        return bool(self._sender.ledger.note("morning_paused", False))

    def pause(self, paused: bool) -> None:
        self._sender.ledger.keep_note("morning_paused", paused)

    def _run(self) -> None:
        posted = seed_morning(self._sender, self._cast)
        log.info("morning: %s messages of the backlog posted", posted)
        turn = int(self._sender.ledger.note("morning_turn", 0))
        while not self._stopping.is_set():
            chance = random.Random(f"gentle:{turn}")
            self._stopping.wait(chance.uniform(*PAUSE_S))
            if self._stopping.is_set() or self.is_paused:
                continue
            self._say_something(chance)
            self._answer_question(chance)
            turn += 1
            self._sender.ledger.keep_note("morning_turn", turn)

    def _say_something(self, chance: random.Random) -> None:
        known = [station.slug for station in self._sender.config.stations if station.slug in self._cast.stations]
        if known:
            slug = chance.choice(known)
            post_item(self._sender, draw_item(self._cast, slug, draw_kind(GENTLE, chance), chance), Posting())

    def _answer_question(self, chance: random.Random) -> None:
        """Someone of the cast taps the first button of a question the station asked and nobody answered."""
        ledger = self._sender.ledger
        since = ledger.note("questions_answered_until", 0)
        row = ledger.row(
            "SELECT m.*, l.seen_at FROM message AS m JOIN listener AS l ON l.name = m.listener"
            " WHERE from_station AND type = 'interactive' AND change > ? ORDER BY change LIMIT 1",
            since,
        )
        if row is None:
            return
        ledger.keep_note("questions_answered_until", row["change"])
        is_at_phone = row["seen_at"] > time.time() - 300  # somebody plays this listener by hand
        if self._cast.player(row["listener"]) is None or is_at_phone or chance.random() < 0.2:
            return
        self._tap_first_button(row["station"], row["listener"], row["id"])

    def _tap_first_button(self, slug: str, name: str, wamid: str) -> None:
        station = self._sender.config.station(slug)
        buttons = button_replies(self._sender, wamid)
        if station is None or not buttons:
            return
        context = {"from": station.display_phone_number, "id": wamid}
        content = Content("interactive", {"type": "button_reply", "button_reply": buttons[0]})
        self._sender.send(station, self._sender.listener(name), content, Posting(context=context))


def button_replies(sender: Sender, wamid: str) -> list[dict[str, str]]:
    """The reply buttons of a message the station sent: id and title each."""
    content = sender.content_of(wamid)
    if content is None or content.type != "interactive" or content.body.get("type") != "button":
        return []
    return [dict(button["reply"]) for button in content.body["action"]["buttons"]]
