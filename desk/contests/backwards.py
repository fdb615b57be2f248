"""A campaign's rule run backwards: which messages that came before it would take, and a sweep that lets them in.

It does what would have been done on arrival, and leaves alone what people or other contests have decided since: what
somebody sorted by hand, entries of other campaigns (but those of an open one without keywords, which would have come
second then, too), whoever withdrew or is blocked. Pieces, progress and the way back are desk.wall.sweeps' matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from desk import clock
from desk.contests import actions, queries, rules
from desk.contests.models import Campaign, Entry, Export
from desk.conversations.models import Message
from desk.errors import NotFound
from desk.listeners.models import Listener
from desk.listeners.rules import is_blocked
from desk.people.models import Station
from desk.shows import queries as shows
from desk.shows import rules as show_rules
from desk.wall import actions as wall
from desk.wall import queries as cards
from desk.wall import sweeps
from desk.wall.acts import SWEEP
from desk.wall.models import Card, CardAct, Sweep, SweepCard
from desk.wall.sweeps import ALREADY, DONE, ELSEWHERE, FIXED, GONE, WAITING, Outcome, Planned

ACT = "campaign"
BY_HAND, WITHDRAWN, BLOCKED, UNFIT = "by_hand", "withdrawn", "blocked", "unfit"
WEEK, MONTH = timedelta(days=7), timedelta(days=30)
CHUNK = 1000  # cards that one statement passes: 5 to 15 ms
MOST_READ = 100_000  # cards that are looked through, the newest first
EXAMPLES = 5
EXAMPLE_CHARACTERS = 160
LOOKED_AT: tuple[Any, ...] = (
    Card.id, Card.version, Card.kind, Card.state, Card.campaign_id, Card.consent, Card.is_for_jury, Card.placed_at,
    Message.text, Message.sent_at, Listener.first_name, Listener.alias, Listener.blocked_until,
)  # fmt: skip
IN_USE = ("planned", "in_studio", "on_air", "aired")


@dataclass(frozen=True)
class Source:
    """Another campaign. `gives_way`: to words, as on arrival; but what was handed on up to then stays in it."""

    name: str
    gives_way: bool
    handed_on_at: datetime | None


@dataclass
class Plan:
    """What would happen. `kept_in`: names of the campaigns whose entries stay; `read_to`: set if not all was read."""

    cards: list[Planned] = field(default_factory=list)
    sources: Counter[int | None] = field(default_factory=Counter)
    stays: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept_in: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)
    already: int = 0
    before_opening: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)
    read_to: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        kept_in = sorted(self.names[one] for one in self.kept_in)
        return {
            "sources": [
                {"id": one, "name": self.names.get(one) if one else None, "cards": cards_}
                for one, cards_ in self.sources.most_common()
            ],
            "stays": [
                {"outcome": outcome, "cards": cards_}
                | ({"state": about} if outcome == FIXED else {})
                | ({"names": kept_in} if outcome == ELSEWHERE else {})
                for (outcome, about), cards_ in self.stays.most_common()
            ],
            "already": self.already,
            "before_opening": self.before_opening,
            "examples": self.examples,
            "read_to": clock.iso(self.read_to),
        }


def begin_of(session: Session, campaign: Campaign, span: str, *, at: datetime) -> datetime:
    """The moment from which on a span (forms.SPANS) asks for messages."""
    zone = ZoneInfo(session.get_one(Station, campaign.station_id).timezone)
    if span == "start":
        return campaign.opens_at
    if span == "show":
        return _begin_of_show(session, campaign.station_id, zone, at)
    if span == "today":
        return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return at - (WEEK if span == "week" else MONTH)


def _begin_of_show(session: Session, station_id: int, zone: ZoneInfo, at: datetime) -> datetime:
    """Of the show that is on, or the one that was last."""
    now = shows.current_span(session, station_id, at=at)
    if now.starts_at <= at:
        return now.starts_at
    begun = (show_rules.latest_span(show, zone, at) for show in shows.list_shows(session, station_id))
    return max((span.starts_at for span in begun if span is not None), default=at)


# --- the preview ------------------------------------------------------------------------------------------------


def plan(
    session: Session,
    campaign: Campaign,
    since: datetime,
    *,
    at: datetime,
    chunk: int = CHUNK,
    most: int = MOST_READ,
) -> Plan:
    """What the campaign's rule would take of all that came since then. Reads only, in statements that are bounded."""
    others = _other_campaigns(session, campaign, at=at)
    planned = Plan(names={one: other.name for one, other in others.items()})
    for rows, reached in _pieces(session, campaign, since, chunk, most):
        near = _Near(session, campaign, rows, others, at=at)
        for row in rows:
            _add(planned, campaign, row, *near.settle(row))
        planned.read_to = reached
        if len(planned.cards) > sweeps.MOST:
            break
    return planned


