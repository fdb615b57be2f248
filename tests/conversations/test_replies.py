"""Replies: inside the window, taken back in time, sent at most once, with the state the provider tells."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from desk import clock, db
from desk.conversations import actions, queries, replies, rules
from desk.conversations.models import Conversation, Message, PendingChange
from desk.errors import Invalid
from desk.jobs import table, work
from desk.jobs.models import Job
from desk.live.models import LiveEvent
from tests.intake.graph import Graph
from tests.intake.provider import Provider, message, messages, status, statuses


def write(provider: Provider, text: str = "Danke, Ada!", key: str = "key-1", **more: Any) -> int:
    """Nia answers the only conversation; returns the message's id."""
    with db.transaction() as session:
        conversation = session.execute(select(Conversation)).scalar_one()
        written = actions.write_reply(
            session, provider.cast.rheinwelle, conversation.id, text, by=provider.cast.nia, at=clock.now(),
            idempotency_key=key, **more,
        )  # fmt: skip
        return written.id


def send(provider: Provider) -> None:
    """The moment to take replies back is over."""
    provider.run_waiting(replies.JOB)


def state_of(message_id: int) -> tuple[str | None, str | None]:
    with db.reading() as session:
        found = session.get_one(Message, message_id)
        return found.delivery_state, found.delivery_error


@pytest.fixture
def asked(provider: Provider) -> Provider:
    """Ada has written; the desk may answer."""
    provider.say("Spielt ihr das?", id="wamid.ADA1")
    provider.run()
    return provider


def test_a_reply_is_held_and_then_sent_to_the_listener(asked: Provider, graph: Graph) -> None:
    message_id = write(asked, reply_to_id=1)
    asked.run()
    held = state_of(message_id)

    send(asked)

    assert held == ("held", None)
    assert state_of(message_id) == ("accepted", None)
    (body,) = graph.sent
    assert body["text"]["body"] == "Danke, Ada!"
    assert body["biz_opaque_callback_data"] == f"reply-{message_id}"
    assert body["context"] == {"message_id": "wamid.ADA1"}
    assert body["recipient"] == "DE.4915790001234"
    assert "to" not in body


def test_every_step_of_a_reply_is_told_to_the_screens(asked: Provider) -> None:
    write(asked)
    send(asked)
    asked.post(statuses(status("wamid.OUT1", "delivered")))
    asked.run()

    told = [row.payload["message"] for row in asked.rows(LiveEvent) if row.kind == "message.changed"]
    states = [one["delivery_state"] for one in told if one["direction"] == "out"]
    assert states == ["held", "sending", "accepted", "delivered"]


def test_a_reply_can_be_taken_back_while_it_is_held(asked: Provider, graph: Graph) -> None:
    message_id = write(asked)

    for _ in range(2):
        with db.transaction() as session:
            actions.cancel_reply(session, asked.cast.rheinwelle, message_id, by=asked.cast.nia, at=clock.now())
    send(asked)

    assert state_of(message_id) == ("cancelled", None)
    assert graph.sent == []


def test_a_reply_on_its_way_cannot_be_taken_back(asked: Provider) -> None:
    message_id = write(asked)
    send(asked)

    with pytest.raises(replies.TooLate) as refused, db.transaction() as session:
        actions.cancel_reply(session, asked.cast.rheinwelle, message_id, by=asked.cast.nia, at=clock.now())

    assert refused.value.current["delivery_state"] == "accepted"


def test_the_same_key_twice_is_one_reply(asked: Provider, graph: Graph) -> None:
    ids = {write(asked), write(asked)}
    send(asked)

    assert len(ids) == len(graph.sent) == 1


def test_the_same_key_with_other_words_is_refused(asked: Provider) -> None:
    write(asked)

    with pytest.raises(replies.KeyUsed):
        write(asked, "Etwas anderes")


@pytest.mark.parametrize("text", ["", "  \n", "x" * 4097])
def test_an_empty_or_overlong_reply_is_refused(asked: Provider, text: str) -> None:
    with pytest.raises(Invalid):
        write(asked, text)


def test_another_stations_conversation_is_not_there(asked: Provider) -> None:
    with pytest.raises(queries.NoConversation), db.transaction() as session:
        actions.write_reply(
            session, asked.cast.oldie95, 1, "Hallo", by=asked.cast.otto, at=clock.now(), idempotency_key="o"
        )


def test_no_reply_is_written_when_the_window_is_closed(provider: Provider) -> None:
    provider.say("Von gestern", at_s=int(time.time()) - 24 * 3600 + 200)
    provider.run()

    with pytest.raises(replies.WindowClosed) as refused:
        write(provider)

    assert refused.value.closes_at is not None


def test_a_window_that_closes_meanwhile_is_seen_before_sending(asked: Provider, graph: Graph) -> None:
    message_id = write(asked)
    with db.transaction() as session:
        session.execute(update(Conversation).values(closes_at=clock.now() - timedelta(minutes=1)))

    send(asked)

    assert state_of(message_id) == ("failed", "conversations.window_closed")
    assert graph.sent == []


def test_edits_and_reactions_open_no_window(provider: Provider) -> None:
    provider.say("Alt", id="wamid.OLD1", at_s=int(time.time()) - 30 * 3600)
    provider.post(
        messages(message("edit", {"original_message_id": "wamid.OLD1",
                                  "message": {"type": "text", "text": {"body": "Neu"}}}))
    )  # fmt: skip
    provider.run()

    with pytest.raises(replies.WindowClosed):
        write(provider)


