"""Languages that are told later, by a worker: of the cards that were there before the desk told any, and of one that
comes back to the wall.

Newest first, some in each transaction, with a rest after each that is as long as it took. Run again it changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.conversations.models import Message
from desk.jobs import table
from desk.jobs.outcomes import Done, Outcome, Skipped
from desk.jobs.work import Work, job
from desk.media import transcripts
from desk.wall import announce, languages
from desk.wall.models import Card

KIND = "tell_languages"
PIECE_CARDS = 500
LONGEST_REST_S = 0.5


def put(session: Session, card: Card, *, at: datetime) -> None:
    """Have the language of one card told again."""
    subject, payload = f"card:{card.id}", {"card_id": card.id}
    if not table.put(session, KIND, subject, payload, at=at, station_id=card.station_id, priority=table.BACKGROUND):
        table.put_again(session, KIND, subject, at=at)


@job(KIND, tries=5)
def tell_languages(work: Work) -> Outcome:
    """Of one card, if the job names it, else of all its station's that have none yet."""
    if "card_id" in work.payload:
        return _tell_one(work, work.payload["card_id"])
    station_id = int(work.taken.subject.removeprefix("station:"))
    before_id: int | None = None
    while not work.unwanted.is_set():
        begun = time.monotonic()
        with db.reading() as session:
            ids, told = _look(session, station_id, before_id)
        if told:
            with work.transaction() as session:
                _keep(session, told, clock.now())
        if len(ids) < PIECE_CARDS:
            return Done()
        before_id = ids[-1]
        work.unwanted.wait(min(LONGEST_REST_S, time.monotonic() - begun))
    return Skipped("unwanted")


def _tell_one(work: Work, card_id: int) -> Outcome:
    with work.transaction() as session:
        card = session.get(Card, card_id, with_for_update=True)
        if card is None or card.withdrawn_at is not None:
            return Skipped("withdrawn")
        before = card.language
        languages.tell(session, card, session.get_one(Message, card.message_id), at=clock.now())
        if card.language != before:
            announce.touch(session, card, "card.changed", at=clock.now())
    return Done()


def _look(session: Session, station_id: int, before_id: int | None) -> tuple[Sequence[int], dict[int, str]]:
    """The next cards without a language, and what those of them are in whose words say it. Two statements."""
    rows = session.execute(
        select(Card.id, Card.message_id, Message.text, Message.kind)
        .join(Message, Message.id == Card.message_id)
        .where(Card.station_id == station_id, Card.language.is_(None), Card.withdrawn_at.is_(None))
        .where(*([] if before_id is None else [Card.id < before_id]))
        .order_by(Card.id.desc())
        .limit(PIECE_CARDS)
    ).all()
    spoken = transcripts.list_spoken(session, [row.message_id for row in rows if row.kind != "text"])
    told = {row.id: languages.of(row.text, spoken.get(row.message_id, ())) for row in rows}
    return [row.id for row in rows], {card_id: one for card_id, one in told.items() if one is not None}


def _keep(session: Session, told: dict[int, str], at: datetime) -> None:
    """Whoever was told, changed or withdrawn meanwhile is left as it is. No screen has to hear of it."""
    cards = session.execute(
        select(Card)
        .where(Card.id.in_(told), Card.language.is_(None), Card.withdrawn_at.is_(None))
        .order_by(Card.id)
        .with_for_update()
    )
    for card in cards.scalars():
        announce.set_language(session, card, told[card.id], at=at)
