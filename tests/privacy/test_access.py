"""A person gets everything that is kept about them, and nothing about anybody else."""

from __future__ import annotations

import hashlib
import json
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sqlalchemy import select

from desk import clock, db
from desk.contests import actions as contests
from desk.listeners.models import Listener
from desk.live.models import AuditRow
from desk.onair.models import Airing
from desk.privacy import answering, subjects
from desk.shortlist.models import Slot
from desk.wall import actions as wall
from tests.intake.graph import Graph
from tests.intake.provider import ADA, BO, Provider, message, messages
from tests.privacy.test_erasing import WAMID, erase_listener, picture, send_file


def ask(provider_id: str, file: Path, **options: Any) -> dict[str, Any]:
    """Ask for access by a message's id; returns access.json."""
    with db.reading() as session:
        subject = subjects.of_provider_id(session, provider_id)
    answering.answer(subject, file, by=None, at=clock.now(), **options)
    with zipfile.ZipFile(file) as archive:
        answer: dict[str, Any] = json.loads(archive.read("access.json"))
    return answer


def test_everything_of_a_person_is_in_the_answer(provider: Provider, graph: Graph, tmp_path: Path) -> None:
    data = picture(5)
    provider.say("Grüße aus Remagen <b>", id=WAMID)
    provider.run()
    send_file(provider, graph, "image", data, "image/png", name="Ada Köster")

    answer = ask(WAMID, tmp_path / "ada.zip")

    assert answer["person"]["name_in_messenger"] == "Ada Köster"
    assert {one["value"] for one in answer["person"]["addresses"]} == {f"DE.{ADA}", ADA, f"+{ADA}"}
    assert [item["text"] for item in answer["items"]] == ["Grüße aus Remagen <b>", ""]
    assert answer["items"][0]["provider_id"] == WAMID
    assert answer["retention"]
    assert answer["recipients"]
    assert answer["source"]
    with zipfile.ZipFile(tmp_path / "ada.zip") as archive:
        names = archive.namelist()
        (original,) = [name for name in names if "original" in name]
        assert archive.read(original) == data
        assert any("preview" in name or "card" in name or "thumb" in name for name in names), names
        for line in archive.read("SHA256SUMS").decode().splitlines():
            digest, _, name = line.partition("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
        page = archive.read("index.html").decode()
    assert "Grüße aus Remagen &lt;b&gt;" in page
    assert '<html lang="de">' in page
    HTMLParser().feed(page)


def test_nothing_of_others_is_in_the_answer(provider: Provider, tmp_path: Path) -> None:
    provider.post(messages(message("text", {"body": "Bos Geheimnis"}, sender=BO), name="Bo Brenner"))
    shared = [{"name": {"formatted_name": "Dritter Mensch"}, "phones": [{"phone": "+491700000001"}]}]
    provider.post(messages(message("contacts", shared, id=WAMID)))
    provider.run()

    answer = ask(WAMID, tmp_path / "ada.zip")

    told = json.dumps(answer, ensure_ascii=False)
    for foreign in ("Bos Geheimnis", "Brenner", BO, "Dritter Mensch", "491700000001", "nia@", "Nia"):
        assert foreign not in told
    assert answer["items"][0]["details"]["contact_cards"] == 1


def test_uses_and_consents_are_told_with_their_moments(provider: Provider, tmp_path: Path) -> None:
    at = clock.now()
    station, nia = provider.cast.rheinwelle, provider.cast.nia
    with db.transaction() as session:
        contests.add_campaign_once(session, station, "Wunsch", keywords="wunsch", hue=1, icon="note", at=at)
    provider.say("wunsch: Regen", id=WAMID)
    provider.run()
    (card,) = provider.cards()
    with db.transaction() as session:
        wall.set_consent(session, station, card.id, "given", by=nia, at=clock.now())
        wall.move_card(session, station, card.id, to="shortlisted", version=card.version + 1, by=nia, at=clock.now())
    with db.transaction() as session:
        slot = session.execute(select(Slot)).scalar_one()
        session.add(
            Airing(
                station_id=station,
                slot_id=slot.id,
                card_id=card.id,
                sha256="0" * 64,
                by_person_id=nia,
                aired_at=clock.now(),
                played_s=3.0,
                idempotency_key="one",
            )
        )

    answer = ask(WAMID, tmp_path / "ada.zip", locale="en")

    (item,) = answer["items"]
    assert [use["use"] for use in item["uses"]] == ["aired", "planned", "campaign"]
    assert [(one["act"], one["by"]) for one in item["consents"]] == [("given", "station")]
    assert {"who": "the audience", "why": "aired"} in answer["recipients"]


def test_each_answer_is_in_the_audit_and_in_a_case(provider: Provider, tmp_path: Path) -> None:
    provider.say("Guten Morgen", id=WAMID)
    provider.run()

    ask(WAMID, tmp_path / "ada.zip")

    (row,) = [row for row in provider.rows(AuditRow) if row.act == "privacy.access"]
    assert row.object.startswith("listener:")
    assert (tmp_path / "ada.zip").stat().st_mode & 0o077 == 0


def test_after_an_erasure_the_answer_is_empty_of_content(provider: Provider, tmp_path: Path) -> None:
    provider.say("Guten Morgen", id=WAMID)
    provider.run()
    (listener,) = provider.rows(Listener)
    assert erase_listener(listener.id).is_done

    answer = ask(WAMID, tmp_path / "ada.zip")

    assert answer["person"]["addresses"] == []
    assert [(item["text"], item["provider_id"]) for item in answer["items"]] == [("", None)]
