"""The wall's page and its part of the HTTP interface; also the catch-up of events by number.

Parse, one call, reply. The station is always the session's.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from desk import clock, db
from desk.conversations import actions as conversations
from desk.conversations import queries as threads
from desk.errors import Invalid
from desk.identity import allowed_roles
from desk.live import log
from desk.media import rules as media_rules
from desk.media import urgency
from desk.people import queries as people
from desk.people.models import Station
from desk.shows import queries as shows
from desk.shows.rules import Span
from desk.wall import (
    actions,
    announce,
    assigning,
    blocks,
    floods,
    forms,
    leases,
    marks,
    mood,
    queries,
    saved,
    sweeps,
    tags,
    tallies,
    triage,
)
from desk.wall.facets import LANGUAGES
from desk.wall.models import CardAct, Sweep
from desk.wall.walks import Filter
from desk.web.access import me, my_station, requires, signed_in

wall = Blueprint("wall", __name__)
THREAD_MOST = 60
TWINS_MOST = 50


@wall.get("/wall")
@requires("wall.read")
def show_wall() -> str | WerkzeugResponse:
    """The wall as its address says, or a view of the show; one that says nothing sensible leads to the whole."""
    station_id, at = my_station().id, clock.now()
    try:
        wanted, _cursor, _limit = _read_filter()
    except Invalid:
        return redirect(url_for("wall.show_wall"))
    with db.reading() as session:
        opening = saved.find_opening(session, station_id, me().id, at=at)
        if not request.query_string and opening is not None and opening.is_time(at):
            return redirect(f"{url_for('wall.show_wall')}?{opening.view.query}")
        page = _page(session, station_id, wanted, None, queries.PAGE)
        campaigns = queries.extras.list_campaigns(session, station_id)
        known_tags = [tags.as_json(tag) for tag in tags.list_tags(session, station_id)]
        programme = [(show.id, show.name) for show in shows.list_shows(session, station_id) if not show.is_all_day]
        target_lufs = session.get_one(Station, station_id).loudness_lufs
    wall_json = json.dumps(page, ensure_ascii=False).replace("<", "\\u003c")
    return render_template(
        "wall/wall.html", page="wall", wall_json=wall_json, campaigns=campaigns, target_lufs=target_lufs,
        tags=known_tags, shows=programme, languages=_languages(), opening=opening.as_json() if opening else None,
    )  # fmt: skip


def _languages() -> list[tuple[str, str]]:
    """The choices of a language by their names, as the browser names them, too."""
    names = (get_locale() or Locale("de")).languages
    return [(one, _("Bosnian, Croatian, Serbian") if one == "hr" else names[one]) for one in LANGUAGES]


@wall.get("/triage")
@requires("card.judge")
def show_triage() -> str:
    """The run through what is new, one card at a time, the oldest first."""
    station_id = my_station().id
    with db.reading() as session:
        pile = _pile(session, station_id, None)
        known_tags = [tags.as_json(tag) for tag in tags.list_tags(session, station_id)]
        target_lufs = session.get_one(Station, station_id).loudness_lufs
    pile_json = json.dumps(pile, ensure_ascii=False).replace("<", "\\u003c")
    return render_template(
        "wall/triage.html", page="triage", pile_json=pile_json, target_lufs=target_lufs, tags=known_tags
    )


@wall.get("/api/v1/triage")
@requires("card.judge")
def list_pile() -> Response:
    """The oldest new cards that no colleague holds; `from` is the `next` of the stack before."""
    with db.reading() as session:
        return jsonify(_pile(session, my_station().id, request.args.get("from")))


@wall.get("/api/v1/triage/left")
@requires("card.judge")
def count_pile() -> Response:
    """How many are left to judge: what a run asks for whenever something has changed."""
    with db.reading() as session:
        left = triage.count_remaining(session, my_station().id, by=me().id, at=clock.now())
    return jsonify(left.as_json())


@wall.post("/api/v1/triage/stack")
@requires("card.judge")
def take_pile() -> Response:
    """As list_pile, the first of them held for this person: what a run shows next, nobody else is shown."""
    without = forms.read_ids(request.get_json(), "without")
    station_id, at = my_station().id, clock.now()
    with db.transaction() as session:
        leases.take_ahead(session, station_id, by=me().id, at=at, without=without)
    with db.reading() as session:
        return jsonify(_pile(session, station_id, None))


@wall.post("/api/v1/claims/renew")
@requires("card.judge")
def renew_claims() -> Response:
    """The person is there: whatever they hold stays theirs for another 90 s."""
    with db.transaction() as session:
        ids = leases.renew(session, my_station().id, by=me().id, at=clock.now())
    return jsonify({"ids": ids})


@wall.post("/api/v1/claims/release")
@requires("card.judge")
def release_claims() -> Response:
    """Somebody ends a run: what it held goes back to the pile."""
    ids = forms.read_ids(request.get_json(), "ids")
    with db.transaction() as session:
        released = leases.release_many(session, my_station().id, ids, by=me().id, at=clock.now())
    return jsonify({"released": released})


def _pile(session: Session, station_id: int, start: str | None) -> dict[str, Any]:
    at = clock.now()
    seq = log.last_seq(session, station_id)
    stack = triage.take_stack(session, station_id, by=me().id, at=at, start=start)
    return {
        "cards": [card.as_json() for card in stack.cards],
        "next": stack.next,
        "seq": seq,
    } | triage.count_remaining(session, station_id, by=me().id, at=at).as_json()


@wall.get("/api/v1/cards")
@requires("wall.read")
def list_cards() -> Response:
    wanted, cursor, limit = _read_filter()
    station_id = my_station().id
    with db.reading() as session:
        return jsonify(_page(session, station_id, wanted, cursor, limit))


@wall.get("/api/v1/cards/counts")
@requires("wall.read")
def count_cards() -> Response:
    """How many cards each choice of the filters would leave; null where that cannot be told at once."""
    wanted, _cursor, _limit = _read_filter()
    at, station_id = clock.now(), my_station().id
    with db.reading() as session:
        facets = tallies.facet_counts(session, station_id, wanted, at=at)
        if not wanted.text.strip():
            assigned = assigning.count_assigned(session, station_id, wanted, me=me().id, at=at)
            facets = (facets or {}) | {"assigned": assigned}
    return jsonify({"facets": facets})


def _read_filter() -> tuple[Filter, str | None, int]:
    return forms.read_filter(request.args, _asker(), at=clock.now())


def _asker() -> forms.Asker:
    station = my_station()

    def span_of(show_id: int, at: datetime) -> Span | None:
        with db.reading() as session:
            return shows.latest_span(session, station.id, show_id, at=at)

    return forms.Asker(ZoneInfo(station.timezone), me().id, span_of)


def _page(session: Session, station_id: int, wanted: Filter, cursor: str | None, limit: int) -> dict[str, Any]:
    """The number is read first: events after it may repeat what the page shows, and none is missed."""
    at = clock.now()
    seq = log.last_seq(session, station_id)
    page = queries.list_cards(session, station_id, wanted, at=at, cursor=cursor, limit=limit)
    return {
        "cards": [card.as_json() for card in page.cards],
        "next": page.next,
        "search": page.search.as_json() if page.search else None,
        "since": clock.iso(wanted.since) if wanted.since else None,
        "until": clock.iso(wanted.until) if wanted.until else None,
        "seq": seq,
        "counts": queries.counts(session, station_id, at=at),
        **({"mood": mood.view_bar(session, station_id, at=at)} if cursor is None else {}),
    }


@wall.get("/api/v1/mood")
@requires("wall.read")
def show_mood() -> Response:
    """How many emoji, greetings and reactions came in the last minutes, by sign."""
    asked = forms.read_mood(request.args)
    at, station_id = clock.now(), my_station().id
    with db.reading() as session:
        bar = mood.view_bar(session, station_id, at=at, minutes=asked["minutes"], campaign_id=asked["campaign_id"])
    return jsonify(bar)


@wall.get("/api/v1/mood/items")
@requires("wall.read")
def list_mood() -> Response:
    """The messages and reactions behind the bar, newest first."""
    asked = forms.read_mood(request.args)
    with db.reading() as session:
        return jsonify(mood.list_items(session, my_station().id, at=clock.now(), **asked))


@wall.get("/api/v1/cards/<int:card_id>")
@requires("wall.read")
def show_card(card_id: int) -> Response:
    """All of one card. What of its files still waits in line goes to the front: somebody has it open."""
    at = clock.now()
    with db.reading() as session:
        card = queries.load_card(session, my_station().id, card_id)
        view = queries.view_card(session, card, at=at)
        thread = [] if view.is_blocked else threads.thread(session, view.message.conversation_id, THREAD_MOST)
        window = threads.window(threads.load_conversation(session, card.station_id, view.message.conversation_id), at)
        body = {
            "card": view.as_json(),
            "conversation": [message.as_json() for message in thread],
            "conversation_id": view.message.conversation_id,
            "window": window.as_json(),
            "history": queries.history(session, card, may_undo=actions.can_take_back),
            "renditions": {asset.id: list(asset.profiles) for asset in view.media},
            "vetting": queries.extras.vetting_of(session, card.id),
            "block": blocks.view_block(session, card.listener_id, at=at),
        }
        waiting = [asset.id for asset in view.media if asset.state in media_rules.ON_THE_WAY]
        is_hurry = urgency.is_waiting(session, waiting)
    if is_hurry:
        with db.transaction() as session:
            urgency.hurry(session, waiting)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/move")
@requires("card.judge")
def move_card(card_id: int) -> Response:
    move = forms.read_move(request.get_json())
    at = clock.now()
    with db.transaction() as session:
        act = actions.move_card(
            session,
            my_station().id,
            card_id,
            to=move.to,
            version=move.version,
            reason=move.reason,
            force=move.is_forced,
            with_copies=move.is_for_copies,
            by=me().id,
            at=at,
        )
        body = _act_body(session, act)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/claim")
@requires("card.judge")
def claim_card(card_id: int) -> Response:
    is_forced = forms.read_force(request.get_json())
    with db.transaction() as session:
        act = actions.claim(session, my_station().id, card_id, by=me().id, at=clock.now(), force=is_forced)
        body = _act_body(session, act)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/release")
@requires("card.judge")
def release_card(card_id: int) -> Response:
    with db.transaction() as session:
        actions.release(session, my_station().id, card_id, by=me().id, at=clock.now())
        body = _card_body(session, card_id)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/notes")
@requires("card.judge")
def set_notes(card_id: int) -> Response:
    notes = forms.read_notes(request.get_json())
    with db.transaction() as session:
        act = actions.set_notes(
            session,
            my_station().id,
            card_id,
            version=notes.version,
            about=notes.about,
            pronunciation=notes.pronunciation,
            note=notes.note,
            by=me().id,
            at=clock.now(),
        )
        body = _act_body(session, act)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/consent")
@requires("consent.record")
def set_consent(card_id: int) -> Response:
    act, note = forms.read_consent(request.get_json())
    with db.transaction() as session:
        done = actions.set_consent(session, my_station().id, card_id, act, note=note, by=me().id, at=clock.now())
        body = _act_body(session, done)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/cover")
@requires("card.judge")
def set_cover(card_id: int) -> Response:
    is_covered = forms.read_cover(request.get_json())
    with db.transaction() as session:
        act = actions.set_cover(session, my_station().id, card_id, is_covered=is_covered, by=me().id, at=clock.now())
        body = _act_body(session, act)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/block")
@requires("listener.block")
def block_sender(card_id: int) -> Response:
    """Nobody sees what the sender of this card sends, until the block ends or is lifted."""
    length, reason = forms.read_block(request.get_json())
    with db.transaction() as session:
        act = blocks.block_sender(
            session, my_station().id, card_id, length=length, reason=reason, by=me().id, at=clock.now()
        )
        body = _act_body(session, act)
    return jsonify(body)


@wall.delete("/api/v1/cards/<int:card_id>/block")
@requires("listener.block")
def unblock_sender(card_id: int) -> Response:
    with db.transaction() as session:
        act = blocks.unblock_sender(session, my_station().id, card_id, by=me().id, at=clock.now())
        body = _act_body(session, act)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/rating")
@requires("card.judge")
def rate_card(card_id: int) -> Response:
    rating = forms.read_rating(request.get_json())
    with db.transaction() as session:
        act = marks.rate(session, my_station().id, card_id, rating=rating, by=me().id, at=clock.now())
        body = _act_body(session, act)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/jury")
@requires("card.judge")
def set_jury(card_id: int) -> Response:
    is_on = forms.read_jury(request.get_json())
    with db.transaction() as session:
        act = marks.set_jury(session, my_station().id, card_id, is_on=is_on, by=me().id, at=clock.now())
        body = _act_body(session, act)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/tags")
@requires("card.judge")
def set_tag(card_id: int) -> Response:
    """Put one colour tag of the station on a card, or take it off."""
    tag_id, is_on = forms.read_tag(request.get_json())
    with db.transaction() as session:
        act = marks.set_tag(session, my_station().id, card_id, tag_id, is_on=is_on, by=me().id, at=clock.now())
        body = _act_body(session, act)
    return jsonify(body)


@wall.get("/api/v1/team")
@requires("wall.read")
def list_team() -> Response:
    """Who of the station sees this wall, by name."""
    with db.reading() as session:
        team = people.list_team(session, my_station().id, tuple(allowed_roles("wall.read")))
        return jsonify({"people": [queries.Badge(one.id, one.name, one.initials, one.hue).as_json() for one in team]})


@wall.post("/api/v1/cards/<int:card_id>/assign")
@requires("card.judge")
def assign_card(card_id: int) -> Response:
    """Pass a card on to a colleague or to a desk of the house; to neither takes it back."""
    desk, person_id = forms.read_assigned(request.get_json())
    with db.transaction() as session:
        act = assigning.assign(
            session, my_station().id, card_id, desk=desk, person_id=person_id, by=me().id, at=clock.now()
        )
        body = _act_body(session, act)
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/campaign")
@requires("card.judge")
def put_in_campaign(card_id: int) -> Response:
    campaign_id = forms.read_campaign(request.get_json())
    station_id = my_station().id
    with db.transaction() as session:
        card = queries.load_card(session, station_id, card_id, for_change=True)
        if campaign_id is not None and not queries.extras.has_campaign(session, station_id, campaign_id):
            raise Invalid({"campaign_id": "There is no such campaign."})
        act = actions.put_in_campaign(session, card, campaign_id, by=me().id, at=clock.now())
        body = _act_body(session, act)
    return jsonify(body)


@wall.get("/api/v1/cards/<int:card_id>/twins")
@requires("wall.read")
def list_twins(card_id: int) -> Response:
    """The cards that carry copies of what this one carries, the best first."""
    with db.reading() as session:
        card = queries.load_card(session, my_station().id, card_id)
        ids = queries.list_twin_cards(session, card, most=TWINS_MOST)
        views = queries.view_cards(session, ids, at=clock.now())
        body = {"cards": [views[twin_id].as_json() for twin_id in ids]}
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/apart")
@requires("card.judge")
def take_apart(card_id: int) -> Response:
    """This card is not the same as the ones it stands with."""
    with db.transaction() as session:
        act = actions.take_apart(session, my_station().id, card_id, by=me().id, at=clock.now())
        body = _act_body(session, act)
    return jsonify(body)


@wall.get("/api/v1/cards/<int:card_id>/under")
@requires("wall.read")
def list_under(card_id: int) -> Response:
    """All of a listener's flood that this card is part of, in the order they came."""
    with db.reading() as session:
        card = queries.load_card(session, my_station().id, card_id)
        ids = floods.list_flood(session, card)
        views = queries.view_cards(session, ids, at=clock.now())
        body = {"cards": [views[one].as_json() for one in ids]}
    return jsonify(body)


