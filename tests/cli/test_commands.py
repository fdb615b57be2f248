"""Every promised command is there, answers with one JSON document, and ends with 0 only when it worked."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy import update

from desk import clock, db
from desk.cli import main
from desk.cli.say import Progress
from desk.contests import actions as contests
from desk.jobs.models import Job
from desk.people import actions as people
from desk.people.models import Station
from tests.cli.conftest import Command
from tests.intake.graph import Graph
from tests.intake.provider import Provider
from tests.intake.test_bad_input import voice
from tests.privacy.test_erasing import WAMID, picture, send_file

PROMISED = (
    "serve", "web", "worker", "keeper", "migrate", "doctor", "station add", "station list", "person add", "person link",
    "channel add", "channel list", "channel check", "card show", "card list", "delivery list", "delivery replay",
    "job list", "job retry", "media probe", "media backfill", "store copy", "store check", "export", "access", "erase",
    "audit verify", "backup", "restore", "simulate send", "simulate post", "simulate burst",
)  # fmt: skip
RUN_ON = {"serve", "web", "worker", "keeper"}


def find(name: str) -> click.Command:
    found: click.Command = main
    for part in name.split():
        assert isinstance(found, click.Group)
        found = found.commands[part]
    return found


@pytest.mark.parametrize("name", PROMISED)
def test_every_promised_command_is_there_and_speaks_json(name: str) -> None:
    options = {option for parameter in find(name).params for option in parameter.opts}

    assert find(name).help
    assert name in RUN_ON or "--json" in options


def test_a_house_is_set_up_by_command(desk: Command, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"app_secrets": ["x" * 32], "verify_token": "v", "access_token": "a"}))

    assert desk.json("migrate") == {"migrated": False}
    assert desk.json("station", "add", "elbwelle", "Elbwelle")["slug"] == "elbwelle"
    assert [one["slug"] for one in desk.json("station", "list")] == ["elbwelle"]
    added = desk.json("person", "add", "nia@example.org", "Nia", "--station", "elbwelle", "--role", "producer")
    assert added["roles"] == ["producer"]
    assert "/signin/link/" in desk.json("person", "link", "nia@example.org")["url"]
    channel = desk.json("channel", "add", "elbwelle", "whatsapp_cloud", "--number-id", "17", "--secrets-file", secrets)
    (listed,) = desk.json("channel", "list")
    assert listed["webhook_url"] == channel["webhook_url"]
    for document in (channel, listed):
        assert "x" * 32 not in json.dumps(document)


def test_a_card_is_shown_with_everything_promised(
    desk: Command, provider: Provider, graph: Graph, tmp_path: Path
) -> None:
    data = picture(21)
    send_file(provider, graph, "image", data, "image/png", id=WAMID)

    shown = desk.json("card", "show", "--provider-id", WAMID)

    assert {"id", "station", "provider_id", "kind", "state", "version", "text", "listener", "consent", "vetted",
            "received_at", "media"} <= set(shown)  # fmt: skip
    assert (shown["station"], shown["provider_id"], shown["vetted"]) == ("rheinwelle", WAMID, False)
    assert set(shown["listener"]) == {"alias", "first_name", "place"}
    (file,) = shown["media"]
    assert file["state"] == "ready"
    assert file["original"] == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "mime": "image/png"}
    promised = {"profile", "mime", "bytes", "sha256", "duration_s", "loudness_lufs", "true_peak_dbtp", "width_px",
                "height_px"}  # fmt: skip
    assert file["renditions"]
    assert all(promised <= set(one) for one in file["renditions"])
    assert desk.json("card", "show", str(shown["id"]))["media"] == shown["media"]
    profile = file["renditions"][0]["profile"]
    desk.json("card", "show", str(shown["id"]), "--save", profile, tmp_path / "one")
    assert hashlib.sha256((tmp_path / "one").read_bytes()).hexdigest() == file["renditions"][0]["sha256"]
    (listed,) = desk.json(
        "card", "list", "--station", "rheinwelle", "--state", "new", "--kind", "image", "--limit", "5"
    )
    assert listed["id"] == shown["id"]


def test_a_format_the_station_asked_for_can_be_saved(
    desk: Command, provider: Provider, graph: Graph, tmp_path: Path
) -> None:
    with db.transaction() as session:
        session.execute(update(Station).values(air_formats="flac"))
    send_file(provider, graph, "audio", voice(), "audio/wav")
    provider.run()

    desk.json("card", "show", str(provider.cards()[0].id), "--save", "flac", tmp_path / "one.flac")

    assert (tmp_path / "one.flac").read_bytes()[:4] == b"fLaC"


def test_deliveries_jobs_and_the_audit_are_listed(desk: Command, provider: Provider) -> None:
    provider.say("Guten Morgen")
    provider.run()

    (delivery,) = desk.json("delivery", "list")
    replayed = desk.json("delivery", "replay", str(delivery["id"]))
    jobs = desk.json("job", "list")

    assert (delivery["state"], delivery["items"]) == ("read", 1)
    assert replayed == {"id": delivery["id"], "replayed": True}
    assert {one["kind"] for one in jobs} == {"read_delivery"}
    assert desk.json("job", "list", "--state", "dead") == []
    assert desk.json("audit", "verify")["ok"] is True
    assert desk.json("job", "retry", str(jobs[0]["id"]))["retried"] == 1


def test_a_changed_audit_row_is_named_and_the_command_fails(desk: Command, provider: Provider) -> None:
    provider.say("Guten Morgen")
    provider.run()
    with db.transaction() as session:
        session.connection().exec_driver_sql("UPDATE audit_row SET act = 'nothing' WHERE seq = 2 AND station_id = 1")

    report = desk.json("audit", "verify", status=1)

    assert report["ok"] is False
    (bad,) = [one for one in report["stations"] if not one["ok"]]
    assert (bad["station"], bad["seq"]) == ("rheinwelle", 2)


def test_the_store_is_checked_and_copied(desk: Command, provider: Provider, graph: Graph, tmp_path: Path) -> None:
    send_file(provider, graph, "image", picture(22), "image/png")
    data_dir = Path(desk.environment["DESK_DATA_DIR"])

    checked = desk.json("store", "check")
    first = desk.json("store", "copy", f"file:{data_dir / 'media'}", f"file:{tmp_path / 'copy'}")
    second = desk.json("store", "copy", f"file:{data_dir / 'media'}", f"file:{tmp_path / 'copy'}")

    assert checked["ok"] is True
    assert checked["objects"] == first["copied"] > 1
    assert (second["copied"], second["present"], second["pruned"]) == (0, first["copied"], 0)
    erased = next(path for path in (data_dir / "media").rglob("*.png") if ".sums" not in path.parts)
    erased.unlink()
    kept = desk.json("store", "copy", f"file:{data_dir / 'media'}", f"file:{tmp_path / 'copy'}")
    pruned = desk.json("store", "copy", f"file:{data_dir / 'media'}", f"file:{tmp_path / 'copy'}", "--prune")
    assert (kept["pruned"], pruned["pruned"], pruned["present"]) == (0, 1, first["copied"] - 1)
    assert not (tmp_path / "copy" / erased.relative_to(data_dir / "media")).exists()
    mistyped = desk.json("store", "copy", f"file:{tmp_path}/nowhere", f"file:{tmp_path / 'copy'}", "--prune", status=1)
    assert mistyped["error"]["code"] == "store.empty_source"


def test_a_check_names_what_is_missing_damaged_and_orphaned(desk: Command, provider: Provider, graph: Graph) -> None:
    send_file(provider, graph, "image", picture(22), "image/png")
    media = Path(desk.environment["DESK_DATA_DIR"]) / "media"
    original = next(path for path in media.rglob("*.png") if ".sums" not in path.parts)
    rendition = next(path for path in media.rglob("*.jpg") if ".sums" not in path.parts)
    original.write_bytes(b"other")
    rendition.unlink()
    (media / "7").mkdir()
    (media / "7" / "nobodys.ogg").write_bytes(b"a worker died before it wrote the name down")

    young = desk.json("store", "check", status=1)
    all_of_it = desk.json("store", "check", "--orphans-after", "0", status=1)

    found = {(str(original.relative_to(media)), "damaged"), (str(rendition.relative_to(media)), "missing")}
    assert {(one["key"], one["fault"]) for one in young["faults"]} == found
    assert {(one["key"], one["fault"]) for one in all_of_it["faults"]} == found | {("7/nobodys.ogg", "orphaned")}
    assert young["objects"] == all_of_it["objects"] > 1


def test_a_person_sees_how_far_a_copy_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    times = iter((0.0, 9.0, 12.0))
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    progress = Progress(40, is_shown=True)

    progress.show(1, 1_000_000)
    progress.show(2, 2_400_000)

    assert capsys.readouterr().err == "2 of 40 objects, 2 MB copied at 0.2 MB/s\n"


def test_an_export_is_written_by_command(desk: Command, provider: Provider, tmp_path: Path) -> None:
    with db.transaction() as session:
        campaign = contests.add_campaign_once(
            session, provider.cast.rheinwelle, "Wunsch", keywords="wunsch", hue=1, icon="note", at=clock.now()
        )
        campaign_id = str(campaign.id)
    provider.say("wunsch: Regen")
    provider.run()
    file = tmp_path / "export.zip"
    options = ("--station", "rheinwelle", "--campaign", campaign_id, "--by")

    made = desk.json("export", *options, "edith@example.org", file)
    refused = desk.json("export", *options, "nia@example.org", file, status=1)

    assert made["state"] == "ready"
    assert refused["error"]["code"] == "desk.not_allowed"
    with zipfile.ZipFile(file) as archive:
        assert "entries.csv" in archive.namelist()


def test_access_and_erasure_by_command(desk: Command, provider: Provider, tmp_path: Path) -> None:
    provider.say("Guten Morgen", id=WAMID)
    provider.run()
    file = tmp_path / "ada.zip"

    assert desk.json("access", "--provider-id", WAMID, file)["items"] == 1
    erased = desk.json("erase", "--provider-id", WAMID, "--reason", "asked by letter")
    again = desk.json("erase", "--provider-id", WAMID, "--reason", "asked by letter")
    gone = desk.json("card", "show", "--provider-id", WAMID, status=1)

    assert file.exists()
    assert erased["ok"] is again["ok"] is True
    assert [one["step"] for one in erased["steps"]][:3] == ["rights", "jobs", "objects"]
    assert gone["error"]["code"] == "wall.erased"
    assert desk.json("audit", "verify")["ok"] is True


def test_a_backup_comes_back_by_command(desk: Command, provider: Provider, tmp_path: Path) -> None:
    provider.say("Guten Morgen", id=WAMID)
    provider.run()
    folder = tmp_path / "backup"

    made = desk.json("backup", folder)
    refused = desk.json("restore", folder, status=1)
    other = Command(desk.environment | {"DESK_DATA_DIR": str(tmp_path / "other"), "DESK_SECRET_KEY": key_of(desk)})
    restored = other.json("restore", folder)

    assert (made["ok"], restored["ok"]) == (True, True)
    assert refused["error"]["code"] == "backups.not_empty"
    assert other.json("card", "show", "--provider-id", WAMID)["text"] == "Guten Morgen"


def key_of(desk: Command) -> str:
    return (Path(desk.environment["DESK_DATA_DIR"]) / "keys" / "secret").read_text().strip()


FAILURES: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("card", "show", "12345"), 1, "wall.no_card"),
    (("card", "show"), 1, "invalid"),
    (("card", "list", "--station", "nowhere"), 1, "people."),
    (("delivery", "replay", "77"), 1, "intake.no_delivery"),
    (("job", "retry", "77"), 1, "jobs.no_job"),
    (("channel", "check", "77"), 1, "channels.no_channel"),
    (("person", "link", "nobody@example.org"), 1, "people.no_person"),
    (("erase", "--provider-id", "wamid.none", "--reason", "r"), 1, "privacy.nobody"),
    (("erase", "--provider-id", "wamid.none", "--card", "1", "--reason", "r"), 1, "invalid"),
    (("erase", "--card", "1"), 2, "usage"),
    (("access", "--card", "1", "nowhere.zip"), 1, "privacy.nobody"),
    (("media", "probe", "/nowhere/at.all"), 2, "usage"),
    (("simulate", "send", "--station", "rheinwelle", "--from", "Ada"), 1, "invalid"),
)


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    FAILURES,
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else None,
)
def test_a_failure_is_one_document_with_its_code(
    desk: Command, arguments: tuple[str, ...], status: int, code: str
) -> None:
    error: dict[str, Any] = desk.json(*arguments, status=status)["error"]

    assert error["code"].startswith(code)
    assert error["message"]


def test_without_json_a_failure_is_a_sentence_on_standard_error(desk: Command) -> None:
    result = desk("card", "show", "12345")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.strip() == "There is no such card."


def test_a_file_is_explained_in_plain_words(desk: Command, tmp_path: Path) -> None:
    good, empty, text = tmp_path / "one.png", tmp_path / "empty.ogg", tmp_path / "playlist.mp4"
    good.write_bytes(picture(23))
    empty.touch()
    text.write_text("ffconcat version 1.0\nfile other.wav\n")

    found = desk.json("media", "probe", good)

    assert (found["ok"], found["width_px"], found["height_px"]) == (True, 320, 240)
    for bad in (empty, text):
        refused = desk.json("media", "probe", bad, status=1)
        assert refused["ok"] is False
        assert refused["code"].startswith("media.")
        assert " " in refused["says"]
        assert refused["code"] not in refused["says"]


def test_a_file_is_explained_line_by_line_for_people(desk: Command, tmp_path: Path) -> None:
    named_wrong = tmp_path / "song.mp3"
    named_wrong.write_bytes(picture(23))

    said = dict(line.split("  ", 1) for line in desk("media", "probe", str(named_wrong)).stdout.splitlines())

    assert said["What it is"].strip() == "a picture, image/png, 320 x 240 pixels"
    assert said["Its name"].strip() == "ends in .mp3, its bytes are .png: the bytes count"
    assert "320 x 240" in said["Made"]


def test_a_healthy_desk_is_found_healthy(desk: Command) -> None:
    report = desk.json("doctor")

    assert report["ok"] is True, report
    assert {"database", "schema", "store", "queue", "ffmpeg"} <= {one["name"] for one in report["checks"]}


def test_all_dead_jobs_are_tried_again_at_once(desk: Command, house: Any) -> None:
    at = clock.now()
    with db.transaction() as session:
        people.add_station(session, "elbwelle", "Elbwelle", at=at)
        for number in range(3):
            session.add(
                Job(kind="fetch_media", subject=f"asset:{number}", payload={"asset_id": number}, state="dead",
                    run_at=at, wake_at=at, created_at=at, last_error="media.gone")
            )  # fmt: skip

    assert desk.json("job", "retry", "--dead", "--reason", "other")["retried"] == 0
    assert desk.json("job", "retry", "--dead", "--reason", "media.gone")["retried"] == 3
