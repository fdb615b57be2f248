"""The mood bar: emoji, greetings and reactions are counted there by minute and campaign instead of standing as cards.

Nothing is lost by it: a folded message keeps its card (in the state `mood`) and has exactly one place in the bar, as
has every reaction to a message of ours. The counters follow in the same transaction; screens hear of the bar at most
once a second. What noise is says desk.wall.noise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.conversations.models import Message, Reaction
from desk.listeners.models import Listener
from desk.listeners.queries import blocked_ids
from desk.listeners.rules import is_blocked
from desk.live import audit, log
from desk.people.models import Station
from desk.wall import announce, noise, queries, rules
from desk.wall.models import Card, MoodCount, MoodItem, MoodTold

SHOWN_MINUTES = 60  # what the bar sums up unless somebody asks for another time
MINUTES_MOST = 24 * 60
SIGNS_MOST = 24
LIST_MOST = 60
MINUTE_MS = 60_000
NOT_OFTENER = timedelta(seconds=1)
Key = tuple[int, int, int, str]  # station, minute, campaign, sign


@dataclass
class _Noted:
    """What one transaction has changed of the bar so far."""

    counted: Counter[Key] = field(default_factory=Counter)
    at: datetime | None = None


# --- folding --------------------------------------------------------------------------------------------------------


def fold_arrival(session: Session, card: Card, message: Message, listener: Listener, *, at: datetime) -> bool:
    """Fold a card that has just been placed if it is noise; whether it was.

    Not while the station has this switched off, not of a blocked sender, and not from somebody whose answer about
    consent is awaited: there a thumb is an answer.
    """
    sign = sign_of(message)
    if sign is None or card.state != "new" or is_blocked(listener.blocked_until, at):
        return False
    if not session.get_one(Station, card.station_id).folds_noise or _is_answer_awaited(session, listener.id):
        return False
    announce.count(session, card, by=-1, at=at)
    card.state = rules.MOOD
    announce.count(session, card, by=1, at=at)
    announce.hush(session, card, at=at)
    audit.record(session, card.station_id, "card.fold", f"card:{card.id}", by=None, at=at)
    settle(session, card, at=at)
    return True


def is_noise(session: Session, card: Card) -> bool:
    return sign_of(session.get_one(Message, card.message_id)) is not None


def sign_of(message: Message) -> str | None:
    """What a message counts as in the bar; None for one that has to stand as a card."""
    return noise.sign_of(message.text) if message.kind == "text" else None


def _is_answer_awaited(session: Session, listener_id: int) -> bool:
    asked = select(Card.id).where(Card.listener_id == listener_id, Card.consent == "asked", Card.withdrawn_at.is_(None))
    return session.execute(asked.limit(1)).first() is not None


def settle(session: Session, card: Card, *, at: datetime) -> None:
    """Give a card its place in the bar, the right one, or none, as its state and campaign say now. May be repeated."""
    session.flush()
    item = session.execute(select(MoodItem).where(MoodItem.card_id == card.id)).scalar_one_or_none()
    if card.state != rules.MOOD or card.withdrawn_at is not None:
        if item is not None:
            _leave(session, item, at)
        return
    sign = sign_of(session.get_one(Message, card.message_id)) or (item.sign if item else noise.GREETING)
    campaign_id = card.campaign_id or 0
    if item is None:
        given = MoodItem(station_id=card.station_id, card_id=card.id, reaction_id=None, at=card.placed_at)
        _enter(session, given, sign, campaign_id, at)
    elif (item.sign, item.campaign_id) != (sign, campaign_id):
        _count(session, item, -1, at)
        item.sign, item.campaign_id = sign, campaign_id
        _count(session, item, 1, at)


def react(session: Session, message: Message, listener_id: int, at: datetime) -> None:
    """Count a listener's reaction to a message of ours as it is now: a new one, another emoji, or taken back."""
    session.flush()
    reaction = session.execute(
        select(Reaction.id, Reaction.emoji, Reaction.at).where(
            Reaction.message_id == message.id, Reaction.listener_id == listener_id
        )
    ).one()
    item = session.execute(select(MoodItem).where(MoodItem.reaction_id == reaction.id)).scalar_one_or_none()
    if item is not None:
        _leave(session, item, at)
    if reaction.emoji:
        given = MoodItem(station_id=message.station_id, card_id=None, reaction_id=reaction.id, at=min(reaction.at, at))
        _enter(session, given, noise.canonical(reaction.emoji), _campaign_of(session, message), at)


def forget_reaction(session: Session, reaction_id: int, *, at: datetime) -> None:
    """A reaction is gone: of two by one person the older one."""
    item = session.execute(select(MoodItem).where(MoodItem.reaction_id == reaction_id)).scalar_one_or_none()
    if item is not None:
        _leave(session, item, at)


