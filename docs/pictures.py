"""`make docs-pictures`: takes the pictures of the documentation from a running rehearsal desk, into docs/pictures.

Starts a desk with its morning, waits until the files are ready, does what a team does in a show (claims, shortlists,
plans, clears, answers), and photographs the pages in German, some in English. A second desk shows files in every state
(media_states). Words after the command name the pictures to take: `python -m docs.pictures studio`. Colours are reduced
so that all pictures together stay small enough for a repository. What stands on them are invented listeners.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from desk.rehearsal import client
from docs import media_states, morning_film
from tests import servers, serving
from tests.conftest import CHROMIUM_FLAGS, find_chromium
from tests.serving import Colleague, Desk

PICTURES = Path(__file__).resolve().parent / "pictures"
COLOURS = 256
MOST_BYTES = 3_000_000
MORNING_LIMIT_S = 1500.0
LEA, JONAS, SVENJA = "Lea Vogt", "Jonas Berg", "Svenja Kurz"
OMAR = "Omar Haddad"
TEAM = (LEA, JONAS, SVENJA, OMAR)
DESKTOP, BIG, PHONE, WHOLE = (1440, 900), (1920, 1080), (390, 844), (1920, 1400)
# a strip of a film has no address before somebody looks through it
ARE_IMAGES_DRAWN = "[...document.images].every((one) => !one.src || !one.checkVisibility() || one.naturalWidth)"
Act = Callable[[Any], None]


def _nothing(_page: Any) -> None:
    """The page as it comes."""


@dataclass(frozen=True)
class Picture:
    """One file: whose page, how large, and what is pressed before."""

    name: str
    person: str | None
    path: str
    size: tuple[int, int] = DESKTOP
    theme: str = "dark"
    locale: str = "de-DE"
    act: Act = _nothing


def _open_a_voice(page: Any) -> None:
    page.click("[data-kind-filter=voice]")
    page.locator(".card [data-act=cue]").nth(2).wait_for()
    page.locator(".card .card-head").nth(1).click()
    page.wait_for_selector("#pane [data-part=thread] .msg")
    page.click("[data-kind-filter=voice]")
    page.wait_for_selector(".card img")


def _look_at_a_card(page: Any) -> None:
    page.locator(".card .card-head").first.click()
    page.wait_for_selector("#pane [data-part=thread] .msg")


def _choose_an_item(page: Any) -> None:
    page.locator(".rd-item").nth(1).focus()


def _choose_the_contest(page: Any) -> None:
    page.locator("#campaigns a", has_text=CONTEST).click()
    page.locator(".entry .wave").first.wait_for()


def _open_export(page: Any) -> None:
    _choose_the_contest(page)
    page.click("#open-export")
    page.locator("#make-export:not([disabled])").click()
    page.locator("#exports a[download]").first.wait_for(timeout=120_000)


def _load_the_studio(page: Any) -> None:
    page.wait_for_selector("#air[aria-disabled=false]", timeout=120_000)


def _open_the_words(page: Any) -> None:
    _open_card_of(page, "Jutta")
    page.wait_for_selector("#pane .said .word")


def _open_the_copy(page: Any) -> None:
    _open_card_of(page, "Monika")
    page.wait_for_selector("#pane .twin")


def _open_card_of(page: Any, name: str) -> None:
    page.locator(".card", has_text=name).locator(".card-head").click()
    page.wait_for_selector("#pane [data-part=thread] .msg")


def _see_the_answer(page: Any) -> None:
    page.wait_for_selector("#messages >> text=Rheinwelle-Morgen")


TAKEN = (
    Picture("wall", LEA, "/wall", BIG, act=_open_a_voice),
    Picture("wall-light", LEA, "/wall", theme="light", act=_look_at_a_card),
    Picture("wall-phone", LEA, "/wall", PHONE),
    Picture("wall-english", LEA, "/wall", locale="en-GB", act=_look_at_a_card),
    Picture("rundown", LEA, "/rundown", act=_choose_an_item),
    Picture("rundown-light", LEA, "/rundown", theme="light", act=_choose_an_item),
    Picture("studio", JONAS, "/studio", act=_load_the_studio),
    Picture("studio-english", JONAS, "/studio", locale="en-GB", act=_load_the_studio),
    Picture("listener", None, "/phone?station=rheinwelle&listener=Greta%20Lindner", PHONE, act=_see_the_answer),
    Picture("campaign", SVENJA, "/campaigns", act=_choose_the_contest),
    Picture("export", SVENJA, "/campaigns", theme="light", act=_open_export),
    Picture("inbox", LEA, "/inbox"),
    Picture("reports", SVENJA, "/reports", theme="light"),
    Picture("sign-in", None, "/signin"),
)


STATES = (
    Picture("media-states", LEA, "/wall", WHOLE, act=_open_the_words),
    Picture("media-states-light", LEA, "/wall", WHOLE, theme="light", act=_open_the_copy),
)


# taken all together while a morning is judged, and shown small in a row
FILM = (
    Picture("morning-1-before", LEA, "/wall"),
    Picture("morning-2-call-out", LEA, "/wall"),
    Picture("morning-3-voice", LEA, "/triage"),
    Picture("morning-4-photo", LEA, "/triage"),
    Picture("morning-5-film", LEA, "/triage"),
    Picture("morning-6-reason", LEA, "/triage"),
    Picture("morning-7-shortlist", LEA, "/wall"),
    Picture("morning-8-judged", LEA, "/triage"),
)
FILM_SIZE = (1080, 675)


def main() -> int:
    only = set(sys.argv[1:])
    PICTURES.mkdir(exist_ok=True)
    with _browser() as browser:
        if not only or only & {picture.name for picture in FILM}:
            _take_film(browser)
        for stage, pictures in ((_morning, TAKEN), (_states, STATES)):
            chosen = [picture for picture in pictures if not only or picture.name in only]
            if not chosen:
                continue
            with stage(browser) as (desk, people):
                for picture in chosen:
                    _take(desk, browser, people, picture)
    total_bytes = sum(path.stat().st_size for path in PICTURES.glob("*.png"))
    print(f"{len(list(PICTURES.glob('*.png')))} pictures, {total_bytes / 1e6:.1f} MB")
    return 0 if total_bytes <= MOST_BYTES else 1


def _take_film(browser: Any) -> None:
    with tempfile.TemporaryDirectory(prefix="desk-pictures-") as folder:
        morning_film.take(browser, Path(folder), _sign_in)
        for picture in FILM:
            with Image.open(Path(folder) / f"{picture.name}.png") as taken:
                _keep(taken.convert("RGB").resize(FILM_SIZE, Image.Resampling.LANCZOS), picture.name)


Stage = tuple[Desk, dict[str, Any]]


@contextmanager
def _morning(browser: Any) -> Iterator[Stage]:
    """A desk in the middle of its morning, and who is signed in."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-pictures-")))
        desk = stack.enter_context(serving.running(folder / "desk", with_morning=True))
        servers.wait_until(lambda: _is_morning_ready(desk), "the morning", limit_s=MORNING_LIMIT_S)
        client.pause_morning(desk.number, True)
        people = _sign_in_all(desk, browser)
        _work_a_while(desk, Colleague.with_cookies(desk, people[LEA]["cookies"]))
        yield desk, people


