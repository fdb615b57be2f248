"""Reads of the wall: pages of cards by keyset, one card with all that a screen shows of it, counts.

A page costs the same number of statements whatever is on it. Nothing here carries a phone number, a surname or a
provider's id. What rooms above know of a card (slots, campaign, vetting) they add through `extras`.
Text search is desk.wall.search's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from desk import clock
from desk.conversations.models import Message, Reaction
from desk.db import Key
from desk.errors import Invalid, NotFound
from desk.listeners.models import Listener
from desk.media import queries as media
from desk.media.queries import AssetView
from desk.people.models import Person
from desk.wall import facets, rules, search, stretches, tags, twins, walks
from desk.wall.models import Card, CardAct, CardCount, Stack
from desk.wall.search import Search
from desk.wall.walks import CLAIMED, Filter

PAGE = 60
PAGE_MOST = 200
ALBUM, ALBUM_SHOWN = ("image", "video"), 3  # kinds whose pictures stand side by side on one card, and how many more
WIDE = "~"  # before a cursor: the pages before had words one slip away, too
TOLD = ("length", "reason", "rating", "is_for_jury", "tag")  # what the history says of an act besides the states

SlotsOf = Callable[[Session, Sequence[int]], dict[int, list[dict[str, Any]]]]
CampaignsOf = Callable[[Session, Sequence[int]], dict[int, dict[str, Any]]]
VettingOf = Callable[[Session, int], dict[str, Any] | None]
HasCampaign = Callable[[Session, int, int], bool]
ListCampaigns = Callable[[Session, int], list[dict[str, Any]]]


@dataclass
class Extras:
    """What rooms above the wall tell about cards; they set these in their `follows` modules, one statement each.

    slots_of(session, card_ids) -> {card_id: [{id, edition, position}]}
    campaigns_of(session, campaign_ids) -> {campaign_id: {id, name, hue, icon}}
    vetting_of(session, card_id) -> {by, at, sha256} | None
    has_campaign(session, station_id, campaign_id) -> whether a card of the station may be put into it
    list_campaigns(session, station_id) -> [{id, name, hue, icon}], the choices of the wall's filter
    """

    has_campaign: HasCampaign = field(default=lambda _session, _station_id, _id: False)
    list_campaigns: ListCampaigns = field(default=lambda _session, _station_id: [])
    slots_of: SlotsOf = field(default=lambda _session, _ids: {})
    campaigns_of: CampaignsOf = field(default=lambda _session, _ids: {})
    vetting_of: VettingOf = field(default=lambda _session, _id: None)


extras = Extras()

# What every change of a card asks. Made once, because building a statement costs more than running it.
_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_ONE = select(Card).where(
    Card.id == bindparam("card"), Card.station_id == bindparam("station"), Card.withdrawn_at.is_(None)
)
_TO_CHANGE = _ONE.with_for_update().execution_options(populate_existing=True)
_SHOWN = (
    select(Card, Message, Listener)
    .join(Message, Message.id == Card.message_id)
    .join(Listener, Listener.id == Card.listener_id)
    .where(Card.id.in_(_ids))
)
_upper, _under = aliased(Card), aliased(Card)
_SENDERS = (
    select(_under.under_id, func.count(_under.listener_id.distinct()))
    .join(_upper, _upper.id == _under.under_id)
    .where(_under.under_id.in_(_ids), _under.withdrawn_at.is_(None), _under.listener_id != _upper.listener_id)
    .group_by(_under.under_id)
)
_PEOPLE = select(Person.id, Person.name, Person.initials, Person.hue).where(Person.id.in_(_ids))
_REACTIONS = (
    select(Reaction.message_id, Reaction.emoji)
    .where(Reaction.message_id.in_(_ids), Reaction.emoji != "")
    .order_by(Reaction.id)
)


@dataclass(frozen=True)
class Badge:
    """A member of staff as cards show them."""

    id: int
    name: str
    initials: str
    hue: int

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "initials": self.initials, "hue": self.hue}


@dataclass(frozen=True)
class CardView:
    """A card with everything a screen shows of it, at the moment `at`."""

    card: Card
    message: Message
    listener: Listener
    media: Sequence[AssetView]
    state_by: Badge | None
    claimed_by: Badge | None
    campaign: dict[str, Any] | None
    slots: Sequence[dict[str, Any]]
    reactions: Sequence[str]
    at: datetime
    stack: Stack | None = None
    album: Sequence[AssetView] = ()
    tags: Sequence[dict[str, Any]] = ()
    assigned_to: Badge | None = None
    senders: int = 0  # different listeners who sent this and what stands under it; 0 where it is all of one

    @property
    def facet(self) -> str:
        """What the card can be sorted out by, as it is now."""
        return facets.facet_of(
            is_first=facets.is_new(self.card.facet or "", self.listener.message_count),
            consent=self.card.consent,
            kind=self.card.kind,
            text=self.message.text,
            media=self.media,
        )

    @property
    def is_blocked(self) -> bool:
        until = self.listener.blocked_until
        return until is not None and until > self.at

    def as_json(self) -> dict[str, Any]:
        """The card as the interface and events carry it. What a blocked sender wrote stays out."""
        card, message = self.card, self.message
        return {
            "id": card.id,
            "version": card.version,
            "kind": card.kind,
            "state": card.state,
            "state_by": self.state_by.as_json() if self.state_by else None,
            "state_at": clock.iso(card.state_at),
            "reject_reason": card.reject_reason,
            "claim": self._claim(),
            "placed_at": clock.iso(card.placed_at),
            "sent_at": clock.iso(message.sent_at),
            "is_late": card.is_late,
            "listener": self._listener(),
            "text": "" if self.is_blocked else message.text,
            "details": {} if self.is_blocked else shown_details(message.details),
            "is_forwarded": message.is_forwarded,
            "is_frequently_forwarded": message.is_frequently_forwarded,
            "is_edited": message.edited_at is not None,
            "media": [] if self.is_blocked else [asset.as_json() for asset in self.media],
            "consent": card.consent,
            "facets": {**facets.as_json(self.facet), "language": card.language},
            "is_vetted": card.vetted_sha256 is not None,
            "campaign": self.campaign,
            "slots": list(self.slots),
            "about": card.about,
            "pronunciation": card.pronunciation,
            "note": card.note,
            "reactions": [] if self.is_blocked else [{"emoji": emoji} for emoji in self.reactions],
            "rating": card.rating,
            "is_for_jury": card.is_for_jury,
            "tags": list(self.tags),
            "assigned": self._assigned(),
            "under": card.under_id,
            "album": [] if self.is_blocked else [asset.as_json() for asset in self.album],
            "more": 0 if self.is_blocked else card.more,
            "copies": {"listeners": self.senders} if self.senders and not self.is_blocked else None,
            "twins": None if self.is_blocked else twins.twins_of(self.stack, card.id),
            "is_test": False,
        }

    def _claim(self) -> dict[str, Any] | None:
        until = self.card.claimed_until
        if self.claimed_by is None or until is None or until <= self.at:
            return None
        return {"by": self.claimed_by.as_json(), "until": clock.iso(until)}

    def _assigned(self) -> dict[str, Any] | None:
        """{desk, to}: one of the two says who should see to the card."""
        if self.assigned_to is None and self.card.assigned_desk is None:
            return None
        return {"desk": self.card.assigned_desk, "to": self.assigned_to.as_json() if self.assigned_to else None}

    def _listener(self) -> dict[str, Any]:
        one = self.listener
        return {
            "id": one.id,
            "alias": one.alias,
            "first_name": one.first_name,
            "place": one.place,
            "hue": one.hue,
            "initial": (one.first_name or one.alias or "?")[0].upper(),
            "message_count": one.message_count,
            "is_first": one.message_count <= 1,
            "is_blocked": self.is_blocked,
            "blocked_until": clock.iso(one.blocked_until) if self.is_blocked else None,
        }


SHOWN_DETAILS: dict[str, tuple[str, ...]] = {
    "location": ("latitude", "longitude", "name", "address"),
    "order": ("items",),
    "interactive": ("type", "title", "description"),
    "unsupported": ("type",),
    "referral": ("source_type", "headline", "body"),
}


def shown_details(details: dict[str, Any]) -> dict[str, Any]:
    """What of a message's details screens may have: no numbers, ids or addresses; of contact cards names alone."""
    shown: dict[str, Any] = {}
    for part, keys in SHOWN_DETAILS.items():
        given = details.get(part)
        if isinstance(given, dict):
            shown[part] = {key: given[key] for key in keys if key in given}
    if isinstance(details.get("cards"), list):
        shown["contacts"] = [{"name": one.get("name") or ""} for one in details["cards"] if isinstance(one, dict)]
    if isinstance(details.get("raw_type"), str):
        shown["raw_type"] = details["raw_type"]
    return shown


