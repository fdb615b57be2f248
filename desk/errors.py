"""The five kinds of refusal the desk knows.

A concrete error lives next to the rule it guards, subclasses a kind and carries a stable `code`,
a sentence for staff (English; translated where it is shown) and its facts as attributes.
Kinds become status codes in desk.web.replies and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class DeskError(Exception):
    """Base of every refusal that staff may read. `facts` fill the sentence's `%(name)s` after it is translated."""

    code = "desk.error"
    message = "That did not work."
    facts: Mapping[str, Any] = {}

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        if message is not None:
            self.message = message
        if code is not None:
            self.code = code
        super().__init__(self.message)


class NotFound(DeskError):
    """There is no such thing, or it belongs to another station: both answer alike."""

    code = "desk.not_found"
    message = "There is nothing here under this address."


class NotAllowed(DeskError):
    """The person is known and may not do this."""

    code = "desk.not_allowed"
    message = "Your role does not allow this."


class Invalid(DeskError):
    """Input that cannot be used; `fields` names every fault at once."""

    code = "desk.invalid"
    message = "Something is missing or wrong in what was sent."

    def __init__(self, fields: Mapping[str, str], message: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.fields = dict(fields)


class Conflict(DeskError):
    """Somebody was faster; `current` is the state that won, as the loser may see it."""

    code = "desk.conflict"
    message = "Somebody was faster."

    def __init__(self, current: Any = None, message: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.current = current


class Unavailable(DeskError):
    """Something this needs is down; nothing was lost. `after_s` says when another try makes sense."""

    code = "desk.unavailable"
    message = "This is not available at the moment. Nothing is lost."

    def __init__(self, message: str | None = None, *, after_s: float = 5.0, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.after_s = after_s