@contextmanager
def _states(browser: Any) -> Iterator[Stage]:
    """A desk that has files in every state and nothing else."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-pictures-")))
        settings = media_states.speech_settings(folder / "model")
        desk = stack.enter_context(serving.running(folder / "desk", settings=settings))
        people = _sign_in_all(desk, browser)
        lea, omar = (Colleague.with_cookies(desk, people[one]["cookies"]) for one in (LEA, OMAR))
        media_states.fill(desk, lea, omar, folder / "files")
        yield desk, people


def _sign_in_all(desk: Desk, browser: Any) -> dict[str, Any]:
    return {name: _sign_in(browser, link) for name, link in desk.links().items() if name in TEAM}


@contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=find_chromium(), args=[*CHROMIUM_FLAGS, "--no-sandbox"])


def _is_morning_ready(desk: Desk) -> bool:
    """Everything of the backlog has come and no work on it is open."""
    with closing(sqlite3.connect(f"file:{desk.data_dir / 'desk.db'}?mode=ro", uri=True, timeout=30)) as database:
        (cards,) = database.execute("SELECT count(*) FROM card").fetchone()
        (still_open,) = database.execute("SELECT count(*) FROM job WHERE state IN ('ready', 'running')").fetchone()
    return cards >= 90 and still_open == 0


def _sign_in(browser: Any, link: str) -> Any:
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.click("form button[type=submit]")
    page.wait_for_url(lambda url: "/signin" not in url)
    state = context.storage_state()
    context.close()
    return state


def _work_a_while(desk: Desk, lea: Colleague) -> None:
    """A producer's half hour: some rejected, one claimed, six shortlisted, four planned, three cleared."""
    voices = _with_sound(lea, "voice")
    for card in voices[16:19]:
        _move(lea, card, "rejected", reason="quality")
    named = [card for card in voices if card["listener"]["first_name"].isalpha()]
    for number, card in enumerate(one for one in named[1:8] if one["listener"]["first_name"] != "Klasse"):
        _move(lea, card, "shortlisted")
        if number < 4:
            _prepare(lea, card["id"], is_cleared=number < 3)
        else:
            lea.ask("DELETE", f"/api/v1/rundown/slots/{_slot(lea, card['id'])['id']}")
    lea.post(f"/api/v1/cards/{voices[15]['id']}/claim", {"version": _fresh(lea, voices[15]["id"])["version"]})
    for card in _with_sound(lea, "voice")[-8:]:
        lea.post(f"/api/v1/cards/{card['id']}/campaign", {"campaign_id": _contest(lea)})
    _talk(desk, lea)
    servers.wait_until(lambda: _is_morning_ready(desk), "the last picture", limit_s=MORNING_LIMIT_S)


def _contest(lea: Colleague) -> int:
    return next(int(one["id"]) for one in lea.get("/api/v1/campaigns")["campaigns"] if one["name"] == CONTEST)


