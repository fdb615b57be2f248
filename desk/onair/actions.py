"""Writes on the way to air: what was heard, who vetted which bytes, what is loaded, on air, aired, taken back.

A vetting names the content hash of the bytes that would be played; whatever changes them ends it (desk.onair.follows).
Airings carry a key of the studio's, so that a report repeated over a bad line counts once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from desk import db
from desk.errors import Conflict, Invalid, NotFound
from desk.live import audit
from desk.media.models import Asset, Rendition
from desk.onair import queries, rules
from desk.onair.models import Airing, Listened, Vetting
from desk.shortlist import announce
from desk.shortlist import queries as shortlist
from desk.shortlist.content import HEARABLE
from desk.shortlist.models import Slot
from desk.shows import queries as shows
from desk.wall import actions as wall
from desk.wall.models import Card

WAY_TO = {
    # state a card is in -> the states to walk through, as the wall's model asks for each of them
    "in_studio": {"shortlisted": ("planned", "in_studio"), "planned": ("in_studio",), "on_air": ("in_studio",)},
    "on_air": {"shortlisted": ("planned", "on_air"), "planned": ("on_air",), "in_studio": ("on_air",)},
    "aired": {
        "shortlisted": ("planned", "aired"), "planned": ("aired",), "in_studio": ("aired",), "on_air": ("aired",),
    },
}  # fmt: skip


class BytesChanged(Conflict):
    """What was heard or vetted is not what would be played."""

    code = "onair.changed"
    message = "This message changed in the meantime. Please listen again."


class NotReady(Conflict):
    """There is nothing to play yet."""

    code = "onair.not_ready"
    message = "The audio of this message is not ready yet."


class NotHeard(Conflict):
    """Vetting asks for the whole of it; `current` holds the share heard so far."""

    code = "onair.not_heard"
    message = "Please listen to the whole of it before you clear it for air."


class WasRejected(Conflict):
    """The card was rejected; it must be taken back first."""

    code = "onair.rejected"
    message = "This message was rejected. Take that back first."


# --- listening and vetting --------------------------------------------------------------------------------------


def note_listened(
    session: Session,
    station_id: int,
    card_id: int,
    asset_id: int,
    sha256: str,
    from_s: float,
    to_s: float,
    *,
    by: int,
    at: datetime,
) -> float:
    """Note that a person heard a stretch of exactly these bytes; the share of the item heard so far, 0 to 1.

    Raises NotFound, BytesChanged if no rendition of the file has this hash any more.
    """
    card = shortlist.load_chosen(session, station_id, card_id)
    asset = session.execute(
        select(Asset).where(Asset.id == asset_id, Asset.message_id == card.message_id)
    ).scalar_one_or_none()
    if asset is None:
        raise NotFound(code="onair.no_file")
    made = session.execute(
        select(Rendition).where(
            Rendition.asset_id == asset_id,
            Rendition.sha256 == sha256,
            Rendition.profile.in_(HEARABLE),
            Rendition.original_sha256 == asset.original_sha256,
        )
    ).scalars().first()  # fmt: skip
    if made is None:
        raise BytesChanged
    end_s = min(to_s, (made.duration_s or asset.duration_s or to_s) + rules.JOIN_S)
    if end_s > from_s:
        session.add(
            Listened(
                station_id=station_id, person_id=by, asset_id=asset_id, sha256=sha256, from_s=from_s, to_s=end_s, at=at
            )
        )
        session.flush()
    return queries.heard_share(session, by, shortlist.view_item(session, station_id, card).content)


def vet(session: Session, station_id: int, card_id: int, sha256: str, *, by: int, at: datetime) -> Vetting:
    """Give one's word that exactly these bytes may go to air. May be repeated.

    `sha256` names them by the broadcast file or by the form the person listened to; the vetting keeps the former.
    Raises NotFound, WasRejected, NotReady, BytesChanged if `sha256` is of nothing that exists now, NotHeard unless
    `by` has heard all of it.
    """
    card = _hold(session, station_id, card_id)
    if card.state == "rejected":
        raise WasRejected
    content = shortlist.view_item(session, station_id, card).content
    if content.sha256 is None:
        raise NotReady
    if not content.is_named_by(sha256):
        raise BytesChanged({"sha256": content.sha256})
    share = queries.heard_share(session, by, content)
    if not rules.is_heard(share):
        raise NotHeard({"heard_share": round(share, 3)})
    present = _find_vetting(session, card_id)
    if present is not None and present.sha256 == content.sha256 == card.vetted_sha256:
        return present
    _end_rows(session, card_id, "renewed", by=by, at=at)
    vetting = Vetting(
        station_id=station_id,
        card_id=card_id,
        asset_id=content.asset.id if content.asset is not None else None,
        sha256=content.sha256,
        by_person_id=by,
        at=at,
    )
    session.add(vetting)
    card.vetted_sha256 = content.sha256
    wall.refresh_card(session, card, at=at)
    audit.record(session, station_id, "card.vet", f"card:{card_id}", by=by, at=at, details={"sha256": content.sha256})
    return vetting


def unvet(session: Session, station_id: int, card_id: int, *, by: int, at: datetime) -> bool:
    """Take the word back; False if there was none. Raises NotFound."""
    return end_vetting(session, _hold(session, station_id, card_id), "by_hand", by=by, at=at)


def end_vetting(session: Session, card: Card, reason: str, *, by: int | None, at: datetime) -> bool:
    """End a card's vetting with its reason; it leaves the studio with this. False if there was none."""
    if card.vetted_sha256 is None:
        return False
    _end_rows(session, card.id, reason, by=by, at=at)
    card.vetted_sha256 = None
    audit.record(session, card.station_id, "card.unvet", f"card:{card.id}", by=by, at=at, details={"reason": reason})
    if card.withdrawn_at is not None:
        return True
    wall.refresh_card(session, card, at=at)
    if card.state in ("planned", "in_studio"):
        wall.move_card(
            session, card.station_id, card.id, to="shortlisted", version=card.version, by=None, at=at, force=True
        )
    return True


