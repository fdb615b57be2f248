"""The promise every store keeps: whole or nothing, write-once, our own errors.

test_store_contract.py holds the folder and moto to it, test_store_ceph.py Ceph's gateway; each gives a fixture `store`.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from media_store.errors import AlreadyStored, BadKey, ObjectMissing
from media_store.stores.contract import Store

WORDS = b"A voice note, or so it says."
TYPE = "audio/ogg"


def put(store: Store, key: str, content: bytes = WORDS) -> str:
    return store.put(key, io.BytesIO(content), content_type=TYPE)


def read(store: Store, key: str, start: int = 0, stop: int | None = None) -> bytes:
    with store.open(key, start, stop) as stream:
        return stream.read()


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

    @pytest.mark.parametrize(
        ("start", "stop"), [(0, 7), (2, 7), (2, None), (0, 999), (5, 5), (7, 3), (len(WORDS), None), (999, 1005)]
    )
    def test_a_part_can_be_read(self, store: Store, start: int, stop: int | None) -> None:
        put(store, "a")

        assert read(store, "a", start, stop) == WORDS[start:stop]

    def test_a_part_can_be_read_in_pieces(self, store: Store) -> None:
        put(store, "a")

        with store.open("a", 2, 12) as stream:
            assert (stream.read(3), stream.read(3), stream.read()) == (WORDS[2:5], WORDS[5:8], WORDS[8:12])

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

    @pytest.mark.parametrize("ask", [lambda s: s.info("no"), lambda s: s.open("no"), lambda s: s.open("no", 2, 2)])
    def test_a_missing_object_is_our_error(self, store: Store, ask: Callable[[Store], object]) -> None:
        with pytest.raises(ObjectMissing) as missing:
            ask(store)

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
        store.delete("never/was")

    def test_listing_is_by_prefix_and_in_order_of_keys(self, store: Store) -> None:
        for key in ("b/2", "a/1", "b-x", "b/10", "b.x", "bc"):
            put(store, key)

        assert [info.key for info in store.list("")] == ["a/1", "b-x", "b.x", "b/10", "b/2", "bc"]
        assert [info.key for info in store.list("b/")] == ["b/10", "b/2"]
        assert [info.key for info in store.list("b/1")] == ["b/10"]
        assert list(store.list("nothing/")) == []
        assert {info.bytes for info in store.list("")} == {len(WORDS)}

    @pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a//b", ".sums/a", "a\0b", ""])
    def test_keys_of_other_making_are_refused_before_anything_happens(self, store: Store, key: str) -> None:
        for ask in (lambda: put(store, key), lambda: store.open(key), lambda: store.delete(key)):
            with pytest.raises(BadKey):
                ask()

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
