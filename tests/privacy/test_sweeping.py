"""What nobody names goes after a day; what somebody names stays, and a strange listing deletes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from desk import clock
from desk.media import storage
from desk.privacy import sweeping
from desk.settings import Settings
from media_store.errors import StoreUnavailable
from media_store.stores.contract import ObjectInfo
from tests.intake.graph import Graph
from tests.intake.provider import Provider
from tests.privacy.test_erasing import Failing, objects, picture, send_file

LATER = timedelta(days=2)


def put(key: str) -> None:
    storage.current().put(key, BytesIO(key.encode()), content_type="text/plain")


def test_an_orphan_goes_after_a_day_and_named_objects_stay(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", picture(31), "image/png")
    kept = set(objects())
    put("1/original/orphan.png")

    assert sweeping.sweep_objects(at=clock.now()) == 0
    assert sweeping.sweep_objects(at=clock.now() + LATER) == 1
    assert sweeping.sweep_objects(at=clock.now() + LATER) == 0

    assert set(objects()) == kept


def test_at_most_one_in_a_hundred_goes_in_a_run(house: Settings) -> None:
    for number in range(250):
        put(f"1/original/{number:04d}.bin")

    assert sweeping.sweep_objects(at=clock.now() + LATER) == 2
    assert len(objects()) == 248


def test_a_listing_that_fails_deletes_nothing(house: Settings) -> None:
    for number in range(3):
        put(f"1/original/{number}.bin")

    class BreaksOff(Failing):
        """The store, whose listing ends in a fault."""

        def list(self, prefix: str) -> Iterator[ObjectInfo]:
            yield from self.store.list(prefix)
            raise StoreUnavailable("broke off")

    real = storage.current()
    storage.use(BreaksOff(real, 10_000))
    with pytest.raises(StoreUnavailable):
        sweeping.sweep_objects(at=clock.now() + LATER)
    storage.use(real)

    assert len(objects()) == 3


def test_parts_of_dead_writers_go_too(house: Settings) -> None:
    put("1/original/0.bin")
    root = Path(house.store_url.removeprefix("file:"))
    part = root / "1" / "original" / ".part-left"
    part.write_bytes(b"half")
    old = (clock.now() - LATER).timestamp()
    os.utime(part, (old, old))

    sweeping.sweep_now()

    assert not part.exists()
