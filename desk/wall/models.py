"""Tables of the wall."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from desk.db import Base

TAGGED = "card.tag_ids <> '[]'"  # few of many; as in the index


def _only(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Card(Base):
    """A message as it stands on the wall.

    `state` is the state model of the design (DESIGN.md §4) without `claimed`, which is the lease beside it; `mood` is
    noise that is folded into the mood bar (desk.wall.mood).
    `placed_at` orders the wall: arrival at the provider; `version` counts every change a person may see.
    `folded` is the searchable text (casefolded, umlauts spelled out). `is_covered`: whether a person covered its files
    (True) or laid them open (False); None leaves it to the desk's own marks. The files carry it too (`Asset`).
    Marks of people beside the verdict: `rating` (1 to 5), `is_for_jury`, and `tag_ids` of the station's colour tags.
    Passed on to a colleague (`assigned_to_id`) or to a desk of the house (`assigned_desk`), never to both.
    `under_id`: the card under which it stands, of the same listener (desk.wall.floods) or as a copy of the same thing
    (desk.wall.folds), `more`: how many stand under it.
    `facet`: what else it can be sorted out by (desk.wall.facets); empty once it is withdrawn. `language`: two letters
    of its words (desk.wall.languages), None where they say none.
    """

    __tablename__ = "card"
    __table_args__ = (
        Index("ix_card_wall", "station_id", "placed_at", "id"),
        Index("ix_card_wall_state", "station_id", "state", "placed_at", "id"),
        Index("ix_card_wall_kind", "station_id", "kind", "placed_at", "id"),
        Index("ix_card_wall_state_kind", "station_id", "state", "kind", "placed_at", "id"),
        Index("ix_card_wall_campaign", "station_id", "campaign_id", "placed_at", "id"),
        Index("ix_card_wall_facet", "station_id", "state", "kind", "facet", "placed_at", "id"),
        Index(
            "ix_card_campaign_facet",
            "station_id",
            "campaign_id",
            "state",
            "kind",
            "facet",
            "placed_at",
            "id",
            **_only("campaign_id IS NOT NULL"),
        ),
        Index(
            "ix_card_language",
            "station_id",
            "language",
            "state",
            "kind",
            "facet",
            "placed_at",
            "id",
            **_only("language IS NOT NULL"),
        ),
        Index(
            "ix_card_campaign_language",
            "station_id",
            "campaign_id",
            "language",
            "placed_at",
            "id",
            **_only("campaign_id IS NOT NULL AND language IS NOT NULL"),
        ),
        Index("ix_card_claimed", "station_id", "claimed_until"),
        Index("ix_card_tagged", "station_id", "id", **_only("tag_ids <> '[]'")),
        *(
            Index(f"ix_card_{column}", column, "placed_at", "id", **_only(f"{column} IS NOT NULL"))
            for column in ("assigned_to_id", "assigned_desk")
        ),
        Index("ix_card_under", "under_id", "id", **_only("under_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"), unique=True)
    listener_id: Mapped[int] = mapped_column(ForeignKey("listener.id"), index=True)
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"))
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12), default="new")
    version: Mapped[int] = mapped_column(default=1)
    placed_at: Mapped[datetime]
    is_late: Mapped[bool] = mapped_column(default=False)
    state_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    state_at: Mapped[datetime | None]
    reject_reason: Mapped[str | None] = mapped_column(String(40))
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    claimed_until: Mapped[datetime | None]
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    assigned_desk: Mapped[str | None] = mapped_column(String(12))
    consent: Mapped[str] = mapped_column(String(10), default="unknown")
    is_covered: Mapped[bool | None]
    vetted_sha256: Mapped[str | None] = mapped_column(String(64))
    about: Mapped[str] = mapped_column(String(200), default="")
    pronunciation: Mapped[str] = mapped_column(String(120), default="")
    note: Mapped[str] = mapped_column(String(1000), default="")
    rating: Mapped[int | None]
    is_for_jury: Mapped[bool] = mapped_column(default=False)
    tag_ids: Mapped[list[Any]] = mapped_column(default=list)
    withdrawn_at: Mapped[datetime | None]
    stack_id: Mapped[int | None] = mapped_column(ForeignKey("stack.id"), index=True)
    under_id: Mapped[int | None]
    more: Mapped[int] = mapped_column(default=0)
    folded: Mapped[str] = mapped_column(Text, default="", active_history=True)
    facet: Mapped[str] = mapped_column(String(4), default="")
    language: Mapped[str | None] = mapped_column(String(2))


class MoodItem(Base):
    """One place in the mood bar: a card that is folded into it (`card_id`), or a reaction to a message of ours.

    `minute`: whole minutes since 1970 of its arrival; `campaign_id`: 0 without one; `sign`: an emoji, or
    desk.wall.noise.GREETING. What it says here is what it was counted as. `reaction_id` is no foreign key: who is
    erased takes the reaction along, its place is only a number.
    """

    __tablename__ = "mood_item"
    __table_args__ = (Index("ix_mood_item_at", "station_id", "at", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"), unique=True)
    reaction_id: Mapped[int | None] = mapped_column(unique=True)
    at: Mapped[datetime]
    minute: Mapped[int]
    campaign_id: Mapped[int] = mapped_column(default=0)
    sign: Mapped[str] = mapped_column(String(32))


class MoodCount(Base):
    """How many places of the mood bar fall on a minute, by campaign (0: none) and sign: the sum of its items."""

    __tablename__ = "mood_count"
    __table_args__ = (UniqueConstraint("station_id", "minute", "campaign_id", "sign"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    minute: Mapped[int]
    campaign_id: Mapped[int] = mapped_column(default=0)
    sign: Mapped[str] = mapped_column(String(32))
    amount: Mapped[int] = mapped_column(default=0)


class MoodTold(Base):
    """When a station's screens heard of its mood bar last, and whether they have to hear again (`is_due`)."""

    __tablename__ = "mood_told"

    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), primary_key=True)
    told_at: Mapped[datetime]
    is_due: Mapped[bool] = mapped_column(default=False)


