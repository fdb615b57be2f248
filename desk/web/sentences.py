"""Sentences whose English form is kept as a code's text: translated where they are shown, with their facts filled in.

Facts may be missing (a sum over many files has none): then the place stays open with an ellipsis instead of failing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

_GAP = re.compile(r"%\((\w+)\)s")


def say(sentence: str | None, facts: Mapping[str, Any] | None = None) -> str:
    """The sentence in the reader's language; "" for none."""
    if not sentence:
        return ""
    given = facts or {}
    translated: str = gettext(sentence)
    return _GAP.sub(lambda gap: str(given.get(gap[1], "…")), translated)
