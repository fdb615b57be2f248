"""The WhatsApp Cloud API as a channel of the desk: settings in, contract.Channel out.

Owns only the checking of what an administrator entered. Reading is whatsapp_payload's, the front door signature's,
sending and asking client's, files download's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from desk.channels import loose_json as loose
from desk.channels import whatsapp_payload
from desk.channels.contract import JSON, ChannelReport, FetchedMedia, Outgoing, Reading, SendResult
from desk.channels.gate import AddressRefused, HostList
from desk.channels.whatsapp_cloud import download, signature
from desk.channels.whatsapp_cloud.client import ALLOWED_HOSTS, API_VERSION, GRAPH_BASE_URL, ClientConfig, GraphClient
from desk.channels.whatsapp_cloud.signature import SHORTEST_SECRET, AppSecret
from desk.errors import Invalid

KIND = "whatsapp_cloud"
VERSION = re.compile(r"v[0-9]{1,3}\.[0-9]{1,2}")
NUMBER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class CloudConfig:
    """One number: how to reach the provider, and how to recognise it."""

    client: ClientConfig
    app_secrets: tuple[AppSecret, ...] = field(repr=False)
    verify_token: str = field(repr=False)


class WhatsAppCloud:
    """contract.Channel for one number."""

    kind = KIND

    def __init__(self, config: CloudConfig) -> None:
        self._config = config
        self._client = GraphClient(config.client)

    def may_be_signed(self, headers: Mapping[str, str]) -> bool:
        return signature.is_well_formed(headers.get(signature.HEADER))

    def verify(self, body: bytes, headers: Mapping[str, str], *, at: datetime) -> None:
        signature.check_signature(body, headers.get(signature.HEADER), self._config.app_secrets, at=at)

    def answer_handshake(self, arguments: Mapping[str, str]) -> str | None:
        return signature.answer_handshake(arguments, self._config.verify_token)

    def read(self, body: bytes) -> Reading:
        return whatsapp_payload.read(body)

    def fetch_media(
        self,
        provider_media_id: str,
        destination: BinaryIO | Path,
        *,
        max_bytes: int,
        deadline_s: float,
        expected_sha256: bytes | None = None,
    ) -> FetchedMedia:
        return download.fetch_media(
            self._client,
            provider_media_id,
            destination,
            max_bytes=max_bytes,
            deadline_s=deadline_s,
            expected_sha256=expected_sha256,
        )

    def send(self, message: Outgoing) -> SendResult:
        return self._client.send(message)

    def upload_media(self, path: Path, *, mime: str, file_name: str) -> str:
        return self._client.upload_media(path, mime=mime, file_name=file_name)

    def mark_read(self, provider_id: str) -> None:
        self._client.mark_read(provider_id)

    def check(self) -> ChannelReport:
        return self._client.check_number()


def open_whatsapp_cloud(
    number_id: str, settings: Mapping[str, JSON], secrets: Mapping[str, JSON], *, is_rehearsal: bool
) -> WhatsAppCloud:
    """Make the channel from what is stored; raises Invalid with every fault.

    settings: graph_base_url, api_version, allowed_hosts (list; hosts with a port only in rehearsal), all optional.
    secrets: access_token, verify_token, app_secrets (list of texts, or of {value, valid_until} during a rotation,
    valid_until as ISO 8601 with offset).
    """
    faults: dict[str, str] = {}
    given, sealed = dict(settings), dict(secrets)
    app_secrets = _app_secrets(loose.entries(sealed, "app_secrets"), faults)
    access_token, verify_token = loose.text(sealed, "access_token"), loose.text(sealed, "verify_token")
    if access_token is None or not access_token.isascii() or not access_token.isprintable():
        faults["access_token"] = "The access token is missing or has odd characters."  # noqa: S105 (a sentence)
    if verify_token is None:
        faults["verify_token"] = "The verify token is missing."  # noqa: S105 (a sentence)
    base_url = loose.text(given, "graph_base_url") or GRAPH_BASE_URL
    version = loose.text(given, "api_version") or API_VERSION
    if not VERSION.fullmatch(version):
        faults["api_version"] = "The version looks like v25.0."
    if not NUMBER_ID.fullmatch(number_id):
        faults["number_id"] = "This is not the id of a number."
    hosts = _hosts(loose.entries(given, "allowed_hosts"), base_url, faults, is_rehearsal=is_rehearsal)
    if faults:
        raise Invalid(faults, code="channels.invalid_settings")
    client = ClientConfig(
        access_token=access_token or "",
        phone_number_id=number_id,
        graph_base_url=base_url,
        api_version=version,
        allowed_hosts=hosts,
    )
    return WhatsAppCloud(CloudConfig(client, app_secrets, verify_token or ""))


def _app_secrets(entries: list[JSON], faults: dict[str, str]) -> tuple[AppSecret, ...]:
    found: list[AppSecret] = []
    for entry in entries:
        parts: dict[str, JSON] = entry if isinstance(entry, dict) else {"value": entry}
        value, until = loose.text(parts, "value") or "", loose.text(parts, "valid_until")
        if len(value) < SHORTEST_SECRET:
            faults["app_secrets"] = f"An app secret has at least {SHORTEST_SECRET} characters."
            continue
        try:
            valid_until = datetime.fromisoformat(until) if until else None
        except ValueError:
            valid_until = None
            faults["app_secrets"] = "The end of an app secret is not a date and time."
        if valid_until is not None and valid_until.tzinfo is None:
            faults["app_secrets"] = "The end of an app secret needs its offset from UTC."
        found.append(AppSecret(value, valid_until))
    if not entries:
        faults["app_secrets"] = "The app secret is missing: without it no delivery can be believed."
    return tuple(found)


def _hosts(entries: list[JSON], base_url: str, faults: dict[str, str], *, is_rehearsal: bool) -> frozenset[str]:
    names = frozenset(entry for entry in entries if isinstance(entry, str)) or ALLOWED_HOSTS
    try:
        hosts = HostList(names)
        hosts.check_url(base_url)
    except ValueError:
        faults["allowed_hosts"] = "One of the hosts is not a host name."
    except AddressRefused:
        faults["graph_base_url"] = "The address is not on the list of allowed hosts."
    else:
        if hosts.has_rehearsal and not is_rehearsal:
            faults["allowed_hosts"] = "Hosts with a port are for rehearsal only."
    return names
