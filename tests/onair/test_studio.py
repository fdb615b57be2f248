"""The presenter's address gives vetted, cleared items of the current edition, and nothing else to anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from desk import clock, db
from desk.conversations.models import Message
from desk.listeners.models import Listener
from desk.media.models import Asset
from desk.shortlist import actions as shortlist_actions
from desk.wall import actions as wall
from desk.wall import mood, noise
from desk.wall.models import Card
from tests.desk_fixtures import Browser, Cast
from tests.onair import stage
from tests.wall.builders import a_card

SURNAME = "Kanarienvogel"
NUMBER = "0221 5551 2345"
SignIn = Callable[[str], Browser]


@dataclass(frozen=True)
class Placed:
    slot: int
    card: int
    asset: int
    sha256: str


@pytest.fixture
def placed(cast: Cast) -> Placed:
    """A voice that may go to air, in the current edition of Radio Rheinwelle."""
    with db.transaction() as session:
        slot, card, asset = stage.a_cart(
            session, cast.rheinwelle, cast.nia, at=clock.now(), first_name="Siobhán", place="Köln / Süd",
            display_name_sealed=f"Siobhán {SURNAME}",
        )  # fmt: skip
        return Placed(slot.id, card.id, asset.id, stage.sound_of(session, asset))


def carts(browser: Browser) -> list[dict[str, Any]]:
    answer = browser.get("/api/v1/studio")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json["carts"]
    return found


def test_the_presenter_gets_what_is_vetted_and_cleared(sign_in: SignIn, placed: Placed) -> None:
    sam = sign_in("sam")

    (cart,) = carts(sam)
    answer = sam.get(cart["wav_url"])

    assert (cart["slot_id"], cart["sha256"]) == (placed.slot, placed.sha256)
    assert answer.status_code == 200
    assert stage.digest(answer.data) == cart["sha256"]
    assert re.fullmatch(
        rf"attachment; filename=\d{{4}}_Siobhan_Koeln-Sued_{placed.card}\.wav", answer.headers["Content-Disposition"]
    )


def test_the_presenter_gets_the_mood_in_figures_and_nobody_behind_it(
    sign_in: SignIn, cast: Cast, placed: Placed
) -> None:
    at = clock.now()
    with db.transaction() as session:
        for words in ("❤️", "❤️❤️", "Moin zusammen"):
            card = a_card(session, cast.rheinwelle, text=words, sent_at=at)
            message, listener = session.get_one(Message, card.message_id), session.get_one(Listener, card.listener_id)
            mood.fold_arrival(session, card, message, listener, at=at)

    bar = sign_in("sam").get("/api/v1/studio").json["mood"]

    assert {one["sign"]: one["count"] for one in bar["signs"]} == {"❤️": 2, noise.GREETING: 1}
    assert bar["total"] == 3
    assert set(bar) == {"signs", "total", "since", "last_minute", "minutes", "campaign_id"}


def test_a_format_of_exactly_this_sound_can_be_saved_too(sign_in: SignIn, placed: Placed) -> None:
    with db.transaction() as session:
        asset = session.get_one(Asset, placed.asset)
        stage.render(session, asset, "mp2", b"the same in MP2")
        stage.render(session, asset, "flac", b"from before the level was changed").settings = "-16LUFS"
    sam = sign_in("sam")

    (cart,) = carts(sam)
    answer = sam.get(cart["formats"]["mp2"])

    assert list(cart["formats"]) == ["mp2"]
    assert answer.data == b"the same in MP2"
    assert answer.headers["Content-Disposition"].endswith(f"_{placed.card}_mp2.wav")
    assert sam.get(f"/studio/media/{placed.slot}/flac").status_code == 404


def test_a_part_of_the_file_is_answered_with_that_part(sign_in: SignIn, placed: Placed) -> None:
    answer = sign_in("sam").get(f"/studio/media/{placed.slot}/broadcast", headers={"Range": "bytes=2-5"})

    assert (answer.status_code, len(answer.data)) == (206, 4)


def spoil(session: Any, placed: Placed, how: str, cast: Cast) -> None:
    """Do to a cleared item what must take it away from the presenter."""
    card, at, station_id = session.get_one(Card, placed.card), clock.now(), cast.rheinwelle
    match how:
        case "edited after vetting":
            message = session.get_one(Message, card.message_id)
            message.text, message.edited_at = "doch anders", at
            wall.edit_card(session, message, at=at)
        case "rendered anew":
            stage.render(session, session.get_one(Asset, placed.asset), "broadcast", b"other bytes")
            wall.refresh_card(session, card, at=at)
        case "rendered anew and nobody told":
            stage.render(session, session.get_one(Asset, placed.asset), "broadcast", b"other bytes")
        case "consent withdrawn":
            wall.set_consent(session, station_id, card.id, "withdrawn", by=cast.nia, at=at)
        case "consent forgotten":
            wall.set_consent(session, station_id, card.id, "unknown", by=cast.nia, at=at)
        case "withdrawn":
            wall.withdraw_card(session, card, at=at)
        case "rejected" | "new":
            wall.move_card(session, station_id, card.id, to=how, version=card.version, by=cast.nia, at=at)
        case "unvetted":
            from desk.onair import actions

            actions.unvet(session, station_id, card.id, by=cast.nia, at=at)
        case "taken out of the rundown":
            shortlist_actions.remove_slot(session, station_id, placed.slot, by=cast.nia, at=at)


SPOILT = (
    "edited after vetting", "rendered anew", "rendered anew and nobody told", "consent withdrawn", "consent forgotten",
    "withdrawn", "rejected", "new", "unvetted", "taken out of the rundown",
)  # fmt: skip


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_no_longer_vetted_or_cleared_is_not_there(
    sign_in: SignIn, cast: Cast, placed: Placed, how: str
) -> None:
    sam = sign_in("sam")
    assert len(carts(sam)) == 1

    with db.transaction() as session:
        spoil(session, placed, how, cast)

    assert carts(sam) == []
    assert {
        sam.get(f"/studio/media/{placed.slot}/{profile}").status_code for profile in ("broadcast", "preview", "peaks")
    } == {404}
    assert sam.post(f"/api/v1/studio/slots/{placed.slot}/loaded", {"sha256": placed.sha256}).status_code == 404


def test_what_was_never_vetted_is_not_there(sign_in: SignIn, cast: Cast) -> None:
    with db.transaction() as session:
        card, _asset = stage.a_voice(session, cast.rheinwelle)
        slot_id = stage.shortlist(session, card, cast.nia, at=clock.now()).id
        wall.set_consent(session, cast.rheinwelle, card.id, "given", by=cast.nia, at=clock.now())
    sam = sign_in("sam")

    assert carts(sam) == []
    assert sam.get(f"/studio/media/{slot_id}/broadcast").status_code == 404


@pytest.mark.parametrize("profile", ["original", "playable", "cut", "..", "poster"])
def test_the_original_and_other_forms_are_not_there(sign_in: SignIn, placed: Placed, profile: str) -> None:
    assert sign_in("sam").get(f"/studio/media/{placed.slot}/{profile}").status_code == 404


def test_another_stations_item_is_not_there(sign_in: SignIn, placed: Placed) -> None:
    otto = sign_in("otto")

    assert carts(otto) == []
    assert otto.get(f"/studio/media/{placed.slot}/broadcast").status_code == 404
    assert otto.post(f"/api/v1/cards/{placed.card}/vet", {"sha256": placed.sha256}).status_code == 404


def test_a_presenter_cannot_vet_nor_reach_the_wall_nor_unvetted_files(sign_in: SignIn, placed: Placed) -> None:
    sam = sign_in("sam")

    assert sam.post(f"/api/v1/cards/{placed.card}/vet", {"sha256": placed.sha256}).status_code == 403
    for path in ("/rundown", "/api/v1/rundown", "/api/v1/cards", f"/media/{placed.asset}/broadcast"):
        assert sam.get(path).status_code == 403


def test_no_number_and_no_surname_reaches_the_presenter(sign_in: SignIn, cast: Cast, placed: Placed) -> None:
    with db.transaction() as session:
        card = session.get_one(Card, placed.card)
        said = {"about": f"Ruft {NUMBER} an", "pronunciation": "Schi-WOAN", "note": f"{SURNAME}, nur intern"}
        wall.set_notes(session, cast.rheinwelle, card.id, version=card.version, by=cast.nia, at=clock.now(), **said)
        session.get_one(Listener, card.listener_id).place = f"Köln {NUMBER}"
        shortlist_actions.set_words(
            session, cast.rheinwelle, placed.slot, note=f"Tel. +49 {NUMBER[1:]}", intro_text=NUMBER, version=1,
            by=cast.nia, at=clock.now(),
        )  # fmt: skip
    sam = sign_in("sam")

    (cart,) = carts(sam)
    page = sam.get("/studio").text
    events = sam.get("/api/v1/events?after=0").json["events"]

    assert [event["kind"] for event in events if event["kind"] != "studio.changed"] == []
    shown = [{**cart, "sha256": "", "peaks": ""}, *events]
    for text in (json.dumps(shown, ensure_ascii=False), page):
        assert SURNAME not in text
        for digits in ("5551", "2345", NUMBER):
            assert digits not in re.sub(r'"(sha256|peaks)": ?"[^"]*"', "", text)
    assert not re.search(r"\d{7,}", json.dumps(shown[0]))
    assert cart["about"] == "Ruft ••• an"


def test_aired_is_reported_once_and_can_be_taken_back(sign_in: SignIn, placed: Placed) -> None:
    sam = sign_in("sam")
    address = f"/api/v1/studio/slots/{placed.slot}/aired"
    report = {"idempotency_key": "0123456789abcdef", "played_s": 9.5, "sha256": placed.sha256}

    first, second = sam.post(address, report), sam.post(address, report)
    listed = sam.get("/api/v1/studio").json
    back = sam.delete(address)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json == second.json
    assert [one["slot_id"] for one in listed["aired"]] == [placed.slot]
    assert listed["carts"][0]["aired_at"] == first.json["aired_at"]
    assert back.status_code == 200
    assert sam.get("/api/v1/studio").json["aired"] == []
    assert sam.delete(address).status_code == 404


@pytest.mark.parametrize(
    "report",
    [{}, {"sha256": "x"}, {"sha256": "0" * 64, "idempotency_key": "k" * 16, "played_s": -1}, [], {"sha256": 5}],
)
def test_a_report_with_faults_is_refused(sign_in: SignIn, placed: Placed, report: Any) -> None:
    answer = sign_in("sam").post(f"/api/v1/studio/slots/{placed.slot}/aired", report)

    assert answer.status_code == 422


def test_a_producer_hears_then_clears_over_the_interface(sign_in: SignIn, cast: Cast) -> None:
    with db.transaction() as session:
        card, asset = stage.a_voice(session, cast.rheinwelle)
        preview = stage.sound_of(session, asset, "preview")
        card_id, asset_id = card.id, asset.id
    nia = sign_in("nia")
    base = f"/api/v1/cards/{card_id}"

    refused = nia.post(f"{base}/vet", {"sha256": preview})
    heard = nia.post(f"{base}/listened", {"asset_id": asset_id, "sha256": preview, "from_s": 0, "to_s": 10})
    cleared = nia.post(f"{base}/vet", {"sha256": preview})

    assert (refused.status_code, refused.json["error"]["code"]) == (409, "onair.not_heard")
    assert heard.json["may_vet"] is True
    assert cleared.json["vetting"]["by"]["name"] == "Nia"
    assert nia.get(base).json["vetting"]["sha256"] == cleared.json["sha256"]


def test_pages_open_in_both_languages(sign_in: SignIn, placed: Placed) -> None:
    nia = sign_in("nia")

    for path in ("/rundown", "/studio"):
        for language in ("de", "en"):
            answer = nia.get(path, headers={"Accept-Language": language})
            assert answer.status_code == 200
            assert "style=" not in answer.text