class Tag(Base):
    """A colour with a name that people of a station put on cards. `place` 1 to 9 is its digit.

    A renamed one stays what it is; one that was taken away (`retired_at`) stays on the cards that have it.
    """

    __tablename__ = "tag"
    __table_args__ = (Index("ix_tag_station", "station_id", "place"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    place: Mapped[int]
    name: Mapped[str] = mapped_column(String(24))
    hue: Mapped[int]
    retired_at: Mapped[datetime | None]


class Stack(Base):
    """Cards that carry copies of one thing; which ones stands on the cards (`stack_id`).

    `of`: what they have in common (sound, picture, video, file). `best_card_id` is the copy to use, no foreign key
    because cards already name their stack; None once nobody is left. `reason`: a code of desk.wall.twins.REASONS.
    `merged_into_id`: the stack that took over its cards when both turned out to be of one thing.
    """

    __tablename__ = "stack"

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    of: Mapped[str] = mapped_column(String(8))
    best_card_id: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(20), default="")
    cards: Mapped[int] = mapped_column(default=0)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("stack.id"))
    created_at: Mapped[datetime]


class StackExclusion(Base):
    """A person said that this card is not the same as those; the desk never puts it back by itself."""

    __tablename__ = "stack_exclusion"

    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True)
    stack_id: Mapped[int] = mapped_column(ForeignKey("stack.id"), primary_key=True, index=True)
    by_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class CardAct(Base):
    """One act on a card with what it changed, so that it can be taken back by anyone for the whole show."""

    __tablename__ = "card_act"
    __table_args__ = (Index("ix_card_act_card", "card_id", "id"), Index("ix_card_act_by", "by_person_id", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"))
    by_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    act: Mapped[str] = mapped_column(String(20))
    before: Mapped[dict[str, Any]] = mapped_column(default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(default=dict)
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Sweep(Base):
    """One act on many cards, said beforehand and done in pieces; which cards stands in SweepCard (desk.wall.sweeps).

    States: preview, running, done, stopped, undoing, undone. `act` and `wanted` say what is done: move {to, reason} or
    campaign {campaign_id}. `kinds`: how many of each kind it goes for; `tally`: how many came to what end, `back` the
    same of the way back; `reached`: the card up to which the present of its `passes` has come. `key`: what the browser
    sends again if an answer was lost. `is_cut`: there were more than a sweep may hold.
    """

    __tablename__ = "sweep"
    __table_args__ = (UniqueConstraint("station_id", "key"), Index("ix_sweep_by", "by_person_id", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    by_person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    key: Mapped[str] = mapped_column(String(64))
    act: Mapped[str] = mapped_column(String(10))
    wanted: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(8), default="preview")
    cards: Mapped[int] = mapped_column(default=0)
    kinds: Mapped[dict[str, Any]] = mapped_column(default=dict)
    tally: Mapped[dict[str, Any]] = mapped_column(default=dict)
    back: Mapped[dict[str, Any]] = mapped_column(default=dict)
    passes: Mapped[int] = mapped_column(default=0)
    reached: Mapped[int] = mapped_column(default=0)
    is_cut: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class SweepCard(Base):
    """A card of a sweep as it was when the sweep was drawn up (`version`), what became of it, and by which act.

    `act_id` is no foreign key: acts are erased with what they tell, and the row stays as a number.
    """

    __tablename__ = "sweep_card"
    __table_args__ = ({"sqlite_with_rowid": False},)

    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"), primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True)
    version: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(10), default="waiting")
    act_id: Mapped[int | None]


class SavedView(Base):
    """A link of the wall under a name: for a show, for the station, or for one person alone (desk.wall.saved).

    `query` is the link's part behind the question mark. `opens`: whoever comes to the wall around the show sees it.
    A removed one stays, so that removing can be taken back.
    """

    __tablename__ = "saved_view"
    __table_args__ = (Index("ix_saved_view_station", "station_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    show_id: Mapped[int | None] = mapped_column(ForeignKey("show.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(String(40))
    query: Mapped[str] = mapped_column(String(600))
    opens: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class CardCount(Base):
    """How many cards of a station are in a state, by kind and facet: counting 250,000 rows takes too long for every
    page. Summed up it gives the number beside every choice of the wall's filters."""

    __tablename__ = "card_count"
    __table_args__ = (UniqueConstraint("station_id", "state", "kind", "facet"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    state: Mapped[str] = mapped_column(String(12))
    kind: Mapped[str] = mapped_column(String(20))
    facet: Mapped[str] = mapped_column(String(4), default="")
    cards: Mapped[int] = mapped_column(default=0)


class LanguageCount(Base):
    """How many cards of a station are in a language, by state, kind and facet. Beside `CardCount` and not within: that
    is summed up for every page, this only where somebody looks at languages."""

    __tablename__ = "language_count"
    __table_args__ = (UniqueConstraint("station_id", "language", "state", "kind", "facet"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    language: Mapped[str] = mapped_column(String(2))
    state: Mapped[str] = mapped_column(String(12))
    kind: Mapped[str] = mapped_column(String(20))
    facet: Mapped[str] = mapped_column(String(4))
    cards: Mapped[int] = mapped_column(default=0)


# one order of letters on both databases: beginnings of words are looked up as ranges
Letters = String(30).with_variant(postgresql.VARCHAR(30, collation="C"), "postgresql")


class Word(Base):
    """A word that stands on cards of a station, and on how many; desk.wall.words keeps it in step with them.

    `bare`: with its umlauts as bare letters, `mirrored`: that from its end to its beginning.
    """

    __tablename__ = "word"
    __table_args__ = (
        Index("ix_word_bare", "station_id", "bare"),
        Index("ix_word_mirrored", "station_id", "mirrored"),
        {"sqlite_with_rowid": False},
    )

    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), primary_key=True)
    word: Mapped[str] = mapped_column(Letters, primary_key=True)
    bare: Mapped[str] = mapped_column(Letters)
    mirrored: Mapped[str] = mapped_column(Letters)
    cards: Mapped[int] = mapped_column(default=0)


class ConsentRecord(Base):
    """Append-only ledger of consent for a card; the present grant is computed from it."""

    __tablename__ = "consent_record"
    __table_args__ = (Index("ix_consent_record_card", "card_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"))
    act: Mapped[str] = mapped_column(String(20))
    uses: Mapped[str] = mapped_column(String(60), default="air")
    by_person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    evidence_message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    note: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime]