def _campaign_of(session: Session, message: Message) -> int:
    """The campaign of the message that ours answered; 0 without one."""
    if message.reply_to_id is None:
        return 0
    answered = select(Card.campaign_id).where(Card.message_id == message.reply_to_id)
    return session.execute(answered).scalar_one_or_none() or 0


def _enter(session: Session, item: MoodItem, sign: str, campaign_id: int, at: datetime) -> None:
    item.minute = clock.to_ms(item.at) // MINUTE_MS
    item.sign, item.campaign_id = sign, campaign_id
    session.add(item)
    session.flush()
    _count(session, item, 1, at)


def _leave(session: Session, item: MoodItem, at: datetime) -> None:
    _count(session, item, -1, at)
    session.execute(delete(MoodItem).where(MoodItem.id == item.id))
    session.expunge(item)


def _count(session: Session, item: MoodItem, by: int, at: datetime) -> None:
    noted: _Noted = session.info.setdefault("mood", _Noted())
    noted.counted[item.station_id, item.minute, item.campaign_id, item.sign] += by
    noted.at = at
    db.before_commit(session, "55-mood", _write)


# --- counting and telling -------------------------------------------------------------------------------------------


def _write(session: Session) -> None:
    noted: _Noted = session.info.pop("mood")
    changed = {key: by for key, by in noted.counted.items() if by}
    if noted.at is None or not changed:
        return
    for station_id in sorted({key[0] for key in changed}):
        log.hold(session, station_id)
        rows = [
            {"station_id": station, "minute": minute, "campaign_id": campaign, "sign": sign, "amount": by}
            for (station, minute, campaign, sign), by in sorted(changed.items())
            if station == station_id
        ]
        table = MoodCount.metadata.tables["mood_count"]
        db.add_up(session, table, rows, unique=["station_id", "minute", "campaign_id", "sign"], counter="amount")
        _tell(session, station_id, noted.at)


def _tell(session: Session, station_id: int, at: datetime) -> None:
    """Tell the bar now, or note that it is to be told once a second has passed since."""
    told = session.get(MoodTold, station_id, populate_existing=True)
    if told is None:
        told = MoodTold(station_id=station_id, told_at=at - NOT_OFTENER, is_due=False)
        session.add(told)
    if told.told_at <= at < told.told_at + NOT_OFTENER:
        told.is_due = True
    else:
        told.told_at, told.is_due = at, False
        payload = view_bar(session, station_id, at=at) | {"counts": queries.counts(session, station_id, at=at)}
        log.record(session, station_id, "mood.changed", payload, audience=announce.AUDIENCE, at=at)
    session.flush()


def tell_due() -> int:
    """Tell the bars of which screens have not heard the last change; returns how many. The keeper calls this."""
    at = clock.now()
    with db.reading() as session:
        due = list(session.execute(select(MoodTold.station_id).where(MoodTold.is_due)).scalars())
    for station_id in due:
        with db.transaction() as session:
            log.hold(session, station_id)
            told = session.get_one(MoodTold, station_id)
            if told.is_due and not told.told_at <= at < told.told_at + NOT_OFTENER:
                _tell(session, station_id, at)
    return len(due)


# --- reading --------------------------------------------------------------------------------------------------------


def view_bar(
    session: Session, station_id: int, *, at: datetime, minutes: int = SHOWN_MINUTES, campaign_id: int | None = None
) -> dict[str, Any]:
    """The bar of the last minutes: {signs: [{sign, emoji, count}], total, since, last_minute, minutes, campaign_id}.

    `emoji` is null for greetings; `since` is the first minute in which there was anything. Two statements.
    """
    until = clock.to_ms(at) // MINUTE_MS
    of_bar = [MoodCount.station_id == station_id, MoodCount.minute > until - minutes, MoodCount.minute <= until]
    if campaign_id is not None:
        of_bar.append(MoodCount.campaign_id == campaign_id)
    summed = select(MoodCount.sign, func.sum(MoodCount.amount)).where(*of_bar).group_by(MoodCount.sign)
    counted = {sign: int(amount) for sign, amount in session.execute(summed) if amount > 0}
    span = select(func.min(MoodCount.minute), func.sum(MoodCount.amount).filter(MoodCount.minute == until))
    found: Any = session.execute(span.where(*of_bar, MoodCount.amount > 0)).one()
    first, last_minute = found
    ranked = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return {
        "signs": [
            {"sign": sign, "emoji": None if sign == noise.GREETING else sign, "count": count}
            for sign, count in ranked[:SIGNS_MOST]
        ],
        "total": sum(counted.values()),
        "since": clock.iso(clock.from_ms(first * MINUTE_MS)) if first is not None else None,
        "last_minute": int(last_minute or 0),
        "minutes": minutes,
        "campaign_id": campaign_id,
    }


