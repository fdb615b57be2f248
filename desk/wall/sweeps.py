"""Sweeps: one act on many cards, said beforehand, done in pieces, and taken back as one.

Which cards a sweep goes for is settled when it is drawn up; what comes later is not swept, and what colleagues hold or
have changed since stays as it is and is named. The pieces are transactions of their own (desk.wall.jobs runs them), so
that everybody else's work goes on in between; each may be repeated. What the act on one card is stands in `doers`:
verdicts here, rooms above add theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from desk import clock
from desk.errors import Conflict, NotFound
from desk.jobs import table
from desk.live import audit, log
from desk.people.models import Person
from desk.wall import actions, acts, queries, rules, search
from desk.wall.models import Card, CardAct, Sweep, SweepCard
from desk.wall.walks import CLAIMED, Filter

JOB = "sweep"
AUDIENCE = "card.judge"
MOST = 20_000
PIECE = 25  # cards in one transaction: well under the time in which a verdict of somebody else feels slow
READ = 1000
PREVIEW_LIFE = timedelta(hours=1)
LISTED = timedelta(hours=24)  # a show and the night before it
UNDERWAY = ("running", "undoing")
HAS_ENDED = ("done", "stopped")

# outcomes; `held` and `changed` say by whom, `fixed` in which state, each behind a colon
WAITING, DONE, ALREADY, HELD, CHANGED, FIXED, ELSEWHERE, GONE = (
    "waiting", "done", "already", "held", "changed", "fixed", "elsewhere", "gone",
)  # fmt: skip
UNDONE, KEPT = "undone", "kept"

Outcome = tuple[str, str, int | None]  # what became of a card, by whom or why, the act that did it
Doer = Callable[[Session, Sweep, SweepCard, datetime], Outcome]
doers: dict[str, Doer] = {}


class SweepIsOver(Conflict):
    """It runs already, has ended, or was drawn up too long ago."""

    code = "wall.sweep_is_over"
    message = "This has been started or ended already."


@dataclass(frozen=True)
class Planned:
    """One card of a sweep that is being drawn up; one that stays says why (`outcome`) and because of whom."""

    card_id: int
    version: int
    kind: str
    outcome: str = WAITING
    about: str = ""


# --- drawing up -------------------------------------------------------------------------------------------------


def list_left(session: Session, station_id: int, wanted: Filter, *, at: datetime) -> list[tuple[int, int | None]]:
    """The cards of a filter that are without a verdict, or those in the states it names; one more than MOST at most."""
    asked = search.read(wanted.text)
    if asked and not wanted.is_exact:  # similar words join where the page that is read has them, nowhere else
        shown = queries.list_ids(session, station_id, wanted, asked, search.FEW_FOUND, at)
        asked = (len(shown) < search.FEW_FOUND and search.widen(session, station_id, asked)) or asked
    wanted = wanted if wanted.states else replace(wanted, states=("new", CLAIMED))
    return [(card_id, None) for card_id in queries.list_ids(session, station_id, wanted, asked, MOST + 1, at)]


def plan_move(
    session: Session,
    station_id: int,
    chosen: Sequence[tuple[int, int | None]],
    to: str,
    *,
    by: int,
    at: datetime,
    among: Sequence[str] = (),
) -> list[Planned]:
    """What a verdict on these cards would do, card by card; with `among` those in other states are no part of it.

    Versions that a page did not know are those of now.
    """
    versions = dict(chosen)
    ids = sorted(versions)
    planned = []
    for start in range(0, len(ids), READ):
        rows = session.execute(
            select(Card.id, Card.version, Card.kind, Card.state, Card.claimed_by_id, Card.claimed_until).where(
                Card.id.in_(ids[start : start + READ]), Card.station_id == station_id, Card.withdrawn_at.is_(None)
            )
        )
        for row in rows:
            if among and row.state not in among:
                continue
            outcome, about = WAITING, ""
            if rules.is_claimed_by_another(row.claimed_by_id, row.claimed_until, by, at):
                outcome, about = HELD, str(row.claimed_by_id)
            elif row.state == to:
                outcome = ALREADY
            elif not rules.may_follow(row.state, to):
                outcome, about = FIXED, row.state
            planned.append(Planned(row.id, versions[row.id] or row.version, row.kind, outcome, about))
    return planned


def draw_up(
    session: Session,
    station_id: int,
    planned: Sequence[Planned],
    *,
    act: str,
    wanted: dict[str, Any],
    key: str,
    by: int,
    at: datetime,
    is_started: bool = False,
) -> Sweep:
    """Keep what is planned; from here on its cards are settled. The same key gives the same sweep again.

    A person has one preview at a time: an older one is forgotten.
    """
    known = session.execute(select(Sweep).where(Sweep.station_id == station_id, Sweep.key == key)).scalar_one_or_none()
    if known is not None:
        return known
    _forget_previews(session, station_id, by)
    kept = planned[:MOST]
    stays = Counter(_key(one.outcome, one.about) for one in kept if one.outcome != WAITING)
    sweep = Sweep(
        station_id=station_id,
        by_person_id=by,
        key=key,
        act=act,
        wanted=wanted,
        cards=len(kept),
        kinds=dict(Counter(one.kind for one in kept if one.outcome == WAITING)),
        tally=dict(stays),
        is_cut=len(planned) > MOST,
        created_at=at,
    )
    session.add(sweep)
    session.flush()
    rows = [
        {"sweep_id": sweep.id, "card_id": one.card_id, "version": one.version, "outcome": one.outcome} for one in kept
    ]
    if rows:
        session.execute(insert(SweepCard), rows)
    if is_started:
        _set_out(session, sweep, "running", by=by, at=at)
    return sweep


def _forget_previews(session: Session, station_id: int, by: int) -> None:
    old = select(Sweep.id).where(
        Sweep.by_person_id == by, Sweep.station_id == station_id, Sweep.state == "preview"
    )  # fmt: skip
    ids = list(session.execute(old).scalars())
    if ids:
        session.execute(delete(SweepCard).where(SweepCard.sweep_id.in_(ids)))
        session.execute(delete(Sweep).where(Sweep.id.in_(ids)))


def _key(outcome: str, about: str) -> str:
    return f"{outcome}:{about}" if about else outcome


# --- setting out, stopping, turning back ------------------------------------------------------------------------


def start(session: Session, station_id: int, sweep_id: int, *, by: int, at: datetime) -> Sweep:
    """Do what a preview of one's own said. Again it is answered alike. Raises NotFound, SweepIsOver."""
    sweep = load(session, station_id, sweep_id, for_change=True)
    if sweep.by_person_id != by:
        raise NotFound(code="wall.no_sweep")
    if sweep.state == "running":
        return sweep
    if sweep.state != "preview" or at - sweep.created_at > PREVIEW_LIFE:
        raise SweepIsOver(view(session, sweep))
    _set_out(session, sweep, "running", by=by, at=at)
    return sweep


