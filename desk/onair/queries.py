"""What the presenter may see, and nothing else: vetted, cleared items of the current edition, without numbers.

An item that is not vetted for exactly the bytes that exist now is not hidden here, it is not there. Every read and
every file goes through `list_carts`/`load_air_file`; the rule itself stands in desk.shortlist.rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock
from desk.errors import NotFound
from desk.listeners.models import Listener
from desk.onair import rules
from desk.onair.models import Airing, Listened, Vetting
from desk.people.models import Person, Station
from desk.shortlist import queries as shortlist
from desk.shortlist.content import AIR_PROFILE, HEARABLE, Content
from desk.shortlist.models import Slot
from desk.shortlist.queries import Rundown, SlotView
from desk.shows import queries as shows
from desk.shows.queries import EditionView
from desk.wall.models import Card

AIRED_MOST = 50
PLAYOUT = "playout"  # the purpose of links to what may go to air
ENDINGS = {"flac": ".flac", "mp3": ".mp3", "mp2": "_mp2.wav"}  # of the names files are saved under


@dataclass(frozen=True)
class Cart:
    """An item ready to be played, as the presenter may see it."""

    view: SlotView
    aired_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        slot, item = self.view.slot, self.view.item
        masked = rules.mask_numbers
        url = f"/studio/media/{slot.id}/{AIR_PROFILE}" if item.content.is_sound else None
        return {
            "slot_id": slot.id,
            "position": slot.position,
            "first_name": masked(item.listener.first_name or item.listener.alias),
            "pronunciation": masked(item.card.pronunciation),
            "place": masked(item.listener.place),
            "about": masked(item.card.about),
            "intro_text": masked(slot.intro_text),
            "text": masked(item.text),
            "note": masked(slot.note),
            "kind": item.card.kind,
            "is_sound": item.content.is_sound,
            "duration_s": item.content.duration_s,
            "peaks": item.content.air_peaks,
            "sha256": item.content.sha256,
            "audio_url": url,
            "wav_url": url,
            "formats": {name: f"/studio/media/{slot.id}/{name}" for name in item.content.formats},
            "state": item.card.state,
            "aired_at": clock.iso(self.aired_at),
        }


@dataclass(frozen=True)
class AiredView:
    """One line of the list of what was aired."""

    slot_id: int
    first_name: str
    place: str
    aired_at: datetime

    def as_json(self) -> dict[str, Any]:
        return {
            "slot_id": self.slot_id,
            "first_name": rules.mask_numbers(self.first_name),
            "place": rules.mask_numbers(self.place),
            "aired_at": clock.iso(self.aired_at),
        }


@dataclass(frozen=True)
class Studio:
    """The presenter's list of one edition."""

    edition: EditionView
    carts: tuple[Cart, ...]
    aired: tuple[AiredView, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "edition": self.edition.as_json(),
            "carts": [cart.as_json() for cart in self.carts],
            "aired": [one.as_json() for one in self.aired],
        }


def studio(session: Session, station_id: int, *, at: datetime) -> Studio:
    """The presenter's list of the current edition. Nine statements at most."""
    return studio_of(session, shortlist.current_rundown(session, station_id, at=at))


def studio_of(session: Session, rundown: Rundown) -> Studio:
    """What of this rundown the presenter may see."""
    aired = _list_aired(session, rundown.edition.id)
    times = {one.slot_id: one.aired_at for one in reversed(aired)}
    carts = tuple(Cart(view, times.get(view.slot.id)) for view in rundown.slots if not view.item.reasons)
    return Studio(rundown.edition, carts, tuple(aired))


def studio_list(session: Session, station_id: int, *, at: datetime) -> tuple[Cart, ...]:
    """Only vetted, cleared items of the current edition, in order."""
    return studio(session, station_id, at=at).carts


def _list_aired(session: Session, edition_id: int | None) -> list[AiredView]:
    """What was aired in an edition, newest first; withdrawn items are not among it."""
    if edition_id is None:
        return []
    rows = session.execute(
        select(Airing.slot_id, Airing.aired_at, Listener.first_name, Listener.alias, Listener.place)
        .join(Slot, Slot.id == Airing.slot_id)
        .join(Card, Card.id == Airing.card_id)
        .join(Listener, Listener.id == Card.listener_id)
        .where(Slot.edition_id == edition_id, Airing.undone_at.is_(None), Card.withdrawn_at.is_(None))
        .order_by(Airing.aired_at.desc(), Airing.id.desc())
        .limit(AIRED_MOST)
    ).all()
    return [AiredView(row.slot_id or 0, row.first_name or row.alias, row.place, row.aired_at) for row in rows]