def _add(planned: Plan, campaign: Campaign, row: Any, outcome: str, about: str) -> None:
    if outcome == ALREADY:
        planned.already += 1
    elif outcome == WAITING:
        planned.cards.append(Planned(row.id, row.version, row.kind))
        planned.sources[row.campaign_id] += 1
        planned.before_opening += row.sent_at < campaign.opens_at
        if len(planned.examples) < EXAMPLES:
            planned.examples.append(_example(planned, campaign, row))
    elif outcome != UNFIT:
        planned.stays[outcome, about] += 1
        if outcome == ELSEWHERE:
            planned.kept_in.add(row.campaign_id)


def _example(planned: Plan, campaign: Campaign, row: Any) -> dict[str, Any]:
    text = rules.mask_numbers(" ".join(row.text.split()))
    before, word, after = rules.mark_keyword(campaign.keywords, text)
    start = max(0, len(before) - EXAMPLE_CHARACTERS // 2)
    cut = EXAMPLE_CHARACTERS if word else 0
    return {
        "card_id": row.id,
        "name": row.first_name or row.alias,
        "kind": row.kind,
        "at": clock.iso(row.placed_at),
        "from": planned.names.get(row.campaign_id),
        "before": ("…" if word and start else "") + (before[start:] if word else before[:EXAMPLE_CHARACTERS]),
        "word": word,
        "after": after[:cut] + ("…" if len(after) > cut else ""),
    }


def _pieces(
    session: Session, campaign: Campaign, since: datetime, chunk: int, most: int
) -> Iterator[tuple[Sequence[Any], datetime | None]]:
    """What may fit, from the newest down, and up to where the span was read (None once it is read whole)."""
    after: tuple[datetime, int] | None = None
    for nth in range(most // chunk):
        reach = _within(campaign, since, after)
        last = session.execute(
            select(Card.placed_at, Card.id).where(*reach).order_by(Card.placed_at.desc(), Card.id.desc())
            .offset(chunk - 1).limit(1)
        ).one_or_none()  # fmt: skip
        if last is not None:
            reach += (or_(Card.placed_at > last.placed_at, (Card.placed_at == last.placed_at) & (Card.id >= last.id)),
                      Card.placed_at >= last.placed_at)  # fmt: skip
        rows = session.execute(_may_fit(campaign, reach)).all()
        is_last = nth + 1 == most // chunk
        yield rows, (last.placed_at if last is not None and is_last else None)
        if last is None:
            return
        after = (last.placed_at, last.id)


def _within(campaign: Campaign, since: datetime, after: tuple[datetime, int] | None) -> tuple[ColumnElement[bool], ...]:
    reach: tuple[ColumnElement[bool], ...] = (Card.station_id == campaign.station_id, Card.placed_at >= since)
    if campaign.closes_at is not None:
        reach += (Card.placed_at < campaign.closes_at,)
    if after is not None:
        at, card_id = after
        reach += (Card.placed_at <= at, or_(Card.placed_at < at, Card.id < card_id))
    return reach


def _may_fit(campaign: Campaign, reach: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """The cards of a reach in whose searchable text a keyword's words stand in order, or that have no such text."""
    query = (
        select(*LOOKED_AT)
        .join(Message, Message.id == Card.message_id)
        .join(Listener, Listener.id == Card.listener_id)
        .where(*reach, Card.withdrawn_at.is_(None))
        .order_by(Card.placed_at.desc(), Card.id.desc())
    )
    words = rules.split_keywords(campaign.keywords)
    if not words:
        return query
    return query.where(or_(Card.folded == "", *(Card.folded.like(f"%{word.replace(' ', '%')}%") for word in words)))


# --- one card ---------------------------------------------------------------------------------------------------


class _Near:
    """What decides about some cards besides themselves: their entries, what people did, the other campaigns."""

    def __init__(
        self, session: Session, campaign: Campaign, rows: Sequence[Any], others: dict[int, Source], *, at: datetime
    ) -> None:
        self.campaign, self.others, self.at = campaign, others, at
        self.words = rules.split_keywords(campaign.keywords)
        self.fitting = {row.id for row in rows if row.campaign_id != campaign.id and self._fits(row)}
        self.by_hand = _sorted_by_hand(session, self.fitting)
        self.entries = _entries_of(session, [row.id for row in rows if row.campaign_id and row.id in self.fitting])

    def _fits(self, row: Any) -> bool:
        closes_at = self.campaign.closes_at
        return (closes_at is None or row.sent_at < closes_at) and rules.holds_any(self.words, row.text)

    def settle(self, row: Any) -> tuple[str, str]:
        """What becomes of a card: WAITING if the rule takes it, else why it stays."""
        if row.campaign_id == self.campaign.id:
            return ALREADY, ""
        if row.id not in self.fitting:
            return UNFIT, ""
        if row.id in self.by_hand:
            return BY_HAND, ""
        if row.consent == "withdrawn":
            return WITHDRAWN, ""
        if is_blocked(row.blocked_until, self.at):
            return BLOCKED, ""
        return (WAITING, "") if row.campaign_id is None else self._settle_entry(row)

    def _settle_entry(self, row: Any) -> tuple[str, str]:
        """An entry of another campaign leaves it only if nothing hangs on it there."""
        source, entry = self.others[row.campaign_id], self.entries.get(row.id)
        if not source.gives_way or entry is None or entry.found_by != "keyword" or row.is_for_jury:
            return ELSEWHERE, ""
        if source.handed_on_at is not None and entry.at <= source.handed_on_at:
            return ELSEWHERE, ""
        return (FIXED, row.state) if row.state in IN_USE else (WAITING, "")


def _sorted_by_hand(session: Session, card_ids: set[int]) -> set[int]:
    """Those that somebody put into a campaign or took out of one, other than by a sweep."""
    if not card_ids:
        return set()
    rows = session.execute(
        select(CardAct.card_id, CardAct.act, CardAct.by_person_id, CardAct.at, CardAct.after, CardAct.undone_at).where(
            CardAct.card_id.in_(card_ids),
            CardAct.act.in_(("campaign", "undo")),
            or_(CardAct.by_person_id.is_not(None), CardAct.undone_at.is_not(None)),
        )
    )
    acts: dict[int, list[Any]] = {}
    for row in rows:
        acts.setdefault(row.card_id, []).append(row)
    return {card_id for card_id, own in acts.items() if _is_by_hand(own)}


def _is_by_hand(acts: Sequence[Any]) -> bool:
    """A sorting of somebody's that holds, or one of the desk's that somebody took back. Sweeps go by rules."""
    swept_back = {act.at for act in acts if act.act == "undo" and SWEEP in act.after}
    for act in acts:
        if act.act != "campaign":
            continue
        is_by_rule = act.by_person_id is None or SWEEP in act.after
        if act.undone_at is None if not is_by_rule else act.undone_at not in (None, *swept_back):
            return True
    return False


def _entries_of(session: Session, card_ids: Sequence[int]) -> dict[int, Any]:
    if not card_ids:
        return {}
    rows = session.execute(
        select(Entry.card_id, Entry.found_by, Entry.at).where(Entry.card_id.in_(card_ids), Entry.removed_at.is_(None))
    )
    return {row.card_id: row for row in rows}


def _other_campaigns(session: Session, campaign: Campaign, *, at: datetime) -> dict[int, Source]:
    """Two statements. Words come before no words, as on arrival; what has closed is settled."""
    has_words = bool(rules.split_keywords(campaign.keywords))
    of_station = Campaign.station_id == campaign.station_id
    handed_on = _handed_on(session, campaign.station_id)
    rows = session.execute(select(Campaign).where(of_station, Campaign.id != campaign.id)).scalars()
    return {
        other.id: Source(
            other.name,
            has_words
            and not rules.split_keywords(other.keywords)
            and rules.is_open(other.opens_at, other.closes_at, at),
            handed_on.get(other.id),
        )
        for other in rows
    }


def _handed_on(session: Session, station_id: int) -> dict[int, datetime]:
    """By campaign when its entries were last handed on, or are about to be."""
    rows = session.execute(
        select(Export.campaign_id, func.max(Export.created_at))
        .where(
            Export.station_id == station_id,
            or_(Export.state.in_((*actions.UNFINISHED, "ready")), Export.fetched > 0),
        )
        .group_by(Export.campaign_id)
    )
    return {row[0]: row[1] for row in rows}


def enter_one(session: Session, sweep: Sweep, row: SweepCard, at: datetime) -> Outcome:
    """Let one card of a sweep in, if the rule as it is now still takes it. The piece holds the card's lock."""
    try:
        card = cards.load_card(session, sweep.station_id, row.card_id, for_change=True)
        campaign = queries.load_campaign(session, sweep.station_id, int(sweep.wanted["campaign_id"]))
    except NotFound:
        return GONE, "", None
    found = session.execute(_may_fit(campaign, (Card.id == card.id,))).all()
    if not found:
        return UNFIT, "", None
    others = _other_campaigns(session, campaign, at=at) if card.campaign_id is not None else {}
    outcome, about = _Near(session, campaign, found, others, at=at).settle(found[0])
    if outcome != WAITING:
        return outcome, about, None
    if card.campaign_id is not None:
        actions.hold_still(session, (card.campaign_id, campaign.id))
    actions.enter_by_rule(session, card, campaign.id, by=sweep.by_person_id, at=at)
    act = wall.put_in_campaign(session, card, campaign.id, by=sweep.by_person_id, at=at, sweep_id=sweep.id)
    return DONE, "", act.id