def load_card(session: Session, station_id: int, card_id: int, *, for_change: bool = False) -> Card:
    """A card of this station; `for_change` locks it until the commit. Raises NotFound, also once it is withdrawn."""
    if for_change:
        session.flush()
    wanted = {"card": card_id, "station": station_id}
    card = session.execute(_TO_CHANGE if for_change else _ONE, wanted).scalar_one_or_none()
    if card is None:
        raise NotFound(code="wall.no_card")
    return card


def find_card_of(session: Session, message_id: int) -> Card | None:
    """The card a message stands on, also a withdrawn one."""
    return session.execute(select(Card).where(Card.message_id == message_id)).scalar_one_or_none()


def view_card(session: Session, card: Card, *, at: datetime) -> CardView:
    """One card with all that a screen shows of it."""
    return view_cards(session, [card.id], at=at)[card.id]


def view_cards(session: Session, card_ids: Sequence[int], *, at: datetime) -> dict[int, CardView]:
    """Cards by id with all that a screen shows of them. Nine statements, however many cards; one more
    with an album, one with copies."""
    if not card_ids:
        return {}
    rows = session.execute(_SHOWN, {"ids": card_ids}).all()
    message_ids = [message.id for _card, message, _listener in rows]
    cards = [card for card, _m, _l in rows]
    senders = _senders(session, [card.id for card in cards if card.more and card.stack_id])
    beside = _beside(
        session, [card.id for card in cards if card.more and card.kind in ALBUM and card.id not in senders]
    )
    files = media.list_assets(session, [*message_ids, *(one for ids in beside.values() for one in ids)])
    people = _badges(session, [one for c in cards for one in (c.state_by_id, c.claimed_by_id, c.assigned_to_id)])
    reactions = _reactions(session, message_ids)
    slots = extras.slots_of(session, card_ids)
    piles = _stacks(session, sorted({card.stack_id for card, _m, _l in rows if card.stack_id}))
    tag_ids = sorted({tag_id for card, _m, _l in rows for tag_id in card.tag_ids})
    named = tags.badges(session, tag_ids) if tag_ids else {}
    campaign_ids = sorted({card.campaign_id for card, _m, _l in rows if card.campaign_id})
    campaigns = extras.campaigns_of(session, campaign_ids) if campaign_ids else {}
    return {
        card.id: CardView(
            card=card,
            message=message,
            listener=listener,
            media=files.get(message.id, ()),
            album=[asset for one in beside.get(card.id, ()) for asset in files.get(one, ())],
            state_by=people.get(card.state_by_id),
            claimed_by=people.get(card.claimed_by_id),
            assigned_to=people.get(card.assigned_to_id),
            campaign=campaigns.get(card.campaign_id) if card.campaign_id else None,
            slots=slots.get(card.id, ()),
            reactions=reactions.get(message.id, ()),
            at=at,
            stack=piles.get(card.stack_id) if card.stack_id else None,
            tags=[named[tag_id] for tag_id in card.tag_ids],
            senders=senders.get(card.id, 0),
        )
        for card, message, listener in rows
    }