def load_cart(session: Session, station_id: int, slot_id: int, *, at: datetime) -> SlotView:
    """One item of the current edition that may be played now. Raises NotFound for everything else."""
    edition = shows.current_edition(session, station_id, at=at)
    slot = shortlist.load_slot(session, station_id, slot_id)
    if edition.id is None or slot.edition_id != edition.id:
        raise NotFound(code="onair.not_in_the_studio")
    item = shortlist.view_item(session, station_id, shortlist.load_chosen(session, station_id, slot.card_id))
    if item.reasons:
        raise NotFound(code="onair.not_in_the_studio")
    return SlotView(slot, item)


@dataclass(frozen=True)
class AirFile:
    """A stored file the presenter may have, and the name it is saved under."""

    key: str
    mime: str
    bytes: int
    sha256: str
    download_name: str


def load_air_file(session: Session, station_id: int, slot_id: int, profile: str, *, at: datetime) -> AirFile:
    """The file of an item that may be played now: `broadcast`, a further format of it, `preview` or `peaks`.

    Raises NotFound otherwise.
    """
    view = load_cart(session, station_id, slot_id, at=at)
    content = view.item.content
    made = content.renditions.get(profile) if profile in (AIR_PROFILE, "preview", "peaks", *content.formats) else None
    if made is None:
        raise NotFound(code="onair.no_file")
    zone = session.execute(select(Station.timezone).where(Station.id == station_id)).scalar_one()
    local = view.item.card.placed_at.astimezone(ZoneInfo(zone))
    listener = view.item.listener
    ending = ENDINGS.get(profile, ".wav")
    name = rules.wav_name(local, listener.first_name, listener.place, view.item.card.id, ending)
    return AirFile(made.key, made.mime, made.bytes, made.sha256, name)


def heard_share(session: Session, person_id: int, content: Content) -> float:
    """How much of what would air a person has heard, in whichever of its forms; 1 for what is read out.

    The other forms are whole: what of them lies outside the air copy neither counts nor is missed.
    """
    if content.asset is None:
        return 1.0
    hashes = {made.sha256: profile for profile, made in content.renditions.items() if profile in HEARABLE}
    rows = session.execute(
        select(Listened.sha256, Listened.from_s, Listened.to_s).where(
            Listened.person_id == person_id, Listened.asset_id == content.asset.id, Listened.sha256.in_(hashes)
        )
    ).all()
    length_s = content.duration_s or 0.0
    begins_s = content.air_span_s[0] if content.air_span_s is not None else 0.0
    stretches = [
        rules.in_air((row.from_s, row.to_s), 0.0 if hashes[row.sha256] == AIR_PROFILE else begins_s, length_s)
        for row in rows
    ]
    return rules.heard_share([(from_s, to_s) for from_s, to_s in stretches if to_s > from_s], length_s)


def vetting_of(session: Session, card_id: int) -> dict[str, Any] | None:
    """Who vetted which bytes of a card, and when; None if nobody's word holds."""
    row = session.execute(
        select(Vetting.at, Vetting.sha256, Person.id, Person.name, Person.initials, Person.hue)
        .join(Person, Person.id == Vetting.by_person_id)
        .where(Vetting.card_id == card_id, Vetting.ended_at.is_(None))
        .order_by(Vetting.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    by = {"id": row.id, "name": row.name, "initials": row.initials, "hue": row.hue}
    return {"by": by, "at": clock.iso(row.at), "sha256": row.sha256}


def vetting_report(session: Session, station_id: int, card_id: int, *, person_id: int) -> dict[str, Any]:
    """What a producer needs in order to vet: the hash, how much of it this person heard, what stands against air."""
    item = shortlist.view_item(session, station_id, shortlist.load_chosen(session, station_id, card_id))
    share = heard_share(session, person_id, item.content)
    return {
        "sha256": item.content.sha256,
        "is_sound": item.content.is_sound,
        "heard_share": round(share, 3),
        "may_vet": item.content.sha256 is not None and rules.is_heard(share),
        "vetting": vetting_of(session, card_id),
        "reasons": list(item.reasons),
    }
