"""The team's line and the hand-over: for one station and one day, with nothing of a listener that does not belong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select

from desk import clock, db
from desk.live.models import AuditRow, LiveEvent
from desk.settings import Settings
from desk.team import actions, queries
from desk.wall import actions as wall
from desk.wall import assigning
from desk.wall.models import Card
from tests.desk_fixtures import SIX, Browser, Cast, add_cast
from tests.wall.builders import a_card, a_listener

NOON = SIX + timedelta(hours=6)


def test_a_line_carries_a_card_until_it_is_gone_and_goes_with_its_day(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        card = a_card(session, cast.rheinwelle, listener=a_listener(session, cast.rheinwelle, "Bo"))
        said = [
            actions.say(session, cast.rheinwelle, "Schön", card_id=card.id, key="k" * 8, by=cast.nia, at=NOON)
            for _ in range(2)
        ]
        actions.say(session, cast.oldie95, "Anderswo", key="k" * 8, by=cast.otto, at=NOON)
    assert said[0].id == said[1].id, "sent twice it is said once"

    with db.reading() as session:
        (line,) = [view.as_json() for view in queries.list_lines(session, cast.rheinwelle)]
        told = session.execute(select(LiveEvent).where(LiveEvent.kind == "team.line")).scalars().all()
    assert (line["text"], line["by"]["name"]) == ("Schön", "Nia")
    assert line["card"] == {"id": card.id, "kind": "text", "name": "Bo", "is_gone": False}
    assert [set(event.payload) for event in told] == [{"id", "by_id"}] * 2, "an event holds no words"

    with db.transaction() as session:
        wall.withdraw_card(session, session.get_one(Card, card.id), at=NOON)
    with db.transaction() as session:
        (view,) = queries.list_lines(session, cast.rheinwelle)
        assert view.as_json()["card"] == {"id": card.id, "kind": "text", "name": "", "is_gone": True}
        assert actions.forget_old(session, at=NOON + timedelta(hours=3)) == 0
        assert actions.forget_old(session, at=NOON + timedelta(hours=13)) == 2


def test_a_shift_hands_over_what_is_unseen_promised_and_open(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        held, for_desk, for_edith, done = (a_card(session, cast.rheinwelle) for _ in range(4))
        a_card(session, cast.oldie95)
        wall.claim(session, cast.rheinwelle, held.id, by=cast.nia, at=NOON)
        assigning.assign(session, cast.rheinwelle, for_desk.id, desk="service", by=cast.nia, at=NOON)
        assigning.assign(session, cast.rheinwelle, for_edith.id, person_id=cast.edith, by=cast.nia, at=NOON)
        assigning.assign(session, cast.rheinwelle, done.id, desk="service", by=cast.nia, at=NOON)
        wall.move_card(session, cast.rheinwelle, done.id, to="rejected", version=done.version, by=cast.nia, at=NOON)

    with db.transaction() as session:
        shift = queries.build_shift(session, cast.rheinwelle, at=NOON)
        for _ in range(2):
            actions.take_over(session, cast.rheinwelle, shift.figures, by=cast.edith, at=NOON)

    assert shift.unseen == {"text": 3}
    assert [view.card.id for view in shift.held] == [held.id]
    assert [view.card.id for view in shift.passed_on] == [for_desk.id, for_edith.id]
    with db.reading() as session:
        again = queries.build_shift(session, cast.rheinwelle, at=NOON)
        audited = session.execute(select(AuditRow).where(AuditRow.act == "handover.take")).scalars().all()
        assert again.taken_by is not None
        assert again.taken_by.name == "Edith"
        assert queries.build_shift(session, cast.oldie95, at=NOON).taken is None
    assert [(row.by_person_id, row.details["unseen"]) for row in audited] == [(cast.edith, 3)]


def test_the_page_is_there_for_the_station_and_one_press_takes_over(
    cast: Cast, sign_in: Callable[[str], Browser]
) -> None:
    with db.transaction() as session:
        card = a_card(session, cast.rheinwelle, listener=a_listener(session, cast.rheinwelle, "Bo"))
        assigning.assign(session, cast.rheinwelle, card.id, desk="service", by=cast.nia, at=clock.now())
        a_card(session, cast.oldie95, listener=a_listener(session, cast.oldie95, "Fremd"))
    nia, edith = sign_in("nia"), sign_in("edith")

    line = nia.post("/api/v1/team/lines", {"text": "Bis morgen", "card_id": card.id, "idempotency_key": "abcdefgh"})
    page = edith.get("/handover").get_data(as_text=True)
    taken = edith.post("/handover")

    assert line.status_code == 200
    assert "Bis morgen" in page
    assert "Bo" in page
    assert "Fremd" not in page
    assert taken.status_code == 303
    assert "Edith" in nia.get("/handover").get_data(as_text=True)
    assert nia.post("/api/v1/team/lines", {"text": "", "idempotency_key": "abcdefgi"}).status_code == 422
    shown = json.dumps(edith.get("/api/v1/team/lines").get_json())
    assert "phone" not in shown
    assert sign_in("sam").get("/handover").status_code == 403