@wall.post("/api/v1/cards/<int:card_id>/split")
@requires("card.judge")
def split_card(card_id: int) -> Response:
    """This card shall stand by itself."""
    with db.transaction() as session:
        act = floods.split(session, my_station().id, card_id, by=me().id, at=clock.now())
        body = _act_body(session, act)
    return jsonify(body)


@wall.post("/api/v1/undo")
@requires("card.judge")
def undo_last() -> Response:
    """Take one's last act back; one that was part of a sweep goes back with all of it."""
    station_id, by, at = my_station().id, me().id, clock.now()
    with db.transaction() as session:
        last = actions.load_act(session, station_id, None, by)
        sweep = sweeps.find_sweep_of(session, last)
        if sweep is not None:
            body = _sweep_body(session, sweeps.take_back(session, station_id, sweep.id, by=by, at=at))
        else:
            body = _card_body(session, actions.undo(session, station_id, last.id, by=by, at=at).id)
    return jsonify(body)


@wall.post("/api/v1/undo/<int:act_id>")
@requires("card.judge")
def undo_act(act_id: int) -> Response:
    with db.transaction() as session:
        body = _card_body(session, actions.undo(session, my_station().id, act_id, by=me().id, at=clock.now()).id)
    return jsonify(body)


def _act_body(session: Session, act: CardAct) -> dict[str, Any]:
    """The card as it is now, for those who may see it: a right to act is none to read."""
    if not me().may("wall.read"):
        return {"undo_id": act.id}
    return _card_body(session, act.card_id) | {"undo_id": act.id}


