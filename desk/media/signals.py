"""What the media room announces to the rooms above it, inside the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from desk.media.models import Asset

# (session, message_id, at)
Changed = Callable[[Session, int, datetime], None]

spoken: list[Changed] = []  # what is said in a file of this message was written down, or is not any more
changed: list[Changed] = []  # a file of this message was fetched, measured, rendered or has failed
# (session, asset, at)
Ready = Callable[[Session, Asset, datetime], None]
ready: list[Ready] = []  # everything about a file is known and made


def tell_changed(session: Session, message_id: int, at: datetime) -> None:
    for told in changed:
        told(session, message_id, at)
