"""Erases a message or a person: a list of steps, each of which may be repeated and says what it left.

The order matters: rights and screens first, then work that is under way, then objects (their keys stand in the rows),
then rows, raw deliveries and exports, the person, the restore list, and at the end what the database's own files keep.
Killed at any point it is simply run again. Each step opens its own short transactions; nothing slow is in them.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from desk import clock, db, sealing
from desk.channels import contract
from desk.channels.models import Channel
from desk.contests import actions as contests
from desk.contests.models import Entry, Export
from desk.conversations import changes
from desk.conversations import queries as conversations
from desk.conversations.models import Conversation, ErasedId, Message, PendingChange, Reaction
from desk.errors import Conflict
from desk.intake import redacting
from desk.jobs import table
from desk.listeners import rules as listener_rules
from desk.listeners.actions import address_about
from desk.listeners.models import Address, Block, Listener
from desk.live import audit, log
from desk.media import prints, storage, transcripts, workplace
from desk.media.models import Asset, Rendition
from desk.onair.models import Airing, Listened, Vetting
from desk.privacy import restorelist, rules, subjects
from desk.privacy.models import PrivacyCase
from desk.privacy.subjects import Subject
from desk.safety import actions as safety
from desk.safety import queries as safety_queries
from desk.shortlist import actions as shortlist
from desk.shortlist.models import Slot
from desk.wall import actions as wall
from desk.wall.models import Card, CardAct, ConsentRecord, StackExclusion
from media_store.errors import ObjectMissing

CHUNK = 100
CHECKPOINT_LIMIT_S = 30.0
CHECKPOINT_TRY_MS = 200
UNSENT = ("held", "queued")
SENDER_IDS = ("bsuid", "wa_id", "phone", "parent")

Proof = dict[str, Any]


class Held(Conflict):
    """A lead locked one of the messages as evidence; whoever may handle it releases it."""

    code = "privacy.held"
    message = "One of these messages is locked as evidence. The lead has to release it first."


@dataclass(frozen=True)
class Step:
    """One step as it was done: what it did, and whether nothing is left."""

    name: str
    is_done: bool
    proof: Proof


@dataclass(frozen=True)
class Report:
    """What an erasure did. `is_done` only if every step left nothing."""

    case_id: int
    subject: str
    steps: tuple[Step, ...]

    @property
    def is_done(self) -> bool:
        return all(step.is_done for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        steps = [{"step": one.name, "done": one.is_done, **one.proof} for one in self.steps]
        return {"ok": self.is_done, "case": self.case_id, "subject": self.subject, "steps": steps}


def erase(subject: Subject, *, reason: str, by: int | None, at: datetime) -> Report:
    """Erase everything of a subject, step by step, and keep the proof with the case. May be repeated.

    With the last message of a person goes the person. Raises Held while one is locked as evidence.
    """
    with db.reading() as session:
        subject = subjects.widen(session, subject)
        if safety_queries.held_cards(session, subject.message_ids):
            raise Held
    return erase_exactly(subject, reason=reason, by=by, at=at)


def erase_exactly(subject: Subject, *, reason: str, by: int | None, at: datetime) -> Report:
    """Erase just these messages, or this person."""
    case_id = _open_case(subject, reason, by=by, at=at)
    steps = tuple(_do(name, step, subject, at) for name, step in STEPS)
    report = Report(case_id, subject.name, steps)
    _close_case(report, subject, by=by, at=clock.now())
    return report


def _do(name: str, step: Callable[[Subject, datetime], Proof], subject: Subject, at: datetime) -> Step:
    proof = step(subject, at)
    return Step(name, proof.pop("left", 0) == 0, proof)


def _open_case(subject: Subject, reason: str, *, by: int | None, at: datetime) -> int:
    """The case of this erasure; one that was broken off goes on."""
    with db.transaction() as session:
        found = session.execute(
            select(PrivacyCase)
            .where(PrivacyCase.subject == subject.name, PrivacyCase.kind == "erase", PrivacyCase.finished_at.is_(None))
            .order_by(PrivacyCase.id)
            .limit(1)
        ).scalar_one_or_none()
        if found is not None:
            return found.id
        case = PrivacyCase(
            station_id=subject.station_id, kind="erase", subject=subject.name, reason=reason, by_person_id=by,
            opened_at=at, proof={},
        )  # fmt: skip
        session.add(case)
        session.flush()
        audit.record(
            session, subject.station_id, "privacy.erase", subject.name, by=by, at=at, details={"case": case.id}
        )
        return case.id


def _close_case(report: Report, subject: Subject, *, by: int | None, at: datetime) -> None:
    with db.transaction() as session:
        case = session.get_one(PrivacyCase, report.case_id)
        case.proof = report.as_json()
        if not report.is_done:
            return
        case.finished_at = at
        audit.record(
            session, subject.station_id, "privacy.erased", subject.name, by=by, at=at, details={"case": case.id}
        )


def _in_chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield list(ids[start : start + CHUNK])


# --- 1, 2: rights and screens -----------------------------------------------------------------------------------


def end_rights(subject: Subject, at: datetime) -> Proof:
    """Tombstones for messages, cards off every screen and rundown; from here on nothing may be done with them."""
    ended = 0
    for ids in _in_chunks(subject.message_ids):
        with db.transaction() as session:
            rows = select(Message).where(Message.id.in_(ids)).order_by(Message.id).with_for_update()
            for message in session.execute(rows).scalars().all():
                wall.withdraw_card(session, message, at=at)
                if message.erased_at is None:
                    _mark_erased(session, message, at)
                    ended += 1
    return {"messages": ended}


def _mark_erased(session: Session, message: Message, at: datetime) -> None:
    message.erased_at = at
    message.revoked_at = message.revoked_at or at
    if message.delivery_state in UNSENT:
        message.delivery_state = "cancelled"
    if message.provider_lookup is not None:
        values = {"lookup": message.provider_lookup, "erased_at": at}
        db.insert_if_absent(session, ErasedId.metadata.tables["erased_id"], values, unique=["lookup"])
    if message.direction == "in":
        _take_from_listener(session, message)
    audit.record(session, message.station_id, "message.erase", f"message:{message.id}", by=None, at=at)
    changes.announce(session, message, at=at)


def _take_from_listener(session: Session, message: Message) -> None:
    """One message less, and no place that only this message told."""
    listener = session.get_one(Listener, message.listener_id, with_for_update=True)
    listener.message_count = max(0, listener.message_count - 1)
    if listener.place and listener_rules.find_place(message.text) == listener.place:
        listener.place = ""


# --- 3: work under way ------------------------------------------------------------------------------------------


def cancel_jobs(subject: Subject, at: datetime) -> Proof:
    """End fetching, rendering and sending; a worker in the middle loses its lease and removes what it stored."""
    count = 0
    for ids in _in_chunks(subject.message_ids):
        with db.transaction() as session:
            names = [f"asset:{asset.id}" for asset in subjects.list_assets(session, ids)]
            names += [f"message:{message_id}" for message_id in ids]
            count += table.cancel(session, names, "erased", at=at)
    return {"jobs": count}


# --- 4: objects and temporary files -----------------------------------------------------------------------------


def delete_objects(subject: Subject, at: datetime) -> Proof:
    """Originals and renditions, also such of older recipes that no row names any more."""
    store, deleted, left = storage.current(), 0, 0
    for ids in _in_chunks(subject.message_ids):
        with db.reading() as session:
            keys = _keys(session, ids)
        for key in keys:
            store.delete(key)
            left += _is_there(key)
        deleted += len(keys)
    return {"objects": deleted, "left": left}


def _keys(session: Session, message_ids: Sequence[int]) -> list[str]:
    assets = subjects.list_assets(session, message_ids)
    named = set(
        session.execute(select(Rendition.key).where(Rendition.asset_id.in_([one.id for one in assets]))).scalars()
    )
    for asset in assets:
        if asset.original_key is not None:
            named.add(asset.original_key)
            # renditions lie beside their original, under its name
            stem = asset.original_key.rsplit(".", 1)[0]
            named |= {info.key for info in storage.current().list(f"{stem}.")}
    return sorted(named)


def _is_there(key: str) -> bool:
    try:
        storage.current().info(key)
    except ObjectMissing:
        return False
    return True


def delete_temporary(subject: Subject, at: datetime) -> Proof:
    """Folders in which a file was being fetched or rendered; a worker still in one fails, and has no lease."""
    with db.reading() as session:
        ids = {asset.id for asset in subjects.list_assets(session, subject.message_ids)}
    workplace.empty_temp()
    folders = [one for one in workplace.temp_folder().iterdir() if _asset_of(one.name) in ids]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return {"folders": len(folders), "left": sum(folder.is_dir() for folder in folders)}


def _asset_of(name: str) -> int | None:
    kind, _, rest = name.partition("-")
    number = rest.partition("-")[0]
    return int(number) if kind in ("fetch", "render", "transcribe") and number.isdecimal() else None


# --- 5, 6: deliveries and exports; both need what the rows still say ----------------------------------------------


def redact_deliveries(subject: Subject, at: datetime) -> Proof:
    """Cut these messages out of raw deliveries; everything else in a batch stays, and the delivery stays known."""
    with db.reading() as session:
        channels = session.execute(select(Channel.id)).scalars().all()
        lookups = _lookups(session, subject.message_ids)
        people = {value for _row, value in subjects.handles(session, subject.listener_ids) if value}
        digits = {one.lstrip("+") for one in people}
        found = redacting.find_deliveries(
            session, channels, message_ids=subject.message_ids, needles={*subject.provider_ids, *digits}
        )

    def is_wanted(channel_id: int, item: contract.AnyItem) -> bool:
        about = redacting.message_of(item)
        if about is not None and conversations.message_lookup(channel_id, about) in lookups:
            return True
        return bool(redacting.senders_of(item) & people)

    return {"deliveries": len(found), "items": redacting.redact_in_own_transactions(found, is_wanted, at=at)}


def _lookups(session: Session, message_ids: Sequence[int]) -> set[str]:
    found: set[str] = set()
    for ids in _in_chunks(message_ids):
        rows = session.execute(select(Message.provider_lookup).where(Message.id.in_(ids))).scalars()
        found |= {one for one in rows if one is not None}
    return found


def withdraw_exports(subject: Subject, at: datetime) -> Proof:
    """Exports that held an entry of these cards cannot be fetched any more, and their files are deleted."""
    count, campaigns = 0, set[int]()
    for ids in _in_chunks(subject.message_ids):
        with db.transaction() as session:
            for card in subjects.list_cards(session, ids):
                count += contests.expire_exports_with(session, card.id, at=at)
                campaigns |= set(session.execute(select(Entry.campaign_id).where(Entry.card_id == card.id)).scalars())
    while contests.expire_exports_now():
        pass
    with db.reading() as session:
        kept = select(Export.id).where(
            Export.campaign_id.in_(campaigns), Export.state.in_(("ready", "expired")), Export.ready_at <= at,
            Export.key.is_not(None),
        )  # fmt: skip
        left = len(session.execute(kept).all())
    return {"exports": count, "left": left}


# --- 7: rows ----------------------------------------------------------------------------------------------------


def reduce_rows(subject: Subject, at: datetime) -> Proof:
    """Files' rows go; messages, cards and what is kept about airing and consent lose everything but ids and moments."""
    left = 0
    for ids in _in_chunks(subject.message_ids):
        with db.transaction() as session:
            _delete_files(session, ids)
            for card in subjects.list_cards(session, ids):
                _reduce_card(session, card, at)
            _reduce_messages(session, ids)
            session.flush()
            left += sum(subjects.left_over(session, ids).values())
    return {"messages": len(subject.message_ids), "left": left}


