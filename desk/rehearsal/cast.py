"""The cast as values: who plays, what each station's listeners send, and where the samples lie.

Reads `cast/cast.toml`; the files beside it are made by `cast/make_samples.py` and committed.
Who sends what when is the matter of `morning` and `burst`.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .people import Listener, invented_bsuid, invented_phone, username_of

FOLDER = Path(__file__).parent / "cast"
SAMPLES = FOLDER / "samples"


@dataclass(frozen=True)
class Player:
    """A listener of the cast with the place they speak of."""

    listener: Listener
    station: str
    place: str


@dataclass(frozen=True)
class Sample:
    """A file of the cast. by: the one sender it belongs to, None for anyone of its stations."""

    file: str
    stations: tuple[str, ...]
    by: str | None
    captions: tuple[str, ...]
    is_voice: bool
    says: str

    @property
    def path(self) -> Path:
        return SAMPLES / self.file


@dataclass(frozen=True)
class Cast:
    """Everything read from cast.toml."""

    stations: dict[str, dict[str, Any]]
    players: tuple[Player, ...]
    samples: dict[str, tuple[Sample, ...]]
    texts: dict[str, tuple[str, ...]]
    emoji: dict[str, tuple[str, ...]]
    fill: dict[str, list[str]]

    def players_of(self, station: str) -> list[Player]:
        return [player for player in self.players if player.station == station]

    def player(self, name: str) -> Player | None:
        return next((player for player in self.players if player.listener.name == name), None)

    def samples_of(self, kind: str, station: str) -> list[Sample]:
        return [sample for sample in self.samples[kind] if station in sample.stations]

    def filled(self, line: str, player: Player, chance: random.Random) -> str:
        """The line with its gaps filled in for this sender."""
        return line.format(
            place=player.place,
            host=chance.choice(self.stations[player.station]["hosts"]),
            name=chance.choice(self.fill["names"]),
            age=chance.choice(self.fill["ages"]),
            song=chance.choice(self.fill["songs"]),
            time=chance.choice(self.fill["times"]),
        )


def read_cast(path: Path = FOLDER / "cast.toml") -> Cast:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    players = tuple(_player(row) for row in document["listener"])
    homes = {player.listener.name: player.station for player in players}
    samples = {
        kind: tuple(_sample(row, kind, homes) for row in document[kind])
        for kind in ("voice", "song", "picture", "clip", "sticker", "attachment")
    }
    return Cast(
        stations={row["slug"]: row for row in document["station"]},
        players=players,
        samples=samples,
        texts=_lines(document["text"]),
        emoji=_lines(document["emoji"]),
        fill=document["fill"],
    )


def _player(row: dict[str, Any]) -> Player:
    name, shows_phone = row["name"], bool(row.get("shows_phone", True))
    username = row.get("username") or (None if shows_phone else username_of(name))
    listener = Listener(
        name=name,
        phone=invented_phone(name),
        bsuid=invented_bsuid(name),
        username=username,
        shows_phone=shows_phone,
        reads=bool(row.get("reads", True)),
    )
    return Player(listener, row["station"], row["place"])


def _sample(row: dict[str, Any], kind: str, homes: dict[str, str]) -> Sample:
    by = row.get("by")
    stations = (homes[by],) if by else tuple(row["stations"])
    is_voice = kind in ("voice", "song") and row["file"].endswith(".ogg")
    return Sample(
        row["file"], stations, by, tuple(row.get("captions", ())), is_voice, row.get("say", row.get("tune", ""))
    )


def _lines(rows: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    return {row["station"]: tuple(row["lines"]) for row in rows}