def _badges(session: Session, ids: Sequence[int | None]) -> dict[int | None, Badge]:
    wanted = sorted({one for one in ids if one is not None})
    if not wanted:
        return {}
    rows = session.execute(_PEOPLE, {"ids": wanted})
    return {row.id: Badge(row.id, row.name, row.initials, row.hue) for row in rows}


def _beside(session: Session, card_ids: Sequence[int]) -> dict[int, list[int]]:
    """The messages whose pictures a card shows beside its own: the first few of those under it. One statement."""
    found: dict[int, list[int]] = {}
    if card_ids:
        under = select(Card.under_id, Card.message_id).where(Card.under_id.in_(card_ids), Card.withdrawn_at.is_(None))
        for upper_id, message_id in session.execute(under.order_by(Card.placed_at, Card.id)):
            if upper_id is not None:
                found.setdefault(upper_id, []).append(message_id)
    return {upper_id: ids[:ALBUM_SHOWN] for upper_id, ids in found.items()}


def _senders(session: Session, card_ids: Sequence[int]) -> dict[int, int]:
    """How many listeners sent a card and the copies under it; missing where it is all of one. One statement."""
    if not card_ids:
        return {}
    rows = session.execute(_SENDERS, {"ids": card_ids})
    return {card_id: 1 + others for card_id, others in rows if card_id is not None}


