"""What every list and count of the wall asks of the database, for filters alone and in pairs: along an index, always.

How long each takes at a million cards is measured by bench/wall_page.py.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from bench import _choices
from desk import db
from desk.contests.models import Campaign
from desk.settings import Settings
from desk.team import queries as team
from desk.wall import forms, hits, mood, queries, search, tallies, triage, walks
from desk.wall.facets import Facets
from desk.wall.walks import Filter
from tests.desk_fixtures import SIX, add_cast, statements
from tests.wall.builders import a_card

NOW = SIX + timedelta(hours=1)
AFTER = (SIX + timedelta(minutes=1), 7)
CHOSEN = [{}, *_choices.queries_of(1), *islice(_choices.queries_of(2), 0, None, 6)]
asked = partial(statements, r"\bcard\b")  # the statements that look at cards, with their values


def ask(session: Session, wanted: Filter) -> None:
    """All that a screen asks for."""
    for after in (None, AFTER):
        queries.list_ids(session, 1, wanted, None, 61, NOW, after=after)
    queries.counts(session, 1, at=NOW)
    tallies.facet_counts(session, 1, wanted, at=NOW)


def plan_of(connection: Connection, statement: str, values: Any) -> str:
    is_lite = connection.dialect.name == "sqlite"
    rows = connection.exec_driver_sql(f"{'EXPLAIN QUERY PLAN' if is_lite else 'EXPLAIN'} {statement}", values)
    return "\n".join(str(row[3] if is_lite else row[0]) for row in rows)


def test_every_filter_and_its_numbers_go_along_an_index(on_both_databases: Settings) -> None:
    with db.reading() as session:
        if session.get_bind().dialect.name != "sqlite":  # on an empty table every plan is good
            session.execute(text("SET LOCAL enable_seqscan = off"))
        plans: dict[str, str] = {}
        for query in CHOSEN:
            args = {name: "2026-11-19" if choice == "day" else choice for name, choice in query.items()}
            wanted, _cursor, _limit = forms.read_filter(
                args, forms.Asker(ZoneInfo("UTC"), 1, lambda _show, _at: None), at=NOW
            )
            with asked() as seen:
                ask(session, wanted)
            assert len(seen) >= 4, query
            connection = session.connection()
            plans |= {statement: plan_of(connection, statement, values) for statement, values in seen}

    for statement, plan in plans.items():
        assert not re.search(r"SCAN card(_\d+)?$|Seq Scan on card\b", plan, re.M), f"{statement}\n{plan}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_somebody_holds_is_read_from_its_own_index(on_both_databases: Settings) -> None:
    with db.reading() as session, asked() as seen:
        ask(session, Filter(states=("claimed",)))
        plans = [plan_of(session.connection(), *one) for one in list(seen)]

    assert all("ix_card_claimed" in plan for plan in plans), plans
    assert not any("ix_card_wall" in plan for plan in plans), plans


def judge_plans_of_an_empty_table(session: Session) -> None:
    """On an empty table every plan is good to PostgreSQL: it may only take one that uses an index."""
    if session.get_bind().dialect.name != "sqlite":
        for way in ("seqscan", "bitmapscan", "sort"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))


def test_the_pile_of_a_run_is_read_along_an_index_and_no_further_than_needed(on_both_databases: Settings) -> None:
    with db.reading() as session:
        judge_plans_of_an_empty_table(session)
        with asked() as seen:
            triage.take_stack(session, 1, by=1, at=NOW)
            triage.count_remaining(session, 1, by=1, at=NOW)
        stack, *counts = [plan_of(session.connection(), *one) for one in list(seen)]

    assert "ix_card_wall_state" in stack, stack
    assert not re.search("TEMP B-TREE FOR ORDER BY|Sort", stack), stack
    assert len(counts) == 2
    for plan in counts:
        assert not re.search(r"SCAN card(_\d+)?$|Seq Scan on card\b", plan, re.M), plan
    assert "message_id" in counts[1], counts[1]


def test_where_there_is_nothing_to_look_up_the_database_is_not_asked(on_both_databases: Settings) -> None:
    """SQLite walks a whole station for a card that is none of them."""
    with db.reading() as session, statements("SELECT") as seen:
        mood.list_items(session, 1, at=NOW)
        team.list_lines(session, 1)
        asked_about_none = [statement for statement, _values in seen if re.search("1 ?!= ?1", statement)]

    assert len(seen) >= 2
    assert asked_about_none == []


def test_a_language_within_a_campaign_has_an_index_of_its_own(on_both_databases: Settings) -> None:
    with db.reading() as session:
        judge_plans_of_an_empty_table(session)
        with asked() as seen:
            queries.list_ids(
                session, 1, Filter(campaign_id=1, facets=Facets(language="tr")), None, 61, NOW, after=AFTER
            )
        (plan,) = [plan_of(session.connection(), *one) for one in list(seen)]

    assert "ix_card_campaign_language" in plan, plan


def test_hits_are_read_in_the_order_of_the_wall_until_a_page_is_full(
    on_both_databases: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "GLANCE", 0)  # a limit of ours: the index alone
    with db.transaction() as session:
        cast = add_cast(session)
        called = Campaign(station_id=cast.rheinwelle, name="Ständchen", opens_at=SIX, created_at=SIX)
        session.add(called)
        session.flush()
        campaign_id = called.id
        a_card(session, cast.rheinwelle, text="Ständchen").campaign_id = campaign_id
    with db.reading() as session:
        lite = session.get_bind().dialect.name == "sqlite"
        if not lite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
            assert session.execute(text("SHOW jit")).scalar_one() == "off", "compiling takes longer than any search"
        wanted = Filter(text="standchen", campaign_id=campaign_id)
        with asked() as seen:
            search.find_ids(session, cast.rheinwelle, wanted, search.read("standchen"), None, 61, NOW)
        plans = [plan_of(session.connection(), *one) for one in list(seen)]
        if lite:
            values = {"match": "sta", "low": hits.EARLIEST, "high": hits.LATEST, "most": 9}
            for reach in hits.REACH.values():
                plan = "\n".join(row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {reach}"), values))
                assert re.search("SCAN card_ft VIRTUAL TABLE", plan), plan
                assert "TEMP B-TREE" not in plan, plan
            assert not any(re.search(r"SCAN c(ard)?$", plan, re.M) for plan in plans), plans
            return
        made = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_card_folded_trigram'"
        index = session.execute(text(made)).scalar_one()
    assert "(placed_at >> 24) = stretch.number" in plans[-1], plans
    assert "campaign_id = '1'::bigint" in plans[-1], "as wide as in the index, or it is of no use there"
    assert re.search(r"\(placed_at >> 24\).*campaign_id.*folded", index), "the stretch first: the rest within it alone"


@pytest.mark.parametrize("is_oldest_first", [False, True])
@pytest.mark.parametrize("minute", [-5, 5, 15])
def test_an_index_is_entered_and_left_at_the_narrower_bound(minute: int, is_oldest_first: bool) -> None:
    within = Filter(since=SIX, until=SIX + timedelta(minutes=10), is_oldest_first=is_oldest_first)

    assert len(walks.between(within, (SIX + timedelta(minutes=minute), 7))) == 2, "one to each side"
