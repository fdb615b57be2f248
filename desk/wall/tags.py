"""The colour tags of a station: up to nine, each with a name, a hue and a digit. Setting them: desk.wall.marks.

A new name in the same place renames the tag wherever it is; an empty one takes the tag out of use, and cards that have
it keep it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock
from desk.errors import Invalid
from desk.jobs import table
from desk.live import audit, log
from desk.people.models import Station
from desk.wall.models import Tag

PLACES = range(1, 10)
LONGEST_NAME_CHARACTERS = 24
HUES = (17, 14, 12, 10, 8, 6, 4, 19, 21, 22)  # none of them near the red of what is on air
AUDIENCE = "wall.read"
REFOLD_TAGGED = "refold_tagged"  # the job that lets cards be found by a tag's new name (desk.wall.jobs)


@dataclass(frozen=True)
class Wanted:
    """One place of the form."""

    place: int
    name: str
    hue: int


def as_json(tag: Tag) -> dict[str, Any]:
    """`place` None: it is not in use any more."""
    return {"id": tag.id, "name": tag.name, "hue": tag.hue, "place": tag.place if tag.retired_at is None else None}


def list_tags(session: Session, station_id: int) -> list[Tag]:
    """The tags in use, by their digits."""
    live = select(Tag).where(Tag.station_id == station_id, Tag.retired_at.is_(None))
    return list(session.execute(live.order_by(Tag.place)).scalars())


def badges(session: Session, tag_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Tags as cards show them, also such as are not in use any more; one statement."""
    return {tag.id: as_json(tag) for tag in session.execute(select(Tag).where(Tag.id.in_(tag_ids))).scalars()}


def read_form(form: Mapping[str, str]) -> list[Wanted]:
    """What was entered for the nine places. Raises Invalid by field."""
    faults: dict[str, str] = {}
    wanted = []
    for place in PLACES:
        name = " ".join(form.get(f"name_{place}", "").replace("\x00", "").split())
        hue = form.get(f"hue_{place}", str(HUES[place - 1]))
        if len(name) > LONGEST_NAME_CHARACTERS:
            faults[f"name_{place}"] = "This is too long."
        if not (hue.isdecimal() and len(hue) < 4 and int(hue) in HUES):
            faults[f"hue_{place}"] = "This is no colour the desk knows."
            hue = str(HUES[0])
        wanted.append(Wanted(place, name, int(hue)))
    names = [one.name.casefold() for one in wanted if one.name]
    faults |= {
        f"name_{one.place}": "Two tags would have this name."
        for one in wanted
        if names.count(one.name.casefold()) > 1 and one.name
    }
    if faults:
        raise Invalid(faults)
    return wanted


def set_tags(session: Session, station_id: int, wanted: Sequence[Wanted], *, by: int, at: datetime) -> list[Tag]:
    """Name the tags of a station; every screen hears of it. The tags in use afterwards."""
    session.execute(select(Station.id).where(Station.id == station_id).with_for_update()).one()
    present = {tag.place: tag for tag in list_tags(session, station_id)}
    before = [as_json(tag) for tag in present.values()]
    for one in wanted:
        _set_one(session, station_id, present.get(one.place), one, at)
    names = {row["id"]: row["name"] for row in before}
    for tag in present.values():
        if tag.name != names[tag.id]:
            _ask_to_refold(session, tag, at)
    session.flush()
    tags = list_tags(session, station_id)
    after = [as_json(tag) for tag in tags]
    if after != before:
        thing = f"station:{station_id}"
        details = {"tags": [tag.id for tag in tags]}
        audit.record(session, station_id, "station.tags", thing, by=by, at=at, details=details)
        log.record(session, station_id, "tags.changed", {"tags": after}, audience=AUDIENCE, at=at)
    return tags


def _ask_to_refold(session: Session, tag: Tag, at: datetime) -> None:
    """Each new name is a job of its own: one that runs already may be past some cards."""
    subject = f"tag:{tag.id}:{clock.to_ms(at)}"
    table.put(session, REFOLD_TAGGED, subject, {"tag_id": tag.id}, at=at, station_id=tag.station_id)


def _set_one(session: Session, station_id: int, tag: Tag | None, wanted: Wanted, at: datetime) -> None:
    if tag is None:
        if wanted.name:
            session.add(Tag(station_id=station_id, place=wanted.place, name=wanted.name, hue=wanted.hue))
    elif not wanted.name:
        tag.retired_at = at
    else:
        tag.name, tag.hue = wanted.name, wanted.hue
