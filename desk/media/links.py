"""Links to a listener's file that work for a few minutes without signing in: for programs that fetch, like a playout.

A link names its purpose, the thing it is for, the bytes it was made for and the session it was made in. Whoever answers
one asks everything again: that session, its person's rights, whether the file may still be had. So a link ends with
the session, the right or the item. Rooms above say in `purposes` what their links open, in their `follows`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from desk import sealing
from desk.errors import NotFound
from desk.identity import Identity
from desk.live import audit
from desk.people import queries as people
from media_store.errors import LinkBroken, LinkExpired
from media_store.stores.links import LONGEST_S, LinkSigner

ADDRESS = "/media/link"
HOLDS = timedelta(seconds=LONGEST_S)


class LinkOver(NotFound):
    """Ours, and its minutes are over."""

    code = "media.link_expired"
    message = "This link has run out. Copy a new one from the page it came from."


class NoLink(NotFound):
    """Changed, not ours, or for what may no longer be had: all answer alike."""

    code = "media.no_link"


class Stored(Protocol):
    """A stored file as a room above finds it."""

    @property
    def key(self) -> str: ...
    @property
    def mime(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def download_name(self) -> str: ...


@dataclass(frozen=True)
class Purpose:
    """Links of a kind: `load(session, station_id, thing_id, profile, at=)` raises NotFound once it may not."""

    permission: str
    load: Callable[..., Stored]


purposes: dict[str, Purpose] = {}  # filled by the rooms above


def make_link(
    session: Session, purpose: str, thing_id: int, profile: str, *, by: Identity, station_id: int, at: datetime
) -> tuple[str, datetime]:
    """The address of a link and when it ends. Raises NotFound if there is nothing to be had now."""
    found = purposes[purpose].load(session, station_id, thing_id, profile, at=at)
    said = f"{purpose}/{thing_id}/{profile}"
    signer = _signer()
    # the name it is saved under may say who is heard, and a link is text that lies about: it is looked up again
    token = signer.sign(found.key, LONGEST_S, purpose=said, holder=f"{station_id}/{by.session_id}", at=at)
    audit.record(session, station_id, "media.link", f"{purpose}:{thing_id}", by=by.id, at=at)
    return signer.address_of(token), at.replace(microsecond=0) + HOLDS


def open_link(session: Session, token: str, *, at: datetime) -> Stored:
    """The file a link is for, as things stand now. Raises LinkOver, NoLink."""
    try:
        link = _signer().check(token, at=at)
    except LinkExpired as fault:
        raise LinkOver from fault
    except LinkBroken as fault:
        raise NoLink from fault
    kind, thing_id, profile = link.purpose.split("/")
    station_id, session_id = map(int, link.holder.split("/"))
    purpose = purposes[kind]
    identity = people.find_identity_of_session(session, session_id, at=at)
    if identity is None or identity.station is None or identity.station.id != station_id:
        raise NoLink
    if not identity.may(purpose.permission):
        raise NoLink
    try:
        found = purpose.load(session, station_id, int(thing_id), profile, at=at)
    except NotFound as gone:
        raise NoLink from gone
    if found.key != link.key:  # rendered anew: these are not the bytes that were linked
        raise NoLink
    return found


def _signer() -> LinkSigner:
    return LinkSigner(sealing.key_for("media links"), ADDRESS)
