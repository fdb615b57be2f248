"""Words that suggest a threat or an insult: found however people write them, and not where a song is praised."""

from __future__ import annotations

import pytest

from desk.safety import rules, words
from desk.safety.rules import Words

STARTER = Words(words.THREATS, words.INSULTS, words.HARMLESS)


@pytest.mark.parametrize(
    "text",
    [
        "Ich bring dich um", "Ich bringe euch alle um!", "ICH WEISS, WO IHR WOHNT", "Ich weiß wo du wohnst",
        "Wir werden euch alle umbringen", "du bist tot, Moderator", "Ich stech dich ab", "Ihr werdet es bereuen",
        "Ich zünde euch das Studio an", "Ich zuende euch das Studio an", "Im Studio liegt eine Bombe",
        "Eine Bombe liegt im Sender", "Ich jag euch alle in die Luft", "I will kill you", "I’m gonna kill you",
        "I know where you live", "you're dead", "Ich mach dich kalt", "ich schlag dich tot",
    ],
)  # fmt: skip
def test_a_threat_is_found_however_it_is_written(text: str) -> None:
    found = rules.find(text, STARTER)

    assert found is not None
    assert found.kind == "threat"


@pytest.mark.parametrize(
    "text",
    ["Du Hurensohn!", "Fick dich", "halt die Fresse", "ihr seid solche Arschlöcher", "du blöde Sau", "Halt's Maul",
     "fuck you", "You stupid bitch"],
)  # fmt: skip
def test_an_insult_is_found(text: str) -> None:
    found = rules.find(text, STARTER)

    assert found is not None
    assert found.kind == "insult"


@pytest.mark.parametrize(
    "text",
    [
        "Das Lied ist der Hammer", "Du bist der Hammer", "killer song", "Killersong!", "This song kills me",
        "Der Song ist die Bombe", "Bombe, dieses Studio!", "Bombenstimmung im Studio", "Ich lach mich tot",
        "Das haut mich um", "Die Hitze bringt mich um", "Das Warten bringt mich noch um", "zum Sterben schön",
        "Ich sterbe vor Lachen", "Mordsgaudi", "Mach dich fertig fürs Wochenende", "ich finde dich toll",
        "Ich schieße ein Foto von euch", "Highway to Hell", "Killing me softly", "Kill Bill",
        "Murder on the Dancefloor", "Ich hab euch zum Fressen gern", "Schlamperei bei der Bahn", "Johnny Depp",
        "you are killing it", "You two are dead funny", "Burn baby burn", "I will kill this quiz",
        "Der Idiot da vorne hat mich geschnitten", "Ich schlag dich im Quiz", "Halt die Ohren steif", "",
        "Grüße an die Feuerwehr, es brannte im Studio nebenan", "Todmüde, aber euer Programm hält mich wach",
        "Was für ein Knaller, ihr seid tödlich gut",
    ],
)  # fmt: skip
def test_praise_songs_and_everyday_words_are_no_threat(text: str) -> None:
    assert rules.find(text, STARTER) is None


def test_a_stations_own_words_hold_with_parts_gaps_and_what_is_harmless() -> None:
    own = Words(threats="brenn* ... sender", insults="*sack|lump", harmless="lustiger lump")

    assert rules.find("Es brennt bald euer schöner Sender!", own) is not None
    assert rules.find("Es brennt heute Abend, sagt man, bald auch bei euch im Sender", own) is None
    assert rules.find("So ein Drecksack", own) == rules.Found("insult", "*sack|lump")
    assert rules.find("Du lustiger Lump", own) is None


@pytest.mark.parametrize(
    "lines", ["*", "... bombe", "a", "(bombe)", "x" * 200, "\n".join(f"wort{n}" for n in range(500))]
)
def test_phrases_that_would_find_everything_or_nothing_are_refused(lines: str) -> None:
    assert rules.fault_of(lines) is not None


def test_the_starter_list_is_accepted_by_the_form() -> None:
    assert [rules.fault_of(part) for part in (STARTER.threats, STARTER.insults, STARTER.harmless)] == [None] * 3
