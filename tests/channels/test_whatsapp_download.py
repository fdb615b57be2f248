"""Fetching listeners' files from a provider that is slow, lying, broken or hostile."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desk.channels.contract import (
    FetchedMedia,
    HostRefused,
    MediaError,
    MediaGone,
    MediaMismatch,
    MediaTooLarge,
    MediaUnreachable,
    TokenRefused,
)
from desk.channels.whatsapp_cloud.client import ClientConfig, GraphClient, Timeouts
from desk.channels.whatsapp_cloud.download import fetch_media
from tests.channels import graph_server as graph
from tests.channels.graph_server import Provider

TOKEN = "EAAG-invented-token"
ID = "590000000000031"
NUMBER = "390000000000017"
VOICE = bytes(range(256)) * 600  # 150 KiB: more than one piece
SHA256 = hashlib.sha256(VOICE).digest()
QUICK = Timeouts(connect_s=1, read_s=0.4, look_up_s=2, send_s=2, upload_s=2, slow_after_s=0.3, slowest_bytes_per_s=4096)
LOOK_UP, FILE = f"/v25.0/{ID}", "/file"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with graph.running() as provider:
        yield provider


@pytest.fixture
def elsewhere() -> Iterator[Provider]:
    with graph.running() as provider:
        provider.script["/"] = [graph.file(VOICE)]
        yield provider


@pytest.fixture
def client(provider: Provider) -> GraphClient:
    return a_client(provider)


def a_client(provider: Provider, **changes: Any) -> GraphClient:
    config = ClientConfig(
        access_token=TOKEN,
        phone_number_id=NUMBER,
        graph_base_url=provider.base_url,
        allowed_hosts=frozenset({provider.host}),
        timeouts=QUICK,
    )
    return GraphClient(replace(config, **changes))


def link(provider: Provider, **changes: object) -> graph.Answer:
    told: dict[str, object] = {
        "messaging_product": "whatsapp",
        "url": f"{provider.base_url}/file?mid={ID}&ext=1&hash=x",
        "mime_type": "audio/ogg",
        "sha256": SHA256.hex(),
        "file_size": str(len(VOICE)),
        "id": ID,
    }
    return graph.says(200, {key: value for key, value in (told | changes).items() if value is not None})


def fetch(client: GraphClient, to: Any, **changes: Any) -> FetchedMedia:
    options: dict[str, Any] = {"max_bytes": 1024 * 1024, "deadline_s": 3, "expected_sha256": SHA256}
    return fetch_media(client, ID, to, **(options | changes))


def test_a_file_is_fetched_in_two_steps_with_the_token(provider: Provider, client: GraphClient, tmp_path: Path) -> None:
    provider.script = {LOOK_UP: [link(provider)], FILE: [graph.file(VOICE, mime="application/octet-stream")]}

    fetched = fetch(client, tmp_path / "in")

    assert fetched == FetchedMedia(size_bytes=len(VOICE), sha256=SHA256, mime="audio/ogg")
    assert (tmp_path / "in").read_bytes() == VOICE
    look_up, download = provider.asked
    assert look_up.path == f"{LOOK_UP}?phone_number_id={NUMBER}"
    for asked in (look_up, download):
        assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
        assert asked.headers["User-Agent"].startswith("Hoererpult/")
        assert asked.headers["Accept-Encoding"] == "identity"


def test_a_file_can_be_fetched_into_an_open_file(provider: Provider, client: GraphClient) -> None:
    provider.script = {LOOK_UP: [link(provider)], FILE: [graph.file(VOICE), graph.file(VOICE[:-1] + b"x")]}
    destination = io.BytesIO(b"before")
    destination.seek(6)

    fetch(client, destination)
    assert destination.getvalue() == b"before" + VOICE

    destination.seek(6)
    with pytest.raises(MediaMismatch):
        fetch(client, destination)
    assert destination.getvalue() == b"before"


@pytest.mark.parametrize(
    "changes",
    [
        {"file_size": len(VOICE)},
        {"file_size": None},
        {"sha256": None},
        {"sha256": "cs7FppD2lPAiH1pfyIOjcjqxcMIu6lmvdy+d/p2UgkQ"},
    ],
    ids=["size as number", "no size", "no hash", "hash of neither length"],
)
def test_what_the_look_up_leaves_out_is_no_obstacle(
    provider: Provider, client: GraphClient, tmp_path: Path, changes: dict[str, object]
) -> None:
    provider.script = {LOOK_UP: [link(provider, **changes)], FILE: [graph.file(VOICE)]}

    assert fetch(client, tmp_path / "in", expected_sha256=None).sha256 == SHA256


def test_an_expired_link_is_asked_for_anew(provider: Provider, client: GraphClient, tmp_path: Path) -> None:
    provider.script = {
        LOOK_UP: [link(provider, url=f"{provider.base_url}/old"), link(provider)],
        "/old": [graph.fails(404)],
        FILE: [graph.file(VOICE)],
    }

    fetch(client, tmp_path / "in")

    assert len(provider.asked) == 4


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (graph.fails(401, 190), TokenRefused),
        (graph.fails(401), TokenRefused),
        (graph.fails(400, 190), TokenRefused),
        (graph.fails(403, 10), TokenRefused),
        (graph.fails(403, 200), TokenRefused),
        (graph.fails(404), MediaGone),
        (graph.fails(400, 100), MediaGone),
        (graph.fails(400, 131052), MediaGone),
        (graph.fails(429), MediaUnreachable),
        (graph.fails(400, 80007), MediaUnreachable),
        (graph.fails(500), MediaUnreachable),
        (graph.fails(503, 2), MediaUnreachable),
        (graph.fails(418), MediaUnreachable),
        (graph.says(200, {"id": ID}), MediaUnreachable),
        (graph.says(200, ["url"]), MediaUnreachable),
        (graph.raw("HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 5", b"<html"), MediaUnreachable),
        (graph.endless(b"{" * 65536), MediaUnreachable),
        (graph.is_silent, MediaUnreachable),
        (graph.hangs_up, MediaUnreachable),
        (graph.drips_headers, MediaUnreachable),
        (graph.raw("nonsense"), MediaUnreachable),
    ],
)
def test_a_refused_look_up_becomes_its_error(
    provider: Provider, client: GraphClient, tmp_path: Path, answer: graph.Answer, error: type[MediaError]
) -> None:
    provider.script = {LOOK_UP: [answer]}

    with pytest.raises(MediaError) as caught:
        fetch(client, tmp_path / "in", deadline_s=1)

    assert type(caught.value) is error
    assert list(tmp_path.iterdir()) == []
    assert len(provider.asked) == 1
    assert TOKEN not in str(caught.value) + caught.value.reason + repr(client.config)


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (graph.fails(401), TokenRefused, "download 401"),
        (graph.fails(404), MediaUnreachable, "link expired twice"),
        (graph.fails(429), MediaUnreachable, "download 429"),
        (graph.fails(500), MediaUnreachable, "download 500"),
        (graph.drips(VOICE), MediaUnreachable, "too slow"),
        (graph.stalls(VOICE, after=1000), MediaUnreachable, "ReadTimeoutError"),
        (graph.file(VOICE[:-1]), MediaMismatch, "153599 bytes instead of 153600"),
        (graph.file(VOICE[:-1], length=len(VOICE)), MediaUnreachable, "ProtocolError"),
        (graph.file(VOICE + b"x"), MediaMismatch, "153601 bytes instead of 153600"),
        (graph.file(b"", length=0), MediaMismatch, "0 bytes instead of 153600"),
        (graph.file(VOICE[:-1] + b"x"), MediaMismatch, "other hash than announced"),
        (
            graph.file(b"<html>wartung</html>", mime="text/html; charset=utf-8"),
            MediaMismatch,
            "a page instead of the file",
        ),
        (graph.file(b"x" * 2_000_000), MediaTooLarge, ""),
        (graph.endless(b"x" * 65536), MediaTooLarge, ""),
        (graph.hangs_up, MediaUnreachable, "ConnectionError"),
    ],
)
def test_a_faulty_download_becomes_its_error_and_leaves_nothing(
    provider: Provider,
    client: GraphClient,
    tmp_path: Path,
    answer: graph.Answer,
    error: type[MediaError],
    reason: str,
) -> None:
    provider.script = {LOOK_UP: [link(provider)], FILE: [answer]}

    with pytest.raises(MediaError) as caught:
        fetch(client, tmp_path / "in")

    assert type(caught.value) is error
    if reason:
        assert caught.value.reason == reason
    assert list(tmp_path.iterdir()) == []


def test_the_hash_of_the_delivery_counts_even_if_the_look_up_agrees_with_the_file(
    provider: Provider, client: GraphClient, tmp_path: Path
) -> None:
    provider.script = {LOOK_UP: [link(provider)], FILE: [graph.file(VOICE)]}

    with pytest.raises(MediaMismatch):
        fetch(client, tmp_path / "in", expected_sha256=bytes(32))


def test_a_file_announced_as_too_large_is_not_even_asked_for(
    provider: Provider, client: GraphClient, tmp_path: Path
) -> None:
    provider.script = {LOOK_UP: [link(provider)], FILE: [graph.file(VOICE)]}

    with pytest.raises(MediaTooLarge):
        fetch(client, tmp_path / "in", max_bytes=len(VOICE) - 1)

    assert len(provider.asked) == 1


@pytest.mark.parametrize("answer", [graph.drips(VOICE), graph.drips_headers], ids=["body", "headers"])
def test_a_drip_ends_at_the_deadline_whatever_it_sends(
    provider: Provider, tmp_path: Path, answer: graph.Answer
) -> None:
    client = a_client(provider, timeouts=replace(QUICK, slow_after_s=60))
    provider.script = {LOOK_UP: [link(provider)], FILE: [answer]}
    began_s = time.monotonic()

    with pytest.raises(MediaUnreachable) as caught:
        fetch(client, tmp_path / "in", deadline_s=0.5)

    assert caught.value.reason == "deadline"
    assert 0.4 < time.monotonic() - began_s < 2


def test_the_providers_own_waiting_time_is_kept(provider: Provider, client: GraphClient, tmp_path: Path) -> None:
    provider.script = {LOOK_UP: [graph.fails(429, 4, Retry_After="777"), graph.fails(503, Retry_After="9999999")]}

    for after_s in (777, 6 * 3600):
        with pytest.raises(MediaUnreachable) as caught:
            fetch(client, tmp_path / "in")
        assert caught.value.after_s == after_s
        assert caught.value.is_retryable


@pytest.mark.parametrize(
    "url",
    [
        "http://{elsewhere}/file",
        "http://127.0.0.1/file",
        "http://localhost:{port}/file",
        "http://2130706433:{port}/file",
        "http://0x7f.1:{port}/file",
        "http://[::1]:{port}/file",
        "http://[::ffff:127.0.0.1]:{port}/file",
        "http://169.254.169.254/latest/meta-data/",
        "https://lookaside.fbsbx.com/file",
        "http://{host}@{elsewhere}/file",
        "http://{elsewhere}\\@{host}/file",
        "http://{host}:80:80/file",
        "ftp://{host}/file",
        "file:///etc/passwd",
        "//{elsewhere}/file",
        "http://{host}/file\r\nX: y",
        "",
    ],
)
def test_an_address_outside_the_list_is_never_connected_to(
    provider: Provider, elsewhere: Provider, client: GraphClient, tmp_path: Path, url: str
) -> None:
    url = url.format(elsewhere=elsewhere.host, host=provider.host, port=provider.port)
    provider.script = {LOOK_UP: [link(provider, url=url)], FILE: [graph.file(VOICE)]}

    with pytest.raises(MediaError) as caught:
        fetch(client, tmp_path / "in")

    assert isinstance(caught.value, HostRefused) or url == ""
    assert elsewhere.asked == []
    assert len(provider.asked) == 1


@pytest.mark.parametrize("target", ["http://{elsewhere}/x", "http://169.254.169.254/x", "//{elsewhere}/x", "file:///x"])
def test_a_redirect_off_the_list_is_not_followed(
    provider: Provider, elsewhere: Provider, client: GraphClient, tmp_path: Path, target: str
) -> None:
    target = target.format(elsewhere=elsewhere.host)
    provider.script = {LOOK_UP: [link(provider)], FILE: [graph.redirects(target)]}

    with pytest.raises(HostRefused):
        fetch(client, tmp_path / "in")

    assert elsewhere.asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_within_the_list_is_followed_with_the_token(
    provider: Provider, elsewhere: Provider, tmp_path: Path
) -> None:
    client = a_client(provider, allowed_hosts=frozenset({provider.host, elsewhere.host}))
    provider.script = {LOOK_UP: [link(provider)], FILE: [graph.redirects(f"{elsewhere.base_url}/there")]}

    fetch(client, tmp_path / "in")

    assert elsewhere.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_redirects_in_a_circle_come_to_an_end(provider: Provider, client: GraphClient, tmp_path: Path) -> None:
    provider.script = {LOOK_UP: [link(provider)], FILE: [graph.redirects("/file")]}

    with pytest.raises(MediaUnreachable):
        fetch(client, tmp_path / "in")

    assert len(provider.asked) == 5


@pytest.mark.parametrize("media_id", ["", "..", "../me", "1/2", "1?x=y", "1#", "1" * 129, "é", "1\n"])
def test_an_id_that_is_none_is_not_asked_for(
    provider: Provider, client: GraphClient, tmp_path: Path, media_id: str
) -> None:
    with pytest.raises(MediaGone):
        fetch_media(client, media_id, tmp_path / "in", max_bytes=10, deadline_s=1)

    assert provider.asked == []


def test_a_provider_that_is_not_there_is_unreachable(provider: Provider, tmp_path: Path) -> None:
    with graph.running() as gone:
        client = a_client(gone)

    with pytest.raises(MediaUnreachable):
        fetch(client, tmp_path / "in")