def _delete_files(session: Session, message_ids: Sequence[int]) -> None:
    assets = [asset.id for asset in subjects.list_assets(session, message_ids)]
    session.execute(update(Vetting).where(Vetting.asset_id.in_(assets)).values(asset_id=None))
    session.execute(delete(Listened).where(Listened.asset_id.in_(assets)))
    session.execute(delete(Rendition).where(Rendition.asset_id.in_(assets)))
    prints.forget(session, assets)
    transcripts.forget(session, assets)
    session.execute(delete(Asset).where(Asset.id.in_(assets)))


def _reduce_card(session: Session, card: Card, at: datetime) -> None:
    """The card stays as a number others refer to: that it was aired, entered, consented to, and when."""
    for slot_id in session.execute(select(Slot.id).where(Slot.card_id == card.id)).scalars().all():
        shortlist.remove_slot(session, card.station_id, slot_id, by=None, at=at)
    session.execute(delete(Vetting).where(Vetting.card_id == card.id))
    session.execute(delete(CardAct).where(CardAct.card_id == card.id))
    session.execute(delete(StackExclusion).where(StackExclusion.card_id == card.id))
    safety.forget(session, card.id)
    session.execute(update(Airing).where(Airing.card_id == card.id).values(sha256=""))
    session.execute(update(ConsentRecord).where(ConsentRecord.card_id == card.id).values(note=""))
    card.about = card.pronunciation = card.note = card.folded = ""
    card.rating, card.is_for_jury, card.tag_ids = None, False, []
    card.assigned_to_id = card.assigned_desk = None
    card.vetted_sha256 = card.reject_reason = card.claimed_by_id = card.claimed_until = None


