"""Saved views: links of the wall under a name, for a show, the station or one person; some open by themselves.

A view of a show that opens by itself is what somebody sees who comes to the wall without a link of their own, from ten
minutes before the show to its end. How much is new in a view is summed up from the counters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import literal, or_, select, union_all
from sqlalchemy.orm import Session

from desk import clock
from desk.errors import Invalid, NotFound
from desk.live import audit
from desk.shows import queries as shows
from desk.shows.models import Show
from desk.shows.rules import Span
from desk.wall import forms
from desk.wall.forms import Asker
from desk.wall.models import CardCount, LanguageCount, SavedView
from desk.wall.walks import Filter

BEFORE = timedelta(minutes=10)
MOST = 60
LONGEST_NAME_CHARACTERS = 40
LONGEST_QUERY_CHARACTERS = 600
New = tuple[str, str, str, int]  # kind, facet, language ("" for all), cards
SCOPES = ("show", "station", "me")
PARTS = (
    "state",
    "kind",
    "campaign",
    "sender",
    "consent",
    "length",
    "quality",
    "language",
    "time",
    "show",
    "assigned",
    "order",
    "text",
    "exact",
    "shape",
)


@dataclass(frozen=True)
class ViewForm:
    """What somebody wants to keep, and for whom."""

    name: str
    scope: str
    query: str
    opens: bool


@dataclass(frozen=True)
class Opening:
    """The view that opens by itself with the broadcast that is on, or comes next."""

    view: SavedView
    span: Span

    def is_time(self, at: datetime) -> bool:
        return self.span.starts_at - BEFORE <= at < self.span.ends_at

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.view.name,
            "query": self.view.query,
            "show": self.span.show.name,
            "starts_at": clock.iso(self.span.starts_at),
            "ends_at": clock.iso(self.span.ends_at),
        }


# --- untrusted input --------------------------------------------------------------------------------------------


def read_form(body: Any, asker: Asker, *, at: datetime) -> ViewForm:
    """Raises Invalid naming every fault; what a link carries beside filters and shape is left out."""
    given: Mapping[str, Any] = body if isinstance(body, dict) else {}
    faults: dict[str, str] = {}
    name = _read_name(given.get("name"), faults)
    scope = str(given.get("scope"))
    if scope not in SCOPES:
        faults["scope"] = "A view is for a show, the station or oneself."
    parts = [(part, value) for part, value in parse_qsl(str(given.get("query", ""))) if part in PARTS]
    query = urlencode(parts, safe=",")
    if not parts or len(query) > LONGEST_QUERY_CHARACTERS:
        faults["query"] = "There is nothing here to keep: choose a filter or a shape first."
    if faults:
        raise Invalid(faults)
    forms.read_filter(dict(parts), asker, at=at)
    return ViewForm(name, scope, query, given.get("opens") is True and scope == "show")


def _read_name(given: Any, faults: dict[str, str]) -> str:
    name = " ".join(str(given or "").replace("\x00", "").split())
    if not 0 < len(name) <= LONGEST_NAME_CHARACTERS:
        faults["name"] = "A view needs a name of up to 40 characters."
    return name


def read_changes(body: Any) -> dict[str, Any]:
    """Of name, opens and removed those that are given. Raises Invalid."""
    given: Mapping[str, Any] = body if isinstance(body, dict) else {}
    faults: dict[str, str] = {}
    changes: dict[str, Any] = {}
    if "name" in given:
        changes["name"] = _read_name(given["name"], faults)
    for flag in ("opens", "removed"):
        if isinstance(given.get(flag), bool):
            changes[flag] = given[flag]
    if faults or not changes:
        raise Invalid(faults or {"name": "A view needs a name of up to 40 characters."})
    return changes


# --- writing ----------------------------------------------------------------------------------------------------


def add_view(session: Session, station_id: int, form: ViewForm, *, by: int, at: datetime) -> SavedView:
    """Keep a view. One for a show is for the broadcast that is on or comes next."""
    show_id = shows.current_span(session, station_id, at=at).show.id if form.scope == "show" else None
    if form.scope == "show" and show_id is None:
        raise Invalid({"scope": "This station has no shows yet. Keep the view for the station."})
    view = SavedView(
        station_id=station_id,
        show_id=show_id,
        person_id=by if form.scope == "me" else None,
        name=form.name,
        query=form.query,
        opens=form.opens,
        created_at=at,
    )
    session.add(view)
    session.flush()
    _open_alone(session, view)
    audit.record(session, station_id, "view.add", f"view:{view.id}", by=by, at=at, details={"scope": form.scope})
    return view


def change_view(
    session: Session, station_id: int, view_id: int, changes: Mapping[str, Any], *, by: int, at: datetime
) -> SavedView:
    """Change a view of the station or one's own. Raises NotFound, also for a colleague's own one."""
    query = select(SavedView).where(SavedView.id == view_id, SavedView.station_id == station_id, _seen_by(by))
    view = session.execute(query.with_for_update()).scalar_one_or_none()
    if view is None:
        raise NotFound(code="wall.no_view")
    view.name = changes.get("name", view.name)
    view.opens = changes.get("opens", view.opens) and view.show_id is not None
    if "removed" in changes:
        view.removed_at = at if changes["removed"] else None
    _open_alone(session, view)
    details = {name: value for name, value in changes.items() if name != "name"}
    audit.record(session, station_id, "view.change", f"view:{view.id}", by=by, at=at, details=details)
    return view


def _open_alone(session: Session, view: SavedView) -> None:
    """Of the views of a show one opens by itself: the last that was told to."""
    if not view.opens:
        return
    others = select(SavedView).where(
        SavedView.show_id == view.show_id, SavedView.id != view.id, SavedView.opens, SavedView.removed_at.is_(None)
    )
    for other in session.execute(others).scalars():
        other.opens = False


def _seen_by(person_id: int) -> Any:
    return or_(SavedView.person_id.is_(None), SavedView.person_id == person_id)


# --- reading ----------------------------------------------------------------------------------------------------


def find_opening(session: Session, station_id: int, person_id: int, *, at: datetime) -> Opening | None:
    """What opens by itself with the broadcast that is on or comes next; None if nothing does. Three statements."""
    opening = select(SavedView).where(
        SavedView.station_id == station_id, SavedView.opens, SavedView.removed_at.is_(None), _seen_by(person_id)
    )
    views = {view.show_id: view for view in session.execute(opening.order_by(SavedView.id)).scalars()}
    if not views:
        return None
    span = shows.current_span(session, station_id, at=at)
    found = views.get(span.show.id)
    return Opening(found, span) if found is not None else None


def view_all(session: Session, station_id: int, person_id: int, asker: Asker, *, at: datetime) -> dict[str, Any]:
    """{views, show}: the present show's first, then the station's, other shows', one's own. Five statements."""
    span = shows.current_span(session, station_id, at=at)
    rows = session.execute(
        select(SavedView, Show.name)
        .outerjoin(Show, Show.id == SavedView.show_id)
        .where(SavedView.station_id == station_id, SavedView.removed_at.is_(None), _seen_by(person_id))
        .order_by(SavedView.id)
        .limit(MOST)
    ).all()
    new = _new_cards(session, station_id)
    views = [_as_json(view, show, span.show.id, _count(new, view.query, asker, at)) for view, show in rows]
    views.sort(key=lambda one: ("now", "station", "show", "me").index(one["scope"]))
    return {"views": views, "show": span.show.name if span.show.id is not None else None}


def _as_json(view: SavedView, show: str | None, now_id: int | None, new: int | None) -> dict[str, Any]:
    of_show = "now" if view.show_id == now_id else "show"
    scope = "me" if view.person_id else "station" if view.show_id is None else of_show
    return {
        "id": view.id, "name": view.name, "query": view.query, "scope": scope, "show": show, "opens": view.opens,
        "new": new,
    }  # fmt: skip


def _new_cards(session: Session, station_id: int) -> list[New]:
    """What is new, from the counters: of all cards, then again of those in each language."""
    every = select(CardCount.kind, CardCount.facet, literal(""), CardCount.cards).where(
        CardCount.station_id == station_id, CardCount.state == "new", CardCount.cards > 0
    )
    spoken = select(LanguageCount.kind, LanguageCount.facet, LanguageCount.language, LanguageCount.cards).where(
        LanguageCount.station_id == station_id, LanguageCount.state == "new", LanguageCount.cards > 0
    )
    return [
        (kind, facet, language, cards) for kind, facet, language, cards in session.execute(union_all(every, spoken))
    ]


def _count(new: list[New], query: str, asker: Asker, at: datetime) -> int | None:
    """How much of a view is new; None where the counters cannot tell: with words, a campaign, a time or a show."""
    parts = dict(parse_qsl(query))
    if "show" in parts:
        return None
    try:
        wanted = forms.read_filter(parts, asker, at=at)[0]
    except Invalid:
        return None
    if not _is_countable(wanted):
        return None
    return sum(
        cards
        for kind, facet, language, cards in new
        if language == (wanted.facets.language or "")
        and (not wanted.kinds or kind in wanted.kinds)
        and (not wanted.facets.has_letters or (facet and wanted.facets.takes(facet)))
    )


def _is_countable(wanted: Filter) -> bool:
    return (not wanted.states or "new" in wanted.states) and not (
        wanted.text.strip() or wanted.campaign_id or wanted.since or wanted.until or wanted.is_assigned
    )
