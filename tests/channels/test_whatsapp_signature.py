"""The front door: which deliveries and which address checks are believed. Vectors from the developers' reference."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from desk.channels.contract import BadSignature
from desk.channels.whatsapp_cloud.signature import AppSecret, answer_handshake, check_signature, is_well_formed, sign

SECRET = "rheinwelle-test-app-secret"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
V1 = b'{"object":"whatsapp_business_account","entry":[]}'
V1_DIGEST = "992122f5778833b36f9bd295358d4f16c802465e7ced3a406bd64e048c5e1a7a"
V2 = (
    rb'{"object":"whatsapp_business_account","entry":[{"id":"280000000000042","changes":[{"field":"messages","value":'
    rb'{"messaging_product":"whatsapp","metadata":{"display_phone_number":"4915790009000","phone_number_id":'
    rb'"390000000000017"},"messages":[{"from":"4915790001234","id":"wamid.TEST","timestamp":"1795000000","type":"text",'
    rb'"text":{"body":"Gr\u00fc\u00dfe \u2764\ufe0f an k\u00f6ln\u0040radio"}}]}}]}]}'
)
V2_DIGEST = "d02df3aa5e013e41d87d28a24203e45c50a9f73038c4b5949ccc4c60edc5806b"
V2_AS_UTF8_DIGEST = "3c8566bd3d6f142eeaccb3e02c4733a6e8e03b0c47f19f78200ed40ba1a00e13"
V2_AS_ASCII_DIGEST = "e28741bc6b8a73c03cbde670354e5672bf78281976c10a4d4d325b67cd0473ef"


def check(body: bytes, header: str | None, *secrets: AppSecret, at: datetime = NOW) -> None:
    check_signature(body, header, secrets or (AppSecret(SECRET),), at=at)


@pytest.mark.parametrize(("body", "digest"), [(V1, V1_DIGEST), (V2, V2_DIGEST)])
def test_the_providers_signature_passes(body: bytes, digest: str) -> None:
    check(body, f"sha256={digest}")


def test_the_vectors_are_the_ones_of_the_reference() -> None:
    compact = json.dumps(json.loads(V2), separators=(",", ":"), ensure_ascii=False).encode()
    escaped = json.dumps(json.loads(V2), separators=(",", ":")).encode()

    assert (len(V2), len(compact), len(escaped)) == (401, 378, 396)
    assert (sign(compact, SECRET), sign(escaped, SECRET)) == (V2_AS_UTF8_DIGEST, V2_AS_ASCII_DIGEST)


@pytest.mark.parametrize("digest", [V2_AS_UTF8_DIGEST, V2_AS_ASCII_DIGEST])
def test_a_signature_over_the_rewritten_body_is_refused(digest: str) -> None:
    with pytest.raises(BadSignature):
        check(V2, f"sha256={digest}")


def test_a_utf8_body_with_its_own_signature_passes() -> None:
    body = "{„Grüße ❤️“}".encode()

    check(body, f"sha256={sign(body, SECRET)}")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        V1_DIGEST,
        f"sha1={V1_DIGEST}",
        f"sha1={V1_DIGEST[:40]}",
        f"SHA256={V1_DIGEST}",
        f"sha256={V1_DIGEST.upper()}",
        f"sha256={V1_DIGEST[:-1]}",
        f"sha256={V1_DIGEST}0",
        f"sha256={V1_DIGEST}\n",
        f" sha256={V1_DIGEST}",
        f"sha256= {V1_DIGEST}",
        f"sha256={V1_DIGEST},sha256={V1_DIGEST}",
        f"sha256={V1_DIGEST}, sha256={V1_DIGEST}",
        f"sha256={'g' * 64}",
        f"sha256={'٣' * 64}",
    ],
)
def test_a_malformed_header_is_refused_before_the_body_matters(header: str | None) -> None:
    assert not is_well_formed(header)
    with pytest.raises(BadSignature):
        check(V1, header)


@pytest.mark.parametrize("position", [0, 20, len(V1) - 1])
def test_one_changed_byte_is_refused(position: int) -> None:
    changed = V1[:position] + bytes([V1[position] ^ 1]) + V1[position + 1 :]

    with pytest.raises(BadSignature):
        check(changed, f"sha256={V1_DIGEST}")


def test_another_stations_secret_is_refused() -> None:
    with pytest.raises(BadSignature):
        check(V1, f"sha256={V1_DIGEST}", AppSecret("oldie95-test-app-secret"))


def test_both_secrets_pass_during_a_rotation_and_only_the_new_one_after() -> None:
    secrets = (AppSecret("rheinwelle-next-app-secret"), AppSecret(SECRET, NOW + timedelta(hours=1)))

    check(V1, f"sha256={V1_DIGEST}", *secrets)
    check(V1, f"sha256={sign(V1, 'rheinwelle-next-app-secret')}", *secrets)
    with pytest.raises(BadSignature):
        check(V1, f"sha256={V1_DIGEST}", *secrets, at=NOW + timedelta(hours=1))


@pytest.mark.parametrize("secret", ["", "short", "x" * 15])
def test_a_secret_that_is_missing_or_too_short_opens_nothing(secret: str) -> None:
    with pytest.raises(BadSignature):
        check(V1, f"sha256={sign(V1, secret)}", AppSecret(secret))


def test_no_secret_shows_in_a_repr() -> None:
    assert SECRET not in repr(AppSecret(SECRET))


HANDSHAKE = {"hub.mode": "subscribe", "hub.challenge": "7031584421", "hub.verify_token": "rheinwelle-verify"}


def test_the_address_check_is_answered_with_the_challenge_alone() -> None:
    assert answer_handshake(HANDSHAKE, "rheinwelle-verify") == "7031584421"


@pytest.mark.parametrize(
    "change",
    [
        {"hub.mode": "unsubscribe"},
        {"hub.mode": ""},
        {"hub.verify_token": "rheinwelle-verifx"},
        {"hub.verify_token": ""},
        {"hub.verify_token": "größe"},
        {"hub.verify_token": "\ud83d"},
        {"hub.challenge": ""},
        {"hub.challenge": "a\r\nSet-Cookie: b"},
        {"hub.challenge": "1" * 257},
    ],
)
def test_any_other_address_check_is_refused(change: dict[str, str]) -> None:
    assert answer_handshake(HANDSHAKE | change, "rheinwelle-verify") is None


def test_nothing_is_answered_while_no_token_is_set() -> None:
    assert answer_handshake(HANDSHAKE | {"hub.verify_token": ""}, "") is None
    assert answer_handshake({}, "") is None
