"""Listeners' files over HTTP: ranges, what may be opened in a page, who may have the original, trying again."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from desk import clock, db
from desk.jobs import table
from desk.jobs.models import Job
from desk.listeners.models import Listener
from desk.live.models import AuditRow
from desk.media import queries, storage
from desk.media.models import Asset
from desk.wall import actions
from desk.wall.models import Card
from media_store.keys import new_key
from tests.desk_fixtures import Browser, Cast
from tests.wall.builders import a_card, a_rendition, an_asset

SOUND = bytes(range(200))


@pytest.fixture
def voice(sign_in: Callable[[str], Browser], cast: Cast) -> Asset:
    """A voice with original and preview."""
    with db.transaction() as session:
        card = a_card(session, cast.rheinwelle, kind="voice")
        asset = an_asset(session, card.message_id, cast.rheinwelle, state="ready")
        key = new_key("1", extension="mp3")
        sha256 = storage.current().put(key, io.BytesIO(SOUND), content_type="audio/mpeg")
        a_rendition(session, asset, "preview", key=key, bytes=len(SOUND), sha256=sha256)
        asset.original_key, asset.original_sha256, asset.original_bytes = key, sha256, len(SOUND)
        asset.original_mime = "audio/ogg; codecs=opus"
    return asset


def test_a_range_is_answered_in_part(voice: Asset, sign_in: Callable[[str], Browser]) -> None:
    answer = sign_in("nia").client.get(f"/media/{voice.id}/preview", headers={"Range": "bytes=10-19"})

    assert (answer.status_code, answer.data) == (206, SOUND[10:20])
    assert answer.headers["Content-Range"] == "bytes 10-19/200"
    answer.close()


@pytest.mark.parametrize(
    ("asked", "status", "length"), [("bytes=-5", 206, 5), ("bytes=190-999", 206, 10), ("x=1-2", 200, 200)]
)
def test_ends_and_odd_units_are_understood(
    voice: Asset, sign_in: Callable[[str], Browser], asked: str, status: int, length: int
) -> None:
    answer = sign_in("nia").client.get(f"/media/{voice.id}/preview", headers={"Range": asked})

    assert (answer.status_code, len(answer.data)) == (status, length)
    answer.close()


def test_a_range_outside_the_file_is_refused(voice: Asset, sign_in: Callable[[str], Browser]) -> None:
    answer = sign_in("nia").client.get(f"/media/{voice.id}/preview", headers={"Range": "bytes=500-"})

    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */200")


def test_what_a_browser_has_is_not_sent_again(voice: Asset, sign_in: Callable[[str], Browser]) -> None:
    nia = sign_in("nia").client
    first = nia.get(f"/media/{voice.id}/preview")
    again = nia.get(f"/media/{voice.id}/preview", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.data, again.status_code, again.data) == (SOUND, 304, b"")
    first.close()


def test_head_tells_the_length_and_sends_nothing(voice: Asset, sign_in: Callable[[str], Browser]) -> None:
    answer = sign_in("nia").client.head(f"/media/{voice.id}/preview")

    assert (answer.status_code, answer.headers["Content-Length"], answer.data) == (200, "200", b"")


def test_no_file_becomes_a_page_of_ours(voice: Asset, sign_in: Callable[[str], Browser]) -> None:
    answer = sign_in("nia").get(f"/media/{voice.id}/preview")

    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    answer.close()


def test_the_original_of_a_document_is_a_download_without_its_type(
    voice: Asset, sign_in: Callable[[str], Browser]
) -> None:
    with db.transaction() as session:
        session.get_one(Asset, voice.id).original_mime = "text/html"

    answer = sign_in("nia").get(f"/media/{voice.id}/original")

    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    answer.close()


def test_each_fetch_of_an_original_is_in_the_audit_once(voice: Asset, sign_in: Callable[[str], Browser]) -> None:
    nia = sign_in("nia").client
    for asked in ("bytes=0-9", "bytes=10-19", "bytes=20-"):
        nia.get(f"/media/{voice.id}/original", headers={"Range": asked}).close()

    with db.reading() as session:
        acts = session.execute(select(AuditRow.act).where(AuditRow.object == f"asset:{voice.id}")).scalars().all()
    assert acts == ["media.original"]


def test_the_size_for_the_web_is_a_download_that_is_audited_and_needs_the_same_right(
    voice: Asset, sign_in: Callable[[str], Browser]
) -> None:
    with db.transaction() as session:
        original = session.get_one(Asset, voice.id)
        a_rendition(session, original, "web", mime="image/jpeg", key=original.original_key, bytes=10)

    answer = sign_in("nia").get(f"/media/{voice.id}/web")
    refused = sign_in("sam").get(f"/media/{voice.id}/web")

    with db.reading() as session:
        acts = session.execute(select(AuditRow.act).where(AuditRow.object == f"asset:{voice.id}")).scalars().all()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert (refused.status_code, acts) == (403, ["media.web"])
    answer.close()


def test_the_original_needs_a_right_of_its_own(voice: Asset, sign_in: Callable[[str], Browser], cast: Cast) -> None:
    from desk.people.models import Membership

    with db.transaction() as session:
        session.execute(select(Membership).where(Membership.person_id == cast.edith)).scalar_one().role = "service"
    service = sign_in("edith")

    assert service.get(f"/media/{voice.id}/original").status_code == 403
    preview = service.get(f"/media/{voice.id}/preview")
    assert preview.status_code == 200
    preview.close()


@pytest.mark.parametrize("how", ["withdrawn", "blocked"])
def test_what_is_withdrawn_or_blocked_is_gone_within_the_same_moment(
    voice: Asset, sign_in: Callable[[str], Browser], how: str
) -> None:
    nia = sign_in("nia")
    with db.transaction() as session:
        card = session.execute(select(Card).where(Card.message_id == voice.message_id)).scalar_one()
        if how == "withdrawn":
            actions.withdraw_card(session, card, at=clock.now())
        else:
            session.get_one(Listener, card.listener_id).blocked_until = clock.now() + timedelta(hours=1)

    assert nia.get(f"/media/{voice.id}/preview").status_code == 404


def test_an_object_that_left_the_store_is_missing_not_broken(voice: Asset, sign_in: Callable[[str], Browser]) -> None:
    storage.current().delete(str(voice.original_key))

    assert sign_in("nia").get(f"/media/{voice.id}/preview").status_code == 404


def test_trying_again_makes_the_job_ready_and_shows_the_card(sign_in: Callable[[str], Browser], cast: Cast) -> None:
    nia = sign_in("nia")
    with db.transaction() as session:
        card = a_card(session, cast.rheinwelle, kind="voice")
        asset = an_asset(session, card.message_id, cast.rheinwelle, state="failed", reason="media.timeout")
        table.put(session, "fetch_media", f"asset:{asset.id}", {}, at=clock.now(), station_id=None)
        session.execute(select(Job)).scalar_one().state = "dead"
        version = card.version

    answer = nia.post(f"/api/v1/media/{asset.id}/retry")

    assert answer.get_json()["asset"]["state"] == "waiting"
    with db.reading() as session:
        assert session.execute(select(Job.state)).scalar_one() == "ready"
        assert session.get_one(Card, card.id).version == version + 1


def test_a_file_that_is_ready_is_not_tried_again(voice: Asset, sign_in: Callable[[str], Browser]) -> None:
    assert sign_in("nia").post(f"/api/v1/media/{voice.id}/retry").status_code == 409


def test_every_failure_has_a_sentence() -> None:
    assert queries.reason_text("media.no_audio") == "There is no sound in this file."
    assert queries.reason_text("channels.media_gone") == "The provider no longer has this file."
    assert queries.reason_text("media.from_tomorrow") == queries.UNKNOWN_REASON
    assert queries.reason_text(None) is None
