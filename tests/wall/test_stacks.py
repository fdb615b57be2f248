"""Copies of one thing stand together on the wall, under the best of them, until somebody says that they are not."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from desk import clock, db
from desk.jobs import work
from desk.jobs.models import Job
from desk.live.models import AuditRow, LiveEvent
from desk.media import actions as media
from desk.media import prints, storage
from desk.media.models import Asset, Print, PrintKey
from desk.privacy import erasing, subjects
from desk.settings import Settings
from desk.wall import actions, queries, stacks, twins
from desk.wall.models import Card, Stack, StackExclusion
from desk.wall.twins import Copy
from media_store import sound_print
from media_store.keys import new_key
from media_store.pipeline import Facts
from tests.desk_fixtures import Browser, Cast, add_cast
from tests.media_store import look_alikes, material
from tests.wall.builders import a_card, a_rendition, an_asset

RunJobs = Callable[[], int]
_bytes = itertools.count(1)


@cache
def picture_facts(seed: int, copy: str = "") -> Facts:
    image = look_alikes.scene(seed, 400, 300)
    changed = look_alikes.PICTURE_COPIES[copy](image) if copy else image
    taken = look_alikes.print_of(changed)
    assert taken is not None
    return Facts(
        "image", "image/jpeg", width_px=image.width, height_px=image.height, picture_print=taken.to_bytes()
    )  # fmt: skip


@cache
def voice_facts(child: int, copy: str = "") -> Facts:
    sung = look_alikes.song(look_alikes.CHILDREN[child], key_hz=262, beat_s=0.3)
    changed = look_alikes.SOUND_COPIES[copy](sung) if copy else sung
    taken = sound_print.take_print([changed])
    assert taken is not None
    return Facts("voice", "audio/ogg", duration_s=len(changed) / 48_000, sound_print=taken.to_bytes())


def a_file(session: Session, station_id: int, facts: Facts, **said: Any) -> Card:
    """A card whose file has become ready this moment; its bytes are nobody else's."""
    sha256, age = said.pop("sha256", f"{next(_bytes):064x}"), said.pop("age", timedelta(0))
    size_bytes = said.pop("size_bytes", 100_000)
    card = a_card(session, station_id, kind=facts.kind, **said)
    asset = an_asset(
        session, card.message_id, station_id, kind=facts.kind, state="processing", created_at=clock.now() - age,
        original_sha256=sha256, original_bytes=size_bytes, original_key=new_key(str(station_id), extension="bin"),
    )  # fmt: skip
    media.set_facts(session, asset, facts, at=clock.now())
    return card


def twins_of(card: Card) -> dict[str, Any] | None:
    with db.reading() as session:
        seen = queries.view_card(session, session.get_one(Card, card.id), at=clock.now())
        shown: dict[str, Any] | None = seen.as_json()["twins"]
    return shown


def files(cast: Cast, *facts: Facts) -> list[Card]:
    """Cards with these files, one after the other, and their copies looked for."""
    with db.transaction() as session:
        cards = [a_file(session, cast.rheinwelle, one) for one in facts]
    work.run_due()
    return cards


def test_copies_stand_together_and_say_which_is_best_and_why(cast: Cast) -> None:
    small = replace(picture_facts(1, "a third as wide, JPEG 60"), width_px=133, height_px=100)

    first, second, stranger = files(cast, small, picture_facts(1), picture_facts(2))

    shown = twins_of(first)
    assert shown == {
        "stack_id": shown["stack_id"] if shown else None,
        "count": 2,
        "is_best": False,
        "best_card_id": second.id,
        "reason": "Same picture, sharper",
    }
    assert twins_of(second) == {**shown, "is_best": True}
    assert twins_of(stranger) is None


def test_a_sound_sent_again_over_the_telephone_is_the_same_and_another_child_is_not(cast: Cast) -> None:
    far = replace(voice_facts(0, "quieter 26 dB"), flags=("very_quiet",))

    far_card, card, other = files(cast, far, voice_facts(0), voice_facts(1))

    shown = twins_of(far_card)
    assert shown is not None
    assert (shown["best_card_id"], shown["reason"]) == (card.id, "Same recording, better sound")
    assert twins_of(other) is None


