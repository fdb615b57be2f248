"""The phone page's words: English in the code, German from `words_de.json`.

A small catalogue of its own, because this server shares nothing with the desk but HTTP.
"""

from __future__ import annotations

import json
from pathlib import Path

LANGUAGES = ("de", "en")
_GERMAN: dict[str, str] = json.loads((Path(__file__).parent / "words_de.json").read_text(encoding="utf-8"))


def catalogue(language: str) -> dict[str, str]:
    """English text to the language's text; empty for English."""
    return _GERMAN if language == "de" else {}


def say(language: str, text: str) -> str:
    return catalogue(language).get(text, text)
