"""What a job body may end with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """The effect is there."""


@dataclass(frozen=True)
class Skipped:
    """There was nothing to do any more; `reason` is kept on the row."""

    reason: str


@dataclass(frozen=True)
class RetryLater:
    """A passing fault. `after_s` None takes the usual growing pause; `reason` is a code.

    `is_counted` False when the fault is the house's (no room, the store away): it uses up no try.
    """

    reason: str
    after_s: float | None = None
    is_counted: bool = True


@dataclass(frozen=True)
class GiveUp:
    """No try will help; `reason` is a code that the operator and the card show."""

    reason: str


Outcome = Done | Skipped | RetryLater | GiveUp
