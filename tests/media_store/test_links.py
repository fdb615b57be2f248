"""Signed links of a store that serves nothing itself: what they are bound to, and how little a changed one is worth."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from media_store.errors import BadKey, LinkBroken, LinkExpired
from media_store.stores import open_store
from media_store.stores.contract import Store
from media_store.stores.links import LinkSigner
from tests.media_store.contract import Follow, SignedLinks, put, read

AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
SECRET = bytes(range(32))


@pytest.fixture
def signer() -> LinkSigner:
    return LinkSigner(SECRET, "https://desk.example/files")


class TestAFolderKeepsThePromiseOfLinks(SignedLinks):
    @pytest.fixture
    def store(self, tmp_path: Path, signer: LinkSigner) -> Store:
        return open_store(f"file:{tmp_path}/store", link_signer=signer)

    @pytest.fixture
    def follow(self, store: Store, signer: LinkSigner) -> Follow:
        def ask(link: str) -> bytes | None:
            (token,) = parse_qs(urlsplit(link).query).get("t", [""])
            try:
                return read(store, signer.check(token, at=datetime.now(UTC)).key)
            except (LinkBroken, LinkExpired):
                return None

        return ask

    def test_only_keys_of_the_store_are_signed(self, store: Store) -> None:
        with pytest.raises(BadKey):
            store.link("../outside", 60)

    def test_a_folder_without_a_signer_makes_no_links(self, tmp_path: Path) -> None:
        store = open_store(f"file:{tmp_path}/store")
        put(store, "a")

        assert store.link("a", 60) is None


def test_a_link_says_what_it_is_for(signer: LinkSigner) -> None:
    token = signer.sign("7/a.wav", 300, "Grüße.wav", purpose="playout", holder="12", at=AT)

    link = signer.check(token, at=AT + timedelta(seconds=299), key="7/a.wav", purpose="playout", holder="12")

    assert (link.key, link.download_name, link.purpose, link.holder) == ("7/a.wav", "Grüße.wav", "playout", "12")
    assert signer.address_of(token) == f"https://desk.example/files?t={token}"


def test_a_link_ends_with_its_last_second(signer: LinkSigner) -> None:
    token = signer.sign("a", 60, at=AT)

    with pytest.raises(LinkExpired):
        signer.check(token, at=AT + timedelta(seconds=60))


@pytest.mark.parametrize("other", [{"key": "b"}, {"holder": "13"}, {"holder": ""}, {"purpose": "preview"}])
def test_a_link_for_something_else_is_none(signer: LinkSigner, other: dict[str, str]) -> None:
    token = signer.sign("a", 60, purpose="playout", holder="12", at=AT)

    with pytest.raises(LinkBroken):
        signer.check(token, at=AT, **other)


@pytest.mark.parametrize(
    "change", [{"key": "b"}, {"until_s": 2**40}, {"download_name": "x"}, {"purpose": "any"}, {"holder": "13"}]
)
def test_what_a_link_says_cannot_be_changed(signer: LinkSigner, change: dict[str, Any]) -> None:
    said, _, proof = signer.sign("a", 60, "a.wav", purpose="playout", holder="12", at=AT).partition(".")
    read_back = json.loads(base64.urlsafe_b64decode(said + "=="))
    assert set(change) < set(read_back)
    changed = base64.urlsafe_b64encode(json.dumps(read_back | change).encode()).decode().rstrip("=")

    with pytest.raises(LinkBroken):
        signer.check(f"{changed}.{proof}", at=AT)


def test_every_character_of_a_link_counts(signer: LinkSigner) -> None:
    token = signer.sign("a", 60, "a.wav", at=AT)

    for place, character in enumerate(token):
        for other in ("A", "B", "_", "=", " ", "ä", ""):
            if other != character:
                with pytest.raises(LinkBroken):
                    signer.check(token[:place] + other + token[place + 1 :], at=AT)


@pytest.mark.parametrize("token", ["", ".", "a", "a.b", "a.b.c", "é.é", "." * 9000, "e30.", "bnVsbA.AAAA"])
def test_what_is_no_link_is_refused(signer: LinkSigner, token: str) -> None:
    with pytest.raises(LinkBroken):
        signer.check(token, at=AT)


def test_a_link_made_with_another_secret_is_none_and_not_called_expired(signer: LinkSigner) -> None:
    token = LinkSigner(SECRET[::-1], "").sign("a", 1, at=AT)

    with pytest.raises(LinkBroken):
        signer.check(token, at=AT + timedelta(days=1))


@pytest.mark.parametrize("seconds", [0, -5, 301, 10**9])
def test_no_link_holds_longer_than_five_minutes(signer: LinkSigner, seconds: int) -> None:
    with pytest.raises(ValueError, match="300"):
        signer.sign("a", seconds, at=AT)


def test_a_secret_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        LinkSigner(b"short", "")
