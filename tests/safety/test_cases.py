"""A threat goes to the lead and nowhere else: off every screen, worked through by a checklist, back if it is none."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from desk import clock, db
from desk.conversations.models import Message
from desk.live.models import AuditRow, LiveEvent
from desk.privacy import erasing, subjects
from desk.safety import actions, rules
from desk.safety.models import SafetyCase
from desk.shortlist.models import Slot
from desk.wall import actions as wall
from desk.wall import queries as cards
from desk.wall.models import Card
from tests.access.test_matrix import ASKED
from tests.desk_fixtures import Browser, Cast
from tests.onair.stage import a_cart
from tests.wall.builders import a_card, a_listener

SAID = "Kanarienvogel, ich weiß wo du wohnst"
CANARY = "Kanarienvogel"


def escalate(cast: Cast, card_id: int) -> int:
    with db.transaction() as session:
        case = actions.escalate(session, cast.rheinwelle, card_id, kind="threat", by=cast.nia, at=clock.now())
        return case.id


@pytest.fixture
def planned(cast: Cast) -> tuple[int, int]:
    """(card, slot): a vetted item of the running show, in the studio, with a text that nobody should have seen."""
    with db.transaction() as session:
        slot, card, _asset = a_cart(session, cast.rheinwelle, cast.nia, at=clock.now())
        session.get_one(Message, card.message_id).text = SAID
        wall.refresh_card(session, card, at=clock.now())
        return card.id, slot.id


def test_the_presenter_finds_nothing_of_it_at_any_address_nor_in_any_event(
    app: Flask, cast: Cast, sign_in: Callable[[str], Browser], planned: tuple[int, int]
) -> None:
    card_id, slot_id = planned
    sam = sign_in("sam")
    before = sam.get("/api/v1/studio").get_data(as_text=True)
    case_id = escalate(cast, card_id)

    ids = {"slot": slot_id, "card": card_id, "safety_case": case_id, "card_of_asset": card_id}
    asked, seen = 0, []
    for name, row in ASKED.items():
        if row.get("method", "GET") != "GET":
            continue
        path = row["path"]
        for thing in ("card_of_asset", "safety_case", "safety_asset", "asset", "slot", "card"):
            path = path.replace(f"{{{thing}}}", str(ids.get(thing, 1)))
        if "{" in path:
            continue
        answer = sam.get(path)
        asked += 1
        if CANARY.encode() in answer.get_data():
            seen.append(name)
        answer.close()
    events = sam.get("/api/v1/events?after=0").get_json()

    assert CANARY in before, "the item was in the studio"
    assert asked > 30
    assert seen == []
    assert CANARY not in json.dumps(events, ensure_ascii=False)
    assert not [one for one in events["events"] if one["kind"] == "safety.changed"]
    assert sam.get(f"/studio/media/{slot_id}/broadcast").status_code == 404
    assert sam.get(f"/api/v1/safety/{case_id}").status_code == 403


def test_it_leaves_wall_run_search_counts_rundown_and_inbox_and_stands_in_the_leads_list(
    app: Flask, cast: Cast, sign_in: Callable[[str], Browser], planned: tuple[int, int]
) -> None:
    nia, edith = sign_in("nia"), sign_in("edith")
    everywhere = ("/api/v1/cards", "/api/v1/triage", "/api/v1/cards?text=kanarienvogel", "/api/v1/rundown",
                  "/api/v1/conversations?view=all")  # fmt: skip
    before = [CANARY in nia.get(path).get_data(as_text=True) for path in everywhere]

    answer = nia.post(f"/api/v1/cards/{planned[0]}/escalate", {"kind": "threat"})

    assert answer.status_code == 200
    assert sum(before) >= 3
    assert [CANARY in nia.get(path).get_data(as_text=True) for path in everywhere] == [False] * 5
    assert nia.get(f"/api/v1/cards/{planned[0]}").status_code == 404
    assert nia.get("/api/v1/cards").get_json()["counts"]["state"]["all"] == 0
    assert nia.get("/safety").status_code == 403
    listed = edith.get("/api/v1/safety").get_json()
    assert [one["card_id"] for one in listed["cases"]] == [planned[0]]
    assert listed["counts"] == {"suggested": 0, "open": 1}
    case = edith.get(f"/api/v1/safety/{answer.get_json()['case_id']}").get_json()["case"]
    assert case["text"] == SAID
    assert case["media"][0]["base"] == "/safety/media"


def test_whoever_sent_it_takes_it_back_until_the_lead_has_begun(
    app: Flask, cast: Cast, sign_in: Callable[[str], Browser], planned: tuple[int, int]
) -> None:
    nia, edith = sign_in("nia"), sign_in("edith")
    card_id, _slot = planned
    nia.post(f"/api/v1/cards/{card_id}/escalate", {"kind": "threat"})
    back = nia.delete(f"/api/v1/cards/{card_id}/escalate").get_json()["card"]
    with db.reading() as session:
        slots = session.execute(select(Slot).where(Slot.card_id == card_id)).all()
    again = nia.post(f"/api/v1/cards/{card_id}/escalate", {"kind": "insult"}).get_json()["case_id"]
    edith.post(f"/api/v1/safety/{again}/steps", {"step": "police", "on": True})
    refused = nia.delete(f"/api/v1/cards/{card_id}/escalate")

    assert back["state"] == "shortlisted", "it stood in the rundown, and stands there again"
    assert len(slots) == 1
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "safety.in_hand")
    assert edith.post(f"/api/v1/safety/{again}/back").status_code == 200
    assert nia.get("/api/v1/cards?text=kanarienvogel").get_json()["cards"][0]["id"] == card_id
    assert edith.post(f"/api/v1/safety/{again}/again").get_json()["case"]["state"] == "open"


def test_a_checklist_is_ticked_with_who_and_when_audited_and_taken_back(
    app: Flask, cast: Cast, sign_in: Callable[[str], Browser], planned: tuple[int, int]
) -> None:
    edith = sign_in("edith")
    case_id = escalate(cast, planned[0])
    path = f"/api/v1/safety/{case_id}"
    for body in ({"step": "evidence"}, {"step": "evidence"}, {"step": "contact"}, {"step": "block", "length": "day"}):
        assert edith.post(f"{path}/steps", {**body, "on": True}).status_code == 200
    edith.post(f"{path}/note", {"note": "Anruf bei der Hausleitung"})
    done = edith.get(path).get_json()["case"]
    edith.post(f"{path}/steps", {"step": "block", "on": False})
    lifted = edith.get(path).get_json()["case"]
    closed = edith.post(f"{path}/close", {"outcome": "reported"}).get_json()["case"]
    twice = edith.post(f"{path}/close", {"outcome": "settled"})
    reopened = edith.post(f"{path}/reopen").get_json()["case"]

    assert [(one["step"], one["by"]["name"]) for one in done["steps"]] == [
        ("evidence", "Edith"), ("contact", "Edith"), ("block", "Edith"),
    ]  # fmt: skip
    assert (done["listener"]["is_blocked"], lifted["listener"]["is_blocked"]) == (True, False)
    assert (closed["state"], closed["outcome"], closed["closed_by"]["name"]) == ("closed", "reported", "Edith")
    assert twice.status_code == 409
    assert (reopened["state"], reopened["note"]) == ("open", "Anruf bei der Hausleitung")
    with db.reading() as session:
        acts = session.execute(select(AuditRow.act).where(AuditRow.object == f"safety_case:{case_id}")).scalars().all()
        told = session.execute(select(LiveEvent).where(LiveEvent.kind == "safety.changed")).scalars().all()
    assert acts == ["safety.escalate", "safety.tick", "safety.tick", "safety.tick", "safety.note", "safety.untick",
                    "safety.close", "safety.reopen"]  # fmt: skip
    assert {event.audience for event in told} == {"safety.handle"}
    assert CANARY not in json.dumps([event.payload for event in told])


def case_of(cast: Cast, text: str = SAID) -> tuple[int, int]:
    """(card, case): a text that somebody sent to the lead."""
    with db.transaction() as session:
        card_id = a_card(session, cast.rheinwelle, text=text).id
    return card_id, escalate(cast, card_id)


def test_locked_evidence_is_not_erased_until_it_is_released(cast: Cast) -> None:
    card_id, case_id = case_of(cast)
    with db.transaction() as session:
        actions.tick(session, cast.rheinwelle, case_id, rules.EVIDENCE, by=cast.edith, at=clock.now())
        actions.set_note(session, cast.rheinwelle, case_id, "Name", by=cast.edith, at=clock.now())
        subject = subjects.of_card(session, card_id)

    with pytest.raises(erasing.Held):
        erasing.erase(subject, reason="wish", by=None, at=clock.now())

    with db.transaction() as session:
        actions.untick(session, cast.rheinwelle, case_id, rules.EVIDENCE, by=cast.edith, at=clock.now())
    assert erasing.erase(subject, reason="wish", by=None, at=clock.now()).is_done
    with db.reading() as session:
        assert session.get_one(SafetyCase, case_id).note == ""


def test_what_the_sender_took_back_meanwhile_never_comes_back(cast: Cast) -> None:
    card_id, case_id = case_of(cast)
    with db.transaction() as session:
        session.get_one(Message, session.get_one(Card, card_id).message_id).revoked_at = clock.now()

    with pytest.raises(actions.TakenBack), db.transaction() as session:
        actions.put_back(session, cast.rheinwelle, case_id, by=cast.edith, at=clock.now())


def test_counts_hold_and_pages_take_the_card_when_it_goes_and_comes(cast: Cast) -> None:
    with db.transaction() as session:
        ada = a_listener(session, cast.rheinwelle, "Ada")
        card = a_card(session, cast.rheinwelle, text="Kanarienvogel singt", listener=ada)
        a_card(session, cast.rheinwelle, text="Gruß", listener=ada)
        card_id = card.id
        wall.move_card(session, cast.rheinwelle, card_id, to="rejected", version=1, by=cast.nia, at=clock.now())
    case_id = escalate(cast, card_id)
    with db.reading() as session:
        during = cards.counts(session, cast.rheinwelle, at=clock.now())["state"]
    with db.transaction() as session:
        actions.put_back(session, cast.rheinwelle, case_id, by=cast.edith, at=clock.now())
    with db.reading() as session:
        after = cards.counts(session, cast.rheinwelle, at=clock.now())["state"]
        events = session.execute(select(LiveEvent).order_by(LiveEvent.seq.desc())).scalars().all()
        facet = session.get_one(Card, card_id).facet

    assert (during["all"], during["rejected"]) == (1, 0)
    assert (after["all"], after["rejected"]) == (2, 1)
    placed = next(one for one in events if one.kind == "card.placed" and one.payload["card"]["id"] == card_id)
    assert placed.payload["card"]["version"] > 2, "pages that knew it take the newer one"
    assert len(facet) == 4
