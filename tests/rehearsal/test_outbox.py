"""Nothing is lost: refused webhooks, repeats, floods, kill -9, and the morning that comes once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter

import pytest

from desk.rehearsal import burst, client, mix
from desk.rehearsal.cast import read_cast
from tests.rehearsal.stage import ROOT, ReceivingDesk, Running, wait_for


def _ids(desk: ReceivingDesk) -> list[str]:
    return [row["id"] for row in desk.rows("messages")]


def test_a_refused_webhook_comes_again(own_server: Running, own_desk: ReceivingDesk) -> None:
    own_desk.statuses += [500, 503, 302]
    own_server.start()

    wamid = client.send(own_server.base_url, "rheinwelle", "Jutta Köster", text="Hallo")

    assert own_desk.message(wamid)["text"] == {"body": "Hallo"}
    assert own_desk.statuses == []


def test_undelivered_webhooks_survive_kill_9(own_server: Running, own_desk: ReceivingDesk) -> None:
    own_server.start()
    client.order_faults(own_server.base_url, {"hold_webhooks": True})
    wamids = [client.send(own_server.base_url, "rheinwelle", "Jutta Köster", text=str(number)) for number in range(5)]
    assert client.fetch_state(own_server.base_url)["waiting"] == 5

    own_server.kill()
    assert _ids(own_desk) == []
    own_server.start()
    client.order_faults(own_server.base_url, {})

    wait_for(lambda: set(_ids(own_desk)) == set(wamids))
    wait_for(lambda: client.fetch_state(own_server.base_url)["waiting"] == 0)


def test_a_burst_arrives_whole_with_its_repeats(rehearsal: Running, desk: ReceivingDesk) -> None:
    plan = client.burst(rehearsal.base_url, 60, 3000, seed=7, repeat_rate=0.2, failing_media_rate=0.3)

    wait_for(lambda: set(plan.ids) <= set(_ids(desk)))
    wait_for(lambda: client.fetch_state(rehearsal.base_url)["waiting"] == 0)
    arrived = [wamid for wamid in _ids(desk) if wamid in set(plan.ids)]
    messages = {row["id"]: row for row in desk.rows("messages")}
    assert len(plan.ids) == len(set(plan.ids)) == 60
    assert 60 < len(arrived) < 85
    assert {"audio", "image", "text"} <= {messages[wamid]["type"] for wamid in plan.ids}


def test_media_of_a_burst_differ_though_the_sample_is_the_same(rehearsal: Running, desk: ReceivingDesk) -> None:
    plan = client.burst(rehearsal.base_url, 80, 6000, seed=11, station="rheinwelle")

    notes = [message["audio"] for message in map(desk.message, plan.ids) if message["type"] == "audio"]

    assert len({note["sha256"] for note in notes}) == len(notes) > 20


def test_a_morning_has_every_kind_to_the_item_and_a_quarter_answers_the_first_call_out() -> None:
    kinds = burst.deal_kinds(4000, mix.MORNING, random.Random(1))
    few = burst.deal_kinds(7, {"voice": 2, "text": 1}, random.Random(1))
    due = burst.moments(4000, call_outs=True)

    assert Counter(kinds) == mix.MORNING
    assert Counter(few) == {"voice": 5, "text": 2}
    assert len(due) == 4000
    assert due == sorted(due)
    assert 0 <= due[0] < due[-1] < 1
    assert 1000 <= sum(1 / 40 <= at < 1 / 40 + 6 / 180 for at in due) <= 1045
    with pytest.raises(LookupError):
        burst.deal_kinds(5, {"telegram": 1}, random.Random(1))


def test_failing_media_fail_once_and_then_come(rehearsal: Running, desk: ReceivingDesk) -> None:
    plan = client.burst(rehearsal.base_url, 12, 6000, seed=3, failing_media_rate=1.0)
    bodies = [message[message["type"]] for message in map(desk.message, plan.ids)]
    media_id = next(body["id"] for body in bodies if "id" in body)

    assert [rehearsal.graph(f"/v25.0/{media_id}").status_code for _ in range(2)] == [500, 200]


def test_the_morning_comes_once_and_begins_with_a_voice_note(own_server: Running, own_desk: ReceivingDesk) -> None:
    own_server.config["morning"] = True
    own_server.config_path.write_text(json.dumps(own_server.config))
    own_server.start()
    client.pause_morning(own_server.base_url, True)

    first = {slug: wait_for(lambda slug=slug: _first(own_desk, slug), 10) for slug in ("rheinwelle", "oldie95")}
    assert all(message["audio"]["voice"] for message in first.values())

    incoming = wait_for(lambda: client.fetch_state(own_server.base_url)["incoming"])
    assert 80 <= incoming <= 120
    own_server.kill()
    own_server.start()
    wait_for(lambda: client.fetch_state(own_server.base_url)["waiting"] == 0, 40)
    assert client.fetch_state(own_server.base_url)["incoming"] == incoming
    times = sorted(int(row["timestamp"]) for row in own_desk.rows("messages"))
    assert 2 * 3600 < times[-1] - times[0] < 4 * 3600
    assert {row["type"] for row in own_desk.rows("messages")} >= {
        "text",
        "audio",
        "image",
        "video",
        "sticker",
        "document",
    }
    # By id: what was on its way when the server was killed comes once more, as from the real provider.
    forwarded = {
        row["id"]: row["audio"]["sha256"]
        for row in own_desk.rows("messages")
        if row.get("context") == {"forwarded": True}
    }
    assert len(forwarded) == 8
    assert len(set(forwarded.values())) == 2
    assert any("from" not in row for row in own_desk.rows("messages"))


def _first(desk: ReceivingDesk, slug: str) -> dict[str, object] | None:
    hook = next((hook for hook in desk.hooks if hook.path.endswith(slug)), None)
    return None if hook is None else hook.values[0]["messages"][0]


def test_production_settings_cannot_start_it(own_server: Running) -> None:
    for mode in ("production", ""):
        done = subprocess.run(
            [sys.executable, "-m", "desk.rehearsal", str(own_server.config_path)],
            cwd=ROOT,
            env={**os.environ, "DESK_MODE": mode},
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 2
        assert b"DESK_MODE" in done.stderr


def test_every_player_lives_at_a_station_of_the_cast() -> None:
    cast = read_cast()

    assert {player.station for player in cast.players} == {"rheinwelle", "oldie95"}
    assert 38 <= len(cast.players) <= 60
    assert any(not player.listener.shows_phone for player in cast.players)
    assert len({player.listener.bsuid for player in cast.players}) == len(cast.players)
