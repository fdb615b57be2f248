"""Decisions about listeners on plain values: what to call somebody, where they say they are, how long a block holds.

A profile name is free text by the person. Only a first word that looks like a given name is shown openly; everything
after it stays sealed. Places are read out of greetings ("aus Koblenz"), because presenters want one.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

HUES = 24
FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)
BLOCK_TIMES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "ever": None}
BLOCK_REASONS = ("insults", "threats", "flood", "advert", "other")
ANIMALS = (
    "Amsel", "Biber", "Buntspecht", "Dachs", "Distelfink", "Eichhorn", "Eisvogel", "Elster", "Feldhase", "Fischotter",
    "Fuchs", "Gämse", "Gimpel", "Goldammer", "Graugans", "Grünfink", "Haubentaucher", "Hermelin", "Igel", "Kiebitz",
    "Kleiber", "Kranich", "Lachs", "Lerche", "Libelle", "Luchs", "Marder", "Mauersegler", "Meise", "Milan", "Möwe",
    "Murmeltier", "Nachtigall", "Otter", "Pirol", "Reh", "Reiher", "Rotkehlchen", "Schwalbe", "Seeadler",
    "Siebenschläfer",
    "Specht", "Spatz", "Star", "Steinbock", "Stieglitz", "Storch", "Uhu", "Wachtel", "Waldkauz", "Wanderfalke",
    "Wiedehopf", "Wiesel", "Zaunkönig", "Zeisig", "Zilpzalp",
)  # fmt: skip
TITLES = frozenset({"dr", "prof"})
ADDRESSES = frozenset({"frau", "herr", "fr", "hr", "mr", "mrs", "ms", "familie", "fam"})  # a surname follows
NO_NAMES = frozenset(
    {
        "whatsapp", "user", "nutzer", "handy", "mobil", "privat", "firma", "team", "radio", "verein", "praxis", "büro",
        "gmbh", "ich", "mein", "meine", "der", "die", "das", "the", "mama", "papa", "oma", "opa", "unknown",
        "unbekannt",
        "klasse", "kita", "kindergarten", "schule", "chor", "gruppe",
        "hallo", "hörer", "hörerin", "anonym", "home", "business", "office", "sv", "tv", "fc", "tsv",
    }
)  # fmt: skip
GIVEN_NAME = re.compile(r"[^\W\d_]{2,20}(?:[-'’][^\W\d_]{2,20})?")
LONGEST_NAME_CHARACTERS = 40

_WORD = r"[A-ZÄÖÜ][a-zäöüß]{2,}(?:-[A-ZÄÖÜ]?[a-zäöüß]{2,})*"
_LITTLE = r"(?:am|an der|an|im|in der|ob der|bei|vor der|auf)"
_PREFIX = r"(?:(?:Bad|Sankt|St\.|Markt|Groß|Klein|Neu|Alt|Ober|Unter) )?"
PLACE = re.compile(
    rf"\baus\s+(?:(?:dem|der) (?:schönen|sonnigen|verregneten) )?"
    rf"(?P<place>{_PREFIX}{_WORD}(?: {_LITTLE} {_WORD})?)"
)
NO_PLACES = frozenset(
    {
        "Deutschland", "Urlaub", "Spaß", "Liebe", "Versehen", "Zufall", "Prinzip", "Küche", "Auto", "Büro", "Bett",
        "Stau",
        "Homeoffice", "Garten", "Arbeit", "Schule", "Radio", "Köpfen", "Erfahrung", "Neugier", "Überzeugung",
        "Langeweile",
        "Angst", "Sicht", "Tradition", "Interesse", "Zeit", "Protest", "Plastik", "Holz", "Gold", "Wut", "Trotz",
    }
)  # fmt: skip
LONGEST_PLACE_CHARACTERS = 60


def first_name_of(profile_name: str | None) -> str:
    """The given name in a profile name, "" if its first word does not look like one.

    >>> first_name_of("Dr. Jutta Köster"), first_name_of("~ karl-heinz"), first_name_of("Familie Schäfer")
    ('Jutta', 'Karl-Heinz', '')
    """
    text = unicodedata.normalize("NFC", profile_name or "")
    stripped = (word.strip(' ~.,;:!*_"“”„()[]<>|/') for word in text.split())
    words = [word for word in stripped if word]
    titled = [word for word in words if word.casefold() not in TITLES]
    # "Dr. Köster" and "Familie Schäfer" give only a surname, which is nobody's business on a wall.
    if not titled or (len(titled) == 1 and len(words) > 1):
        return ""
    first, folded = titled[0], titled[0].casefold()
    if not GIVEN_NAME.fullmatch(first) or len(first) > LONGEST_NAME_CHARACTERS or folded in NO_NAMES | ADDRESSES:
        return ""
    return _as_name(first)


def _as_name(word: str) -> str:
    """Names typed all small or all large, as one writes them; mixed case is left alone (McGregor)."""
    if not (word.islower() or word.isupper()):
        return word
    return "".join(part[:1].upper() + part[1:].lower() for part in re.split(r"([-'’])", word))


def alias_of(number: int) -> str:
    """A friendly name for somebody we may not or cannot name; `number` is random and says nothing of them.

    Range of `number`: 0 up to 56 animals times 90 two-digit numbers, wrapping around.
    """
    animal, tail = number % len(ANIMALS), number // len(ANIMALS) % 90 + 10
    return f"{ANIMALS[animal]} {tail}"


def find_place(text: str) -> str:
    """The place somebody greets from, "" if the text does not say: "Grüße aus Bad Breisig" gives "Bad Breisig".

    Only what follows "aus" counts; "in" is said of holidays and traffic jams. Words that are no places are left out.
    """
    for found in PLACE.finditer(text):
        place = found["place"]
        if place.split()[0] not in NO_PLACES and len(place) <= LONGEST_PLACE_CHARACTERS:
            return place
    return ""


def block_end(name: str, at: datetime) -> datetime:
    """Until when a block of this kind holds.

    >>> block_end("ever", datetime(2026, 11, 19, tzinfo=UTC)) == FOR_EVER
    True
    """
    length = BLOCK_TIMES[name]
    return FOR_EVER if length is None else at + length


def is_blocked(until: datetime | None, at: datetime) -> bool:
    return until is not None and until > at
