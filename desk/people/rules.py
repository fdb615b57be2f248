"""Decisions about people and sign-in on plain values."""

from __future__ import annotations

from datetime import datetime, timedelta

ROLES = ("presenter", "producer", "editor", "service", "privacy", "admin", "auditor")
IDLE = timedelta(minutes=30)  # security-privacy.md §3.3
ABSOLUTE = timedelta(hours=12)
LINK_LIFE = timedelta(hours=24)
TICKET_LIFE = timedelta(seconds=30)
SEEN_STEP = timedelta(minutes=1)
PASSWORD_SHORTEST = 12


def is_session_alive(created_at: datetime, seen_at: datetime, ended_at: datetime | None, at: datetime) -> bool:
    """A session ends by sign-out, after 30 idle minutes or after 12 hours."""
    return ended_at is None and at - seen_at <= IDLE and at - created_at <= ABSOLUTE


def needs_a_mark(seen_at: datetime, at: datetime) -> bool:
    """Whether a session was last marked as seen so long ago that this request should be noted."""
    return at - seen_at > SEEN_STEP


def initials(name: str) -> str:
    """Two letters for an avatar: "Lea Vogt" gives LV, "Murat" gives MU."""
    words = [word for word in name.replace("-", " ").split() if word[0].isalnum()]
    if len(words) >= 2:
        return (words[0][0] + words[-1][0]).upper()
    return (words[0][:2] if words else "?").upper()
