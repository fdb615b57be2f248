"""A backup brought back is the same desk, but for what was erased since."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select, text

from desk import backups, clock, db, factory
from desk.conversations.models import ErasedId
from desk.db import Base
from desk.listeners.models import Listener
from desk.media import storage
from desk.settings import Settings
from desk.wall.models import Card
from tests.intake.graph import Graph
from tests.intake.provider import BO, Provider
from tests.privacy.search import forms, places_of
from tests.privacy.test_erasing import CANARY, WAMID, erase, erase_listener, objects, picture, send_file


def rows_of_all_tables() -> dict[str, list[Any]]:
    """Every row of every table, but for the marks a restore itself leaves."""
    with db.reading() as session:
        present = set(inspect(session.connection()).get_table_names())
        return {
            table.name: sorted(map(repr, session.execute(select(table)).all()))
            for table in Base.metadata.sorted_tables
            if table.name in present and table.name != "erased_id"
        }


def elsewhere(settings: Settings, folder: Path) -> Settings:
    """An empty desk in another folder, with the same key."""
    folder.mkdir()
    return replace(
        settings, data_dir=folder, database_url=f"sqlite:///{folder / 'desk.db'}", store_url=f"file:{folder / 'media'}",
        queue_url=f"sqlite:{folder / 'queue.db'}",
    )  # fmt: skip


def stop(provider: Provider) -> None:
    """Stop the desk's own looking at its database, as before a restore."""
    provider.client.application.extensions["desk.relay"].stop(wait_s=20)
    db.current().dispose()


def open_elsewhere(settings: Settings, folder: Path) -> Settings:
    db.current().dispose()
    return factory.open_house(elsewhere(settings, folder))


def test_what_comes_back_equals_what_was_there(
    provider: Provider, graph: Graph, house: Settings, tmp_path: Path
) -> None:
    provider.say("Bleibt", sender=BO)
    provider.run()
    send_file(provider, graph, "image", picture(1), "image/png")
    backups.back_up(tmp_path / "backup", at=clock.now())
    before, files = rows_of_all_tables(), objects()

    open_elsewhere(house, tmp_path / "other")
    restored = backups.restore(tmp_path / "backup", is_forced=False, at=clock.now())

    assert restored.replayed.is_done
    assert rows_of_all_tables() == before
    assert objects() == files


