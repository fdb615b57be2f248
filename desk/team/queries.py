"""Reads of the team: its lines with the cards they carry, and everything a shift hands over.

Of a listener only the first name or the alias is read, of a card its kind; what was erased is gone here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select, text
from sqlalchemy.orm import Session

from desk import clock
from desk.conversations import inbox
from desk.conversations.inbox import Dialogue
from desk.jobs.models import DEAD, Job
from desk.listeners.models import Listener
from desk.media.models import Asset
from desk.shortlist import queries as shortlist
from desk.shortlist.queries import Rundown
from desk.shows import queries as shows
from desk.team.models import Handover, TeamLine
from desk.wall import queries as wall
from desk.wall.assigning import DESKS
from desk.wall.models import Card, CardCount
from desk.wall.queries import Badge, CardView

LINES_MOST = 200
LISTED_MOST = 30
COUNTED_MOST = 1000


@dataclass(frozen=True)
class Chip:
    """A card as a line carries it."""

    card_id: int
    kind: str
    name: str
    is_gone: bool

    def as_json(self) -> dict[str, Any]:
        return {"id": self.card_id, "kind": self.kind, "name": self.name, "is_gone": self.is_gone}


@dataclass(frozen=True)
class LineView:
    """One line of the team."""

    line: TeamLine
    by: Badge | None
    chip: Chip | None

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.line.id,
            "at": clock.iso(self.line.at),
            "by": self.by.as_json() if self.by else None,
            "text": self.line.text,
            "card": self.chip.as_json() if self.chip else None,
        }


def list_lines(session: Session, station_id: int, *, after: int = 0, most: int = LINES_MOST) -> list[LineView]:
    """The newest lines after `after`, in the order they were written. Three statements."""
    newest = select(TeamLine).where(TeamLine.station_id == station_id, TeamLine.id > after)
    lines = list(session.execute(newest.order_by(TeamLine.id.desc()).limit(most)).scalars())[::-1]
    chips = _chips(session, station_id, sorted({line.card_id for line in lines if line.card_id is not None}))
    badges = {one: wall.find_badge(session, one) for one in {line.by_person_id for line in lines}}
    return [
        LineView(line, badges[line.by_person_id], chips.get(line.card_id) if line.card_id else None) for line in lines
    ]


def _chips(session: Session, station_id: int, card_ids: Sequence[int]) -> dict[int, Chip]:
    if not card_ids:  # SQLite would look through the station for none of them
        return {}
    rows = session.execute(
        select(Card.id, Card.kind, Card.withdrawn_at, Listener.first_name, Listener.alias)
        .join(Listener, Listener.id == Card.listener_id)
        .where(Card.id.in_(card_ids), Card.station_id == station_id)
    )
    return {
        row.id: Chip(row.id, row.kind, "", is_gone=True)
        if row.withdrawn_at is not None
        else Chip(row.id, row.kind, row.first_name or row.alias, is_gone=False)
        for row in rows
    }


@dataclass(frozen=True)
class Shift:
    """What one shift hands to the next, at the moment `at`."""

    at: datetime
    unseen: dict[str, int]
    held: list[CardView]
    passed_on: list[CardView]
    waiting: list[Dialogue]
    waiting_count: int
    failed_files: int
    given_up_jobs: int
    waiting_jobs: int
    running: Rundown
    coming: Rundown | None
    without_slot: int
    lines: list[LineView]
    taken: Handover | None
    taken_by: Badge | None

    @property
    def figures(self) -> dict[str, int]:
        """What is kept of it when somebody takes over."""
        return {
            "unseen": sum(self.unseen.values()),
            "held": len(self.held),
            "passed_on": len(self.passed_on),
            "waiting": self.waiting_count,
            "failed_files": self.failed_files,
            "given_up_jobs": self.given_up_jobs,
        }


def build_shift(session: Session, station_id: int, *, at: datetime) -> Shift:
    """Everything of the hand-over page. A fixed number of statements, each over few rows."""
    running = shows.current_edition(session, station_id, at=at)
    coming = shows.next_edition(session, station_id, running, at=at)
    taken = session.execute(
        select(Handover).where(Handover.station_id == station_id).order_by(Handover.id.desc()).limit(1)
    ).scalar_one_or_none()
    return Shift(
        at=at,
        unseen=_unseen(session, station_id),
        held=_cards(session, at, Card.station_id == station_id, Card.claimed_until > at),
        passed_on=[
            *_cards(session, at, _of(station_id), Card.assigned_desk.in_(DESKS), _is_undecided()),
            *_cards(session, at, _of(station_id), Card.assigned_to_id > 0, _is_undecided()),
        ],
        waiting=inbox.list_waiting(session, station_id, at=at, most=LISTED_MOST),
        waiting_count=inbox.count_waiting(session, station_id, at=at),
        failed_files=_failed_files(session, station_id),
        given_up_jobs=_count_jobs(session, station_id, DEAD),
        waiting_jobs=_count_jobs(session, station_id, "state IN ('ready', 'running')"),
        running=shortlist.view_rundown(session, station_id, running),
        coming=shortlist.view_rundown(session, station_id, coming) if coming else None,
        without_slot=len(shortlist.list_pool(session, station_id, running.id)),
        lines=list_lines(session, station_id, most=LISTED_MOST),
        taken=taken,
        taken_by=wall.find_badge(session, taken.by_person_id) if taken else None,
    )


def _is_undecided() -> ColumnElement[bool]:
    return Card.state.not_in(("rejected", "aired"))


def _of(station_id: int) -> ColumnElement[bool]:
    """The station without its indexes: they would lead along the whole wall to the few that were passed on."""
    return literal_column("+card.station_id") == station_id


def _unseen(session: Session, station_id: int) -> dict[str, int]:
    rows = session.execute(
        select(CardCount.kind, func.sum(CardCount.cards))
        .where(CardCount.station_id == station_id, CardCount.state == "new")
        .group_by(CardCount.kind)
    )
    return {kind: int(cards) for kind, cards in sorted(rows, key=lambda row: -row[1]) if cards}


def _cards(session: Session, at: datetime, *conditions: ColumnElement[bool]) -> list[CardView]:
    ids = session.execute(
        select(Card.id)
        .where(Card.withdrawn_at.is_(None), *conditions)
        .order_by(literal_column("+card.placed_at"), Card.id)
        .limit(LISTED_MOST)
    ).scalars()
    wanted = list(ids)
    views = wall.view_cards(session, wanted, at=at)
    return [views[card_id] for card_id in wanted]


def _failed_files(session: Session, station_id: int) -> int:
    """Files of cards still to be decided; counting stops at COUNTED_MOST."""
    failed = (
        select(Asset.id)
        .join(Card, Card.message_id == Asset.message_id)
        .where(
            Asset.state == "failed", Asset.station_id == station_id, Card.state == "new", Card.withdrawn_at.is_(None)
        )
        .limit(COUNTED_MOST)
        .subquery()
    )
    return session.execute(select(func.count()).select_from(failed)).scalar_one()


def _count_jobs(session: Session, station_id: int, which: str) -> int:
    counted = select(func.count()).select_from(Job).where(text(which), Job.station_id == station_id)
    return session.execute(counted).scalar_one()
