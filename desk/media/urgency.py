"""A person is looking at a file that is not ready, or plans to air it: its waiting work goes to the front."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.jobs import line
from desk.media import rules
from desk.media.models import Asset

KINDS = ("fetch_media", "make_renditions")


def is_waiting(session: Session, asset_ids: Sequence[int]) -> bool:
    """Whether `hurry` would change anything. Writes nothing, so that merely opening a card costs no write."""
    return bool(asset_ids) and line.is_waiting(session, KINDS, _subjects(asset_ids))


def hurry(session: Session, asset_ids: Sequence[int]) -> None:
    """Put the waiting work on these files before everybody else's."""
    if asset_ids:
        line.ask_for(session, KINDS, _subjects(asset_ids))


def hurry_message(session: Session, message_id: int) -> None:
    """The same for all files of a message that are not ready."""
    wanted = select(Asset.id).where(Asset.message_id == message_id, Asset.state.in_(rules.ON_THE_WAY))
    hurry(session, session.execute(wanted).scalars().all())


def _subjects(asset_ids: Sequence[int]) -> list[str]:
    return [f"asset:{asset_id}" for asset_id in asset_ids]
