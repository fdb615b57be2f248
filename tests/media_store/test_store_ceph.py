"""Everything that runs against Ceph's gateway, in one file, so that one worker of the tests starts it once.

Here signatures are checked, which moto does not: wrong secrets and changed or expired links belong here.
"""

from __future__ import annotations

import pytest
import requests

from media_store.errors import StoreUnavailable
from media_store.stores.contract import Store
from tests import servers
from tests.cli.conftest import desk
from tests.media_store.contract import WORDS, Follow, Place, SignedLinks, StoreContract, put, read
from tests.media_store.endurance import LinksToParts, StoreEndurance, UnfinishedUploads
from tests.media_store.moving import StoreMoving

__all__ = ["desk"]

# the first test waits for the gateway, on a busy machine for up to ceph.START_LIMIT_S
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def place(ceph_server: servers.S3Server, monkeypatch: pytest.MonkeyPatch) -> Place:
    environment = ceph_server.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    url = f"s3://{ceph_server.create_bucket()}/station/one"
    return Place(url, ceph_server.endpoint_url, ceph_server.region, environment)


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()


class TestCephKeepsTheContract(StoreContract):
    """Unchanged."""


class TestCephOverTheLongRun(StoreEndurance, UnfinishedUploads, LinksToParts):
    """Unchanged."""


class TestMovingToCephAndBack(StoreMoving):
    """Unchanged."""


class TestCephLooksAtSignatures(SignedLinks):
    @pytest.fixture
    def follow(self) -> Follow:
        def ask(link: str) -> bytes | None:
            answer = requests.get(link, timeout=20)
            assert answer.status_code in (200, 400, 403)
            return answer.content if answer.status_code == 200 else None

        return ask

    @pytest.fixture
    def link(self, store: Store) -> str:
        put(store, "a.ogg")
        put(store, "b.ogg", b"another listener's words")
        link = store.link("a.ogg", 60, "gruss.ogg") or ""
        assert requests.get(link, timeout=20).content == WORDS
        return link

    def test_a_changed_link_opens_nothing(self, link: str) -> None:
        changes = [("/a.ogg?", "/b.ogg?"), ("X-Amz-Expires=60", "X-Amz-Expires=6000"), ("gruss.ogg", "other.ogg")]
        changes.append((link[-8:], "00000000"))

        for old, new in changes:
            changed = link.replace(old, new)
            answer = requests.get(changed, timeout=20)
            assert changed != link
            assert answer.status_code == 403, new
            assert WORDS not in answer.content

    def test_a_link_is_for_reading_alone(self, link: str, store: Store) -> None:
        assert requests.put(link, data=b"other", timeout=20).status_code == 403
        assert requests.delete(link, timeout=20).status_code == 403
        assert read(store, "a.ogg") == WORDS

    def test_a_wrong_secret_is_refused_and_never_looks_like_an_empty_store(
        self, store: Store, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(store, "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        stranger = place.open()

        for ask in (
            lambda: put(stranger, "b"),
            lambda: stranger.open("a"),
            lambda: stranger.info("a"),
            lambda: stranger.delete("a"),
            lambda: list(stranger.list("")),
            stranger.sweep,
        ):
            with pytest.raises(StoreUnavailable):
                ask()
        assert [info.key for info in store.list("")] == ["a"]
