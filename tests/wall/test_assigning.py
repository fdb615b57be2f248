"""Passing cards on: to a desk or a colleague, told live, found by filter, counted, and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from desk import db
from desk.errors import Invalid
from desk.live.models import AuditRow, LiveEvent
from desk.settings import Settings
from desk.wall import actions, assigning, queries
from desk.wall.walks import Filter
from tests.desk_fixtures import SIX, add_cast
from tests.wall.builders import a_card

NOW = SIX + timedelta(hours=1)


def test_a_card_is_passed_on_live_and_found_by_whom_it_is_for(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        one, two, foreign = (a_card(session, at) for at in (cast.rheinwelle, cast.rheinwelle, cast.oldie95))
        a_card(session, cast.rheinwelle)
        version = one.version
    with db.transaction() as session:
        assigning.assign(session, cast.rheinwelle, one.id, desk="presenter", by=cast.nia, at=NOW)
        assigning.assign(session, cast.oldie95, foreign.id, desk="presenter", by=cast.otto, at=NOW)
        act = assigning.assign(session, cast.rheinwelle, two.id, person_id=cast.edith, by=cast.nia, at=NOW)

    def found(**wanted: Any) -> list[int]:
        with db.reading() as session:
            page = queries.list_cards(session, cast.rheinwelle, Filter(**wanted), at=NOW)
            return [view.card.id for view in page.cards]

    assert found(assigned_desk="presenter") == [one.id]
    assert found(assigned_to_id=cast.edith, states=("new",)) == [two.id]
    assert found(assigned_to_id=cast.edith, states=("rejected",)) == []
    with db.reading() as session:
        counted = assigning.count_assigned(session, cast.rheinwelle, Filter(), me=cast.edith, at=NOW)
        assert counted == {"me": 1, "presenter": 1, "contest": 0, "service": 0}
        events = session.execute(select(LiveEvent).where(LiveEvent.station_id == cast.rheinwelle)).scalars().all()
        handed = [event.payload for event in events if event.kind == "card.handed"]
        assert [(told["card_id"], told["to_id"], told["by"]["name"]) for told in handed] == [
            (two.id, cast.edith, "Nia")
        ]
        shown = [event.payload["card"]["assigned"] for event in events if event.kind == "card.changed"]
        assert [said and (said["desk"], said["to"] and said["to"]["name"]) for said in shown] == [
            ("presenter", None), (None, "Edith"),
        ]  # fmt: skip
        audited = session.execute(select(AuditRow).where(AuditRow.act == "card.assign")).scalars().all()
        assert {row.by_person_id for row in audited} == {cast.nia, cast.otto}
    with db.transaction() as session:
        actions.undo(session, cast.rheinwelle, act.id, by=cast.edith, at=NOW)
        actions.move_card(session, cast.rheinwelle, one.id, to="rejected", version=version, by=cast.edith, at=NOW)
    assert found(assigned_to_id=cast.edith) == []


def test_a_held_card_goes_over_to_the_colleague_and_to_a_desk_it_goes_free(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        given, sent, theirs = (a_card(session, cast.rheinwelle) for _ in range(3))
        for card, by in ((given, cast.nia), (sent, cast.nia), (theirs, cast.omar)):
            actions.claim(session, cast.rheinwelle, card.id, by=by, at=NOW)
        assigning.assign(session, cast.rheinwelle, given.id, person_id=cast.edith, by=cast.nia, at=NOW)
        assigning.assign(session, cast.rheinwelle, sent.id, desk="contest", by=cast.nia, at=NOW)
        assigning.assign(session, cast.rheinwelle, theirs.id, desk="contest", by=cast.nia, at=NOW)

        assert [card.claimed_by_id for card in (given, sent, theirs)] == [cast.edith, None, cast.omar]
        with pytest.raises(Invalid):
            assigning.assign(session, cast.rheinwelle, given.id, person_id=cast.otto, by=cast.nia, at=NOW)
