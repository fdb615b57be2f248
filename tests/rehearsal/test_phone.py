"""The listener's phone: its headers, its answers, and a real Chromium that types, records and replies."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests

from desk.rehearsal import client
from desk.rehearsal.cast import SAMPLES
from tests.conftest import CHROMIUM_FLAGS
from tests.rehearsal.stage import ReceivingDesk, Running, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HEAD = {"X-Rehearsal": "1"}


def _thread(rehearsal: Running, station: str, listener: str) -> dict[str, list[dict[str, object]]]:
    asked = {"station": station, "listener": listener}
    answer: dict[str, list[dict[str, object]]] = requests.get(
        rehearsal.base_url + "/phone/thread", params=asked, timeout=10
    ).json()
    return answer


def test_the_page_runs_only_its_own_scripts_and_may_use_the_microphone(rehearsal: Running) -> None:
    page = requests.get(rehearsal.base_url + "/phone", timeout=10)

    policy = page.headers["Content-Security-Policy"]
    nonces = set(re.findall(r'nonce="([^"]+)"', page.text))
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert len(nonces) == 1
    assert f"'nonce-{nonces.pop()}'" in policy
    assert "microphone=(self)" in page.headers["Permissions-Policy"]
    assert not re.search(r'\s(style|on\w+)="', page.text)


@pytest.mark.parametrize(
    ("asked", "header", "title"), [("", "de", "Hörertelefon"), ("?lang=en", "de", "Listener&#39;s phone")]
)
def test_the_page_speaks_german_and_english(rehearsal: Running, asked: str, header: str, title: str) -> None:
    page = requests.get(rehearsal.base_url + "/phone" + asked, headers={"Accept-Language": header}, timeout=10)

    assert f"<title>{title}</title>" in page.text
    assert json.loads(page.text.split('id="facts"')[1].split(">", 1)[1].split("</script>")[0])["players"]


def test_a_message_shows_when_the_desk_has_it_and_when_it_is_read(rehearsal: Running, desk: ReceivingDesk) -> None:
    wamid = client.send(rehearsal.base_url, "oldie95", "Renate Schönfeld", text="Hallo")

    def status() -> object:
        return next(
            row["status"] for row in _thread(rehearsal, "oldie95", "Renate Schönfeld")["messages"] if row["id"] == wamid
        )

    wait_for(lambda: status() == "delivered")
    rehearsal.reply("oldie95", {"status": "read", "message_id": wamid})
    assert status() == "read"


def test_an_unreadable_recording_is_refused_on_the_phone(rehearsal: Running) -> None:
    form = {"station": "rheinwelle", "listener": "Jutta Köster", "voice": "1"}
    files = {"file": ("take.webm", b"no sound", "audio/webm")}

    answer = requests.post(rehearsal.base_url + "/phone/messages", data=form, files=files, headers=HEAD, timeout=20)

    assert answer.status_code == 422


def test_a_file_of_the_thread_is_served_in_ranges(rehearsal: Running, desk: ReceivingDesk) -> None:
    path = SAMPLES / "clip-schnee.mp4"
    wamid = client.send(rehearsal.base_url, "rheinwelle", "Jutta Köster", file=path)
    url = f"{rehearsal.base_url}/phone/media/{desk.message(wamid)['video']['id']}"

    part = requests.get(url, headers={"Range": "bytes=100-199"}, timeout=10)

    assert part.status_code == 206
    assert part.content == path.read_bytes()[100:200]
    assert part.headers["X-Content-Type-Options"] == "nosniff"


@pytest.fixture(scope="module")
def phone_browser(chromium: str, playwright: Any) -> Iterator[Browser]:
    """A browser of its own, because its microphone is one that always hums."""
    microphone = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    opened = playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_FLAGS, *sandbox, *microphone])
    yield opened
    opened.close()


@pytest.fixture
def page(phone_browser: Browser, rehearsal: Running) -> Iterator[Page]:
    context = phone_browser.new_context(viewport={"width": 390, "height": 844}, locale="de-DE")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.goto(f"{rehearsal.base_url}/phone?station=rheinwelle&listener=Pia Zimmermann")
    yield page
    context.close()
    assert faults == []


@pytest.mark.browser
def test_what_is_typed_reaches_the_desk_and_its_answer_is_shown(
    page: Page, rehearsal: Running, desk: ReceivingDesk
) -> None:
    page.get_by_label("Nachricht", exact=True).fill("Guten Morgen aus Wesseling")
    page.keyboard.press("Enter")

    found = wait_for(
        lambda: next(
            (row for row in desk.rows("messages") if row.get("text", {}).get("body") == "Guten Morgen aus Wesseling"),
            None,
        )
    )
    page.locator(".row.mine", has_text="Wesseling").get_by_text("zugestellt").wait_for(state="attached")
    buttons = {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Ja, gern"}}]}
    question = {"type": "button", "body": {"text": "Dürfen wir das senden?"}, "action": buttons}
    asked = rehearsal.reply("rheinwelle", {"to": found["from"], "type": "interactive", "interactive": question}).json()

    page.get_by_role("button", name="Ja, gern").click()
    wamid = asked["messages"][0]["id"]
    answer = wait_for(
        lambda: next((row for row in desk.rows("messages") if row.get("context", {}).get("id") == wamid), None)
    )
    assert answer["interactive"] == {"type": "button_reply", "button_reply": {"id": "yes", "title": "Ja, gern"}}
    assert answer["context"]["from"] == "4915790009017"


@pytest.mark.browser
def test_an_answer_can_be_quoted_and_reacted_to(page: Page, rehearsal: Running, desk: ReceivingDesk) -> None:
    sender = desk.message(client.send(rehearsal.base_url, "rheinwelle", "Pia Zimmermann", text="Seid ihr da?"))["from"]
    sent = rehearsal.reply("rheinwelle", {"to": sender, "type": "text", "text": {"body": "Wir sind da."}}).json()
    wamid = sent["messages"][0]["id"]
    answer = page.locator(".row.theirs", has_text="Wir sind da.").last

    answer.get_by_role("button", name="Antworten").click()
    page.keyboard.type("Schön")
    page.keyboard.press("Enter")
    answer.get_by_role("button", name="Reagieren").click()
    page.keyboard.press("Enter")

    quote = wait_for(lambda: next((row for row in desk.rows("messages") if row.get("text") == {"body": "Schön"}), None))
    reaction = wait_for(lambda: next((row for row in desk.rows("messages") if row["type"] == "reaction"), None))
    assert quote["context"]["id"] == wamid
    assert reaction["reaction"] == {"message_id": wamid, "emoji": "❤️"}


@pytest.mark.browser
def test_a_voice_note_is_recorded_with_the_microphone(page: Page, rehearsal: Running, desk: ReceivingDesk) -> None:
    page.get_by_role("button", name="Sprachnachricht aufnehmen").click()
    page.get_by_text("0:01").wait_for()
    page.locator("#record-send").click()

    sent = wait_for(lambda: [row for row in desk.rows("messages") if row["type"] == "audio"
                             and row["from_user_id"] == _bsuid("Pia Zimmermann")])[-1]  # fmt: skip
    assert sent["audio"]["mime_type"] == "audio/ogg; codecs=opus"
    assert sent["audio"]["voice"] is True
    found = rehearsal.graph(f"/v25.0/{sent['audio']['id']}").json()
    note = rehearsal.graph(found["url"].removeprefix(rehearsal.base_url)).content
    assert note[:4] == b"OggS"
    assert note[note.index(b"OpusHead") + 9] == 1


def _bsuid(name: str) -> str:
    from desk.rehearsal.people import invented_bsuid

    return invented_bsuid(name)


@pytest.mark.browser
def test_a_photo_is_attached_with_a_caption(page: Page, rehearsal: Running, desk: ReceivingDesk) -> None:
    page.locator("#file").set_input_files(SAMPLES / "torte.jpg")
    page.get_by_label("Nachricht", exact=True).fill("Für Papa")
    page.get_by_role("button", name="Senden").click()

    image = wait_for(
        lambda: next((row for row in desk.rows("messages") if row.get("image", {}).get("caption") == "Für Papa"), None)
    )
    assert image["image"]["mime_type"] == "image/jpeg"
    page.get_by_role("img", name="Für Papa").wait_for()


@pytest.mark.browser
def test_the_listener_is_changed_by_keyboard(page: Page, rehearsal: Running) -> None:
    page.get_by_role("button", name="Hörer wechseln").press("Enter")
    page.get_by_role("button", name="Oldie 95").press("Enter")
    page.get_by_role("searchbox", name="Suchen").fill("helga")
    page.get_by_role("button", name="Helga Brandt").press("Enter")

    assert page.locator("#listener-name").inner_text() == "Helga Brandt"
    assert page.locator("#station-name").inner_text() == "Oldie 95"


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_text_is_legible_and_nothing_runs_sideways(
    phone_browser: Browser, rehearsal: Running, desk: ReceivingDesk, theme: str, width: int
) -> None:
    client.send(rehearsal.base_url, "oldie95", "Helga Brandt", file=SAMPLES / "torte.jpg", caption="Torte")
    client.send(rehearsal.base_url, "oldie95", "Helga Brandt", text="Guten Morgen")
    context = phone_browser.new_context(viewport={"width": width, "height": 800}, locale="de-DE")
    page = context.new_page()
    page.goto(f"{rehearsal.base_url}/phone?station=oldie95&listener=Helga Brandt&theme={theme}")
    page.locator(".row.mine").first.wait_for()

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(_CONTRAST) == []
    sizes = "[...document.querySelectorAll('button')].map(b => b.getBoundingClientRect()).filter(r => r.width)"
    assert page.evaluate(sizes + ".filter(r => Math.min(r.width, r.height) < 24).length") == 0
    context.close()


_CONTRAST = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const [r, g, b, a = 1] = parts(getComputedStyle(node).backgroundColor);
      if (a === 1) return [r, g, b];
      if (node.id === "thread") return parts(getComputedStyle(document.documentElement).getPropertyValue("--paper-b")
        .trim().replace(/^#(..)(..)(..)$/, (_, r, g, b) => [r, g, b].map((h) => parseInt(h, 16)).join(" ")));
    }
    return [0, 0, 0];
  };
  const all = [...document.querySelectorAll("p, span, b, h1, button, a, small, time")];
  const says = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  const shown = all.filter((node) => node.offsetWidth > 2 && says(node) && !node.closest(".sr, .acts"));
  return shown.map((node) => {
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    return [node.className + " " + node.textContent.slice(0, 30), (a + 0.05) / (b + 0.05)];
  }).filter(([, ratio]) => ratio < 4.5);
}"""
