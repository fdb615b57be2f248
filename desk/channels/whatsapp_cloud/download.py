"""Fetches a listener's file from the provider: look the id up, then stream the file, both with the token.

A download address lives for minutes, so every attempt asks for a fresh one; addresses from deliveries are never used.
Owns the checks on the way (host, size, rate, total time, length, hash). The destination holds the whole checked file
or nothing. Where the file is kept afterwards, and when to try again, is the media room's matter.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn
from urllib.parse import urljoin

import requests
from urllib3.exceptions import HTTPError

from desk.channels import loose_json as loose
from desk.channels.contract import (
    FetchedMedia,
    HostRefused,
    MediaGone,
    MediaMismatch,
    MediaNotReached,
    MediaTooLarge,
    MediaUnreachable,
    TokenRefused,
)
from desk.channels.gate import AddressRefused, Exchange
from desk.channels.whatsapp_cloud.client import GraphClient, Timeouts, error_code, read_answer, retry_after_s
from desk.channels.whatsapp_cloud.error_table import BROKEN, THROTTLED
from desk.channels.whatsapp_content import ERROR_MEDIA_LOST, read_sha256
from media_store import watching

MEDIA_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
PIECE_BYTES = 64 * 1024
LINK_ATTEMPTS = 2
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SERVER_FAULT_S = 60.0
LINK_FAULT_S = 300.0
MISMATCH_S = 30.0
UNEXPECTED_S = 3600.0
GONE = frozenset({100, 131009, ERROR_MEDIA_LOST})  # no such object, not this number's, or lost on the way in


@dataclass(frozen=True, slots=True)
class MediaLink:
    """What the look-up says: where the file is for the next minutes, and what it should be."""

    url: str
    mime: str
    sha256: bytes | None
    size_bytes: int | None


class _LinkExpired(Exception):
    """The address no longer works; the id may."""


def fetch_media(
    client: GraphClient,
    media_id: str,
    destination: BinaryIO | Path,
    *,
    max_bytes: int,
    deadline_s: float,
    expected_sha256: bytes | None = None,
) -> FetchedMedia:
    """Fetch one file; see contract.Channel.fetch_media. `deadline_s` covers look-up and download together."""
    if not MEDIA_ID.fullmatch(media_id):
        raise MediaGone("malformed id")
    with client.exchange(deadline_s) as exchange, _opened(destination) as file, _translated(exchange):
        for _ in range(LINK_ATTEMPTS):
            link = _look_up(client, exchange, media_id)
            try:
                with _download(client, exchange, link, max_bytes) as response:
                    return _keep(response, exchange, link, file, max_bytes, expected_sha256, client.config.timeouts)
            except _LinkExpired:
                continue
        raise MediaUnreachable(LINK_FAULT_S, "link expired twice")


@contextmanager
def _opened(destination: BinaryIO | Path) -> Iterator[BinaryIO]:
    """The open destination; if anything goes wrong, a path is removed and a file cut back to where it stood."""
    if isinstance(destination, Path):
        try:
            with destination.open("wb") as file:
                yield file
        except BaseException:
            destination.unlink(missing_ok=True)
            raise
        return
    start = destination.tell()
    try:
        yield destination
    except BaseException:
        destination.seek(start)
        destination.truncate()
        raise


@contextmanager
def _translated(exchange: Exchange) -> Iterator[None]:
    """What the network does to us, as errors of the contract."""
    try:
        yield
    except AddressRefused as error:
        raise HostRefused(str(error)) from error
    except (requests.RequestException, HTTPError) as error:
        reason = "deadline" if exchange.is_over else type(error).__name__
        kind = MediaUnreachable if exchange.has_connected else MediaNotReached
        raise kind(SERVER_FAULT_S, reason) from error


def _look_up(client: GraphClient, exchange: Exchange, media_id: str) -> MediaLink:
    response = exchange.request(
        "GET",
        client.url(media_id),
        params={"phone_number_id": client.config.phone_number_id},
        headers=client.headers(),
    )
    with response:
        answer = read_answer(response)
    if response.status_code != 200:
        _refuse_look_up(response, error_code(answer))
    url = loose.text(answer, "url")
    if url is None:
        raise MediaUnreachable(SERVER_FAULT_S, "look-up without address")
    return MediaLink(
        url=url,
        mime=loose.text(answer, "mime_type") or "",
        sha256=read_sha256(loose.text(answer, "sha256")),
        size_bytes=loose.whole(answer, "file_size"),  # documented as text, seen as number
    )


def _refuse_look_up(response: requests.Response, code: int | None) -> NoReturn:
    status = response.status_code
    if code in BROKEN or status == 401 or (status == 403 and code is None):
        raise TokenRefused(f"look-up {status}, code {code}")
    if code in THROTTLED or status == 429:
        raise MediaUnreachable(retry_after_s(response.headers) or THROTTLED.get(code or 0, SERVER_FAULT_S), "throttled")
    if code in GONE or status in (404, 410):
        raise MediaGone(f"look-up {status}, code {code}")
    if status >= 500:
        raise MediaUnreachable(retry_after_s(response.headers) or SERVER_FAULT_S, f"look-up {status}, code {code}")
    raise MediaUnreachable(UNEXPECTED_S, f"look-up {status}, code {code}")


def _download(client: GraphClient, exchange: Exchange, link: MediaLink, max_bytes: int) -> requests.Response:
    """The opened answer with the file; follows redirects, each checked against the list before it is asked."""
    if link.size_bytes is not None and link.size_bytes > max_bytes:
        raise MediaTooLarge(max_bytes)
    url = link.url
    for _ in range(MOST_REDIRECTS + 1):
        response = exchange.request("GET", url, headers=client.headers())
        if response.status_code not in REDIRECTS:
            return _checked(response)
        response.close()
        url = urljoin(url, response.headers.get("Location", ""))
    raise MediaUnreachable(LINK_FAULT_S, "too many redirects")


def _checked(response: requests.Response) -> requests.Response:
    status = response.status_code
    if status == 200:
        return response
    response.close()
    if status in (404, 410):
        raise _LinkExpired
    if status in (401, 403):
        raise TokenRefused(f"download {status}")
    after_s = retry_after_s(response.headers)
    raise MediaUnreachable(after_s or (SERVER_FAULT_S if status >= 500 else LINK_FAULT_S), f"download {status}")


def _keep(
    response: requests.Response,
    exchange: Exchange,
    link: MediaLink,
    file: BinaryIO,
    max_bytes: int,
    expected_sha256: bytes | None,
    timeouts: Timeouts,
) -> FetchedMedia:
    mime = response.headers.get("Content-Type", "")
    if _is_page(mime) and not _is_page(link.mime):
        raise MediaMismatch(MISMATCH_S, "a page instead of the file")
    announced = loose.whole({"length": response.headers.get("Content-Length")}, "length")
    if announced is not None and announced > max_bytes:
        raise MediaTooLarge(max_bytes)
    digest, size_bytes = hashlib.sha256(), 0
    for piece in _pieces(response, exchange, timeouts):
        size_bytes += len(piece)
        if size_bytes > max_bytes:
            raise MediaTooLarge(max_bytes)
        digest.update(piece)
        file.write(piece)
    _compare(size_bytes, digest.digest(), link, expected_sha256)
    file.flush()
    return FetchedMedia(size_bytes=size_bytes, sha256=digest.digest(), mime=link.mime or mime)


def _pieces(response: requests.Response, exchange: Exchange, timeouts: Timeouts) -> Iterator[bytes]:
    """Whatever each read brings (never waiting to fill a buffer), as long as time and rate allow and it is wanted."""
    began_s, received_bytes = time.monotonic(), 0
    while piece := response.raw.read1(PIECE_BYTES):
        received_bytes += len(piece)
        yield piece
        watching.look()
        took_s = time.monotonic() - began_s
        if took_s > timeouts.slow_after_s and received_bytes < took_s * timeouts.slowest_bytes_per_s:
            raise MediaUnreachable(SERVER_FAULT_S, "too slow")
        if exchange.is_over:
            break
    if exchange.is_over:
        raise MediaUnreachable(SERVER_FAULT_S, "deadline")


def _compare(size_bytes: int, sha256: bytes, link: MediaLink, expected_sha256: bytes | None) -> None:
    if link.size_bytes is not None and size_bytes != link.size_bytes:
        raise MediaMismatch(MISMATCH_S, f"{size_bytes} bytes instead of {link.size_bytes}")
    for wanted in (expected_sha256, link.sha256):
        if wanted is not None and wanted != sha256:
            raise MediaMismatch(MISMATCH_S, "other hash than announced")
    if size_bytes == 0:
        raise MediaMismatch(MISMATCH_S, "empty")


def _is_page(mime: str) -> bool:
    return mime.partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml")
