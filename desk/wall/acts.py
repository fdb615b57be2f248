"""One act on a card as a row of its own, with what it changed, so that it can be taken back by anyone.

Which acts there are, and who may do them when, stands in `actions`, `blocks` and `marks`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import clock
from desk.live import audit
from desk.wall import announce, rules
from desk.wall.models import Card, CardAct

MOMENTS = ("state_at", "claimed_until")
LEASES = ("claim", "release", "lapse")  # who is on a card says nothing about the card
# set beside the verdict (desk.wall.marks, desk.wall.assigning)
MARKS = frozenset({"rating", "is_for_jury", "tag_ids", "assigned_to_id", "assigned_desk"})
SWEEP = "sweep"  # in `after`: the sweep that the act is part of
TOLD = ("state", "consent", "campaign_id", *sorted(MARKS))  # what the audit says of a change


def record(
    session: Session,
    card: Card,
    act: str,
    changes: dict[str, Any],
    *,
    by: int | None,
    at: datetime,
    kind: str = "card.changed",
    of: int | None = None,
    sweep_id: int | None = None,
) -> CardAct:
    """Apply changes to a card's columns and leave act, audit row and event. `sweep_id`: what it is part of."""
    before = values_of(card, changes) | {"version": card.version}
    for name, value in changes.items():
        setattr(card, name, value)
    announce.touch(session, card, kind, at=at)
    part_of = {} if sweep_id is None else {SWEEP: sweep_id}
    row = keep(session, card, act, before, values_of(card, changes) | part_of, by=by, at=at)
    details = {name: row.after[name] for name in TOLD if name in changes}
    details |= part_of
    audit.record(
        session,
        card.station_id,
        f"card.{act}",
        f"card:{card.id}",
        by=by,
        at=at,
        details=details | ({"of": of} if of is not None else {}),
    )
    return row


def values_of(card: Card, names: dict[str, Any]) -> dict[str, Any]:
    """The present values of a card's columns as JSON holds them; the version is not one of them."""
    return {name: to_json(name, getattr(card, name)) for name in names if name != "version"}


def to_json(name: str, value: Any) -> Any:
    return clock.to_ms(value) if name in MOMENTS and value is not None else value


def from_json(name: str, value: Any) -> Any:
    return clock.from_ms(value) if name in MOMENTS and value is not None else value


def keep(
    session: Session,
    card: Card,
    act: str,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    by: int | None,
    at: datetime,
) -> CardAct:
    """Note an act whose change, audit row and event are somebody else's matter."""
    row = CardAct(
        station_id=card.station_id,
        card_id=card.id,
        by_person_id=by,
        at=at,
        act=act,
        before=before,
        after=after | {"version": card.version},
    )
    session.add(row)
    session.flush()
    return row


def last(session: Session, card_id: int) -> CardAct | None:
    """What was done to a card last."""
    return session.execute(
        select(CardAct).where(CardAct.card_id == card_id).order_by(CardAct.id.desc()).limit(1)
    ).scalar_one_or_none()


def last_decision(session: Session, card_id: int) -> CardAct | None:
    """What was done to a card last, apart from leases and marks: those make nobody's verdict lose.

    Nor does a campaign's rule that is run backwards: nobody looked at this card for it.
    """
    rows = select(CardAct).where(CardAct.card_id == card_id, CardAct.act.not_in(LEASES)).order_by(CardAct.id.desc())
    return next((act for act in session.execute(rows).scalars() if not _is_beside(act)), None)


def _is_beside(act: CardAct) -> bool:
    is_by_rule = SWEEP in act.after and "campaign_id" in act.after
    return is_by_rule or not MARKS.isdisjoint(act.after)


def renewed_claim(card: Card, by: int | None, at: datetime) -> dict[str, Any]:
    """Any act of the person who holds a card holds it for another 90 s."""
    return {"claimed_until": at + rules.CLAIM} if by is not None and card.claimed_by_id == by else {}
