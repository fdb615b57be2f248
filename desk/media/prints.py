"""What files sound and look like, kept so that copies of one thing find each other among a million.

Each file's prints are rows; their keys stand in a table that is its own index, so a search costs a few hundred
look-ups whatever is in it. What is found that way is only a candidate: `compare` decides, as media_store.likeness does.
Making prints is media_store's matter, stacking cards the wall's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Delete, Select, TextualSelect, delete, func, insert, select, text
from sqlalchemy.orm import Session

from desk.db import Key
from desk.media.models import Asset, Print, PrintKey
from media_store import likeness
from media_store.film_print import FilmPrint
from media_store.likeness import Likeness, VideoPrint, Why
from media_store.picture_print import PicturePrint
from media_store.pipeline import Facts
from media_store.sound_print import SoundPrint

SOUND, PICTURE, FILM = "sound", "picture", "film"
LOOK_BACK = timedelta(days=90)  # a greeting comes again within days, a viral picture within weeks
KEY_BITS = 32
MOST_ROWS = 4000  # of one search: a picture that everybody sends must not make it slow
LEAST_ROWS = 10  # of each key
MOST_CANDIDATES = 40
MOST_SAME_BYTES = 20
OLD_AT_ONCE = 100  # files whose keys go in one transaction: some thousand rows

NEWEST_OF_POSTGRES = """
    SELECT found.asset_id FROM unnest(CAST(:numbers AS bigint[])) AS wanted (number) CROSS JOIN LATERAL (
        SELECT asset_id FROM print_key WHERE station_id = :station_id AND number = wanted.number
        ORDER BY asset_id DESC LIMIT :most
    ) AS found
"""
# SQLite has no LATERAL: where the newest begin is looked up for each key. CROSS JOIN keeps the order of the tables.
NEWEST_OF_SQLITE = """
    SELECT found.asset_id FROM json_each(:numbers) AS wanted CROSS JOIN print_key AS found
    WHERE found.station_id = :station_id AND found.number = wanted.value AND found.asset_id >= coalesce((
        SELECT asset_id FROM print_key WHERE station_id = :station_id AND number = wanted.value
        ORDER BY asset_id DESC LIMIT 1 OFFSET :most - 1
    ), 0)
"""

# what is compared with what: a video's sound is looked for among videos' sounds alone
SPACES = {("sound", SOUND): 1, ("picture", PICTURE): 2, ("video", FILM): 3, ("video", SOUND): 4}
GROUPS = {
    "voice": "sound",
    "audio": "sound",
    "image": "picture",
    "sticker": "picture",
    "video": "video",
    "document": "file",
}
MAIN = {"sound": SOUND, "picture": PICTURE, "video": FILM}  # what every file of a group has that has any print
TRIED = "printed"  # among the facts of a file: its prints were taken, if there were any to take
NEVER_COPIES = frozenset({"silent"})  # silence is like silence

AnyPrint = SoundPrint | PicturePrint | FilmPrint
Prints = Mapping[str, AnyPrint]


@dataclass(frozen=True)
class Twin:
    """A file that is a copy of another, and how sure that is: 1 for the same bytes."""

    asset_id: int
    message_id: int
    score: float


def group_of(kind: str) -> str:
    """Sound, picture, video or file: copies are looked for within one of these."""
    return GROUPS.get(kind, "file")


def of_facts(facts: Facts) -> dict[str, AnyPrint]:
    """The prints that came with a file's renditions."""
    found: dict[str, AnyPrint] = {}
    if facts.sound_print is not None:
        found[SOUND] = SoundPrint.from_bytes(facts.sound_print)
    if facts.picture_print is not None:
        found[PICTURE] = PicturePrint.from_bytes(facts.picture_print)
    return found


def keep(session: Session, asset: Asset, prints: Prints) -> None:
    """Keep these prints of a file with their keys, in place of older ones of the same sort. May be repeated."""
    if not prints:
        return
    spaces = {of: SPACES[place] for of in prints if (place := (group_of(asset.kind), of)) in SPACES}
    session.execute(delete(Print).where(Print.asset_id == asset.id, Print.of.in_(list(prints))))
    for space in spaces.values():
        session.execute(delete(PrintKey).where(PrintKey.asset_id == asset.id, _is_in(space)))
    bodies = [{"asset_id": asset.id, "of": of, "body": prints[of].to_bytes()} for of in spaces]
    keys = [
        {"station_id": asset.station_id, "number": _number(space, key), "asset_id": asset.id}
        for of, space in spaces.items()
        for key in prints[of].keys
    ]
    for table, rows in ((Print, bodies), (PrintKey, keys)):
        if rows:
            session.execute(insert(table), rows)