def _hold(session: Session, station_id: int, card_id: int) -> Card:
    """A usable card of this station, locked until the commit."""
    found = session.execute(
        select(Card)
        .where(Card.id == card_id, Card.station_id == station_id, Card.withdrawn_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(code="onair.no_card")
    return found


def _find_vetting(session: Session, card_id: int) -> Vetting | None:
    return session.execute(
        select(Vetting)
        .where(Vetting.card_id == card_id, Vetting.ended_at.is_(None))
        .order_by(Vetting.id.desc())
        .limit(1)
    ).scalar_one_or_none()


def _end_rows(session: Session, card_id: int, reason: str, *, by: int | None, at: datetime) -> None:
    session.execute(
        update(Vetting)
        .where(Vetting.card_id == card_id, Vetting.ended_at.is_(None))
        .values(ended_at=at, ended_by_id=by, ended_reason=reason)
    )


# --- in the studio ----------------------------------------------------------------------------------------------


def load_cart(session: Session, station_id: int, slot_id: int, sha256: str, *, by: int, at: datetime) -> Card:
    """A studio has these bytes in its memory, checked: the card is now in the studio. May be repeated.

    Raises NotFound unless the item may be played now, BytesChanged if the studio holds other bytes.
    """
    card = _airable(session, station_id, slot_id, sha256, at=at)
    if card.state in ("shortlisted", "planned"):
        _walk(session, card, "in_studio", by=None, at=at)
        audit.record(session, station_id, "cart.load", f"slot:{slot_id}", by=by, at=at)
    return card


def set_on_air(
    session: Session, station_id: int, slot_id: int, sha256: str, *, is_on: bool, by: int, at: datetime
) -> Card:
    """The studio plays this item now, or stopped it before it counted as aired. May be repeated."""
    card = _airable(session, station_id, slot_id, sha256, at=at)
    if is_on and card.state != "on_air":
        _walk(session, card, "on_air", by=by, at=at)
    elif not is_on and card.state == "on_air":
        _walk(session, card, "aired" if _has_airing(session, card.id) else "in_studio", by=by, at=at)
    return card


def mark_aired(
    session: Session,
    station_id: int,
    slot_id: int,
    *,
    sha256: str,
    idempotency_key: str,
    played_s: float | None,
    by: int,
    at: datetime,
    aired_at: datetime | None = None,
) -> Airing:
    """Write down that an item was played. The same key again gives the first airing back.

    It is a report of a fact: a vetting that ended while the studio was without network does not undo it, but these
    bytes must have been vetted once. Raises NotFound, BytesChanged.
    """
    slot = shortlist.load_slot(session, station_id, slot_id)
    card = _hold(session, station_id, slot.card_id)
    if not _was_vetted(session, card.id, sha256):
        raise BytesChanged
    made = db.insert_if_absent(
        session,
        Airing.metadata.tables["airing"],
        {
            "station_id": station_id,
            "slot_id": slot_id,
            "card_id": card.id,
            "sha256": sha256,
            "by_person_id": by,
            "aired_at": rules.played_at(aired_at, at),
            "played_s": played_s,
            "idempotency_key": idempotency_key,
        },
        unique=["station_id", "idempotency_key"],
    )
    airing = session.execute(
        select(Airing).where(Airing.station_id == station_id, Airing.idempotency_key == idempotency_key)
    ).scalar_one()
    if not made:
        if airing.slot_id != slot_id:
            raise Invalid({"idempotency_key": "This key was used for another item."})
        return airing
    _walk(session, card, "aired", by=by, at=at)
    audit.record(
        session, station_id, "airing.mark", f"slot:{slot_id}", by=by, at=at, details={"card": card.id, "sha256": sha256}
    )
    announce.touch(session, station_id, slot.edition_id, at=at)
    return airing


def take_back(session: Session, station_id: int, slot_id: int, *, by: int, at: datetime) -> Airing:
    """Take the newest airing of a slot back; it stays in the log. Possible while its edition is the current one.

    Raises NotFound if there is none to take back.
    """
    slot = shortlist.load_slot(session, station_id, slot_id)
    edition = shows.current_edition(session, station_id, at=at)
    card = _hold(session, station_id, slot.card_id)
    airing = session.execute(
        select(Airing)
        .where(Airing.slot_id == slot_id, Airing.undone_at.is_(None))
        .order_by(Airing.aired_at.desc(), Airing.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    if airing is None or slot.edition_id != edition.id:
        raise NotFound("There is no airing to take back.", code="onair.no_airing")
    _undo(session, airing, by=by, at=at)
    if card.state == "aired" and not _has_airing(session, card.id):
        to = "in_studio" if card.vetted_sha256 is not None else "shortlisted"
        wall.move_card(session, station_id, card.id, to=to, version=card.version, by=by, at=at, force=True)
    announce.touch(session, station_id, slot.edition_id, at=at)
    return airing


def undo_airings(session: Session, card: Card, *, by: int | None, at: datetime) -> None:
    """The card's state was taken back from 'aired' on the wall: so are its airings of editions still running."""
    airings = session.execute(
        select(Airing, Slot.edition_id)
        .join(Slot, Slot.id == Airing.slot_id)
        .where(Airing.card_id == card.id, Airing.undone_at.is_(None))
    ).all()
    for airing, edition_id in airings:
        _undo(session, airing, by=by, at=at)
        announce.touch(session, card.station_id, edition_id, at=at)


def _undo(session: Session, airing: Airing, *, by: int | None, at: datetime) -> None:
    airing.undone_at, airing.undone_by_id = at, by
    session.flush()
    audit.record(
        session, airing.station_id, "airing.undo", f"slot:{airing.slot_id}", by=by, at=at, details={"airing": airing.id}
    )


def _airable(session: Session, station_id: int, slot_id: int, sha256: str, *, at: datetime) -> Card:
    view = queries.load_cart(session, station_id, slot_id, at=at)
    if view.item.content.sha256 != sha256:
        raise BytesChanged
    return _hold(session, station_id, view.item.card.id)


def _walk(session: Session, card: Card, to: str, *, by: int | None, at: datetime) -> None:
    for state in WAY_TO[to].get(card.state, ()):
        wall.move_card(session, card.station_id, card.id, to=state, version=card.version, by=by, at=at, force=True)


def _has_airing(session: Session, card_id: int) -> bool:
    found = session.execute(
        select(Airing.id).where(Airing.card_id == card_id, Airing.undone_at.is_(None)).limit(1)
    ).scalar_one_or_none()
    return found is not None


def _was_vetted(session: Session, card_id: int, sha256: str) -> bool:
    found = session.execute(
        select(Vetting.id).where(Vetting.card_id == card_id, Vetting.sha256 == sha256).limit(1)
    ).scalar_one_or_none()
    return found is not None