def list_items(
    session: Session,
    station_id: int,
    *,
    at: datetime,
    minutes: int = SHOWN_MINUTES,
    campaign_id: int | None = None,
    sign: str | None = None,
    before: int | None = None,
) -> dict[str, Any]:
    """What is behind the bar, newest first: {items: [{id, at, emoji, card, reaction, answers}], next}.

    `card` is the folded card, `reaction` {name} who reacted; `answers` {text, at} the message of ours it is about.
    What blocked senders reacted with is left out.
    """
    since = clock.from_ms((clock.to_ms(at) // MINUTE_MS - minutes + 1) * MINUTE_MS)
    wanted = select(MoodItem).where(MoodItem.station_id == station_id, MoodItem.at >= since)
    if campaign_id is not None:
        wanted = wanted.where(MoodItem.campaign_id == campaign_id)
    if sign is not None:
        wanted = wanted.where(MoodItem.sign == sign)
    if before is not None:
        edge = select(MoodItem.at).where(MoodItem.id == before, MoodItem.station_id == station_id).scalar_subquery()
        wanted = wanted.where(or_(MoodItem.at < edge, (MoodItem.at == edge) & (MoodItem.id < before)))
    found = session.execute(wanted.order_by(MoodItem.at.desc(), MoodItem.id.desc()).limit(LIST_MOST + 1)).scalars()
    items = list(found)
    return {
        "items": _shown(session, station_id, items[:LIST_MOST], at),
        "next": items[LIST_MOST - 1].id if len(items) > LIST_MOST else None,
    }


def _texts(session: Session, station_id: int, message_ids: Sequence[int]) -> dict[int | None, Any]:
    ours = select(Message.id, Message.text, Message.sent_at).where(
        Message.id.in_(message_ids), Message.station_id == station_id, Message.direction == "out"
    )
    return {row.id: row for row in session.execute(ours)}


def _shown(session: Session, station_id: int, items: Sequence[MoodItem], at: datetime) -> list[dict[str, Any]]:
    views = queries.view_cards(session, [item.card_id for item in items if item.card_id is not None], at=at)
    reactions = _reactions(session, station_id, [item.reaction_id for item in items if item.reaction_id], at)
    asked_by = {view.message.id: view.message.reply_to_id for view in views.values()}
    answered = [ours for ours in asked_by.values() if ours] + [ours for ours, _name in reactions.values()]
    texts = _texts(session, station_id, answered) if answered else {}  # for none SQLite would look through all
    shown = []
    for item in items:
        view = views.get(item.card_id) if item.card_id is not None else None
        ours_id, name = reactions.get(item.reaction_id or 0, (None, None))
        if view is None and name is None:
            continue
        ours = texts.get(asked_by.get(view.message.id) if view else ours_id)
        shown.append({
            "id": item.id,
            "at": clock.iso(item.at),
            "emoji": None if item.sign == noise.GREETING or (view and view.is_blocked) else item.sign,
            "card": view.as_json() if view else None,
            "reaction": {"name": name} if name is not None else None,
            "answers": {"text": ours.text, "at": clock.iso(ours.sent_at)} if ours else None,
        })  # fmt: skip
    return shown


def _reactions(session: Session, station_id: int, ids: Sequence[int], at: datetime) -> dict[int, tuple[int, str]]:
    """{reaction: (message of ours, who)}, without those of blocked senders."""
    if not ids:
        return {}
    rows = session.execute(
        select(Reaction.id, Reaction.message_id, Listener.first_name, Listener.alias)
        .join(Listener, Listener.id == Reaction.listener_id)
        .where(Reaction.id.in_(ids), Reaction.listener_id.not_in(blocked_ids(station_id, at)))
    )
    return {row.id: (row.message_id, row.first_name or row.alias) for row in rows}


# --- the station's switch -------------------------------------------------------------------------------------------


def folds(session: Session, station_id: int) -> bool:
    return session.get_one(Station, station_id).folds_noise


def set_folding(session: Session, station_id: int, *, is_on: bool, by: int, at: datetime) -> bool:
    """Whether noise that comes from now on is folded; False if it stood so already. What is folded stays so."""
    station = session.get_one(Station, station_id, with_for_update=True)
    if station.folds_noise == is_on:
        return False
    station.folds_noise = is_on
    session.flush()
    details = {"folds_noise": is_on}
    audit.record(session, station_id, "station.noise", f"station:{station_id}", by=by, at=at, details=details)
    return True
