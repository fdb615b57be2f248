"""An export is complete or absent, can be checked by anybody, and carries no number and no formula."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from sqlalchemy import select, update

from desk import clock, db, translations
from desk.contests import actions, archive, jobs
from desk.contests.models import Export
from desk.jobs import table, work
from desk.jobs.models import Job
from desk.live.models import LiveEvent
from desk.media import storage
from desk.media.workplace import empty_temp, temp_folder
from desk.people.models import Person
from desk.wall import actions as wall
from desk.wall.models import Card
from media_store.errors import StoreUnavailable
from media_store.stores.contract import ObjectInfo, Store
from tests.contests.builders import a_caller, a_campaign, arrive, ask, put_voice
from tests.desk_fixtures import SIX, Browser, Cast

NUMBERS = ("+491712345678", "+4922155512345", "+12125550123")
NASTY = (
    "=1+1 Ständchen",
    "Ständchen, 0171 2345678",
    'Ständchen "fett"; ,=cmd|calc',
    "Ständchen\n-2\t@x",
    "\u200b=2 Ständchen",
)


@pytest.fixture
def campaign_id(cast: Cast) -> int:
    """Five entries with hostile texts and a voice note each, from people whose numbers the desk knows."""
    with db.transaction() as session:
        campaign = a_campaign(session, cast.rheinwelle)
        for index, text in enumerate(NASTY):
            listener = a_caller(
                session, cast.rheinwelle, NUMBERS[index % 3][:-1] + str(index), "=Ada" if index else NUMBERS[0]
            )
            card = arrive(session, cast.rheinwelle, text, kind="voice", listener=listener)
            put_voice(session, card, b"RIFF" + bytes([index]) * 400_000)
    return campaign.id


@pytest.fixture
def make(cast: Cast, campaign_id: int, run_jobs: Callable[[], int]) -> Callable[[], Export]:
    """Asks for an export and lets the worker work."""

    def ask_and_run() -> Export:
        with db.transaction() as session:
            export_id = ask(session, cast.rheinwelle, campaign_id, cast.edith)
        run_jobs()
        return load(export_id)

    return ask_and_run


def load(export_id: int) -> Export:
    with db.reading() as session:
        return session.get_one(Export, export_id)


def opened(export: Export) -> zipfile.ZipFile:
    assert export.state == "ready", export.reason
    with storage.current().open(export.key or "") as stream:
        content = stream.read()
    assert hashlib.sha256(content).hexdigest() == export.sha256
    assert len(content) == export.bytes
    return zipfile.ZipFile(io.BytesIO(content))


def stored_exports() -> list[str]:
    return [found.key for found in storage.current().list("exports/")]


def test_every_cell_of_the_workbook_is_text_or_a_figure(make: Callable[[], Export]) -> None:
    with opened(make()) as found:
        sheet: Any = openpyxl.load_workbook(io.BytesIO(found.read("entries.xlsx"))).active

    rows = list(sheet.iter_rows())
    assert len(rows) == 1 + len(NASTY)
    assert {cell.data_type for row in rows[1:] for cell in row} <= {"s", "inlineStr", "n", "d"}
    assert rows[1][7].value == "'=1+1 Ständchen"
    assert [row[0].value for row in rows[1:]] == [1, 2, 3, 4, 5]


def test_no_cell_of_the_csv_begins_like_a_formula_however_it_is_split(make: Callable[[], Export]) -> None:
    with opened(make()) as found:
        text = found.read("entries.csv").decode("utf-8-sig")

    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert len(rows) == 1 + len(NASTY)
    by_comma = csv.reader(io.StringIO(text, newline=""), delimiter=",")
    for cell in (cell for split in (rows, by_comma) for row in split for cell in row):
        assert not re.match(r"[\s\u200b]*[=+@\t]|[\s\u200b]*-(?!\d+\.\d$)", cell), cell


def test_names_in_the_archive_are_safe_and_unique(make: Callable[[], Export]) -> None:
    with opened(make()) as found:
        names = found.namelist()

    assert len(names) == len(set(names)) == len(NASTY) + 4
    assert all(re.fullmatch(r"(media/\d{4,}-[a-z]+(-\d+)?\.[a-z0-9]+)|[A-Za-z0-9]+(\.[a-z]+)?", name) for name in names)


def test_checksums_and_manifest_name_every_file(make: Callable[[], Export]) -> None:
    with opened(make()) as found:
        lines = [line.split("  ", 1) for line in found.read("SHA256SUMS").decode().splitlines()]
        sums = {name: digest for digest, name in lines}
        for name, digest in sums.items():
            assert hashlib.sha256(found.read(name)).hexdigest() == digest
        manifest = json.loads(found.read("manifest.json"))
        assert set(sums) == set(found.namelist()) - {"SHA256SUMS"}

    assert manifest["entries"] == len(manifest["files"]) == len(NASTY)
    assert all(sums[one["file"]] == one["sha256"] for one in manifest["files"])
    assert manifest["entries_whose_media_is_not_ready"] == []


def test_no_number_of_a_listener_stands_anywhere_in_the_archive(make: Callable[[], Export]) -> None:
    with opened(make()) as found:
        workbook = zipfile.ZipFile(io.BytesIO(found.read("entries.xlsx")))
        texts = [found.read(name) for name in found.namelist() if not name.startswith("media/")]
        texts += [workbook.read(name) for name in workbook.namelist()]

    digits = [re.sub(rb"[^0-9]", b"", text) for text in texts]
    for number in NUMBERS:
        plain = number.lstrip("+").encode()
        for start in range(len(plain) - 6):
            assert not [text for text in texts if plain[start : start + 7] in text]
        assert not [text for text in digits if plain in text]


def test_making_it_twice_publishes_once(make: Callable[[], Export]) -> None:
    export = make()
    with db.transaction() as session:
        table.put_again(session, "make_export", f"export:{export.id}", at=clock.now())

    work.run_due()

    assert load(export.id).key == export.key
    assert stored_exports() == [export.key]
    with db.reading() as session:
        told = session.execute(select(LiveEvent.payload).where(LiveEvent.kind == "export.changed")).scalars().all()
    assert [one["export"]["state"] for one in told].count("ready") == 1


class _Brittle:
    """A store in front of the real one that breaks at a chosen moment."""

    def __init__(self, store: Store, *, at_put: Exception | None = None, after_put: Exception | None = None,
                 at_open: Exception | None = None) -> None:  # fmt: skip
        self._store, self._at_put, self._after_put, self._at_open = store, at_put, after_put, at_open

    def put(self, key: str, stream: BinaryIO, *, content_type: str) -> str:
        if self._at_put:
            raise self._at_put
        digest = self._store.put(key, stream, content_type=content_type)
        if self._after_put:
            raise self._after_put
        return digest

    def open(self, key: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        if self._at_open:
            raise self._at_open
        return self._store.open(key, start, stop)

    def info(self, key: str) -> ObjectInfo:
        return self._store.info(key)

    def delete(self, key: str) -> None:
        self._store.delete(key)

    def list(self, prefix: str) -> Any:
        return self._store.list(prefix)

    def link(self, key: str, seconds: int, download_name: str | None = None) -> str | None:
        return self._store.link(key, seconds, download_name)


def _make_due() -> None:
    with db.transaction() as session:
        session.execute(update(Job).where(Job.kind == "make_export").values(run_at=clock.now()))


@pytest.mark.parametrize("moment", ["at_put", "after_put", "at_open"])
def test_an_end_in_the_middle_shows_nothing_and_leaves_nothing(make: Callable[[], Export], moment: str) -> None:
    store = storage.current()
    storage.use(_Brittle(store, **{moment: RuntimeError("the worker died")}))  # type: ignore[arg-type]
    export = make()
    assert export.state != "ready"

    storage.use(store)
    _make_due()
    work.run_due()

    assert load(export.id).state == "ready"
    assert stored_exports() == [load(export.id).key]
    assert list(temp_folder().iterdir()) == []


def test_the_keeper_leaves_an_export_alone_that_is_being_made(make: Callable[[], Export]) -> None:
    class Tidying(_Brittle):
        def open(self, key: str, start: int = 0, stop: int | None = None) -> BinaryIO:
            assert empty_temp() == 0
            return store.open(key, start, stop)

    store = storage.current()
    storage.use(Tidying(store))

    assert make().state == "ready"


def test_a_store_that_is_down_is_waited_for_and_the_page_says_so(make: Callable[[], Export]) -> None:
    store = storage.current()
    storage.use(_Brittle(store, at_open=StoreUnavailable()))
    export = make()

    assert (export.state, export.done) == ("queued", 0)
    assert export.reason == StoreUnavailable().code

    storage.use(store)
    _make_due()
    work.run_due()
    assert (load(export.id).state, load(export.id).reason) == ("ready", None)


def test_a_missing_file_fails_the_export_with_its_reason(
    cast: Cast, campaign_id: int, make: Callable[[], Export]
) -> None:
    with db.transaction() as session:
        card = arrive(session, cast.rheinwelle, "Ständchen", kind="voice")
        key = put_voice(session, card, b"RIFF gone")
    storage.current().delete(key)

    export = make()

    assert (export.state, export.reason, export.key) == ("failed", "contests.file_missing", None)
    assert stored_exports() == []


def test_a_damaged_file_fails_the_export_with_its_reason(
    cast: Cast, campaign_id: int, make: Callable[[], Export]
) -> None:
    with db.transaction() as session:
        from desk.media.models import Rendition

        session.execute(update(Rendition).values(sha256="f" * 64))

    export = make()

    assert (export.state, export.reason) == ("failed", "contests.file_damaged")


def test_withdrawn_messages_stay_out_and_end_older_exports(
    cast: Cast, campaign_id: int, make: Callable[[], Export]
) -> None:
    before = make()
    with db.transaction() as session:
        cards = session.execute(select(Card).order_by(Card.id)).scalars().all()
        wall.withdraw_card(session, cards[0], at=SIX)
        wall.set_consent(session, cast.rheinwelle, cards[1].id, "withdrawn", by=cast.nia, at=SIX)
        wall.set_consent(session, cast.rheinwelle, cards[2].id, "refused", by=cast.nia, at=SIX)

    assert (load(before.id).state, load(before.id).reason) == ("expired", "contests.entry_withdrawn")
    with opened(make()) as found:
        manifest = json.loads(found.read("manifest.json"))
    assert [one["entry"] for one in manifest["files"]] == [3, 4, 5]
    actions.expire_exports_now()
    assert before.key not in stored_exports()


def test_a_withdrawal_while_it_is_packed_makes_it_again(
    cast: Cast, campaign_id: int, make: Callable[[], Export]
) -> None:
    class Withdrawing(_Brittle):
        def put(self, key: str, stream: BinaryIO, *, content_type: str) -> str:
            with db.transaction() as session:
                for card in session.execute(select(Card).where(Card.withdrawn_at.is_(None)).limit(1)).scalars():
                    wall.withdraw_card(session, card, at=SIX)
            storage.use(store)
            return store.put(key, stream, content_type=content_type)

    store = storage.current()
    storage.use(Withdrawing(store))
    export = make()

    with opened(load(export.id)) as found:
        assert [one["entry"] for one in json.loads(found.read("manifest.json"))["files"]] == [2, 3, 4, 5]
    assert stored_exports() == [load(export.id).key]


def test_progress_is_told_until_the_end(make: Callable[[], Export]) -> None:
    make()

    with db.reading() as session:
        events = session.execute(select(LiveEvent).where(LiveEvent.kind == "export.changed").order_by(LiveEvent.seq))
        told = [(event.payload["export"], event.audience) for event in events.scalars()]
    states = [export["state"] for export, _audience in told]
    assert states[0] == "queued"
    assert "running" in states
    assert states[-1] == "ready"
    assert told[-1][0]["done"] == told[-1][0]["total"] == len(NASTY)
    assert {audience for _export, audience in told} == {"export.masked"}


# --- fetching -----------------------------------------------------------------------------------------------------


def test_only_editors_of_the_station_fetch_an_export(
    make: Callable[[], Export], sign_in: Callable[[str], Browser], cast: Cast
) -> None:
    path = f"/exports/{make().id}/download"
    with db.transaction() as session:
        from desk.people import actions as people
        from desk.people.models import Station

        otto, oldie95 = session.get_one(Person, cast.otto), session.get_one(Station, cast.oldie95)
        people.give_role(session, otto, oldie95, "editor", by=None, at=SIX)

    assert sign_in("edith").get(path).status_code == 200
    assert sign_in("nia").get(path).status_code == 403
    assert sign_in("otto").get(path).status_code == 404
    assert sign_in("edith").get("/exports/999999/download").status_code == 404


def test_a_broken_download_goes_on_where_it_stopped(
    make: Callable[[], Export], sign_in: Callable[[str], Browser]
) -> None:
    export = make()
    edith, path = sign_in("edith"), f"/exports/{export.id}/download"
    whole = edith.get(path)
    etag = whole.headers["ETag"]

    part = edith.get(path, headers={"Range": "bytes=100-", "If-Range": etag})

    assert (part.status_code, part.data) == (206, whole.data[100:])
    assert hashlib.sha256(whole.data).hexdigest() == export.sha256
    assert whole.headers["Content-Disposition"] == f"attachment; filename=export-rheinwelle-{export.id}.zip"
    assert edith.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_an_expired_export_is_gone_with_its_file(make: Callable[[], Export], sign_in: Callable[[str], Browser]) -> None:
    export = make()
    edith = sign_in("edith")
    with db.transaction() as session:
        session.execute(update(Export).values(expires_at=clock.now() - timedelta(seconds=1)))
    assert edith.get(f"/exports/{export.id}/download").status_code == 404

    assert actions.expire_exports_now() == 1

    assert (load(export.id).state, load(export.id).key) == ("expired", None)
    assert stored_exports() == []
    assert actions.expire_exports_now() == 0


def test_a_file_that_could_not_be_deleted_is_deleted_the_next_time(make: Callable[[], Export]) -> None:
    class Stuck(_Brittle):
        def delete(self, key: str) -> None:
            raise StoreUnavailable

    make()
    store = storage.current()
    storage.use(Stuck(store))
    with db.transaction() as session:
        session.execute(update(Export).values(expires_at=clock.now() - timedelta(seconds=1)))
    with pytest.raises(StoreUnavailable):
        actions.expire_exports_now()

    storage.use(store)
    assert actions.expire_exports_now() == 1
    assert stored_exports() == []


def test_asking_twice_for_the_same_makes_one(cast: Cast, campaign_id: int) -> None:
    with db.transaction() as session:
        first = ask(session, cast.rheinwelle, campaign_id, cast.edith)
        assert ask(session, cast.rheinwelle, campaign_id, cast.edith) == first


def test_hundreds_of_entries_are_exported_in_seconds(
    cast: Cast, run_jobs: Callable[[], int], record_property: Callable[[str, object], None]
) -> None:
    with db.transaction() as session:
        campaign = a_campaign(session, cast.rheinwelle)
        for index in range(300):
            card = arrive(session, cast.rheinwelle, f"Ständchen {index}", kind="voice")
            put_voice(session, card, index.to_bytes(4, "big") * 2500)
    with db.transaction() as session:
        export_id = ask(session, cast.rheinwelle, campaign.id, cast.edith)
    began = time.monotonic()

    run_jobs()

    took_s = time.monotonic() - began
    record_property("export_of_300_entries_s", round(took_s, 1))
    print(f"export of 300 entries: {took_s:.1f} s")
    assert load(export_id).state == "ready"
    assert took_s < 20  # 3 s for 2,000 on a busy machine of two cores


def test_every_word_of_the_table_has_a_translation() -> None:
    catalogue = translations.load_catalogue("de")

    words = (*archive.COLUMNS, *jobs.KINDS.values(), *jobs.STATES.values(), *jobs.CONSENTS.values())

    assert [word for word in words if not catalogue.get(word)] == []
    assert len(archive.COLUMNS) == len(set(archive.COLUMNS)) == 15


def test_the_table_speaks_the_language_of_whoever_asked(cast: Cast, make: Callable[[], Export]) -> None:
    with db.transaction() as session:
        session.execute(update(Person).values(locale="de"))

    with opened(make()) as found:
        sheet: Any = openpyxl.load_workbook(io.BytesIO(found.read("entries.xlsx"))).active

    first, second = list(sheet.iter_rows(values_only=True))[:2]
    assert first[:3] == ("Nummer", "Gesendet", "Eingegangen")
    assert second[1] == SIX.astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None)
    assert (second[6], second[8]) == ("Sprachnachricht", "Neu")
