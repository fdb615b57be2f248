"""Moving a station's files with `desk store copy`, there and back, killed in the middle of both ways.

The class wants the fixture `place` of the file that runs it, and `desk` of tests/cli/conftest.py.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from media_store.errors import ObjectMissing
from tests.cli.conftest import BESIDE, Command
from tests.media_store.contract import TYPE, WORDS, Place, put, read
from tests.media_store.endurance import has_ended

SHORT, LONG = 30, 6
KILLED_AFTER_OBJECTS = 3


def furnish(place: Place) -> dict[str, str]:
    """Files as a station has them, many short and some long; digests by key."""
    store, dice = place.open(), random.Random(11)
    sizes = {f"1/2026/11/{number:03}.ogg": 30_000 + 1_000 * number for number in range(SHORT)}
    sizes |= {f"2/2026/11/{number:03}.wav": 1_000_000 for number in range(LONG)}
    return {key: put(store, key, dice.randbytes(size)) for key, size in sizes.items()}


def contents(place: Place) -> dict[str, tuple[str, str | None]]:
    """The digest of the bytes as they are, and the type, by key."""
    store = place.open()
    found = [info.key for info in store.list("")]
    return {key: (hashlib.sha256(read(store, key)).hexdigest(), store.info(key).content_type) for key in found}


def copy_and_kill(desk: Command, place: Place, source: Place, target: Place) -> int:
    """Begin a copy, kill -9 it once some objects are there; returns how many."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DESK_")}
    with subprocess.Popen(
        [str(BESIDE), "store", "copy", source.url, target.url, "--parallel", "1", "--json"],
        env=clean | desk.environment | place.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        store = target.open()
        while len(list(store.list(""))) < KILLED_AFTER_OBJECTS and not has_ended(process):
            pass
        process.kill()
        told, _ = process.communicate()
    assert process.returncode == -9, told
    return len(list(store.list("")))


@pytest.mark.timeout(300)  # two processes and four commands, on a machine that may be busy with others
class StoreMoving:
    @pytest.fixture
    def beside(self, desk: Command, place: Place) -> Command:
        """The command, with what it needs to reach the place."""
        return Command(desk.environment | place.environment)

    def test_a_station_moves_there_and_back_though_both_ways_are_killed(
        self, desk: Command, beside: Command, place: Place, tmp_path: Path
    ) -> None:
        home, back = Place(f"file:{tmp_path}/home"), Place(f"file:{tmp_path}/back")
        wanted = furnish(home)

        for source, target in ((home, place), (place, back)):
            before = copy_and_kill(desk, place, source, target)
            moved = beside.json("store", "copy", source.url, target.url)
            again = beside.json("store", "copy", source.url, target.url)

            assert KILLED_AFTER_OBJECTS <= before < len(wanted)
            assert moved["ok"] is again["ok"] is True
            assert moved["present"] >= before
            assert moved["copied"] + moved["present"] == len(wanted)
            assert (again["copied"], again["present"], again["bytes"]) == (0, len(wanted), 0)
            assert contents(target) == {key: (digest, TYPE) for key, digest in wanted.items()}

    def test_what_does_not_agree_is_named_and_nothing_is_overwritten(
        self, beside: Command, place: Place, tmp_path: Path
    ) -> None:
        home = Place(f"file:{tmp_path}/home")
        for key in ("fine", "rots-at-home", "rots-there", "differs"):
            put(home.open(), key)
        put(place.open(), "differs", b"other")
        home.damage("rots-at-home")

        def copy(*options: str) -> dict[str, Any]:
            report: dict[str, Any] = beside.json("store", "copy", home.url, place.url, *options, status=1)
            assert report["ok"] is False
            return report | {"faults": {one["key"]: one["fault"] for one in report["faults"]}}

        first = copy()
        place.damage("rots-there")
        quick, full, repaired = copy("--quick"), copy(), copy("--repair")

        known = {"differs": "differs", "rots-at-home": "damaged_source"}
        assert (first["copied"], first["faults"]) == (2, known)
        assert quick["faults"] == repaired["faults"] == known
        assert full["faults"] == known | {"rots-there": "damaged_target"}
        assert (repaired["copied"], repaired["repaired"]) == (1, 1)
        assert read(place.open(), "rots-there") == WORDS
        assert read(place.open(), "differs") == b"other"
        with pytest.raises(ObjectMissing):
            place.open().info("rots-at-home")
