"""A wall that shows every state a file can be in, for the documentation's pictures.

Nothing on it is put there by hand: listeners send files that are good, damaged, too long, alike or sensitive, the
number refuses or dawdles where a state needs it, and people press what a team presses. Only the words of the transcript
come from a stand-in for the speech engine, which says what the recording really says.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from desk.rehearsal import client
from tests import servers, serving
from tests.media_store import papers
from tests.media_store.films import amr
from tests.media_store.material import ffmpeg
from tests.serving import SAMPLES, Colleague, Desk

SAID = "Guten Morgen, hier ist die Jutta aus Beuel. Mein Papa wird heute siebzig. Alles Liebe, Papa!"
SPEAKER = serving.TOP / "tests" / "media_store" / "speaking_engine.py"
DONE = ("ready", "failed")
LIMIT_S = 300.0
REFUSED_CALLS = 1000
DAWDLING_MS = 150_000
BEGUN_PERCENT = 30
PICTURES_TAKE_S = 15.0
MUCH_TOO_LONG_S = 31 * 60


def speech_settings(model: Path) -> dict[str, str]:
    """Variables for a desk whose speech engine says what stands in this folder; with a worker for each that waits."""
    model.mkdir()
    words = SAID.split()
    each_s = 8.6 / len(words)
    timed = [[word, round(number * each_s, 2), round((number + 1) * each_s, 2)] for number, word in enumerate(words)]
    lines = ({"language": "de", "confidence": 0.98}, {"words": timed}, {"done": True})
    (model / "answer.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    program = shlex.join((sys.executable, "-I", str(SPEAKER)))
    return {"DESK_TRANSCRIPT_PROGRAM": program, "DESK_TRANSCRIPT_MODEL": str(model), "DESK_WORKERS": "3"}


def fill(desk: Desk, lea: Colleague, omar: Colleague, folder: Path) -> None:
    """Send and press until the wall shows them all. The last ones stay as they are for a minute."""
    folder.mkdir()
    _written_down(desk, lea, omar)
    _files(desk, folder)
    _alike(desk, folder)
    _spoilt(desk, folder)
    _settle(lea)
    _cover_by_hand(lea, "Chiara Russo")
    _under_way(desk, lea, folder)


def _written_down(desk: Desk, lea: Colleague, omar: Colleague) -> None:
    """One note with its words, one song without; then the switch is off, and what comes later has none."""
    omar.submit("/settings/transcripts", {"transcribes": "1"})
    desk.send("Jutta Köster", file=SAMPLES / "rw-voice-01.ogg", is_voice=True)
    desk.send("Hannah Vogel", file=SAMPLES / "rw-song-01.ogg", is_voice=True)
    _settle(lea)
    servers.wait_until(lambda: _transcripts(lea) == {"ready", "sung"}, "the transcripts", limit_s=LIMIT_S)
    omar.submit("/settings/transcripts", {})


def _files(desk: Desk, folder: Path) -> None:
    """One of each kind, as telephones send them."""
    desk.send("Dieter Kowalczyk", "Der Plan für das Fest", file=_written(folder / "Festplan.pdf", b"%PDF-1.7\n" * 9000))
    desk.send("Ayşe Yıldız", file=_moving_picture(folder / "schnee.gif"))
    desk.send("Mia aus Mendig", file=SAMPLES / "sticker-herz-bewegt.webp")
    desk.send("Nadine Brandt", "Frau Holle in Mendig", file=SAMPLES / "clip-schnee.mp4")
    desk.send("Greta Lindner", "Der Blick aus dem Küchenfenster", file=SAMPLES / "erster-schnee.jpg")
    desk.send("Sven aus dem Lkw", file=SAMPLES / "rw-voice-02.ogg", is_voice=True)
    desk.send("Wilhelm Krause", file=_letter(folder / "brief.jpg"))
    desk.send("Chiara Russo", "Nicht zeigen, bitte", file=SAMPLES / "katze-fenster.jpg")


def _alike(desk: Desk, folder: Path) -> None:
    """The same song twice: as it was sung, and as it came round by way of a group, far too faint for the target."""
    song, worse = SAMPLES / "rw-song-03.ogg", folder / "weitergeleitet.ogg"
    ffmpeg("-i", song, "-af", "lowpass=2500,volume=-43dB", "-c:a", "libopus", "-b:a", "12k", worse)
    client.send(desk.number, serving.STATION, "Monika Weber", file=worse, is_forwarded=True)
    desk.send("Tim & Lara", file=song, is_voice=True)


def _spoilt(desk: Desk, folder: Path) -> None:
    """Recordings with something to say about them, and files that cannot be used."""
    faint, loud = folder / "leise.ogg", folder / "laut.ogg"
    whispered, shouted = SAMPLES / "rw-voice-10.ogg", SAMPLES / "rw-voice-15.ogg"
    ffmpeg("-i", whispered, "-af", "volume=-6dB", "-c:a", "libopus", "-b:a", "32k", faint)
    ffmpeg("-i", shouted, "-af", "volume=14dB,alimiter=limit=1:level=0", "-c:a", "libopus", "-b:a", "64k", loud)
    desk.send("Nguyễn Thị Mai", file=faint, is_voice=True)
    desk.send("Jonas Müller", file=loud, is_voice=True)
    ffmpeg("-i", SAMPLES / "erster-schnee.jpg", folder / "ganz.jpg")  # line by line, where the sample comes in passes
    photo = (folder / "ganz.jpg").read_bytes()
    desk.send("Klaus Neumann", file=_written(folder / "halb.jpg", photo[: len(photo) // 2]))
    desk.send("Renate Fuchs", file=_written(folder / "torte.png", b"\x89PNG\r\n\x1a\n" + bytes(5000)))
    desk.send("Horst Klein", file=amr(folder / "mitschnitt.amr", MUCH_TOO_LONG_S))


def _under_way(desk: Desk, lea: Colleague, folder: Path) -> None:
    """One being converted, one that the number refuses for now, one being fetched while the number dawdles."""
    desk.send("Thomas Öztürk", "Unser Chor heute früh", file=_heavy_film(folder / "chor.mp4"))
    _wait_for(lea, "Thomas", lambda media: (media["progress"] or 0) >= BEGUN_PERCENT)
    client.order_faults(desk.number, {"next_media_status": 503, "next_media_count": REFUSED_CALLS})
    desk.send("Kasia Nowak", file=SAMPLES / "rw-voice-08.ogg", is_voice=True)
    _wait_for(lea, "Kasia", _is_put_off_for_long)
    client.order_faults(desk.number, {"slow_ms": DAWDLING_MS})
    desk.send("Siobhán Kelly", file=SAMPLES / "rw-voice-12.ogg", is_voice=True)
    _wait_for(lea, "Siobhán", lambda media: media["state"] == "fetching")


def _is_put_off_for_long(media: Any) -> bool:
    """Pauses grow with each refusal: this one outlasts a picture. One more, and the number would rest altogether."""
    if media["state"] != "waiting" or media["retry_at"] is None:
        return False
    return (datetime.fromisoformat(media["retry_at"]) - datetime.now(UTC)).total_seconds() > PICTURES_TAKE_S


# --- what people and files do -----------------------------------------------------------------------------------------


def _cards(lea: Colleague) -> list[Any]:
    return list(lea.get("/api/v1/cards", limit=100)["cards"])


def _settle(lea: Colleague) -> None:
    """Wait until every file is ready or has failed."""

    def is_settled() -> bool:
        cards = _cards(lea)
        return bool(cards) and all(media["state"] in DONE for card in cards for media in card["media"])

    servers.wait_until(is_settled, "the files", limit_s=LIMIT_S)


def _transcripts(lea: Colleague) -> set[str]:
    return {media["transcript"]["state"] for card in _cards(lea) for media in card["media"] if media["transcript"]}


def _of(lea: Colleague, name: str) -> Any:
    """The card of a listener of this wall; of names only the first stands on it."""
    return next((card for card in _cards(lea) if card["listener"]["first_name"] == name.split()[0]), None)


def _wait_for(lea: Colleague, name: str, is_so: Callable[[Any], bool]) -> None:
    def has_come() -> bool:
        card = _of(lea, name)
        return card is not None and bool(card["media"]) and is_so(card["media"][0])

    servers.wait_until(has_come, f"the file of {name}", limit_s=LIMIT_S)


def _cover_by_hand(lea: Colleague, name: str) -> None:
    lea.post(f"/api/v1/cards/{_of(lea, name)['id']}/cover", {"covered": True})


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _letter(path: Path) -> Path:
    drawn = np.random.default_rng(7)
    papers.photographed(drawn, papers.letter(drawn)).save(path, quality=88)
    return path


def _moving_picture(path: Path) -> Path:
    ffmpeg("-i", SAMPLES / "clip-schnee.mp4", "-t", "2", "-vf", "fps=8,scale=320:-2", path)
    return path


def _heavy_film(path: Path) -> Path:
    """A film that has to be encoded anew, which takes a while."""
    large = path.with_name("large.mp4")
    ffmpeg("-i", SAMPLES / "clip-chor.mp4", "-vf", "scale=1920:1080", "-c:v", "libx264", "-preset", "ultrafast", "-crf",
           "33", "-c:a", "aac", large)  # fmt: skip
    ffmpeg("-stream_loop", "8", "-i", large, "-c", "copy", path)
    return path
