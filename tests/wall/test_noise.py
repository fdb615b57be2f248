"""What counts as noise and, above all, what does not: one word more than a greeting is a message."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from desk.wall import noise

HELLO = noise.GREETING
COUNTED = {
    "❤️": "❤️", "❤": "❤️", "❤️❤️❤️": "❤️", "😂😂❤️": "😂", "❤️😂😂": "😂", "👍🏽👍": "👍", "👏🏿 👏 👏🏻": "👏", "🥳🎉🎉!!!": "🎉",
    "🇩🇪": "🇩🇪", "👨‍👩‍👧": "👨‍👩‍👧", "🤷🏽‍♀️": "🤷‍♀️", "☀️": "☀️", "✅": "✅️", ":-)": "🙂", "<3 <3": "❤️", "😂 xD": "😂", "🏴󠁧󠁢󠁳󠁣󠁴󠁿": "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
}  # fmt: skip
GREETINGS = (
    "Moin", "moin moin", "MOIN!!!", "Moiiiiin", "Moin zusammen", "Guten Morgen!", "guten morgen ihr lieben ☀️", "Hallo",
    "Hallöchen", "Hallooooo", "Guten Morgen zusammen 😊🌞", "Einen wunderschönen guten Morgen euch allen", "Servus miteinander",
    "Grüß Gott", "Grüezi", "Morgen zusammen", "Morgen, Leute!", "Hi", "hey ihr", "Guten Tag und liebe Grüße an alle",
    "Schönen Tag euch allen", "Schönes Wochenende!", "Erster!", "Gude", "Griaß eich", "Moin-Moin", "„Guten Morgen“", "Huhu 👋",
    "hello everyone", "Good morning all", "Good Morning, everybody!", "first!", "Hi there", "Morning!", "Hey guys ❤️",
    "Liebe Grüße an alle", "Viele Grüße", "guten  \n Morgen", "Ich wünsche einen schönen Tag",
)  # fmt: skip
MESSAGES = (
    "Moin, grüßt Oma Helga", "Guten Morgen aus Köln", "Guten Morgen Jonas", "Hallo?", "Hallo hört mich jemand", "❤️ Oma",
    "Morgen", "morgen!", "Tag", "Ja", "ja 👍", "Nein", "ok", "danke", "Danke ❤️", "Hilfe", "1️⃣", "3", "A", "🅰", "🆘", "🚨🚨", "🔥 bei uns",
    "Guten Morgen 🚨", "❤️?", "???", "!!!", "...", "", "   ", "Liebe Grüße an Helga", "Grüße von der A3", "Stau A3", "Hello from Bonn",
    "Good morning, play Abba", "First Christmas", "erste", "Hallo 112", "Hallo 12.30 Uhr", "Moin https://x.de", "Hallo @alle",
    "Ihr Lieben", "Leute", "everyone", "und", "Zusammen", "🖕", "I love you", "Alles Gute", "Alles Gute zum Geburtstag", "🎂 Lotte 18",
    "Guten Morgen guten Morgen guten Morgen guten Morgen guten Morgen", "❤️" * 200, "Доброе утро", "☎️",
)  # fmt: skip


@pytest.mark.parametrize(("text", "sign"), COUNTED.items())
def test_emoji_alone_count_as_the_most_frequent_of_them(text: str, sign: str) -> None:
    assert noise.sign_of(text) == sign


@pytest.mark.parametrize("text", GREETINGS)
def test_a_greeting_and_nothing_else_is_noise(text: str) -> None:
    assert noise.sign_of(text) == HELLO


@pytest.mark.parametrize("text", MESSAGES)
def test_one_word_more_is_a_message(text: str) -> None:
    assert noise.sign_of(text) is None


def test_a_reaction_counts_as_the_same_emoji_whatever_its_colour_and_spelling() -> None:
    assert [noise.canonical(one) for one in ("❤", "❤️", "👍🏿", "👍", " ? ")] == ["❤️", "❤️", "👍", "👍", "?"]