def test_a_stack_is_told_once_and_audited_and_a_second_search_changes_nothing(cast: Cast) -> None:
    cards = files(cast, picture_facts(1), picture_facts(1, "JPEG 30"))

    def told() -> tuple[int, int, list[int]]:
        with db.reading() as session:
            events = session.execute(
                select(func.count()).select_from(LiveEvent).where(LiveEvent.kind == "stack.changed")
            ).scalar_one()
            rows = session.execute(select(AuditRow.object).where(AuditRow.act == "card.stack")).scalars().all()
            versions = [session.get_one(Card, card.id).version for card in cards]
        return events, len(rows), versions

    before = told()
    with db.transaction() as session:
        for job in session.execute(select(Job).where(Job.kind == "find_twins")).scalars():
            job.state = "ready"
    work.run_due()

    assert before[:2] == (1, 2)
    assert told() == before


def test_two_copies_ready_at_the_same_moment_are_one_stack(on_both_databases: Settings) -> None:
    with db.transaction() as session:
        cast = add_cast(session)
        cards = [a_file(session, cast.rheinwelle, picture_facts(1, copy)) for copy in ("", "JPEG 30", "brighter")]
        job_ids = session.execute(select(Job.id).where(Job.kind == "find_twins")).scalars().all()
    ready = threading.Barrier(len(job_ids))

    def look(job_id: int) -> None:
        ready.wait(20)
        work.run(job_id)

    threads = [threading.Thread(target=look, args=(job_id,)) for job_id in job_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    work.run_due()

    shown = [twins_of(card) for card in cards]
    assert [one and one["count"] for one in shown] == [3, 3, 3]
    assert len({one["stack_id"] for one in shown if one}) == 1
    assert sum(one["is_best"] for one in shown if one) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[::2])
def test_whatever_comes_first_the_stack_is_the_same(cast: Cast, order: tuple[int, ...]) -> None:
    copies = [picture_facts(1), picture_facts(1, "JPEG 30"), replace(picture_facts(1, "brighter"), width_px=2000)]

    cards = dict(zip(order, files(cast, *(copies[n] for n in order)), strict=True))

    assert {(shown := twins_of(card)) and shown["best_card_id"] for card in cards.values()} == {cards[2].id}
    assert {(shown := twins_of(card)) and shown["count"] for card in cards.values()} == {3}


def test_a_withdrawn_copy_leaves_and_another_one_is_best(cast: Cast) -> None:
    best, *rest = files(cast, replace(picture_facts(1), width_px=3000), picture_facts(1), picture_facts(1, "JPEG 30"))
    with db.transaction() as session:
        actions.withdraw_card(session, session.get_one(Card, best.id), at=clock.now())

    shown = [twins_of(card) for card in rest]

    assert [one and one["count"] for one in shown] == [2, 2]
    assert {one["best_card_id"] for one in shown if one} == {rest[0].id}
    with db.reading() as session:
        assert session.get_one(Card, best.id).stack_id is None


def test_of_an_erased_copy_nothing_is_left_to_be_found(cast: Cast) -> None:
    gone, kept = files(cast, picture_facts(1), picture_facts(1, "JPEG 30"))
    with db.reading() as session:
        subject = subjects.of_card(session, gone.id)
        asset_id = session.execute(select(Asset.id).where(Asset.message_id == gone.message_id)).scalar_one()

    report = erasing.erase_exactly(subject, reason="asked", by=None, at=clock.now())

    assert report.is_done
    with db.reading() as session:
        assert session.execute(select(Print).where(Print.asset_id == asset_id)).first() is None
        assert session.execute(select(PrintKey).where(PrintKey.asset_id == asset_id)).first() is None
    assert twins_of(kept) is None