def _card_body(session: Session, card_id: int) -> dict[str, Any]:
    return {"card": announce.answer(session, my_station().id, card_id, at=clock.now())}


# --- saved views ------------------------------------------------------------------------------------------------


@wall.get("/api/v1/views")
@requires("wall.read")
def list_views() -> Response:
    """The views this person may choose from: the show's, the station's, one's own; each with how much is new in it."""
    station, at, asker = my_station(), clock.now(), _asker()
    with db.reading() as session:
        return jsonify(saved.view_all(session, station.id, me().id, asker, at=at))


@wall.post("/api/v1/views")
@requires("card.judge")
def add_view() -> tuple[Response, int]:
    station, at = my_station(), clock.now()
    form = saved.read_form(request.get_json(), _asker(), at=at)
    with db.transaction() as session:
        view = saved.add_view(session, station.id, form, by=me().id, at=at)
        body = {"view": {"id": view.id, "name": view.name}}
    return jsonify(body), 201


@wall.post("/api/v1/views/<int:view_id>")
@requires("card.judge")
def change_view(view_id: int) -> Response:
    """Rename a view, say whether it opens by itself, remove it or bring it back."""
    changes = saved.read_changes(request.get_json())
    with db.transaction() as session:
        view = saved.change_view(session, my_station().id, view_id, changes, by=me().id, at=clock.now())
        body = {"view": {"id": view.id, "name": view.name}}
    return jsonify(body)