def _reduce_messages(session: Session, ids: Sequence[int]) -> None:
    rows = session.execute(select(Message).where(Message.id.in_(ids))).scalars().all()
    lookups = [one.provider_lookup for one in rows if one.provider_lookup is not None]
    quotes = (PendingChange.kind == "quote") & PendingChange.token.in_([str(one) for one in ids])
    session.execute(delete(PendingChange).where(PendingChange.target_lookup.in_(lookups) | quotes))
    session.execute(delete(Reaction).where(Reaction.message_id.in_(ids)))
    session.execute(
        update(Message)
        .where(Message.id.in_(ids))
        .values(text="", details={}, provider_id_sealed=None, reply_to_id=None, edited_at=None)
        .execution_options(synchronize_session="fetch")
    )


def rewrite_events(subject: Subject, at: datetime) -> Proof:
    """Events of the last day that name these cards say no more than that they are gone."""
    with db.transaction() as session:
        cards: set[int] = set()
        for ids in _in_chunks(subject.message_ids):
            cards |= {card.id for card in subjects.list_cards(session, ids)}
        gone = rules.Gone(frozenset(cards), frozenset(subject.message_ids))
        count = log.rewrite(session, subject.station_id, lambda kind, payload: rules.told_after(kind, payload, gone))
    return {"events": count}