def find_badge(session: Session, person_id: int | None) -> Badge | None:
    return _badges(session, [person_id]).get(person_id)


def _reactions(session: Session, message_ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for message_id, emoji in session.execute(_REACTIONS, {"ids": message_ids}):
        found.setdefault(message_id, []).append(emoji)
    return found


def _stacks(session: Session, stack_ids: Sequence[int]) -> dict[int, Stack]:
    if not stack_ids:
        return {}
    return {row.id: row for row in session.execute(select(Stack).where(Stack.id.in_(stack_ids))).scalars()}


def list_twin_cards(session: Session, card: Card, *, most: int) -> list[int]:
    """Ids of the other cards of a card's stack, the best first, then the newest."""
    if card.stack_id is None:
        return []
    best = session.get_one(Stack, card.stack_id).best_card_id
    ids = session.execute(
        select(Card.id)
        .where(Card.stack_id == card.stack_id, Card.id != card.id, Card.withdrawn_at.is_(None))
        .order_by((Card.id == best).desc(), Card.placed_at.desc(), Card.id.desc())
        .limit(most)
    ).scalars()
    return list(ids)


def held(station_id: int | BindParameter[int], at: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """New cards that somebody holds. What is added leads to the index of claims: they are few, new cards are many."""
    is_new = literal_column("card.state || ''") == "new"
    return and_(Card.station_id == station_id, Card.claimed_until > at, is_new, Card.withdrawn_at.is_(None))


_COUNTS = union_all(
    select(CardCount.state, CardCount.kind, cast(func.sum(CardCount.cards), Key))
    .where(CardCount.station_id == bindparam("station"))
    .group_by(CardCount.state, CardCount.kind),
    select(literal(CLAIMED), literal(""), func.count()).where(held(bindparam("station"), bindparam("at"))),
)


# --- pages ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """One page, newest first; `next` is the cursor of the following one, None at the end. `search`: what was looked
    for, also for the cards that come later."""

    cards: list[CardView]
    next: str | None
    search: Search | None = None


def list_cards(
    session: Session,
    station_id: int,
    wanted: Filter | None = None,
    *,
    at: datetime,
    cursor: str | None = None,
    limit: int = PAGE,
) -> Page:
    """One page of the wall, newest first by arrival at the provider, then by id.

    A first page on which a search finds few has the words one slip away, too; its cursor says so.
    Raises Invalid for a cursor that is none of ours. At most ten statements.
    """
    wanted = wanted or Filter()
    limit = max(1, min(limit, PAGE_MOST))
    is_wide = cursor is not None and cursor.startswith(WIDE)
    after = read_cursor(cursor.removeprefix(WIDE)) if cursor else None
    asked = search.read(wanted.text)
    if asked and is_wide:
        asked = search.widen(session, station_id, asked) or asked
    ids = list_ids(session, station_id, wanted, asked, limit + 1, at, after=after)
    if asked and len(ids) < min(search.FEW_FOUND, limit + 1) and after is None and not wanted.is_exact:
        wider = search.widen(session, station_id, asked)
        if wider is not None:
            asked, is_wide = wider, True
            ids = list_ids(session, station_id, wanted, wider, limit + 1, at, after=after)
    views = view_cards(session, ids[:limit], at=at)
    cards = [views[card_id] for card_id in ids[:limit]]
    if len(ids) <= limit:
        return Page(cards, None, asked)
    return Page(cards, (WIDE if is_wide else "") + write_cursor(cards[-1].card), asked)


def list_ids(
    session: Session,
    station_id: int,
    wanted: Filter,
    asked: Search | None,
    limit: int,
    at: datetime,
    *,
    after: tuple[datetime, int] | None = None,
) -> list[int]:
    """Ids of at most `limit` cards, newest first. Four statements at most."""
    if asked:
        return search.find_ids(session, station_id, wanted, asked, after, limit, at)
    if stretches.are_meant(wanted):
        glance = walks.glance(station_id, wanted, None, after, limit, at, cards=stretches.GLANCE)
        ids, looked = walks.read_glance(session.execute(glance))
        if len(ids) == limit or looked < stretches.GLANCE:
            return ids
        lite = session.get_bind().dialect.name == "sqlite"
        rare = stretches.page_query(station_id, wanted, None, after, limit, at, lite=lite)
        return list(session.execute(rare).scalars())
    return list(session.execute(walks.page_query(station_id, wanted, None, after, limit, at)).scalars())


def write_cursor(card: Card) -> str:
    return f"{clock.to_ms(card.placed_at)}-{card.id}"


def read_cursor(cursor: str) -> tuple[datetime, int]:
    placed, _dash, card_id = cursor.partition("-")
    if not (placed.isdecimal() and card_id.isdecimal() and len(cursor) <= 40 and len(placed) <= 14):
        raise Invalid({"cursor": "This is no place on the wall."})
    return clock.from_ms(int(placed)), int(card_id)


def counts(session: Session, station_id: int, *, at: datetime) -> dict[str, dict[str, int]]:
    """How many cards stand where: {state: {new, claimed, shortlisted, …, all}, kind: {voice, …}}. One statement.

    A new card that somebody holds counts as claimed. What is folded into the mood bar stands under `mood` alone.
    """
    by_state = dict.fromkeys((*rules.STATES, CLAIMED, rules.MOOD), 0)
    by_kind: dict[str, int] = {}
    for state, kind, cards in session.execute(_COUNTS, {"station": station_id, "at": at}):
        by_state[state] = by_state.get(state, 0) + cards
        if state not in (CLAIMED, rules.MOOD):
            by_kind[kind] = by_kind.get(kind, 0) + cards
    by_state["new"] -= by_state[CLAIMED]
    return {
        "state": {**by_state, "all": sum(by_state.values()) - by_state[rules.MOOD]},
        "kind": {kind: cards for kind, cards in sorted(by_kind.items()) if cards},
    }


def history(
    session: Session, card: Card, *, may_undo: Callable[[Card, CardAct], bool], most: int = 50
) -> list[dict[str, Any]]:
    """What was done to a card, newest first: [{id, act, by, at, before, after, details, is_undone, may_undo}].

    `may_undo` tells of an act whether anybody may take it back as the card is now. Two statements.
    """
    acts = session.execute(
        select(CardAct).where(CardAct.card_id == card.id).order_by(CardAct.id.desc()).limit(most)
    ).scalars()
    rows = list(acts)
    people = _badges(session, [row.by_person_id for row in rows])
    return [
        {
            "id": row.id,
            "act": row.act,
            "by": badge.as_json() if (badge := people.get(row.by_person_id)) else None,
            "at": clock.iso(row.at),
            "before": row.before.get("state"),
            "after": row.after.get("state"),
            "details": {name: row.after[name] for name in TOLD if name in row.after},
            "is_undone": row.undone_at is not None,
            "may_undo": may_undo(card, row),
        }
        for row in rows
    ]
