"""Who a signed-in person is: the values that cross between sign-in, guards and views.

Owned by no room: the room people puts an Identity together, desk.web.access asks it what it may. Which roles hold
a permission is data beside the guards (desk/web/permissions.toml).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

PERMISSIONS = Path(__file__).parent / "web" / "permissions.toml"


@dataclass(frozen=True)
class StationCard:
    """A station as pages show it."""

    id: int
    slug: str
    name: str
    mark: str
    hue: int
    locale: str
    timezone: str

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@dataclass(frozen=True)
class Identity:
    """A signed-in person at the station of the session, with the roles held there now."""

    id: int
    session_id: int
    name: str
    initials: str
    hue: int
    locale: str | None
    theme: str
    station: StationCard | None
    stations: tuple[StationCard, ...]
    roles: frozenset[str]
    seen_at: datetime  # when the session was last marked as seen

    def may(self, permission: str) -> bool:
        return bool(self.roles & allowed_roles(permission))


@cache
def permissions() -> dict[str, frozenset[str]]:
    """Every permission with the roles that hold it."""
    given = tomllib.loads(PERMISSIONS.read_text(encoding="utf-8"))["permissions"]
    return {name: frozenset(roles) for name, roles in given.items()}


def allowed_roles(permission: str) -> frozenset[str]:
    return permissions()[permission]
