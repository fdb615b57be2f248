"""What the wall announces to the rooms above it, inside the transaction of the change.

Rooms above append their reactions in their `follows` module. A reaction may raise a refusal: then nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from desk.wall.models import Card

# (session, card, before_state, after_state, by, at)
Moved = Callable[[Session, Card, str, str, int | None, datetime], None]
# (session, card, at)
Told = Callable[[Session, Card, datetime], None]
# (session, card, before_campaign_id, after_campaign_id, by, at)
Entered = Callable[[Session, Card, int | None, int | None, int | None, datetime], None]

moved: list[Moved] = []  # a card changed its state, also by an undo
withdrawn: list[Told] = []  # it may no longer be used: revoked, withdrawn, or its consent is gone
changed: list[Told] = []  # anything a person may see of it changed; told once, just before the commit
edited: list[Told] = []  # the sender changed what it says or carries
entered: list[Entered] = []  # it was put into a campaign, taken out, or put into another
