"""Who is here: told once a second, a person's moves every five, gone when they leave, never across stations."""

from __future__ import annotations

from typing import Any

from desk.live.presence import LOST_S, MOVE_EVERY_S, Presence

NIA = {"id": 1, "name": "Nia", "initials": "NI", "hue": 3}
OTTO = {"id": 2, "name": "Otto", "initials": "OT", "hue": 4}
Told = list[tuple[int, dict[str, Any]]]


def told_by(presence_told: Told) -> list[tuple[int, list[tuple[str, Any, bool]], list[str]]]:
    said = [
        (station, [(one["name"], one["card"], one["listens"]) for one in changes["changed"]], changes["gone"])
        for station, changes in presence_told
    ]
    presence_told.clear()
    return said


def quiet(told: Told) -> Presence:
    """A presence whose clock the test turns."""
    made = Presence(lambda station_id, changes: told.append((station_id, changes)))
    made.stop()
    return made


def test_a_persons_moves_are_told_every_five_seconds_and_leaving_at_once() -> None:
    told: Told = []
    here = quiet(told)

    here.move("a", 7, NIA, 11, listens=False)
    here.step(100)
    assert told_by(told) == [(7, [("Nia", 11, False)], [])]
    here.move("a", 7, NIA, 12, listens=False)
    here.move("a", 7, NIA, 13, listens=True)
    here.step(101)
    assert told_by(told) == []
    here.step(100 + MOVE_EVERY_S)
    assert told_by(told) == [(7, [("Nia", 13, True)], [])]
    assert [(one["name"], one["card"]) for one in here.list_here(7)] == [("Nia", 13)]
    here.leave("a")
    here.step(106)
    assert told_by(told) == [(7, [], ["a"])]
    here.step(107)
    assert told_by(told) == []


def test_nobody_is_seen_at_another_station() -> None:
    told: Told = []
    here = quiet(told)

    here.move("a", 7, NIA, 11, listens=False)
    here.move("b", 8, OTTO, 11, listens=False)
    here.step(100)

    assert sorted(told_by(told)) == [(7, [("Nia", 11, False)], []), (8, [("Otto", 11, False)], [])]
    assert [one["name"] for one in here.list_here(8)] == ["Otto"]


def test_two_processes_tell_each_other_and_one_that_died_takes_its_people_along(redis_url: str) -> None:
    told: Told = []
    first, second = quiet([]), Presence(lambda station_id, changes: told.append((station_id, changes)), redis_url)
    second.stop()
    first._line = second._line
    assert second._line is not None
    with second._line.pubsub(ignore_subscribe_messages=True) as line:
        line.subscribe("desk:presence")
        line.get_message(timeout=5)
        first.move("a", 7, NIA, 11, listens=True)
        first.step(100)
        said = line.get_message(timeout=5)
    assert said is not None

    second.hear(said["data"], 50)
    first.hear(said["data"], 50)
    second.step(51)

    assert told_by(told) == [(7, [("Nia", 11, True)], [])]
    assert [one["key"] for one in first.list_here(7)] == ["a"], "its own words are no news to it"
    second.step(51 + LOST_S)
    assert told_by(told) == [(7, [], ["a"])]
    second._line.close()
