"""HTTP with Meta's Graph API: sending, uploading, looking things up. Files are fetched in download.py.

Owns the provider's addresses, its token and what its answers mean; everything leaves as an error of the contract.
The token goes only to hosts on the list and appears in no repr, log or error. Retrying is the caller's matter:
the errors say whether it is safe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from desk.channels import loose_json as loose
from desk.channels.contract import (
    JSON,
    ChannelBroken,
    ChannelReport,
    OutcomeUnknown,
    Outgoing,
    SendError,
    SendResult,
    Unreachable,
)
from desk.channels.gate import AddressRefused, Exchange, HostList
from desk.channels.whatsapp_cloud.error_table import explain_answer
from desk.channels.whatsapp_cloud.messages import write_body

GRAPH_BASE_URL = "https://graph.facebook.com"
API_VERSION = "v25.0"
ALLOWED_HOSTS = frozenset({"graph.facebook.com", "lookaside.fbsbx.com"})
USER_AGENT = "Hoererpult/1 (radio participation desk)"  # the download servers refuse requests without one
LARGEST_ANSWER_BYTES = 256 * 1024
LONGEST_WAIT_S = 6 * 3600.0  # a Retry-After beyond this is not believed


@dataclass(frozen=True, slots=True)
class Timeouts:
    connect_s: float = 5.0
    read_s: float = 20.0  # silence within an answer
    look_up_s: float = 30.0  # these three: the whole exchange
    send_s: float = 30.0
    upload_s: float = 180.0
    slow_after_s: float = 10.0  # from here on a download must keep the minimum rate
    slowest_bytes_per_s: float = 4096.0


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """One number's way to the provider; `allowed_hosts` as gate.HostList reads them."""

    access_token: str = field(repr=False)
    phone_number_id: str
    graph_base_url: str = GRAPH_BASE_URL
    api_version: str = API_VERSION
    allowed_hosts: frozenset[str] = ALLOWED_HOSTS
    timeouts: Timeouts = Timeouts()


class GraphClient:
    """Speaks for one number; holds no connection and may be shared between threads."""

    def __init__(self, config: ClientConfig) -> None:
        self.config = config
        self._hosts = HostList(config.allowed_hosts)

    def send(self, message: Outgoing) -> SendResult:
        """Send once. Raises SendError, Invalid."""
        answer = self._post(self.number_url("messages"), self.config.timeouts.send_s, json=write_body(message))
        sent = [loose.text(loose.mapping(entry), "id") for entry in loose.entries(answer, "messages")]
        if not sent or sent[0] is None:
            raise OutcomeUnknown
        return SendResult(sent[0])

    def mark_read(self, provider_id: str) -> None:
        receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": provider_id}
        with _repeatable():
            self._post(self.number_url("messages"), self.config.timeouts.send_s, json=receipt)

    def upload_media(self, path: Path, *, mime: str, file_name: str) -> str:
        """Hand over a file and return its id, good for 30 days and this number only. Raises SendError."""
        with path.open("rb") as file, _repeatable():
            answer = self._post(
                self.number_url("media"),
                self.config.timeouts.upload_s,
                data={"messaging_product": "whatsapp", "type": mime},
                files={"file": (file_name, file, mime)},
            )
        media_id = loose.text(answer, "id")
        if media_id is None:
            raise Unreachable
        return media_id

    def check_number(self) -> ChannelReport:
        """Ask for our number's name and quality; a fault is reported, not raised."""
        fields = ("display_phone_number", "verified_name", "quality_rating")
        try:
            with self.exchange(self.config.timeouts.look_up_s) as exchange, _repeatable():
                options = {"params": {"fields": ",".join(fields)}}
                answer = self._answered(exchange, "GET", self.number_url(), **options)
        except SendError as error:
            return ChannelReport(is_ok=False, problem=error.code)
        return ChannelReport(is_ok=True, details={key: loose.text(answer, key) or "" for key in fields})

    def exchange(self, deadline_s: float) -> Exchange:
        timeouts = self.config.timeouts
        return Exchange(self._hosts, deadline_s=deadline_s, connect_s=timeouts.connect_s, read_s=timeouts.read_s)

    def headers(self) -> dict[str, str]:
        """For hosts on the list only; identity encoding, so that lengths and hashes are those of the file."""
        return {
            "Authorization": f"Bearer {self.config.access_token}",
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
        }

    def url(self, *parts: str) -> str:
        return "/".join((self.config.graph_base_url.rstrip("/"), self.config.api_version, *parts))

    def number_url(self, *parts: str) -> str:
        return self.url(self.config.phone_number_id, *parts)

    def _post(self, url: str, deadline_s: float, **options: Any) -> dict[str, JSON]:
        with self.exchange(deadline_s) as exchange:
            return self._answered(exchange, "POST", url, **options)

    def _answered(self, exchange: Exchange, method: str, url: str, **options: Any) -> dict[str, JSON]:
        """The JSON object of a success; raises SendError for everything else."""
        try:
            with exchange.request(method, url, headers=self.headers(), **options) as response:
                body = read_answer(response)
        except AddressRefused as error:
            raise ChannelBroken("address") from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise (OutcomeUnknown() if exchange.has_connected else Unreachable()) from error
        if response.status_code == 200:
            return body
        raise explain_answer(response.status_code, error_code(body), retry_after_s(response.headers))


@contextmanager
def _repeatable() -> Iterator[None]:
    """For requests that may run twice without harm: an unknown outcome is only a reason to try again."""
    try:
        yield
    except OutcomeUnknown as error:
        raise Unreachable from error


def read_answer(response: requests.Response) -> dict[str, JSON]:
    """The JSON object in a short answer; {} for anything else (a page, a list, more than a quarter MiB)."""
    pieces: list[bytes] = []
    while sum(map(len, pieces)) <= LARGEST_ANSWER_BYTES and (piece := response.raw.read1(16 * 1024)):
        pieces.append(piece)
    body = b"".join(pieces)
    if len(body) > LARGEST_ANSWER_BYTES:
        return {}
    try:
        return loose.mapping(loose.parse(body))
    except loose.NotJson:
        return {}


def error_code(body: dict[str, JSON]) -> int | None:
    return loose.whole(loose.mapping(body.get("error")), "code")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from a Retry-After header in either of its forms, at most LONGEST_WAIT_S; None if there is none."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return min(float(text), LONGEST_WAIT_S)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        return None
    return min(max(0.0, (until - datetime.now(UTC)).total_seconds()), LONGEST_WAIT_S)