# --- sweeps -----------------------------------------------------------------------------------------------------


@wall.post("/api/v1/sweeps")
@requires("card.judge")
def add_sweep() -> tuple[Response, int]:
    """Draw up one verdict on many cards; with `start` do it. What is read stands outside the transaction."""
    station, by, at = my_station(), me().id, clock.now()
    asked = forms.read_sweep(request.get_json(), _asker(), at=at)
    with db.reading() as session:
        chosen = asked.cards
        if asked.filter is not None:
            chosen = sweeps.list_left(session, station.id, asked.filter, at=at)
        planned = sweeps.plan_move(session, station.id, chosen or [], asked.to, among=asked.among, by=by, at=at)
    wanted = {"to": asked.to} | ({"reason": asked.reason} if asked.reason else {})
    with db.transaction() as session:
        sweep = sweeps.draw_up(
            session, station.id, planned, act="move", wanted=wanted, key=asked.key, by=by, at=at,
            is_started=asked.is_started,
        )  # fmt: skip
        body = _sweep_body(session, sweep)
    return jsonify(body), 201


@wall.get("/api/v1/sweeps")
@requires("card.judge")
def list_sweeps() -> Response:
    """What was swept since yesterday, the newest first."""
    with db.reading() as session:
        found = sweeps.list_recent(session, my_station().id, at=clock.now())
        return jsonify({"sweeps": [sweeps.view(session, sweep) for sweep in found]})


