"""What conversations announce to the rooms above them, inside the transaction of the change.

Rooms above append what they do then in their `follows` module.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

# (session, message_id, listener_id, at)
Reacted = Callable[[Session, int, int, datetime], None]
# (session, reaction_id, at)
Gone = Callable[[Session, int, datetime], None]

reacted: list[Reacted] = []  # a listener's reaction to a message of ours is new, another, or taken back
reaction_gone: list[Gone] = []  # two listeners turned out to be one, and of their two reactions one is left