def test_a_throttled_reply_waits_and_goes_out_once(asked: Provider, graph: Graph) -> None:
    graph.answers = [(400, {"error": {"code": 130429, "message": "slow down"}})]
    message_id = write(asked)

    send(asked)
    waiting = state_of(message_id)
    send(asked)

    assert waiting == ("queued", "channels.throttled")
    assert state_of(message_id) == ("accepted", None)
    assert len(graph.sent) == 2


def test_a_refused_reply_fails_with_its_reason(asked: Provider, graph: Graph) -> None:
    graph.answers = [(400, {"error": {"code": 131026, "message": "undeliverable"}})]
    message_id = write(asked)

    send(asked)
    send(asked)

    assert state_of(message_id) == ("failed", "channels.refused.recipient_unreachable")
    assert len(graph.sent) == 1


@pytest.mark.parametrize("answer", [(0, {}), (500, {"error": {"code": 131000}}), (200, {"odd": True})])
def test_an_unknown_outcome_is_unsure_and_never_sent_again(
    asked: Provider, graph: Graph, answer: tuple[int, dict[str, Any]]
) -> None:
    graph.answers = [answer]
    message_id = write(asked)

    for _ in range(3):
        send(asked)

    assert state_of(message_id) == ("unsure", "reply.unsure")
    assert len(graph.sent) == 1


def test_a_worker_that_died_while_sending_leaves_unsure_and_no_second_send(asked: Provider, graph: Graph) -> None:
    message_id = write(asked)
    with db.transaction() as session:  # exactly what a worker commits before it asks the provider
        replies.begin_sending(session, message_id, at=clock.now())
        job = session.execute(select(Job).where(Job.kind == replies.JOB)).scalar_one()
        job.state, job.lease, job.lease_until = "running", "dead", clock.now() - timedelta(seconds=1)
        job_id = job.id

    work.run(job_id)

    assert state_of(message_id) == ("unsure", "reply.unsure")
    assert graph.sent == []


def test_a_status_with_our_callback_repairs_a_lost_answer(asked: Provider, graph: Graph) -> None:
    graph.answers = [(0, {})]
    message_id = write(asked)
    send(asked)

    asked.post(statuses(status("wamid.LOST", "sent", biz_opaque_callback_data=f"reply-{message_id}")))
    asked.post(statuses(status("wamid.LOST", "read")))
    asked.run()

    assert state_of(message_id) == ("read", None)


def test_anothers_callback_touches_nothing(asked: Provider) -> None:
    message_id = write(asked)
    send(asked)

    asked.post(statuses(status("wamid.FORGED", "failed", biz_opaque_callback_data=f"reply-{message_id}")))
    asked.post(statuses(status("wamid.FORGED2", "read", biz_opaque_callback_data="reply-1")))
    asked.run()

    assert state_of(message_id) == ("accepted", None)


def test_a_person_ends_the_doubt(asked: Provider, graph: Graph) -> None:
    graph.answers = [(0, {})]
    message_id = write(asked)
    send(asked)

    with db.transaction() as session:
        actions.settle_unsure(
            session, asked.cast.rheinwelle, message_id, has_arrived=True, by=asked.cast.nia, at=clock.now()
        )

    assert state_of(message_id) == ("sent", None)


def test_statuses_in_any_order_also_before_our_own_answer_end_alike(asked: Provider, graph: Graph) -> None:
    for number, order in enumerate(permutations(["sent", "delivered", "read", "accepted"]), 1):
        message_id = write(asked, key=f"key-{number}")
        for step in order:
            if step == "accepted":
                send(asked)
            else:
                asked.post(statuses(status(f"wamid.OUT{number}", step)))
                asked.run()

        assert state_of(message_id) == ("read", None), order
    assert asked.rows(PendingChange) == []


def test_the_same_on_both_databases(provider_on_both: Provider, graph: Graph) -> None:
    provider_on_both.say("Spielt ihr das?")
    provider_on_both.run()
    message_id = write(provider_on_both)
    provider_on_both.post(statuses(status("wamid.OUT1", "delivered")))
    provider_on_both.run()

    send(provider_on_both)
    with db.transaction() as session:
        table.put_again(session, replies.JOB, f"message:{message_id}", at=clock.now())
    send(provider_on_both)

    assert state_of(message_id) == ("delivered", None)
    assert len(graph.sent) == 1


STATES = ["accepted", "sent", "delivered", "read", "played", "failed"]


@given(st.lists(st.sampled_from(STATES), max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_rank_decides_and_never_the_order(arrived: list[str], chance: Any) -> None:
    def end(order: list[str]) -> str:
        state = "sending"
        for after in order:
            state = after if rules.follows(state, after) else state
        return state

    shuffled = list(arrived)
    chance.shuffle(shuffled)

    assert end(arrived) == end(shuffled) == end(arrived + shuffled)


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [("sent", "delivered", True), ("delivered", "sent", False), ("read", "delivered", False), ("failed", "sent", False),
     ("failed", "delivered", True), ("unsure", "sent", True), ("cancelled", "sent", False),
     ("sending", "unsure", True)],
)  # fmt: skip
def test_states_only_move_up(before: str, after: str, allowed: bool) -> None:
    assert rules.follows(before, after) is allowed


def test_a_thread_shows_both_sides_oldest_first(asked: Provider) -> None:
    write(asked)
    with db.reading() as session:
        shown = queries.thread(session, 1, 10)

    assert [one.direction for one in shown] == ["in", "out"]
    view = shown[1].as_json()
    assert view["by"]["name"] == "Nia"
    assert view["held_until"] is not None
    assert set(view) == {
        "id", "direction", "kind", "text", "at", "delivery_state", "delivery_error", "by", "media_ids", "reactions",
        "is_edited", "is_revoked", "held_until", "is_aside",
    }  # fmt: skip