# --- 8: the person ----------------------------------------------------------------------------------------------


def erase_person(subject: Subject, at: datetime) -> Proof:
    """Names and addresses of the people go; that one was blocked or asked to be left alone stays, by keyed hash."""
    people = subject.listener_ids
    with db.reading() as session:
        known = [(row.lookup, value) for row, value in subjects.handles(session, people) if value]
    restorelist.add(restorelist.Erased("address", lookup, clock.to_ms(at)) for lookup, _value in known)
    with db.transaction() as session:
        pending = _delete_pending(session, subject.station_id, people, {value for _lookup, value in known})
        for listener_id in people:
            _blank(session, session.get_one(Listener, listener_id, with_for_update=True), at)
        _close_threads(session, people)
    return {"people": len(people), "addresses": len(known), "pending": pending}


def _blank(session: Session, listener: Listener, at: datetime) -> None:
    is_marked = listener.stopped_at is not None or (listener.blocked_until is not None and listener.blocked_until > at)
    for row in session.execute(select(Address).where(Address.listener_id == listener.id)).scalars().all():
        if is_marked:
            row.value_sealed = sealing.seal("", address_about(row.station_id, row.lookup))
            row.is_current = False
        else:
            session.delete(row)
    session.execute(delete(Block).where(Block.listener_id == listener.id))  # the mark stays, its story goes
    listener.alias = listener.first_name = listener.place = ""
    listener.display_name_sealed = None
    listener.hue = listener.message_count = 0
    session.flush()