def stop(session: Session, station_id: int, sweep_id: int, *, by: int, at: datetime) -> Sweep:
    """Leave the rest as it is, whichever way the sweep goes. May be repeated."""
    sweep = load(session, station_id, sweep_id, for_change=True)
    if sweep.state in UNDERWAY:
        _end(session, sweep, "stopped", by=by, at=at)
    return sweep


def take_back(session: Session, station_id: int, sweep_id: int, *, by: int, at: datetime) -> Sweep:
    """Take back all that a sweep did, anybody's. May be repeated; one that still runs turns round."""
    sweep = load(session, station_id, sweep_id, for_change=True)
    if sweep.state == "preview":
        raise SweepIsOver(view(session, sweep))
    if sweep.state not in ("undoing", "undone"):
        sweep.undone_by_id = by
        _set_out(session, sweep, "undoing", by=by, at=at)
    return sweep


def _set_out(session: Session, sweep: Sweep, state: str, *, by: int, at: datetime) -> None:
    sweep.state, sweep.reached, sweep.ended_at = state, 0, None
    sweep.passes = (sweep.passes or 0) + 1
    sweep.started_at = at
    payload = {"sweep_id": sweep.id, "pass": sweep.passes}
    subject = f"sweep:{sweep.id}:{sweep.passes}"
    table.put(session, JOB, subject, payload, at=at, station_id=sweep.station_id, priority=table.PLAY_NOW)
    act = "sweep.start" if state == "running" else "sweep.undo"
    details = {"act": sweep.act, "cards": sweep.cards} | sweep.wanted
    audit.record(session, sweep.station_id, act, f"sweep:{sweep.id}", by=by, at=at, details=details)
    tell(session, sweep, at=at)


