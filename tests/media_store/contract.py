"""The promise every store keeps: whole or nothing, write-once, our own errors.

test_store_contract.py holds the folder and moto to it, test_store_ceph.py Ceph's gateway; each gives the fixtures
`place` and `store`, where links are signed also `follow`. What takes longer than a blink stands in endurance.py.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from media_store.errors import AlreadyStored, BadKey, ObjectMissing
from media_store.stores import open_store
from media_store.stores.contract import Store
from media_store.stores.s3 import S3Store
from tests import servers

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WORDS = b"A voice note, or so it says."
TYPE = "audio/ogg"
Follow = Callable[[str], "bytes | None"]
FOREIGN_KEYS = (
    "", "../outside", "/etc/passwd", "a//b", "a/", "a/../b", "a/./b", ".sums/a", "a\\b", "~/a", "%2e%2e/a", "a b",
    "a\0b", "a\n", "grüße.ogg", "a\u202eb", "a/" + "b" * 200, "/".join("abcdef" * 100),
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a store is, so that other processes and other programs can reach it too."""

    url: str
    endpoint_url: str | None = None
    region: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        return self.url.startswith("file:")

    @property
    def folder(self) -> Path:
        return Path(self.url.removeprefix("file:"))

    @property
    def bucket(self) -> str:
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def prefix(self) -> str:
        return self.url.removeprefix("s3://").partition("/")[2].strip("/")

    def open(self, *, single_put_bytes: int | None = None) -> Store:
        """The store; in S3 what is longer than `single_put_bytes` goes in parts."""
        if self.is_folder or single_put_bytes is None:
            return open_store(self.url, endpoint_url=self.endpoint_url, region=self.region)
        return S3Store(
            self.bucket,
            self.prefix,
            endpoint_url=self.endpoint_url,
            region=self.region,
            single_put_bytes=single_put_bytes,
        )

    def name(self, key: str) -> str:
        """What the object of this key is called in the bucket."""
        return f"{self.prefix}/{key}".lstrip("/")

    def client(self) -> S3Client:
        """The way another program would go."""
        return _client(self.endpoint_url, self.region, os.environ["AWS_SECRET_ACCESS_KEY"])

    def leftovers(self) -> int:
        """What unfinished writers left, seen by nobody who reads."""
        if self.is_folder:
            return len(list(self.folder.rglob(".part-*")))
        return len(self.client().list_multipart_uploads(Bucket=self.bucket).get("Uploads", ()))

    def damage(self, key: str) -> None:
        """Let the bytes rot while everything said about them stays."""
        content = bytearray(read(self.open(), key))
        content[len(content) // 2] ^= 1
        if self.is_folder:
            (self.folder / key).write_bytes(content)
            return
        client, name = self.client(), self.name(key)
        said = client.head_object(Bucket=self.bucket, Key=name)["Metadata"]
        client.put_object(Bucket=self.bucket, Key=name, Body=bytes(content), Metadata=said)


@functools.cache
def _client(endpoint_url: str | None, region: str | None, _secret: str) -> S3Client:
    session = boto3.session.Session()  # the default one keeps the first keys it ever saw
    return session.client("s3", endpoint_url=endpoint_url, region_name=region)


def put(store: Store, key: str, content: bytes = WORDS) -> str:
    return store.put(key, io.BytesIO(content), content_type=TYPE)


def read(store: Store, key: str, start: int = 0, stop: int | None = None) -> bytes:
    with store.open(key, start, stop) as stream:
        return stream.read()


class SignedLinks:
    """The promise of links: the fixture `follow` asks for one without any other right and gives None if refused."""

    def test_a_link_gives_its_object(self, store: Store, follow: Follow) -> None:
        put(store, "a.ogg")
        put(store, "b.ogg", b"another listener's words")

        assert follow(store.link("a.ogg", 60, "gruss.ogg") or "") == WORDS
        assert follow(store.link("b.ogg", 60) or "") == b"another listener's words"

    def test_a_link_changed_in_any_part_opens_nothing(self, store: Store, follow: Follow) -> None:
        put(store, "a.ogg")
        link = store.link("a.ogg", 60, "gruss.ogg") or ""
        query = link.index("?") + 1

        for place in (*range(query + 1, len(link), 13), len(link) - 1):
            changed = link[:place] + ("8" if link[place] != "8" else "6") + link[place + 1 :]
            assert follow(changed) is None, place
        assert follow(link) == WORDS

    def test_a_link_that_has_run_out_opens_nothing(self, store: Store, follow: Follow) -> None:
        put(store, "a.ogg")
        long, short = store.link("a.ogg", 60) or "", store.link("a.ogg", 1) or ""

        servers.wait_until(lambda: follow(short) is None, "the end of a link of 1 s", limit_s=30)
        assert follow(long) == WORDS

    def test_without_its_proof_a_link_opens_nothing(self, store: Store, follow: Follow) -> None:
        put(store, "a.ogg")

        assert follow((store.link("a.ogg", 60) or "").partition("?")[0]) is None


class StoreContract:
    def test_what_was_put_comes_back(self, store: Store) -> None:
        digest = put(store, "7/2026/11/a.ogg")

        assert digest == hashlib.sha256(WORDS).hexdigest()
        assert read(store, "7/2026/11/a.ogg") == WORDS

    def test_information_tells_size_digest_type_and_time(self, store: Store) -> None:
        digest = put(store, "a.ogg")

        info = store.info("a.ogg")

        assert (info.key, info.bytes, info.sha256, info.content_type) == ("a.ogg", len(WORDS), digest, TYPE)
        assert info.stored_at is not None
        assert info.stored_at.tzinfo is not None

    def test_an_empty_object_is_an_object(self, store: Store) -> None:
        put(store, "empty", b"")

        assert store.info("empty").bytes == 0
        assert read(store, "empty") == b""

    def test_several_megabytes_survive(self, store: Store) -> None:
        content = os.urandom(9 << 20)
        put(store, "large", content)

        assert hashlib.sha256(read(store, "large")).digest() == hashlib.sha256(content).digest()

    def test_a_part_can_be_read(self, store: Store) -> None:
        put(store, "a")
        whole, end = (0, None), len(WORDS)
        parts = [(0, 1), (0, 7), (2, 7), (2, None), (end - 1, None), (0, 999), (5, 5), (7, 3), (end, None), (999, 1005)]

        for start, stop in [whole, *parts]:
            assert read(store, "a", start, stop) == WORDS[start:stop], (start, stop)

    def test_a_part_can_be_read_in_pieces(self, store: Store) -> None:
        put(store, "a")

        with store.open("a", 2, 12) as stream:
            assert (stream.read(3), stream.read(3), stream.read()) == (WORDS[2:5], WORDS[5:8], WORDS[8:12])

    def test_an_empty_object_has_no_parts_either(self, store: Store) -> None:
        put(store, "empty", b"")

        assert [read(store, "empty", *part) for part in ((0, 1), (0, None), (5, None), (5, 9))] == [b""] * 4

    def test_a_part_begins_at_the_first_byte_or_later(self, store: Store) -> None:
        put(store, "a")

        with pytest.raises(ValueError, match="start"):
            store.open("a", -5)

    def test_the_stream_is_kept_from_its_position_on(self, store: Store) -> None:
        stream = io.BytesIO(WORDS)
        stream.seek(10)
        store.put("tail", stream, content_type=TYPE)

        assert read(store, "tail") == WORDS[10:]

    def test_the_same_bytes_again_are_no_error(self, store: Store) -> None:
        assert put(store, "a") == put(store, "a")

    def test_other_bytes_under_a_key_are_refused_and_change_nothing(self, store: Store) -> None:
        put(store, "a")

        with pytest.raises(AlreadyStored):
            put(store, "a", b"something else")

        assert read(store, "a") == WORDS

    def test_of_many_writers_with_different_bytes_one_wins(self, store: Store) -> None:
        def attempt(number: int) -> bytes | None:
            content = f"writer {number}".encode() * 100
            try:
                put(store, "contested", content)
            except AlreadyStored:
                return None
            return content

        with ThreadPoolExecutor(8) as pool:
            winners = [content for content in pool.map(attempt, range(8)) if content is not None]

        assert winners == [read(store, "contested")]

    def test_many_writers_with_the_same_bytes_all_succeed(self, store: Store) -> None:
        content = os.urandom(200_000)

        with ThreadPoolExecutor(8) as pool:
            digests = set(pool.map(lambda _: put(store, "shared", content), range(8)))

        assert digests == {hashlib.sha256(content).hexdigest()} == {store.info("shared").sha256}
        assert read(store, "shared") == content

    def test_a_type_with_parameters_stays_whole(self, store: Store) -> None:
        store.put("a", io.BytesIO(WORDS), content_type="audio/ogg; codecs=opus")

        assert store.info("a").content_type == "audio/ogg; codecs=opus"

    def test_a_stream_that_breaks_leaves_nothing(self, store: Store) -> None:
        class Breaking(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if self.tell():
                    raise RuntimeError("the line went dead")
                return super().read(5)

        with pytest.raises(RuntimeError):
            store.put("broken", Breaking(WORDS), content_type=TYPE)

        assert list(store.list("")) == []
        with pytest.raises(ObjectMissing):
            store.info("broken")

    def test_a_missing_object_is_our_error(self, store: Store) -> None:
        for ask in (lambda: store.info("no"), lambda: store.open("no"), lambda: store.open("no", 2, 2)):
            with pytest.raises(ObjectMissing) as missing:
                ask()

            assert missing.value.code == "store.missing"

    def test_a_folder_is_no_object(self, store: Store) -> None:
        put(store, "a/b")

        for ask in (store.info, store.open):
            with pytest.raises(ObjectMissing):
                ask("a")

    def test_deleted_is_gone_and_may_be_stored_anew(self, store: Store) -> None:
        put(store, "a")
        store.delete("a")

        with pytest.raises(ObjectMissing):
            store.open("a")
        assert put(store, "a", b"new") == store.info("a").sha256

    def test_deleting_what_is_not_there_is_no_error(self, store: Store) -> None:
        put(store, "a")

        for key in ("never/was", "a", "a"):
            store.delete(key)

        assert list(store.list("")) == []

    def test_sweeping_takes_nothing_that_is_stored(self, store: Store) -> None:
        put(store, "a")

        assert store.sweep(older_than_s=-60) == 0
        assert read(store, "a") == WORDS

    def test_listing_is_by_prefix_and_in_order_of_keys(self, store: Store) -> None:
        for key in ("b/2", "a/1", "b-x", "b/10", "b.x", "bc"):
            put(store, key)

        assert [info.key for info in store.list("")] == ["a/1", "b-x", "b.x", "b/10", "b/2", "bc"]
        assert [info.key for info in store.list("b/")] == ["b/10", "b/2"]
        assert [info.key for info in store.list("b/1")] == ["b/10"]
        assert list(store.list("nothing/")) == []
        assert {info.bytes for info in store.list("")} == {len(WORDS)}

    def test_keys_of_other_making_are_refused_before_anything_happens(self, store: Store) -> None:
        for key in FOREIGN_KEYS:
            for ask in (lambda key: put(store, key), store.open, store.info, store.delete):
                with pytest.raises(BadKey):
                    ask(key)

        assert list(store.list("")) == []

    def test_a_store_still_works_after_a_fork(self, store: Store) -> None:
        put(store, "before")
        fork = os.fork()
        if fork == 0:  # the child of the test: nothing of pytest may run here
            status = 1
            try:
                put(store, "after")
                status = 0 if read(store, "before") == WORDS else 2
            finally:
                os._exit(status)

        assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
        assert read(store, "after") == WORDS