def test_what_a_person_took_out_stays_out_until_it_is_undone(cast: Cast) -> None:
    first, second = files(cast, picture_facts(1), picture_facts(1, "JPEG 30"))
    with db.transaction() as session:
        act = actions.take_apart(session, cast.rheinwelle, second.id, by=cast.nia, at=clock.now())
    with db.transaction() as session:
        for job in session.execute(select(Job).where(Job.kind == "find_twins")).scalars():
            job.state = "ready"
    work.run_due()
    apart = twins_of(first), twins_of(second)

    with db.transaction() as session:
        actions.undo(session, cast.rheinwelle, act.id, by=cast.edith, at=clock.now())

    assert apart == (None, None)
    assert [(one := twins_of(card)) and one["count"] for card in (first, second)] == [2, 2]
    with db.reading() as session:
        assert session.execute(select(StackExclusion)).first() is None


def test_a_further_copy_joins_the_stack_and_not_what_was_taken_out_of_it(cast: Cast) -> None:
    first, second = files(cast, picture_facts(1), picture_facts(1, "JPEG 30"))
    with db.transaction() as session:
        actions.take_apart(session, cast.rheinwelle, second.id, by=cast.nia, at=clock.now())

    (third,) = files(cast, picture_facts(1, "brighter"))

    assert [(one := twins_of(card)) and one["count"] for card in (first, third)] == [2, 2]
    assert twins_of(second) is None


def test_two_stacks_that_turn_out_to_be_one_thing_become_one(cast: Cast) -> None:
    cards = files(cast, picture_facts(1), picture_facts(1, "JPEG 30"), picture_facts(5), picture_facts(5, "JPEG 30"))
    with db.transaction() as session:
        one, two = (session.get_one(Card, card.id) for card in (cards[0], cards[2]))
        pile_ids = one.stack_id, two.stack_id
        asset = session.execute(select(Asset).where(Asset.message_id == one.message_id)).scalar_one()
        other = session.execute(select(Asset).where(Asset.message_id == two.message_id)).scalar_one()
        stacks.join(session, asset, [prints.Twin(other.id, other.message_id, 0.9)], at=clock.now())

    shown = [twins_of(card) for card in cards]

    assert [one and one["count"] for one in shown] == [4, 4, 4, 4]
    assert {one["stack_id"] for one in shown if one} == {min(pile for pile in pile_ids if pile)}
    with db.reading() as session:
        last = session.execute(select(LiveEvent).where(LiveEvent.kind == "stack.changed").order_by(LiveEvent.seq))
        assert any(event.payload["merged"] == [max(pile for pile in pile_ids if pile)] for event in last.scalars())


def join(card: Card, other: Card) -> None:
    """The desk finds that these two are copies of one thing."""
    with db.transaction() as session:
        asset, twin = (
            session.execute(select(Asset).where(Asset.message_id == one.message_id)).scalar_one()
            for one in (card, other)
        )
        stacks.join(session, asset, [prints.Twin(twin.id, twin.message_id, 0.9)], at=clock.now())


def take_apart(cast: Cast, card: Card) -> int:
    with db.transaction() as session:
        return actions.take_apart(session, cast.rheinwelle, card.id, by=cast.nia, at=clock.now()).id


def undo(cast: Cast, act_id: int) -> None:
    with db.transaction() as session:
        actions.undo(session, cast.rheinwelle, act_id, by=cast.edith, at=clock.now())


def stacks_of(cards: list[Card]) -> list[tuple[int, int] | None]:
    return [(shown["stack_id"], shown["count"]) if (shown := twins_of(card)) else None for card in cards]


