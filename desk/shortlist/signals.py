"""What the rundown announces to the rooms above it, just before the transaction commits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from desk.shortlist.queries import Rundown

# (session, station_id, rundown, at)
Told = Callable[[Session, int, Rundown, datetime], None]

changed: list[Told] = []  # order, notes, or anything shown of an item in it
