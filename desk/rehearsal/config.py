"""What the rehearsal server is told at start: one JSON file, written by whoever starts it.

Owns the shape of that file and the refusal of a bad one, with all faults named at once.
The server itself is in `server`; what the stations are called on air stands in the cast.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


class ConfigFault(Exception):
    """The configuration cannot be used; `faults` holds one sentence per fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Station:
    """One business number of the provider and where its webhooks go."""

    slug: str
    phone_number_id: str
    waba_id: str
    display_phone_number: str
    webhook_url: str
    app_secret: str
    verify_token: str
    access_token: str


@dataclass(frozen=True)
class RehearsalConfig:
    """host and port to listen on, the own data folder, and the stations played for."""

    host: str
    port: int
    data_dir: Path
    stations: tuple[Station, ...]
    desk_public_url: str = ""
    morning: bool = True

    @property
    def base_url(self) -> str:
        """The address the desk uses as the Graph base, without a trailing slash."""
        return f"http://{self.host}:{self.port}"

    def station(self, slug: str) -> Station | None:
        return next((station for station in self.stations if station.slug == slug), None)

    def station_by_number(self, phone_number_id: str) -> Station | None:
        return next((station for station in self.stations if station.phone_number_id == phone_number_id), None)


def read_config(path: Path) -> RehearsalConfig:
    """Read the JSON file. Raises ConfigFault with every fault found."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigFault([f"{path.name} cannot be read: {error}"]) from error
    return config_from(document)


def config_from(document: Any) -> RehearsalConfig:
    """Build the configuration from the parsed document; `bind` may stand for host and port."""
    if not isinstance(document, dict):
        raise ConfigFault(["the configuration is not a JSON object"])
    faults: list[str] = []
    host, port = _read_bind(document, faults)
    stations = tuple(_read_stations(document.get("stations"), faults))
    if not document.get("data_dir"):
        faults.append("data_dir is missing")
    if faults:
        raise ConfigFault(faults)
    return RehearsalConfig(
        host=host,
        port=port,
        data_dir=Path(str(document["data_dir"])),
        stations=stations,
        desk_public_url=str(document.get("desk_public_url") or "").rstrip("/"),
        morning=bool(document.get("morning", True)),
    )


def _read_bind(document: dict[str, Any], faults: list[str]) -> tuple[str, int]:
    host, port = str(document.get("host") or "127.0.0.1"), str(document.get("port") or "")
    if document.get("bind"):
        host, _, port = str(document["bind"]).rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        faults.append("bind (host:port) is missing or not an address")
        return host, 0
    return host or "127.0.0.1", int(port)


def _read_stations(rows: Any, faults: list[str]) -> list[Station]:
    if not isinstance(rows, list) or not rows:
        faults.append("stations is missing or empty")
        return []
    stations = []
    for number, row in enumerate(rows, start=1):
        values = {field.name: str(row.get(field.name) or "") for field in fields(Station)}
        missing = [name for name, value in values.items() if not value]
        if missing:
            faults.append(f"station {number} lacks {', '.join(missing)}")
        else:
            stations.append(Station(**values))
    return stations
