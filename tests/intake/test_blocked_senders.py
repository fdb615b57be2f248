"""What a blocked sender sends: received and kept, its file left with the provider until the block is over."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from desk import clock, db
from desk.intake import holding
from desk.jobs import work
from desk.jobs.models import Job
from desk.listeners.models import Block, Listener
from desk.media import queries as media
from desk.media import rules, storage, workplace
from desk.media.models import Asset
from desk.wall import actions, blocks
from tests.intake.graph import Graph
from tests.intake.provider import BO, Provider, message, messages
from tests.intake.test_bad_input import photo, send_file, temp_is_empty
from tests.servers import wait_until


def block(provider: Provider, length: str = "day") -> int:
    """Nia blocks the sender of the first card; the number of her act."""
    with db.transaction() as session:
        card_id = provider.cards()[0].id
        act = blocks.block_sender(
            session, provider.cast.rheinwelle, card_id, length=length, reason="flood", by=provider.cast.nia,
            at=clock.now(),
        )  # fmt: skip
        return act.id


def lift(provider: Provider) -> None:
    with db.transaction() as session:
        card_id = provider.cards()[0].id
        blocks.unblock_sender(session, provider.cast.rheinwelle, card_id, by=provider.cast.edith, at=clock.now())


def asked_for_media(graph: Graph) -> list[str]:
    return [path for path in graph.asked if "590000000000031" in path]


def read_what_came() -> None:
    """Read deliveries and leave what they led to in line."""
    with db.reading() as session:
        wanted = select(Job.id).where(Job.kind == "read_delivery", Job.state == "ready")
        ids = session.execute(wanted).scalars().all()
    for job_id in ids:
        work.run(job_id)


def change(model: Any, **values: Any) -> None:
    with db.transaction() as session:
        session.execute(update(model).values(**values))


def test_nothing_is_lost_and_no_file_is_fetched_while_a_block_holds(provider: Provider, graph: Graph) -> None:
    provider.say("Drohung")
    provider.run()
    block(provider)
    send_file(provider, graph, "image", photo(), "image/png")
    provider.run()

    asset = provider.asset()
    assert len(provider.cards()) == 2
    assert asked_for_media(graph) == []
    assert [job for job in provider.rows(Job) if job.kind == "fetch_media"] == []
    assert (asset.state, asset.reason, asset.original_key) == ("waiting", rules.LEFT, None)
    assert provider.outcomes() == ["card", "card"]
    assert graph.sent == [], "the sender is told nothing"


@pytest.mark.parametrize("length", ["hour", "day", "ever"])
def test_no_request_for_a_blocked_senders_file_leaves_the_house_whatever_the_provider_repeats(
    provider: Provider, graph: Graph, length: str
) -> None:
    provider.say("Drohung")
    provider.run()
    block(provider, length)
    sha256 = graph.keep("590000000000031", photo(), "image/png")
    sent = messages(message("image", {"id": "590000000000031", "mime_type": "image/png", "sha256": sha256}))
    provider.post(sent)
    provider.run()
    provider.post(sent)
    again = messages(message("image", {"id": "590000000000031", "mime_type": "image/png", "sha256": sha256}))
    provider.post(again)
    provider.run()
    holding.go_on()
    provider.run()

    assert asked_for_media(graph) == []
    assert {asset.reason for asset in provider.rows(Asset)} == {rules.LEFT}
    assert [asset.original_key for asset in provider.rows(Asset) if asset.original_key] == []


def test_what_was_left_is_fetched_when_the_block_is_lifted(provider: Provider, graph: Graph) -> None:
    provider.say("Drohung")
    provider.run()
    block(provider)
    send_file(provider, graph, "image", photo(), "image/png")
    provider.run()

    lift(provider)
    provider.run()

    assert (provider.asset().state, provider.asset().reason) == ("ready", None)


def test_a_file_that_stood_in_line_stays_there_and_comes_when_the_block_is_taken_back(
    provider: Provider, graph: Graph
) -> None:
    send_file(provider, graph, "image", photo(), "image/png")
    read_what_came()
    act_id = block(provider)
    provider.run()
    asked = asked_for_media(graph)
    with db.transaction() as session:
        actions.undo(session, provider.cast.rheinwelle, act_id, by=provider.cast.edith, at=clock.now())
    provider.run()

    assert asked == []
    assert provider.asset().state == "ready"


def test_a_job_that_comes_all_the_same_leaves_the_file_where_it_is(provider: Provider, graph: Graph) -> None:
    provider.say("Drohung")
    provider.run()
    send_file(provider, graph, "image", photo(), "image/png")
    read_what_came()
    change(Listener, blocked_until=clock.now() + timedelta(hours=1))  # between two looks, as it were
    provider.run()

    assert asked_for_media(graph) == []
    assert provider.asset().reason == rules.LEFT


def test_a_download_on_its_way_is_dropped_within_seconds(provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "video", bytes(4_000_000), "video/mp4", is_slow=True)
    running = threading.Thread(target=provider.run)
    running.start()
    try:
        wait_until(lambda: any(workplace.temp_folder().glob("fetch-*/*")), "the download", limit_s=60)
        block(provider)
        running.join(20)
        is_ended = not running.is_alive()
    finally:
        graph.stopped.set()
        running.join(60)

    assert is_ended
    assert (list(storage.current().list("")), temp_is_empty()) == ([], True)
    assert (provider.asset().state, provider.asset().reason) == ("waiting", rules.LEFT)


def test_what_the_provider_forgot_meanwhile_says_why(provider: Provider, graph: Graph) -> None:
    provider.say("Drohung")
    provider.run()
    block(provider, "ever")
    send_file(provider, graph, "image", photo(), "image/png")
    provider.run()
    change(Asset, expires_at=clock.now() - timedelta(minutes=1))

    lift(provider)
    provider.run()

    asset = provider.asset()
    assert (asset.state, asset.reason) == ("failed", rules.FORGOTTEN)
    assert "provider did not keep it" in str(media.reason_text(asset.reason))
    assert asked_for_media(graph) == []


def test_the_keeper_ends_what_is_over_and_fetches_what_was_left(provider: Provider, graph: Graph) -> None:
    provider.say("Drohung")
    provider.run()
    block(provider, "hour")
    send_file(provider, graph, "image", photo(), "image/png")
    provider.run()
    before = holding.go_on()
    change(Listener, blocked_until=clock.now())
    change(Block, until=clock.now())

    done = holding.go_on()
    provider.run()

    assert (before, done > 0, holding.go_on()) == (0, True, 0)
    assert provider.asset().state == "ready"


def test_another_listeners_files_come_meanwhile(provider: Provider, graph: Graph) -> None:
    provider.say("Drohung")
    provider.run()
    block(provider)
    sha256 = graph.keep("590000000000031", photo(), "image/png")
    body = {"id": "590000000000031", "mime_type": "image/png", "sha256": sha256}
    provider.post(messages(message("image", body, sender=BO), name="Bo"))
    provider.run()

    assert provider.asset().state == "ready"