def test_not_the_same_is_taken_back_also_when_the_stack_became_part_of_another_meanwhile(cast: Cast) -> None:
    older = files(cast, picture_facts(1), picture_facts(1, "JPEG 30"))
    younger = files(cast, picture_facts(5), picture_facts(5, "JPEG 30"), picture_facts(5, "brighter"))
    act_id = take_apart(cast, younger[2])
    join(younger[0], older[0])
    apart, (kept, count) = stacks_of(younger)[2], stacks_of(older)[0] or (0, 0)

    undo(cast, act_id)

    assert (apart, count) == (None, 4)
    assert stacks_of([*older, *younger]) == [(kept, 5)] * 5
    with db.reading() as session:
        assert session.execute(select(StackExclusion)).first() is None
    work.run_due()
    assert stacks_of(younger)[2] == (kept, 5)


def test_a_card_that_stands_with_others_by_now_is_taken_out_there_first(
    sign_in: Callable[[str], Browser], cast: Cast
) -> None:
    first, second = files(cast, picture_facts(1), picture_facts(1, "JPEG 30"))
    (other,) = files(cast, picture_facts(5))
    act_id = take_apart(cast, second)
    join(second, other)

    refused = sign_in("edith").post(f"/api/v1/undo/{act_id}")
    take_apart(cast, second)
    undo(cast, act_id)

    assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "wall.stands_with_others")
    assert [one and one[1] for one in stacks_of([first, second, other])] == [2, 2, None]


def test_what_was_not_the_same_as_either_stays_out_when_both_became_one(cast: Cast) -> None:
    one = files(cast, picture_facts(1), picture_facts(1, "JPEG 30"))
    two = files(cast, picture_facts(5), picture_facts(5, "JPEG 30"))
    (card,) = files(cast, picture_facts(2))
    act_ids = []
    for stack in (one, two):
        join(card, stack[0])
        act_ids.append(take_apart(cast, card))
    join(one[0], two[0])

    for act_id in act_ids:
        with pytest.raises(actions.BecameOne):
            undo(cast, act_id)

    assert [shown and shown[1] for shown in stacks_of([*one, *two, card])] == [4, 4, 4, 4, None]


def test_stacks_are_not_joined_across_what_a_person_took_out(cast: Cast) -> None:
    first, second, third = files(cast, picture_facts(1), picture_facts(1, "JPEG 30"), picture_facts(1, "brighter"))
    with db.transaction() as session:
        actions.take_apart(session, cast.rheinwelle, third.id, by=cast.nia, at=clock.now())
        pile = Stack(station_id=cast.rheinwelle, of="picture", reason="picture", cards=1, created_at=clock.now())
        session.add(pile)
        session.flush()
        session.get_one(Card, third.id).stack_id = pile.id
    with db.transaction() as session:
        asset, other = (
            session.execute(select(Asset).where(Asset.message_id == card.message_id)).scalar_one()
            for card in (first, third)
        )
        stacks.join(session, asset, [prints.Twin(other.id, other.message_id, 0.9)], at=clock.now())

    assert [(one := twins_of(card)) and one["count"] for card in (first, second)] == [2, 2]
    assert twins_of(third) is None


def test_copies_at_another_station_and_from_last_season_are_left_alone(cast: Cast) -> None:
    with db.transaction() as session:
        elsewhere = a_file(session, cast.oldie95, picture_facts(1))
        long_ago = a_file(session, cast.rheinwelle, picture_facts(1, "JPEG 30"), age=timedelta(days=91))
        today = a_file(session, cast.rheinwelle, picture_facts(1, "brighter"))
        session.execute(delete(Job).where(Job.subject.in_(["asset:1", "asset:2"])))  # only the newest one looks
    work.run_due()

    assert [twins_of(card) for card in (elsewhere, long_ago, today)] == [None, None, None]


def test_the_same_bytes_are_the_same_file_but_silence_is_only_like_silence(cast: Cast) -> None:
    letter, silence = Facts("document", "application/pdf"), Facts("voice", "audio/ogg", flags=("silent",))
    with db.transaction() as session:
        papers = [a_file(session, cast.rheinwelle, letter, sha256="a" * 64) for _ in range(2)]
        silent = [a_file(session, cast.rheinwelle, silence, sha256="b" * 64) for _ in range(2)]
    work.run_due()

    assert [(one := twins_of(card)) and one["reason"] for card in papers] == ["Same file"] * 2
    assert [twins_of(card) for card in silent] == [None, None]


