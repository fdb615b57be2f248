"""What stores must bear beside the contract: writers killed at any moment, long objects, long lists, links.

Each class wants the fixture `place` of the file that runs it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import requests

from media_store.errors import AlreadyStored, ObjectMissing
from media_store.stores.contract import Store
from tests.media_store.contract import TYPE, WORDS, Place, put, read
from tests.media_store.killed_writer import IN_PARTS_FROM_BYTES, content_of, key_of

KILLED = 30
SIZES = (*(3_000, 700_000) * 4, 17_000_000)  # the last goes to S3 in three parts
GROWTH_LIMIT_BYTES = 40_000_000  # a spool of 8 MiB, a part of 8 MiB, blocks, and what Python keeps for itself
LONG_LIST = 1_005  # S3 lists a thousand at a time


def start(program: str, given: dict[str, Any], place: Place) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.media_store.{program}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | place.environment,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(given))
    process.stdin.close()
    process.stdin = None
    return process


def has_ended(process: subprocess.Popen[str], *, within_s: float = 0.05) -> bool:
    """Wait for the end of a process for a moment."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(within_s)
    return process.returncode is not None


def read_new(store: Store, known: set[str]) -> None:
    """Read what has come since, and see that it is whole."""
    for info in store.list(""):
        if info.key not in known:
            assert key_of(read(store, info.key)) == info.key
            known.add(info.key)


class StoreEndurance:
    def test_writers_killed_at_any_moment_leave_whole_objects_or_nothing(self, place: Place) -> None:
        store, seen = place.open(single_put_bytes=IN_PARTS_FROM_BYTES), set[str]()
        asked = {"place": asdict(place), "seed": 7, "sizes": SIZES, "killed": KILLED}

        with start("killed_writer", asked, place) as program:
            while not has_ended(program):
                read_new(store, seen)
            told, _ = program.communicate()
        assert program.returncode == 0
        writers = [json.loads(line) for line in told.splitlines()]
        read_new(store, seen)

        assert sum(writer["is_killed"] for writer in writers) == KILLED
        assert {writer["key"] for writer in writers if writer["is_stored"]} <= seen
        unseen = [writer for writer in writers if writer["key"] not in seen]
        assert unseen, "no writer was killed in the middle"
        store.sweep(older_than_s=-60)
        assert place.leftovers() == 0
        for writer in writers:
            content = content_of(7, writer["number"], writer["size"])
            assert key_of(content) == writer["key"]
            assert put(store, writer["key"], content) == store.info(writer["key"]).sha256
        assert {info.key: info.bytes for info in store.list("")} == {one["key"]: one["size"] for one in writers}

    @pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not tell peaks of memory")
    def test_a_hundred_megabytes_pass_through_little_memory(self, place: Place) -> None:
        with start("long_stream", asdict(place), place) as program:
            told = json.loads(program.communicate()[0])

        assert told["put"] == told["read"]
        assert place.open().info("long").bytes == 100 << 20
        assert told["grown_bytes"] < GROWTH_LIMIT_BYTES

    def test_a_list_may_be_longer_than_a_page(self, place: Place) -> None:
        names = [f"{number % 7}/{number:04}" for number in range(LONG_LIST)]
        fill(place, names)

        assert [info.key for info in place.open().list("")] == sorted(names)

    def test_a_large_object_never_replaces_another(self, place: Place) -> None:
        store, content = place.open(single_put_bytes=IN_PARTS_FROM_BYTES), os.urandom(9 << 20)
        digest = put(store, "large", content)

        assert put(store, "large", content) == digest
        with pytest.raises(AlreadyStored):
            put(store, "large", content[::-1])
        assert (store.info("large").sha256, store.info("large").bytes) == (digest, len(content))
        assert store.info("large").content_type == TYPE
        assert read(store, "large", 8 << 20) == content[8 << 20 :]
        assert place.leftovers() == 0

    def test_of_many_large_writers_one_wins(self, place: Place) -> None:
        store = place.open(single_put_bytes=IN_PARTS_FROM_BYTES)

        def attempt(number: int) -> bytes | None:
            content = bytes([number]) * (2 << 20)
            try:
                put(store, "contested", content)
            except AlreadyStored:
                return None
            return content

        with ThreadPoolExecutor(4) as pool:
            winners = [content for content in pool.map(attempt, range(4)) if content is not None]

        assert read(store, "contested") in winners
        assert place.leftovers() == 0


def fill(place: Place, names: list[str]) -> None:
    """Many small objects, by the short way."""
    if place.is_folder:
        for name in names:
            (place.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (place.folder / name).write_bytes(b"x")
        return
    client = place.client()
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda name: client.put_object(Bucket=place.bucket, Key=place.name(name), Body=b"x"), names):
            pass


class UnfinishedUploads:
    """Of S3 alone: what a broken-off upload in parts looks like."""

    tells_when_begun = True

    def test_an_unfinished_upload_is_no_object_and_is_swept(self, place: Place) -> None:
        store, client = place.open(), place.client()
        name = place.name("a")
        begun = client.create_multipart_upload(Bucket=place.bucket, Key=name)
        client.upload_part(Bucket=place.bucket, Key=name, UploadId=begun["UploadId"], PartNumber=1, Body=bytes(5 << 20))

        assert list(store.list("")) == []
        with pytest.raises(ObjectMissing):
            store.open("a")
        if self.tells_when_begun:
            assert store.sweep() == 0  # its writer may be at work
        assert store.sweep(older_than_s=-60) == 1
        assert place.leftovers() == 0


class LinksToParts:
    """Of S3 alone: the server itself answers whoever has the link."""

    def test_a_link_answers_ranges_as_players_ask_for_them(self, place: Place) -> None:
        store = place.open()
        put(store, "a.ogg")
        link = store.link("a.ogg", 60) or ""

        def ask(wanted: str) -> requests.Response:
            return requests.get(link, headers={"Range": f"bytes={wanted}"}, timeout=20)

        assert (ask("0-0").status_code, ask("0-0").content) == (206, WORDS[:1])
        assert ask("0-0").headers["Content-Range"] == f"bytes 0-0/{len(WORDS)}"
        assert (ask("-5").status_code, ask("-5").content) == (206, WORDS[-5:])
        assert (ask("20-999").status_code, ask("20-999").content) == (206, WORDS[20:])
        assert ask("999-").status_code == 416
        assert requests.get(link, timeout=20).headers["Content-Type"] == TYPE

    def test_a_link_names_the_download_in_plain_letters(self, place: Place) -> None:
        store = place.open()
        put(store, "a.ogg")

        answer = requests.get(store.link("a.ogg", 60, 'gr"uß\r\n.ogg') or "", timeout=20)

        assert (answer.content, answer.headers["Content-Type"]) == (WORDS, TYPE)
        assert answer.headers["Content-Disposition"] == 'attachment; filename="gr_u___.ogg"'