def test_erased_stays_erased_when_an_older_backup_comes_back(
    provider: Provider, graph: Graph, house: Settings, tmp_path: Path
) -> None:
    data = picture(2)
    provider.say("Bleibt", sender=BO)
    provider.say(CANARY)
    provider.run()
    send_file(provider, graph, "image", data, "image/png", id=WAMID)
    backups.back_up(tmp_path / "backup", at=clock.now())
    assert places_of(tmp_path / "backup", *forms(CANARY)) != []
    with db.reading() as session:
        ada = session.execute(select(Listener.id).order_by(Listener.id.desc())).scalars().first()
    assert erase_listener(ada or 0).is_done

    stop(provider)

    restored = backups.restore(tmp_path / "backup", is_forced=True, at=clock.now())

    assert restored.replayed.is_done
    assert restored.replayed.people == 1
    needle = data[len(data) // 2 : len(data) // 2 + 64]
    assert places_of(house.data_dir, *forms(CANARY), *forms(WAMID), needle) == []
    assert objects() == {}
    with db.reading() as session:
        shown = session.execute(select(Card).where(Card.withdrawn_at.is_(None))).scalars().all()
        assert len(shown) == 1


def test_a_message_erased_after_a_backup_that_never_knew_it_does_not_come_back(
    provider: Provider, house: Settings, tmp_path: Path
) -> None:
    provider.say("Bleibt", sender=BO)
    provider.run()
    backups.back_up(tmp_path / "backup", at=clock.now())
    provider.say(CANARY, id=WAMID)
    provider.run()
    assert erase(WAMID).is_done
    stop(provider)

    restored = backups.restore(tmp_path / "backup", is_forced=True, at=clock.now())
    provider.say(CANARY, id=WAMID)
    provider.run()

    assert restored.replayed.marked == 1
    with db.reading() as session:
        assert len(session.execute(select(ErasedId)).all()) == 1
        assert len(session.execute(select(Card)).all()) == 1


def test_a_backup_is_brought_up_to_date_and_loses_what_was_erased(
    provider: Provider, graph: Graph, house: Settings, tmp_path: Path
) -> None:
    folder, data = tmp_path / "backup", picture(4)
    provider.say("Bleibt", sender=BO)
    send_file(provider, graph, "image", data, "image/png", id=WAMID)
    first, copied = backups.back_up(folder, at=clock.now())
    second, again = backups.back_up(folder, at=clock.now())
    assert (copied.present, again.copied) == (0, 0)
    assert first.media_objects == second.media_objects == copied.copied > 1

    assert erase(WAMID).is_done
    third, _ = backups.back_up(folder, at=clock.now())

    assert third.media_objects == 0
    needle = data[len(data) // 2 : len(data) // 2 + 64]
    assert places_of(folder, *forms(WAMID), needle) == []


def test_a_desk_that_holds_something_is_not_overwritten(provider: Provider, house: Settings, tmp_path: Path) -> None:
    backups.back_up(tmp_path / "backup", at=clock.now())

    with pytest.raises(backups.NotEmpty):
        backups.restore(tmp_path / "backup", is_forced=False, at=clock.now())


def test_a_running_desk_is_not_overwritten(provider: Provider, house: Settings, tmp_path: Path) -> None:
    provider.say("Bleibt", sender=BO)
    provider.run()
    backups.back_up(tmp_path / "backup", at=clock.now())
    other = db.Database(house.database_url)
    with other.reading() as session:
        session.execute(text("SELECT count(*) FROM card")).scalar_one()

        with pytest.raises(backups.StillRunning):
            backups.restore(tmp_path / "backup", is_forced=True, at=clock.now())
    other.dispose()


@pytest.mark.parametrize("name", ["desk.db", "media.sha256", "manifest.json"])
def test_a_damaged_backup_is_refused_and_nothing_changes(
    provider: Provider, house: Settings, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "backup"
    backups.back_up(folder, at=clock.now())
    (folder / name).write_bytes(b"{" + (folder / name).read_bytes()[1:] + b"x")

    with pytest.raises(backups.Damaged):
        backups.restore(folder, is_forced=True, at=clock.now())


def test_an_unfinished_backup_is_none(house: Settings, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()

    with pytest.raises(backups.NoBackup):
        backups.restore(tmp_path / "backup", is_forced=True, at=clock.now())


def test_no_key_is_in_a_backup(provider: Provider, house: Settings, tmp_path: Path) -> None:
    backups.back_up(tmp_path / "backup", at=clock.now())

    assert places_of(tmp_path / "backup", house.secret_key.encode()) == []
    assert "not included" in json.loads((tmp_path / "backup" / "manifest.json").read_text())["keys"]


def test_it_works_on_both_databases(provider_on_both: Provider, on_both_databases: Settings, tmp_path: Path) -> None:
    provider_on_both.say("Bleibt", sender=BO)
    provider_on_both.say(CANARY, id=WAMID)
    provider_on_both.run()
    backups.back_up(tmp_path / "backup", at=clock.now())
    assert erase(WAMID).is_done
    after = rows_of_all_tables()["listener"]
    stop(provider_on_both)

    restored = backups.restore(tmp_path / "backup", is_forced=True, at=clock.now())

    assert restored.replayed.is_done
    assert len(provider_on_both.cards()) == 2
    assert [card.withdrawn_at is None for card in provider_on_both.cards()] == [True, False]
    assert rows_of_all_tables()["listener"] == after
    assert storage.current() is not None
