"""Erased is erased: in every file, for every late comer, and also when the erasing was broken off."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from desk import clock, db
from desk.contests import actions as contests
from desk.contests.models import Export
from desk.conversations.models import Message, PendingChange
from desk.intake.models import Delivery
from desk.jobs.models import Job
from desk.listeners.models import Address, Listener
from desk.live import audit, log
from desk.live.models import LiveEvent
from desk.media import storage
from desk.media.models import Asset, Rendition
from desk.privacy import erasing, restorelist, subjects
from desk.privacy.models import PrivacyCase
from desk.shortlist.models import Slot
from desk.wall import actions as wall
from desk.wall import queries as wall_queries
from desk.wall import rules as wall_rules
from desk.wall.models import Card, CardAct
from media_store.errors import StoreUnavailable
from media_store.stores.contract import ObjectInfo, Store
from tests.intake.graph import Graph
from tests.intake.provider import ADA, BO, Provider, delivery, message, messages, status, statuses, text_message
from tests.privacy.search import forms, places_of

CANARY = "Kanarienvogelwort"
WAMID = "wamid.HBgNNDkxNTc5MDAwMTIzNBUCABIYFDNBM/canary+0F3A=="


def erase(provider_id: str) -> erasing.Report:
    with db.reading() as session:
        subject = subjects.of_provider_id(session, provider_id)
    return erasing.erase(subject, reason="asked by letter", by=None, at=clock.now())


def erase_listener(listener_id: int) -> erasing.Report:
    with db.reading() as session:
        subject = subjects.of_listener(session, listener_id)
    return erasing.erase(subject, reason="asked by letter", by=None, at=clock.now())


def picture(shade: int) -> bytes:
    """A PNG whose pixels nobody else has."""
    rng = np.random.default_rng(shade)
    file = BytesIO()
    Image.fromarray(rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def tone() -> bytes:
    """Two seconds of 997 Hz as WAV."""
    samples = (np.sin(np.arange(96_000) * 2 * np.pi * 997 / 48_000) * 12_000).astype("<i2")
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def send_file(provider: Provider, graph: Graph, kind: str, data: bytes, mime: str, **more: Any) -> str:
    media_id = f"59000000000{len(graph.files):04d}"
    body = {"id": media_id, "mime_type": mime, "sha256": graph.keep(media_id, data, mime)}
    one = message(kind, body, **more)
    assert provider.post(messages(one, name=more.get("name", "Ada Köster"))).status_code == 200
    provider.run()
    return str(one["id"])


def objects() -> dict[str, bytes]:
    found = {}
    for info in storage.current().list(""):
        with storage.current().open(info.key) as stream:
            found[info.key] = stream.read()
    return found


def needles_of(stored: dict[str, bytes], *sent: bytes) -> list[bytes]:
    """A stretch out of the middle of every file that was sent or made of one."""
    return [data[len(data) // 2 : len(data) // 2 + 64] for data in (*sent, *stored.values())]


def test_no_file_of_the_desk_holds_what_was_erased(provider: Provider, graph: Graph, house: Any) -> None:
    picture_bytes, sound = picture(7), tone()
    provider.say(CANARY + " aus Remagen", id=WAMID)
    provider.run()
    send_file(provider, graph, "image", picture_bytes, "image/png", id=f"{WAMID}-2")
    send_file(provider, graph, "audio", sound, "audio/wav", id=f"{WAMID}-3")
    (listener,) = provider.rows(Listener)
    made = needles_of(objects(), picture_bytes, sound)
    wanted = [*forms(CANARY), *forms("kanarienvogelwort"), *forms(WAMID), *forms(ADA), *forms("Köster"), *made]
    assert len(provider.renditions()) >= 4
    assert len(places_of(house.data_dir, *wanted)) > 5, "the search finds nothing even before"

    report = erase_listener(listener.id)

    assert report.is_done, report
    assert places_of(house.data_dir, *wanted) == []
    assert objects() == {}
    with db.reading() as session:
        assert audit.verify(session, provider.cast.rheinwelle) is None


def test_the_neighbours_in_a_batch_stay(provider: Provider, house: Any) -> None:
    mine = text_message(CANARY, id=WAMID)
    other = text_message("Gruß aus Bonn", sender=BO)
    body = delivery(messages(mine, other))
    provider.post_raw(body)
    provider.run()

    assert erase(WAMID).is_done

    (kept,) = provider.deliveries()
    assert b"Bonn" in kept.body
    assert BO.encode() in kept.body
    assert CANARY.encode() not in kept.body
    assert ADA.encode() not in kept.body
    (left,) = [card for card in provider.cards() if card.withdrawn_at is None]
    assert provider.post_raw(body).status_code == 200
    provider.run()
    assert len(provider.deliveries()) == 1, "the same bytes are still known"
    assert [card.id for card in provider.cards() if card.withdrawn_at is None] == [left.id]


@pytest.mark.parametrize("is_whole_person", [False, True])
def test_a_redelivery_of_an_erased_message_makes_nothing(provider: Provider, house: Any, is_whole_person: bool) -> None:
    if not is_whole_person:
        provider.say("Etwas anderes")
    provider.say(CANARY, id=WAMID)
    provider.run()
    cards = len(provider.cards())
    assert erase(WAMID).is_done

    again = text_message(CANARY, id=WAMID)
    provider.post(messages(again, text_message("dabei", sender=BO)))
    edit = {"original_message_id": WAMID, "message": {"type": "text", "text": {"body": CANARY + "2"}}}
    provider.post(messages(message("edit", edit)))
    provider.post(statuses(status(WAMID, "read")))
    provider.run()
    for row in provider.deliveries():
        with db.transaction() as session:
            from desk.intake import actions

            actions.replay_delivery(session, row.id, at=clock.now())
    provider.run()

    assert len(provider.cards()) == cards + 1, "Bo's alone is new"
    assert {row.state for row in provider.deliveries()} == {"read"}
    assert provider.rows(Message)[-1].text == "dabei"
    erasing.truncate_log()
    assert places_of(house.data_dir, *forms(CANARY), *forms(WAMID)) == []
    assert len(provider.rows(Listener)) == 2


class Failing:
    """The store, which refuses the n-th deletion or look."""

    def __init__(self, store: Store, after: int) -> None:
        self.store, self.left = store, after

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise StoreUnavailable("the test says so")

    def delete(self, key: str) -> None:
        self._count()
        self.store.delete(key)

    def info(self, key: str) -> ObjectInfo:
        self._count()
        return self.store.info(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self._count()
        return self.store.list(prefix)

    def open(self, key: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        return self.store.open(key, start, stop)

    def put(self, key: str, stream: BinaryIO, *, content_type: str) -> str:
        return self.store.put(key, stream, content_type=content_type)

    def link(self, key: str, seconds: int, download_name: str | None = None) -> str | None:
        return None


def test_broken_off_anywhere_in_the_store_it_is_finished_by_the_next_run(
    provider: Provider, graph: Graph, house: Any
) -> None:
    data = picture(3)
    provider_id = send_file(provider, graph, "image", data, "image/png", id=WAMID)
    needles = needles_of(objects(), data)
    real = storage.current()
    broken = 0
    for after in range(1, 100):
        storage.use(Failing(real, after))
        try:
            report = erase(provider_id)
            break
        except StoreUnavailable:
            broken += 1
            with db.reading() as session:
                assert session.execute(select(Card)).scalar_one().withdrawn_at is not None, "off the screens at once"
        finally:
            storage.use(real)

    assert broken > 3
    assert report.is_done
    assert places_of(house.data_dir, *forms(WAMID), *needles) == []
    assert len({case.id for case in provider.rows(PrivacyCase)}) == 1, "it is one case, gone on with"


@pytest.mark.parametrize("until", range(len(erasing.STEPS)))
def test_broken_off_after_any_step_it_is_finished_by_the_next_run(provider: Provider, house: Any, until: int) -> None:
    provider.say("Bleibt", sender=BO)
    provider.say(CANARY, id=WAMID)
    provider.run()
    with db.reading() as session:
        subject = subjects.widen(session, subjects.of_provider_id(session, WAMID))
    for _name, step in erasing.STEPS[:until]:
        step(subject, clock.now())

    assert erase(WAMID).is_done
    again = erase(WAMID)

    assert again.is_done
    assert places_of(house.data_dir, *forms(CANARY), *forms(WAMID), *forms(ADA)) == []


def test_counters_places_and_search_are_right_afterwards(provider: Provider) -> None:
    provider.say("Erstes")
    provider.say(f"{CANARY} aus Remagen", id=WAMID)
    provider.run()
    (listener,) = provider.rows(Listener)
    assert (listener.place, listener.message_count) == ("Remagen", 2)
    card = provider.cards()[1]
    with db.transaction() as session:
        wall.move_card(
            session, provider.cast.rheinwelle, card.id, to="shortlisted", version=card.version,
            by=provider.cast.nia, at=clock.now(),
        )  # fmt: skip

    assert erase(WAMID).is_done

    (listener,) = provider.rows(Listener)
    assert (listener.place, listener.message_count, listener.first_name) == ("", 1, "Ada")
    with db.reading() as session:
        counts = wall_queries.counts(session, provider.cast.rheinwelle, at=clock.now())
        found = session.connection().exec_driver_sql(
            "SELECT count(*) FROM card_ft WHERE card_ft MATCH ?", (f'"{wall_rules.fold(CANARY).strip()}"',)
        )
        assert found.scalar_one() == 0
        assert session.execute(select(Slot)).first() is None
    assert counts["state"]["all"] == 1
    assert counts["state"].get("shortlisted", 0) == 0


def test_events_of_the_day_say_no_more_than_that_it_is_gone(provider: Provider) -> None:
    provider.say("Bleibt stehen", sender=BO)
    provider.say(CANARY, id=WAMID)
    provider.run()
    kept, gone = provider.cards()

    assert erase(WAMID).is_done

    with db.reading() as session:
        events = log.list_after(session, provider.cast.rheinwelle, 0)
    assert events is not None
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    told = json.dumps([one.payload for one in events])
    assert CANARY not in told
    assert "Bleibt stehen" in told
    named = [one.kind for one in events if one.payload.get("card", {}).get("id") == gone.id]
    assert set(named) == {"card.removed"}
    assert next(one.kind for one in events if one.payload.get("card", {}).get("id") == kept.id) == "card.placed"


def test_an_export_that_holds_it_is_taken_away(provider: Provider, house: Any) -> None:
    at = clock.now()
    with db.transaction() as session:
        campaign = contests.add_campaign_once(
            session, provider.cast.rheinwelle, "Wunsch", keywords="wunsch", hue=1, icon="note", at=at
        )
        campaign_id = campaign.id
    provider.say(f"wunsch {CANARY}", id=WAMID)
    provider.run()
    with db.transaction() as session:
        contests.ask_for_export(session, provider.cast.rheinwelle, campaign_id, by=provider.cast.edith, at=clock.now())
    provider.run()
    (made,) = provider.rows(Export)
    assert made.state == "ready"
    assert made.key in objects()

    assert erase(WAMID).is_done

    (made,) = provider.rows(Export)
    assert (made.state, made.key) == ("expired", None)
    assert objects() == {}


def test_a_worker_in_the_middle_of_fetching_leaves_nothing(provider: Provider, graph: Graph, house: Any) -> None:
    data = picture(11)
    media_id = "590000000000077"
    body = {"id": media_id, "mime_type": "image/png", "sha256": graph.keep(media_id, data, "image/png")}
    provider.post(messages(message("image", body, id=WAMID)))
    real = storage.current()

    class ErasesFirst(Failing):
        """The store, in which a file is erased the moment it is stored."""

        def put(self, key: str, stream: BinaryIO, *, content_type: str) -> str:
            stored = self.store.put(key, stream, content_type=content_type)
            storage.use(real)
            assert erase(WAMID).is_done
            return stored

    storage.use(ErasesFirst(real, 10_000))
    provider.run()

    assert objects() == {}
    assert provider.rows(Asset) == [] == provider.rows(Rendition)


def test_a_worker_in_the_middle_of_rendering_leaves_nothing(provider: Provider, graph: Graph, house: Any) -> None:
    data = picture(12)
    media_id = "590000000000078"
    body = {"id": media_id, "mime_type": "image/png", "sha256": graph.keep(media_id, data, "image/png")}
    provider.post(messages(message("image", body, id=WAMID)))
    real = storage.current()

    class ErasesAtTheFirstRendition(Failing):
        """The store, in which the first finished file comes too late."""

        def put(self, key: str, stream: BinaryIO, *, content_type: str) -> str:
            stored = self.store.put(key, stream, content_type=content_type)
            if key.count(".") > 1:
                storage.use(real)
                assert erase(WAMID).is_done
            return stored

    storage.use(ErasesAtTheFirstRendition(real, 10_000))
    provider.run()
    storage.use(real)

    assert objects() == {}
    assert provider.rows(Asset) == []
    assert {job.state for job in provider.rows(Job) if job.kind == "make_renditions"} == {"skipped"}


def test_a_blocked_person_stays_blocked_by_hash_alone(provider: Provider) -> None:
    provider.say(CANARY, id=WAMID)
    provider.run()
    with db.transaction() as session:
        listener = session.execute(select(Listener)).scalar_one()
        listener.stopped_at = clock.now()
        listener_id = listener.id

    assert erase_listener(listener_id).is_done

    (listener,) = provider.rows(Listener)
    addresses = provider.rows(Address)
    assert listener.stopped_at is not None
    assert listener.first_name == ""
    assert listener.display_name_sealed is None
    assert addresses
    with db.reading() as session:
        assert {value for _row, value in subjects.handles(session, [listener_id])} == {""}
    provider.say("Ich bin wieder da")
    provider.run()
    assert [card.listener_id for card in provider.cards() if card.withdrawn_at is None] == [listener_id]


def test_it_works_alike_on_both_databases(provider_on_both: Provider) -> None:
    provider_on_both.say("Bleibt", sender=BO)
    provider_on_both.say(CANARY, id=WAMID)
    provider_on_both.run()

    report = erase(WAMID)

    assert report.is_done, report
    (gone,) = [row for row in provider_on_both.rows(Message) if row.erased_at is not None]
    assert (gone.text, gone.details, gone.provider_id_sealed) == ("", {}, None)
    assert gone.provider_lookup is not None
    assert CANARY not in json.dumps([row.payload for row in provider_on_both.rows(LiveEvent)])
    assert all(CANARY.encode() not in row.body for row in provider_on_both.rows(Delivery))
    assert [act.card_id for act in provider_on_both.rows(CardAct)] == []
    assert provider_on_both.rows(PendingChange) == []
    assert restorelist.read(restorelist.path())