def _number(space: int, key: int) -> int:
    return space << KEY_BITS | key


def _is_in(space: int) -> ColumnElement[bool]:
    return PrintKey.number.between(_number(space, 0), _number(space + 1, 0) - 1)


def forget_old_keys(session: Session, *, at: datetime, most: int = OLD_AT_ONCE) -> int:
    """Drop the keys of files that no search looks at any more, the oldest `most` of them; returns of how many.

    Files come in order, so those with the lowest numbers are the oldest: nothing else is looked at. Their prints stay.
    """
    oldest = session.execute(oldest_with_keys(most)).scalars().all()
    old = select(Asset.id).where(Asset.id.in_(oldest), Asset.created_at <= at - LOOK_BACK)
    ids = list(session.execute(old).scalars()) if oldest else []
    if ids:
        session.execute(keys_of(ids))
    return len(ids)


def oldest_with_keys(most: int) -> Select[int]:
    """The oldest files with keys; a statement of its own, so that a test can look at its plan."""
    return select(PrintKey.asset_id).distinct().order_by(PrintKey.asset_id).limit(most)


def keys_of(asset_ids: Sequence[int]) -> Delete:
    return delete(PrintKey).where(PrintKey.asset_id.in_(asset_ids))


def forget(session: Session, asset_ids: Sequence[int]) -> None:
    """Drop everything kept here about these files."""
    session.execute(keys_of(asset_ids))
    session.execute(delete(Print).where(Print.asset_id.in_(asset_ids)))


def find_unprinted(session: Session, assets: Sequence[Asset], *, at: datetime) -> set[int]:
    """Those of these files whose print nobody has tried to take, and whose copies would still be looked for."""
    wanted = {
        asset.id: MAIN[group]
        for asset in assets
        if (group := group_of(asset.kind)) in MAIN and asset.created_at > at - LOOK_BACK
        if not asset.facts.get(TRIED)
    }
    if not wanted:
        return set()
    rows = session.execute(select(Print.asset_id, Print.of).where(Print.asset_id.in_(list(wanted)))).all()
    return {asset_id for asset_id, of in wanted.items() if (asset_id, of) not in {tuple(row) for row in rows}}


def load_prints(session: Session, asset_ids: Sequence[int]) -> dict[int, dict[str, AnyPrint]]:
    """The prints of these files by sort; a file without any is left out. One statement."""
    found: dict[int, dict[str, AnyPrint]] = {}
    for row in session.execute(select(Print).where(Print.asset_id.in_(asset_ids))).scalars():
        found.setdefault(row.asset_id, {})[row.of] = _KINDS[row.of].from_bytes(row.body)
    return found


_KINDS: Mapping[str, type[AnyPrint]] = {SOUND: SoundPrint, PICTURE: PicturePrint, FILM: FilmPrint}


def find_candidates(session: Session, asset: Asset, prints: Prints, *, at: datetime) -> list[int]:
    """Files of the station that may be copies of this one, the likeliest first, none older than 90 days.

    Those with the same bytes and those with enough common keys; two or three statements.
    """
    found = dict.fromkeys(_of_same_bytes(session, asset))
    for of, one in prints.items():
        space = SPACES.get((group_of(asset.kind), of))
        if space is not None:
            found |= dict.fromkeys(_by_keys(session, asset, of, space, one))
    found.pop(asset.id, None)
    if not found:
        return []
    recent = session.execute(
        select(Asset.id).where(
            Asset.id.in_(list(found)), Asset.created_at > at - LOOK_BACK, Asset.state == "ready",
        )
    ).scalars()  # fmt: skip
    kept = set(recent)
    return [asset_id for asset_id in found if asset_id in kept][: MOST_CANDIDATES + MOST_SAME_BYTES]