def _end(session: Session, sweep: Sweep, state: str, *, by: int | None, at: datetime) -> None:
    is_back = sweep.state == "undoing"
    sweep.state, sweep.ended_at = state, at
    details = {"state": state, "tally": sweep.back if is_back else sweep.tally}
    audit.record(session, sweep.station_id, "sweep.end", f"sweep:{sweep.id}", by=by, at=at, details=details)
    tell(session, sweep, at=at)


def give_up(session: Session, sweep_id: int, *, at: datetime) -> None:
    """No try will help: it stops where it is, and the screens say so."""
    sweep = session.get_one(Sweep, sweep_id, with_for_update=True)
    if sweep.state in UNDERWAY:
        _end(session, sweep, "stopped", by=None, at=at)


# --- one piece --------------------------------------------------------------------------------------------------


def go_on(session: Session, sweep_id: int, of_pass: int, *, at: datetime) -> bool:
    """Do the next piece; False once there is nothing more to do. What a former try did is not done again."""
    sweep = session.get_one(Sweep, sweep_id, with_for_update=True, populate_existing=True)
    if sweep.passes != of_pass or sweep.state not in UNDERWAY:
        return False
    is_back = sweep.state == "undoing"
    rows = _next_piece(session, sweep, DONE if is_back else WAITING)
    _hold_still(session, rows)
    doer = _undo_one if is_back else doers[sweep.act]
    counted = Counter(sweep.back if is_back else sweep.tally)
    for row in rows:
        row.outcome, about, act_id = doer(session, sweep, row, at)
        row.act_id = act_id or row.act_id
        counted[_key(row.outcome, about)] += 1
        sweep.reached = row.card_id
    if is_back:
        sweep.back = dict(counted)
    else:
        sweep.tally = dict(counted)
    if len(rows) < PIECE:
        _end(session, sweep, "undone" if is_back else "done", by=None, at=at)
        return False
    tell(session, sweep, at=at)
    return True


def _hold_still(session: Session, rows: Sequence[SweepCard]) -> None:
    """Lock the cards of a piece before anything that hangs on them: who moves one by hand locks in this order, too."""
    ids = [row.card_id for row in rows]
    session.execute(select(Card.id).where(Card.id.in_(ids)).order_by(Card.id).with_for_update()).all()


def _next_piece(session: Session, sweep: Sweep, outcome: str) -> Sequence[SweepCard]:
    """By card, so that two who lock several cards cannot wait for each other."""
    rows = (
        select(SweepCard)
        .where(SweepCard.sweep_id == sweep.id, SweepCard.card_id > sweep.reached, SweepCard.outcome == outcome)
        .order_by(SweepCard.card_id)
        .limit(PIECE)
    )
    return session.execute(rows).scalars().all()


def _move_one(session: Session, sweep: Sweep, row: SweepCard, at: datetime) -> Outcome:
    to = str(sweep.wanted["to"])
    try:
        act = actions.move_card(
            session, sweep.station_id, row.card_id, to=to, version=row.version, reason=sweep.wanted.get("reason"),
            by=sweep.by_person_id, at=at, sweep_id=sweep.id,
        )  # fmt: skip
    except (actions.CardClaimed, actions.CardMoved):
        return *_who_was_faster(session, sweep, row, at), None
    except actions.NoWay as refused:
        return (ALREADY, "", None) if refused.before == to else (FIXED, refused.before, None)
    except NotFound:
        return GONE, "", None
    return DONE, "", act.id


def _who_was_faster(session: Session, sweep: Sweep, row: SweepCard, at: datetime) -> tuple[str, str]:
    card = session.get_one(Card, row.card_id)
    if rules.is_claimed_by_another(card.claimed_by_id, card.claimed_until, sweep.by_person_id, at):
        return HELD, str(card.claimed_by_id)
    last = acts.last_decision(session, row.card_id)
    return CHANGED, str((last and last.by_person_id) or "")


