"""What the listeners' room announces to the rooms above it, inside the transaction of the change.

Rooms above append their reactions in their `follows` module.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

# (session, kept_id, gone_id, at): two listeners turned out to be one person; everything of `gone` belongs to `kept`
Merged = Callable[[Session, int, int, datetime], None]

merged: list[Merged] = []

# (session, listener_id, at)
Told = Callable[[Session, int, datetime], None]

blocked: list[Told] = []  # nobody is to see what this listener sends, for a while or for good
unblocked: list[Told] = []  # that is over: lifted, taken back, or its time has passed
