"""Erases once more, in a restored database, what was erased after its backup was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.conversations import queries as conversations
from desk.conversations.models import ErasedId, Message
from desk.listeners.models import Address, Listener
from desk.privacy import erasing, subjects
from desk.privacy.restorelist import Erased
from desk.privacy.subjects import Subject

CHUNK = 200
REASON = "restored from a backup made before the erasure"


@dataclass(frozen=True)
class Replayed:
    """What a replay did: ids marked, messages and people erased again."""

    marked: int
    messages: int
    people: int
    is_done: bool


def replay(entries: Sequence[Erased], *, at: datetime) -> Replayed:
    """Erase what the list names and this database still holds; ids it does not hold are marked. May be repeated."""
    marked = _mark(entries)
    reports = [
        erasing.erase_exactly(subject, reason=REASON, by=None, at=at)
        for subject in (*_people(entries), *_messages(entries))
    ]
    people = sum(report.subject.startswith("listener:") for report in reports)
    messages = sum(int(step.proof["messages"]) for report in reports for step in report.steps if step.name == "rights")
    return Replayed(marked, messages, people, all(report.is_done for report in reports))


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def _mark(entries: Sequence[Erased]) -> int:
    with db.transaction() as session:
        erased_id = ErasedId.metadata.tables["erased_id"]
        return sum(
            db.insert_if_absent(
                session, erased_id, {"lookup": one.lookup, "erased_at": clock.from_ms(one.at_ms)}, unique=["lookup"]
            )
            for one in entries
            if one.kind == "message"
        )


def _people(entries: Sequence[Erased]) -> Iterator[Subject]:
    """People known under an erased address, unless they came only after that and are somebody new to the desk."""
    erased_at = {one.lookup: one.at_ms for one in entries if one.kind == "address"}
    with db.reading() as session:
        found = {
            row.listener_id
            for lookups in _chunks(list(erased_at))
            for row in session.execute(
                select(Address.listener_id, Address.lookup, Listener.first_seen_at)
                .join(Listener, Listener.id == Address.listener_id)
                .where(Address.lookup.in_(lookups))
            )
            if clock.to_ms(row.first_seen_at) <= erased_at[row.lookup]
        }
        found = {listener_id for listener_id in found if _is_known(session, listener_id)}
        people = [subjects.of_listener(session, listener_id) for listener_id in sorted(found)]
    yield from people


def _is_known(session: Session, listener_id: int) -> bool:
    """Whether anything but keyed hashes is left of a person."""
    listener = session.get_one(Listener, listener_id)
    return bool(listener.alias or listener.display_name_sealed)


def _messages(entries: Sequence[Erased]) -> Iterator[Subject]:
    """Messages that are still there, by station, in pieces."""
    lookups = [one.lookup for one in entries if one.kind == "message"]
    for piece in _chunks(lookups):
        with db.reading() as session:
            rows = session.execute(
                select(Message)
                .where(Message.provider_lookup.in_(piece), Message.erased_at.is_(None))
                .order_by(Message.station_id, Message.id)
            ).scalars().all()  # fmt: skip
            by_station: dict[int, list[Message]] = {}
            for row in rows:
                by_station.setdefault(row.station_id, []).append(row)
            found = [
                Subject(
                    station_id,
                    tuple(row.id for row in own),
                    provider_ids=tuple(one for row in own if (one := conversations.provider_id_of(row))),
                )
                for station_id, own in by_station.items()
            ]
        yield from found