def test_a_videos_pictures_are_looked_at_in_its_playable_form(cast: Cast, tmp_path: Path) -> None:
    film = material.video(tmp_path / "film.mp4", size="160x120", seconds=4)
    with db.transaction() as session:
        cards = []
        for _ in range(2):
            card = a_file(session, cast.rheinwelle, Facts("video", "video/mp4", duration_s=4.0))
            asset = session.execute(select(Asset).where(Asset.message_id == card.message_id)).scalar_one()
            key = new_key(str(cast.rheinwelle), extension="mp4")
            with film.open("rb") as stream:
                storage.current().put(key, stream, content_type="video/mp4")
            a_rendition(session, asset, "playable", key=key)
            cards.append(card)
    work.run_due()

    assert [(one := twins_of(card)) and one["reason"] for card in cards] == ["Same video"] * 2


def test_the_page_lists_the_copies_and_takes_one_out(sign_in: Callable[[str], Browser], cast: Cast) -> None:
    first, second = files(cast, picture_facts(1), picture_facts(1, "JPEG 30"))
    nia = sign_in("nia")

    listed = nia.get(f"/api/v1/cards/{second.id}/twins").get_json()
    answer = nia.post(f"/api/v1/cards/{second.id}/apart").get_json()
    again = nia.post(f"/api/v1/cards/{second.id}/apart")
    undone = nia.post(f"/api/v1/undo/{answer['undo_id']}").get_json()

    assert [card["id"] for card in listed["cards"]] == [first.id]
    assert answer["card"]["twins"] is None
    assert again.status_code == 409
    assert again.get_json()["error"]["code"] == "wall.not_in_a_stack"
    assert undone["card"]["twins"]["count"] == 2


def a_copy(card_id: int, **values: Any) -> Copy:
    given: dict[str, Any] = {
        "placed_ms": card_id, "is_song": False, "is_forwarded": False, "is_frequently_forwarded": False,
        "flags": frozenset(), "duration_s": 20.0, "pixels": 1_000_000, "bytes": 80_000,
    } | values  # fmt: skip
    return Copy(card_id=card_id, **given)


@pytest.mark.parametrize(
    ("of", "second", "best", "reason"),
    [
        ("sound", {"duration_s": 26.0}, 2, "sound_longer"),
        ("sound", {"bytes": 400_000}, 2, "sound_better"),
        ("sound", {"duration_s": 26.0, "flags": frozenset({"clipped"})}, 1, "sound_better"),
        ("sound", {}, 1, "sound"),
        ("sound", {"duration_s": 20.2}, 1, "sound"),
        ("sound", {"is_frequently_forwarded": True, "is_forwarded": True}, 1, "sound_forwarded"),
        ("picture", {"pixels": 4_000_000}, 2, "picture_better"),
        ("picture", {"is_forwarded": True}, 1, "picture"),
        ("video", {"duration_s": 40.0, "pixels": 100_000, "bytes": 90_000}, 2, "video_longer"),
        ("video", {"pixels": 4_000_000}, 2, "video_better"),
        ("file", {}, 1, "file"),
    ],
)
def test_the_best_copy_is_chosen_by_what_matters_on_air(
    of: str, second: dict[str, Any], best: int, reason: str
) -> None:
    copies = [a_copy(1), a_copy(2, **second)]

    chosen, turned = twins.choose(of, copies), twins.choose(of, copies[::-1])

    assert chosen == turned
    assert chosen is not None
    assert (chosen.card_id, chosen.reason) == (best, reason)


def test_a_sung_one_is_called_a_song() -> None:
    chosen = twins.choose("sound", [a_copy(1, is_song=True), a_copy(2, is_song=True, duration_s=30.0)])

    assert chosen is not None
    assert twins.REASONS[chosen.reason] == "Same song, longer"
    assert twins.choose("sound", []) is None