def _of_same_bytes(session: Session, asset: Asset) -> list[int]:
    if asset.original_sha256 is None or NEVER_COPIES & set(asset.facts.get("flags") or ()):
        return []
    same = select(Asset.id).where(
        Asset.original_sha256 == asset.original_sha256, Asset.station_id == asset.station_id, Asset.id != asset.id
    )
    return list(session.execute(same.order_by(Asset.id).limit(MOST_SAME_BYTES)).scalars())


def _by_keys(session: Session, asset: Asset, of: str, space: int, one: AnyPrint) -> list[int]:
    keys = one.near_keys if isinstance(one, PicturePrint) else one.keys
    if not keys:
        return []
    rows = key_rows(session, asset.station_id, [_number(space, key) for key in keys]).subquery()
    hits = func.count()
    counted = (
        select(rows.c.asset_id)
        .where(rows.c.asset_id != asset.id)
        .group_by(rows.c.asset_id)
        .having(hits >= likeness.LEAST_COMMON_KEYS[of])
        .order_by(hits.desc(), rows.c.asset_id.desc())
        .limit(MOST_CANDIDATES)
    )
    return list(session.execute(counted).scalars())


def key_rows(session: Session, station_id: int, numbers: Sequence[int]) -> TextualSelect:
    """Which files have any of these keys, of each key the newest; a statement of its own, for a test to see its plan.

    All keys together give MOST_ROWS, whatever the table holds. A frequent key reaches back days, a rare one to the
    oldest file: a copy is found by the rare ones, or because it came lately, as most do.
    """
    is_postgres = session.get_bind().dialect.name == "postgresql"
    listed, most = ",".join(map(str, sorted(numbers))), max(LEAST_ROWS, MOST_ROWS // len(numbers))
    statement = text(NEWEST_OF_POSTGRES if is_postgres else NEWEST_OF_SQLITE).bindparams(
        numbers=f"{{{listed}}}" if is_postgres else f"[{listed}]", station_id=station_id, most=most
    )
    return statement.columns(asset_id=Key)


def compare(group: str, one: Prints, other: Prints) -> Likeness:
    """Whether two files of one group are the same, as far as their prints tell."""
    if group == "video":
        return likeness.compare_videos(_video(one), _video(other))
    here, there = one.get(group), other.get(group)
    if isinstance(here, SoundPrint) and isinstance(there, SoundPrint):
        return likeness.compare_sounds(here, there)
    if isinstance(here, PicturePrint) and isinstance(there, PicturePrint):
        return likeness.compare_pictures(here, there)
    return Likeness(Why.TOO_LITTLE, 0.0)


def _video(prints: Prints) -> VideoPrint:
    film, sound = prints.get(FILM), prints.get(SOUND)
    return VideoPrint(
        film if isinstance(film, FilmPrint) else None,
        sound if isinstance(sound, SoundPrint) else None,
    )


@dataclass(frozen=True)
class Question:
    """A file with everything that is needed to say what it is a copy of, copied out of the database."""

    group: str
    sha256: str | None
    own: Prints
    candidates: tuple[tuple[int, int, str | None, Prints], ...]  # asset, message, hash of the original, prints


def ask(session: Session, asset: Asset, *, at: datetime) -> Question:
    """Find what may be a copy of this file. At most six statements."""
    group = group_of(asset.kind)
    own = load_prints(session, [asset.id]).get(asset.id, {})
    ids = find_candidates(session, asset, own, at=at)
    prints = load_prints(session, ids) if ids else {}
    rows = session.execute(select(Asset).where(Asset.id.in_(ids))).scalars() if ids else ()
    return Question(
        group,
        asset.original_sha256,
        own,
        tuple(
            (row.id, row.message_id, row.original_sha256, prints.get(row.id, {}))
            for row in rows
            if group_of(row.kind) == group
        ),
    )


def answer(question: Question) -> list[Twin]:
    """The copies of a file within its station, the surest first. Compares up to 60 prints; uses no database."""
    found = []
    for asset_id, message_id, sha256, prints in question.candidates:
        is_same_file = sha256 is not None and sha256 == question.sha256
        alike = Likeness(Why.SAME, 1.0) if is_same_file else compare(question.group, question.own, prints)
        if alike.is_same:
            found.append(Twin(asset_id, message_id, alike.score))
    return sorted(found, key=lambda twin: (-twin.score, twin.asset_id))