def _delete_pending(session: Session, station_id: int, listener_ids: Sequence[int], values: set[str]) -> int:
    """Changes and reactions of these people, known by their ids' values, that wait for messages which never came."""
    if not listener_ids:
        return 0
    session.execute(delete(Reaction).where(Reaction.listener_id.in_(listener_ids)))
    gone = 0
    for row in session.execute(select(PendingChange).where(PendingChange.station_id == station_id)).scalars().all():
        payload = changes.open_pending(row)
        if payload.get("listener_id") in listener_ids or values & {payload.get(name) for name in SENDER_IDS}:
            session.delete(row)
            gone += 1
    return gone


def _close_threads(session: Session, listener_ids: Sequence[int]) -> None:
    session.execute(update(Conversation).where(Conversation.listener_id.in_(listener_ids)).values(closes_at=None))


# --- 9: restore list, 10: the files of the database ---------------------------------------------------------------


def list_for_restores(subject: Subject, at: datetime) -> Proof:
    """A restored backup erases these again before it opens."""
    with db.reading() as session:
        lookups = _lookups(session, subject.message_ids)
    added = restorelist.add(restorelist.Erased("message", lookup, clock.to_ms(at)) for lookup in sorted(lookups))
    return {"added": added}


def clean_files(subject: Subject, at: datetime) -> Proof:
    """Rebuild the search index and empty the write-ahead log: both keep words of deleted rows."""
    if not db.current().is_sqlite:
        with db.current().engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(
                text("VACUUM card, word, message, listener, address, asset, transcript, delivery, live_event")
            )
        return {"vacuum": True}
    with db.transaction() as session:
        session.execute(text("INSERT INTO card_ft(card_ft) VALUES('optimize')"))
    return {"left": 0 if truncate_log() else 1}


def truncate_log() -> bool:
    """Empty SQLite's write-ahead log, which keeps words of rows long gone; whether it is empty now.

    Readers in the middle of something are waited for, in short tries: each holds up writers while it lasts.
    """
    deadline, pause = time.monotonic() + CHECKPOINT_LIMIT_S, threading.Event()
    while (is_busy := _try_checkpoint()) and time.monotonic() < deadline:
        pause.wait(0.2)
    return not is_busy


def _try_checkpoint() -> bool:
    """Whether somebody was in the way."""
    connection = db.current().engine.raw_connection()
    try:
        cursor = connection.cursor()
        waits_ms = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout={CHECKPOINT_TRY_MS}")
        is_busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout={int(waits_ms)}")
        return bool(is_busy)
    finally:
        connection.close()


STEPS: tuple[tuple[str, Callable[[Subject, datetime], Proof]], ...] = (
    ("rights", end_rights),
    ("jobs", cancel_jobs),
    ("objects", delete_objects),
    ("temporary", delete_temporary),
    ("deliveries", redact_deliveries),
    ("exports", withdraw_exports),
    ("restore_list", list_for_restores),
    ("rows", reduce_rows),
    ("person", erase_person),
    ("events", rewrite_events),
    ("files", clean_files),
)
