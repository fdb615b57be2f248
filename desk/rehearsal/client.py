"""Drive a running rehearsal server: what `desk simulate …` and the tests call.

HTTP only. Raises Refused with the server's sentence when it says no, Unreachable when it is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from .delivery import post_signed

HEADER = "X-Rehearsal"
TIMEOUT_S = 180.0


class Refused(Exception):
    """The rehearsal server answered with an error; the text is its sentence."""


class Unreachable(Exception):
    """No rehearsal server answers at that address."""


@dataclass(frozen=True)
class BurstPlan:
    """ids: provider ids of every message of the burst, in order; lasts_s: until the last is due."""

    ids: list[str]
    lasts_s: float


def send(
    base_url: str,
    station: str,
    sender_name: str,
    text: str | None = None,
    file: Path | None = None,
    caption: str | None = None,
    is_voice: bool = False,
    *,
    is_forwarded: bool = False,
) -> str:
    """A listener sends a text or a file to the station. Returns the provider id (wamid)."""
    form = {"station": station, "from": sender_name}
    if text:
        form["text"] = text
    if caption:
        form["caption"] = caption
    if is_voice:
        form["voice"] = "1"
    if is_forwarded:
        form["forwarded"] = "1"
    if file is None:
        return str(_post(base_url, "/rehearsal/messages", data=form)["id"])
    with file.open("rb") as stream:
        return str(_post(base_url, "/rehearsal/messages", data=form, files={"file": (file.name, stream)})["id"])


def post_payload(webhook_url: str, secret: str, payload: bytes) -> int:
    """POST the bytes to a webhook, signed with the app secret. Returns the HTTP status; 0 if nobody answered."""
    with requests.Session() as session:
        return post_signed(session, webhook_url, secret, payload)


def burst(
    base_url: str,
    items: int,
    per_minute: float,
    seed: int = 1,
    *,
    repeat_rate: float = 0.05,
    failing_media_rate: float = 0.0,
    station: str | None = None,
    shares: Mapping[str, int] | None = None,
    call_outs: bool = False,
    is_varied: bool = False,
) -> BurstPlan:
    """Order a flood; it goes on in the server after this returns. The rest: see burst.Burst."""
    asked = {"items": items, "per_minute": per_minute, "seed": seed, "repeat_rate": repeat_rate,
             "failing_media_rate": failing_media_rate, "station": station, "shares": shares and dict(shares),
             "call_outs": call_outs, "is_varied": is_varied}  # fmt: skip
    answer = _post(base_url, "/rehearsal/burst", json=asked)
    return BurstPlan([str(wamid) for wamid in answer["ids"]], float(answer["lasts_s"]))


def change_number(base_url: str, station: str, sender_name: str) -> str:
    """The listener changes the phone number. Returns the new BSUID."""
    return str(_post(base_url, "/rehearsal/numbers", json={"station": station, "name": sender_name})["user_id"])


def order_faults(base_url: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Add faults (names in `faults.KNOWN`); an empty mapping clears them. Returns what stands."""
    standing: dict[str, Any] = _post(base_url, "/rehearsal/faults", json=dict(wanted))["faults"]
    return standing


def pause_morning(base_url: str, paused: bool) -> None:
    _post(base_url, "/rehearsal/morning", json={"paused": paused})


def fetch_state(base_url: str) -> dict[str, Any]:
    """Counts: incoming, outgoing, waiting, unmade, delivered; verified per station; morning_paused."""
    return _ask("GET", base_url, "/rehearsal/state")


def _post(base_url: str, path: str, **body: Any) -> dict[str, Any]:
    return _ask("POST", base_url, path, **body)


def _ask(method: str, base_url: str, path: str, **body: Any) -> dict[str, Any]:
    try:
        answer = requests.request(method, base_url.rstrip("/") + path, headers={HEADER: "1"}, timeout=TIMEOUT_S, **body)
    except requests.RequestException as error:
        raise Unreachable(f"no rehearsal server at {base_url}") from error
    if answer.status_code != 200:
        raise Refused(_sentence(answer))
    document: dict[str, Any] = answer.json()
    return document


def _sentence(answer: requests.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"the rehearsal server answered {answer.status_code}"
