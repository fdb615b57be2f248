"""One promise for every store: whole or nothing, write-once, our own errors. Folder and a real S3 server keep it."""

from __future__ import annotations

import hashlib
import io
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import pytest

from media_store.errors import AlreadyStored, BadKey, ObjectMissing, StoreUnavailable
from media_store.stores import open_store
from media_store.stores.contract import Store
from media_store.stores.folder import FolderStore
from tests import servers
from tests.media_store.contract import WORDS, Place, StoreContract, put, read


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Place(f"file:{tmp_path}/store")
    server: servers.S3Server = request.getfixturevalue("s3_server")
    endpoint = request.getfixturevalue("s3_endpoint")
    return Place(f"s3://{server.create_bucket()}/station/one", endpoint, server.region)


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()


class TestStoreContract(StoreContract):
    """For folder and moto."""


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> FolderStore:
        return FolderStore(tmp_path / "store")

    def test_killed_in_the_middle_of_writing_nothing_is_seen(self, folder: FolderStore) -> None:
        code = f"""
import io, sys
from pathlib import Path
from media_store.stores.folder import FolderStore
class Endless(io.RawIOBase):
    def read(self, size=-1):
        print('.', flush=True)
        return bytes(1 << 20) if sys.stdin.read(1) else b''
FolderStore(Path({str(folder.root)!r})).put('a/b', Endless(), content_type='x/y')
"""
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()
        ) as writer:
            assert writer.stdin is not None
            assert writer.stdout is not None
            for _ in range(3):
                writer.stdin.write(b".")
            writer.stdin.flush()
            for _ in range(4):  # three blocks are written, the fourth is asked for
                assert writer.stdout.readline() == b".\n"
            writer.send_signal(signal.SIGKILL)
            writer.wait()

        with pytest.raises(ObjectMissing):
            folder.info("a/b")
        assert list(folder.list("")) == []
        assert put(folder, "a/b")
        assert folder.sweep(older_than_s=-60) == 1
        assert read(folder, "a/b") == WORDS
        assert [path.name for path in folder.root.rglob(".part-*")] == []

    def test_a_writer_at_work_is_not_swept(self, folder: FolderStore) -> None:
        folder.root.mkdir()
        (folder.root / ".part-fresh").write_bytes(b"x")

        assert folder.sweep() == 0

    def test_a_lost_digest_is_computed_again(self, folder: FolderStore) -> None:
        digest = put(folder, "a")
        (folder.root / ".sums" / "a").unlink()

        assert folder.info("a").sha256 == digest
        assert (folder.root / ".sums" / "a").exists()

    def test_a_half_written_digest_is_not_believed(self, folder: FolderStore) -> None:
        digest = put(folder, "a")
        (folder.root / ".sums" / "a").write_bytes(bytes(30))

        assert folder.info("a").sha256 == digest

    def test_a_link_out_of_the_store_is_not_followed(self, folder: FolderStore, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        folder.root.mkdir()
        (folder.root / "door").symlink_to(tmp_path / "outside")

        with pytest.raises(BadKey):
            put(folder, "door/a")

        assert list((tmp_path / "outside").iterdir()) == []

    def test_no_room_is_unavailable_and_worth_another_try(self, folder: FolderStore) -> None:
        code = f"""
import io, resource, signal
from pathlib import Path
from media_store.errors import StoreUnavailable
from media_store.stores.folder import FolderStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    FolderStore(Path({str(folder.root)!r})).put('a', io.BytesIO(bytes(1_000_000)), content_type='x/y')
except StoreUnavailable as full:
    assert full.is_transient
    print('unavailable')
"""
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=Path.cwd()).stdout

        assert told == b"unavailable\n"
        assert list(folder.list("")) == []
        assert list(folder.root.rglob(".part-*")) == []

    def test_links_are_made_by_whoever_serves_them(self, tmp_path: Path) -> None:
        signed = open_store(f"file:{tmp_path}", link_signer=lambda key, seconds, name: f"/media/{key}?{seconds}&{name}")

        assert signed.link("a.ogg", 60, "gruss.ogg") == "/media/a.ogg?60&gruss.ogg"
        assert open_store(f"file:{tmp_path}").link("a.ogg", 60) is None


class TestS3:
    @pytest.fixture
    def bucket(self, s3_server: servers.S3Server, s3_endpoint: str) -> str:
        return s3_server.create_bucket()

    def test_links_carry_the_address_that_browsers_see(self, bucket: str, s3_endpoint: str) -> None:
        store = open_store(f"s3://{bucket}", endpoint_url=s3_endpoint, public_endpoint_url="https://media.example")

        assert (store.link("a.ogg", 60) or "").startswith(f"https://media.example/{bucket}/a.ogg?")

    def test_an_object_of_another_program_is_compared_by_its_bytes(self, bucket: str, s3_endpoint: str) -> None:
        client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="eu-central-1")
        client.put_object(Bucket=bucket, Key="a", Body=WORDS)
        client.close()
        store = open_store(f"s3://{bucket}", endpoint_url=s3_endpoint)

        assert store.info("a").sha256 is None
        assert put(store, "a") == hashlib.sha256(WORDS).hexdigest()
        with pytest.raises(AlreadyStored):
            put(store, "a", b"other")

    def test_a_server_that_is_down_is_unavailable(self, s3_endpoint: str) -> None:
        store = open_store("s3://bucket", endpoint_url=f"http://127.0.0.1:{servers.free_port()}")

        for ask in (lambda: put(store, "a"), lambda: store.open("a"), lambda: list(store.list(""))):
            with pytest.raises(StoreUnavailable) as down:
                ask()
            assert down.value.is_transient

    def test_a_missing_bucket_is_unavailable_rather_than_an_empty_store(self, s3_endpoint: str) -> None:
        store = open_store("s3://never-made", endpoint_url=s3_endpoint)

        with pytest.raises(StoreUnavailable):
            list(store.list(""))

    def test_threads_share_one_client(self, bucket: str, s3_endpoint: str) -> None:
        store = open_store(f"s3://{bucket}", endpoint_url=s3_endpoint)
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                put(store, f"n/{number}")
            except BaseException as fault:  # noqa: BLE001  carried out of the thread
                failures.append(fault)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert len(list(store.list("n/"))) == 6


@pytest.mark.parametrize("url", ["", "file:relative", "file://host/path", "s3://", "http://x/y", "/plain"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="store address"):
        open_store(url)


def test_opening_a_store_connects_to_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        open_store("s3://bucket", endpoint_url=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        nobody.setblocking(False)
        with pytest.raises(BlockingIOError):
            nobody.accept()


def test_a_type_that_a_crash_took_is_told_by_the_next_put(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("k/1", io.BytesIO(WORDS), content_type="audio/ogg")
    (tmp_path / ".sums" / "k" / "1").unlink()

    lost = store.info("k/1")
    store.put("k/1", io.BytesIO(WORDS), content_type="audio/ogg")

    assert (lost.sha256, lost.content_type) == (hashlib.sha256(WORDS).hexdigest(), None)
    assert store.info("k/1").content_type == "audio/ogg"