def _with_sound(lea: Colleague, kind: str) -> list[Any]:
    cards = lea.get("/api/v1/cards", kind=kind, limit=40)["cards"]
    return [card for card in cards if card["state"] == "new" and card["media"] and card["media"][0]["state"] == "ready"]


def _slot(lea: Colleague, card_id: int) -> Any:
    """A shortlisted card's place: shortlisting puts it at the end of the present edition's rundown."""
    return next(slot for slot in lea.get("/api/v1/rundown")["slots"] if slot["card_id"] == card_id)


def _fresh(lea: Colleague, card_id: int) -> Any:
    return lea.get(f"/api/v1/cards/{card_id}")["card"]


def _move(lea: Colleague, card: Any, to: str, **more: Any) -> None:
    version = _fresh(lea, card["id"])["version"]
    lea.post(f"/api/v1/cards/{card['id']}/move", {"version": version, "to": to, **more})


def _prepare(lea: Colleague, card_id: int, *, is_cleared: bool) -> None:
    """Notes for the presenter, a place in the rundown, and, if it is cleared, consent and clearance."""
    card = _fresh(lea, card_id)
    name = card["listener"]["first_name"]
    words = {"about": ABOUT[card_id % len(ABOUT)], "pronunciation": SPOKEN.get(name, ""), "note": ""}
    lea.post(f"/api/v1/cards/{card_id}/notes", {"version": card["version"], **words})
    slot = _slot(lea, card_id)
    words = {"intro_text": f"Wer so früh schon wach ist? {name}, zum Beispiel.", "note": "Vor den Nachrichten"}
    lea.ask("PATCH", f"/api/v1/rundown/slots/{slot['id']}", {"version": slot["version"], **words})
    if not is_cleared:
        return
    lea.post(f"/api/v1/cards/{card_id}/consent", {"act": "given", "note": ""})
    media = _fresh(lea, card_id)["media"][0]
    heard = {"asset_id": media["id"], "sha256": media["profiles"]["preview"]["sha256"]}
    lea.post(f"/api/v1/cards/{card_id}/listened", heard | {"from_s": 0, "to_s": media["duration_s"]})
    found = lea.get(f"/api/v1/cards/{card_id}/vetting")
    lea.post(f"/api/v1/cards/{card_id}/vet", {"sha256": found["sha256"]})


CONTEST = "Ständchen-Woche"
SPOKEN = {"Siobhán": "schi-WOHN", "Chiara": "KJA-ra", "Kasia": "KA-scha"}
ABOUT = (
    "Freut sich über den ersten Schnee",
    "Grüßt die Frühschicht im Klinikum",
    "Hat heute Geburtstag, wird 80",
    "Singt mit der ganzen Klasse",
    "Steht seit einer Stunde im Stau und lacht",
)


def _talk(desk: Desk, lea: Colleague) -> None:
    """Greta writes and sends a picture; the desk answers."""
    desk.send("Greta Lindner", "Guten Morgen! Bei uns in Königswinter liegt der erste Schnee.")
    desk.send("Greta Lindner", "Der Blick aus dem Küchenfenster", file=serving.SAMPLES / "erster-schnee.jpg")
    servers.wait_until(lambda: len(_of(lea, "Greta")) >= 2, "Greta's messages")
    text = "Danke, Greta! Dein Bild zeigen wir gleich. Dürfen wir deinen Vornamen sagen? Der Rheinwelle-Morgen"
    lea.post(f"/api/v1/cards/{_of(lea, 'Greta')[0]['id']}/replies", {"text": text, "idempotency_key": "picture-greta"})
    servers.wait_until(lambda: any(not one["mine"] for one in desk.thread("Greta Lindner")), "the answer")
    desk.send("Greta Lindner", "Ja, gern!")


def _of(lea: Colleague, name: str) -> list[Any]:
    return list(lea.get("/api/v1/cards", text=name)["cards"])


def _take(desk: Desk, browser: Any, people: dict[str, Any], picture: Picture) -> None:
    width, height = picture.size
    options = {"viewport": {"width": width, "height": height}, "locale": picture.locale, "reduced_motion": "reduce"}
    state = people[picture.person] if picture.person else None
    context = browser.new_context(storage_state=state, **options)
    page = context.new_page()
    page.set_default_timeout(60_000)
    base = desk.number if picture.path.startswith("/phone") else desk.address
    page.goto(base + picture.path)
    page.wait_for_load_state("networkidle")
    picture.act(page)
    if picture.person:
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", picture.theme)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    servers.wait_until(lambda: bool(page.evaluate(ARE_IMAGES_DRAWN)), f"the images of {picture.name}")
    path = PICTURES / f"{picture.name}.png"
    page.screenshot(path=path, animations="disabled")
    context.close()
    with Image.open(path) as taken:
        _keep(taken.convert("RGB"), picture.name)


def _keep(taken: Image.Image, name: str) -> None:
    """With few colours."""
    path = PICTURES / f"{name}.png"
    reduced = taken.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(path, optimize=True)
    print(f"{name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