@wall.get("/api/v1/sweeps/<int:sweep_id>")
@requires("card.judge")
def show_sweep(sweep_id: int) -> Response:
    with db.reading() as session:
        return jsonify(_sweep_body(session, sweeps.load(session, my_station().id, sweep_id)))


@wall.post("/api/v1/sweeps/<int:sweep_id>/<any(start, stop, undo):what>")
@requires("card.judge")
def turn_sweep(sweep_id: int, what: str) -> Response:
    """Start a preview of one's own; stop what runs, or take back what was done, whoever did it."""
    turn = {"start": sweeps.start, "stop": sweeps.stop, "undo": sweeps.take_back}[what]
    with db.transaction() as session:
        body = _sweep_body(session, turn(session, my_station().id, sweep_id, by=me().id, at=clock.now()))
    return jsonify(body)


def _sweep_body(session: Session, sweep: Sweep) -> dict[str, Any]:
    return {"sweep": sweeps.view(session, sweep)}


@wall.post("/api/v1/cards/<int:card_id>/replies")
@requires("reply.send")
def write_reply(card_id: int) -> Response:
    text, key = forms.read_reply(request.get_json())
    station_id, at = my_station().id, clock.now()
    with db.transaction() as session:
        card = queries.load_card(session, station_id, card_id)
        view = queries.view_card(session, card, at=at)
        message = conversations.write_reply(
            session,
            station_id,
            view.message.conversation_id,
            text,
            by=me().id,
            at=at,
            idempotency_key=key,
            reply_to_id=view.message.id,
        )
        body = {"message": threads.view_messages(session, [message])[0].as_json()}
    return jsonify(body)


@wall.delete("/api/v1/replies/<int:message_id>")
@requires("reply.send")
def cancel_reply(message_id: int) -> Response:
    with db.transaction() as session:
        message = conversations.cancel_reply(session, my_station().id, message_id, by=me().id, at=clock.now())
        body = {"message": threads.view_messages(session, [message])[0].as_json()}
    return jsonify(body)


@wall.get("/api/v1/events")
@signed_in
def list_events() -> Response:
    """What a page missed after the number it has: only what this person may see now, complete up to `seq`."""
    after = forms.read_after(request.args)
    station_id, identity = my_station().id, me()
    with db.reading() as session:
        seq = log.last_seq(session, station_id)
        events = log.list_after(session, station_id, after)
    if events is None:
        return jsonify({"reload": True, "seq": seq})
    seen = [event.as_json() for event in events if identity.may(event.audience)]
    return jsonify({"events": seen, "seq": max([after, *(event.seq for event in events)])})