def _undo_one(session: Session, sweep: Sweep, row: SweepCard, at: datetime) -> Outcome:
    try:
        actions.undo(
            session, sweep.station_id, row.act_id, by=sweep.undone_by_id or sweep.by_person_id, at=at, sweep_id=sweep.id
        )
    except Conflict:
        last = acts.last(session, row.card_id)
        return KEPT, str((last and last.by_person_id) or ""), None
    except NotFound:
        return GONE, "", None
    return UNDONE, "", None


doers["move"] = _move_one


# --- reading ----------------------------------------------------------------------------------------------------


def load(session: Session, station_id: int, sweep_id: int, *, for_change: bool = False) -> Sweep:
    """A sweep of this station. Raises NotFound."""
    query = select(Sweep).where(Sweep.id == sweep_id, Sweep.station_id == station_id)
    if for_change:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(code="wall.no_sweep")
    return found


def list_recent(session: Session, station_id: int, *, at: datetime, most: int = 20) -> list[Sweep]:
    """What was swept since yesterday, the newest first."""
    rows = select(Sweep).where(
        Sweep.station_id == station_id, Sweep.state != "preview", Sweep.created_at > at - LISTED
    )  # fmt: skip
    return list(session.execute(rows.order_by(Sweep.id.desc()).limit(most)).scalars())


def find_sweep_of(session: Session, act: CardAct) -> Sweep | None:
    """The sweep that this act is part of, unless it is on its way back; None if it stands for itself."""
    rows = (
        select(Sweep)
        .join(SweepCard, SweepCard.sweep_id == Sweep.id)
        .where(
            Sweep.by_person_id == act.by_person_id, Sweep.state.in_((*HAS_ENDED, "running")),
            SweepCard.card_id == act.card_id, SweepCard.act_id == act.id,
        )
        .order_by(Sweep.id.desc())
        .limit(1)
    )  # fmt: skip
    return session.execute(rows).scalar_one_or_none()


def tell(session: Session, sweep: Sweep, *, at: datetime) -> None:
    """Tell the screens how far a sweep is."""
    payload = {"sweep": view(session, sweep)}
    log.record(session, sweep.station_id, "sweep.changed", payload, audience=AUDIENCE, at=at)


def view(session: Session, sweep: Sweep) -> dict[str, Any]:
    """A sweep as pages get it: what it is, how far, and what became of how many, people by name. One statement."""
    ids = {int(about) for key in (*sweep.tally, *sweep.back) if (about := key.partition(":")[2]).isdecimal()}
    ids |= {sweep.by_person_id, *([sweep.undone_by_id] if sweep.undone_by_id else [])}
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_(sorted(ids))))
    names: dict[int, str] = {row.id: row.name for row in rows}
    return {
        "id": sweep.id,
        "act": sweep.act,
        "wanted": sweep.wanted,
        "state": sweep.state,
        "by": {"id": sweep.by_person_id, "name": names.get(sweep.by_person_id, "")},
        "undone_by": names.get(sweep.undone_by_id) if sweep.undone_by_id else None,
        "cards": sweep.cards,
        "kinds": sweep.kinds,
        "results": _results(sweep.tally, names),
        "back": _results(sweep.back, names),
        "is_cut": sweep.is_cut,
        "created_at": clock.iso(sweep.created_at),
        "started_at": clock.iso(sweep.started_at),
        "ended_at": clock.iso(sweep.ended_at),
    }


def _results(tally: dict[str, Any], names: dict[int, str]) -> list[dict[str, Any]]:
    """[{outcome, cards, name | state}], what was done first, then by size."""
    rows = []
    for key, cards in sorted(tally.items(), key=lambda one: (one[0] not in (DONE, UNDONE), -one[1], one[0])):
        outcome, _colon, about = key.partition(":")
        said = {"name": names.get(int(about), "")} if about.isdecimal() else {"state": about} if about else {}
        rows.append({"outcome": outcome, "cards": cards} | said)
    return rows
