"""what cards can be sorted out by, and counters for it"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CHUNK = 5000
CONSENT = {"given": "g", "asked": "a", "unknown": "o", "refused": "r", "withdrawn": "r"}
REMARKS = {
    "silent", "truncated", "sound_damaged", "no_sound", "cut_start", "cut_end", "uneven", "several_voices", "frozen",
    "hdr", "clipped", "very_quiet", "quiet", "noisy", "short", "long",
}  # fmt: skip
WITH_FIGURES = {"clipped", "very_quiet", "quiet", "noisy", "short", "long"}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
    op.add_column("card", sa.Column("facet", sa.String(4), nullable=False, server_default=""))
    counted = _fill()
    op.create_index(
        "ix_card_wall_facet", "card", ["station_id", "state", "kind", "facet", "placed_at", "id"], unique=False
    )
    op.drop_table("card_count")
    columns = ("station_id", "state", "kind", "facet")
    table = _counters("facet")
    rows = [dict(zip(columns, key, strict=True)) | {"cards": cards} for key, cards in sorted(counted.items())]
    if rows:
        op.get_bind().execute(sa.insert(table), rows)


def _counters(*more: str) -> sa.Table:
    names = ["station_id", "state", "kind", *more]
    return op.create_table(
        "card_count",
        sa.Column("id", KEY, nullable=False),
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        *(sa.Column(name, sa.String(4), nullable=False) for name in more),
        sa.Column("cards", KEY, nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_card_count_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_count")),
        sa.UniqueConstraint(*names, name=op.f("uq_card_count_" + "_".join(names))),
    )


def _fill() -> Counter[tuple[int, str, str, str]]:
    """Give every card that is there its facet; how many have which."""
    connection = op.get_bind()
    firsts = set(connection.execute(sa.text("SELECT min(id) FROM card GROUP BY listener_id")).scalars())
    counted: Counter[tuple[int, str, str, str]] = Counter()
    last = 0
    while rows := connection.execute(CARDS, {"last": last, "chunk": CHUNK}).all():
        bounds = {"first": last, "last": rows[-1].id}
        media: dict[int, list[Any]] = {}
        for asset in connection.execute(ASSETS, bounds):
            media.setdefault(asset.message_id, []).append(asset)
        chosen: dict[str, list[int]] = {}
        for row in rows:
            theirs = media.get(row.message_id, [])
            facet = ("n" if row.id in firsts else "k") + CONSENT[row.consent] + _length(row, theirs) + _quality(theirs)
            chosen.setdefault(facet, []).append(row.id)
            counted[row.station_id, row.state, row.kind, facet] += 1
        for facet, ids in chosen.items():
            listed = ", ".join(map(str, ids))
            connection.execute(sa.text(f"UPDATE card SET facet = :facet WHERE id IN ({listed})"), {"facet": facet})  # noqa: S608
        last = rows[-1].id
    return counted


CARDS = sa.text(
    "SELECT card.id, card.station_id, card.message_id, card.state, card.kind, card.consent, "
    "length(message.text) AS characters FROM card JOIN message ON message.id = card.message_id "
    "WHERE card.id > :last AND card.withdrawn_at IS NULL ORDER BY card.id LIMIT :chunk"
)
ASSETS = sa.text(
    "SELECT asset.message_id, asset.kind, asset.state, asset.duration_s, asset.facts FROM card "
    "JOIN asset ON asset.message_id = card.message_id WHERE card.id > :first AND card.id <= :last"
)


def _length(card: Any, media: list[Any]) -> str:
    seconds = max((one.duration_s or 0.0 for one in media if one.kind in ("voice", "audio", "video")), default=0.0)
    if seconds:
        return "s" if seconds < 15 else "l" if seconds > 60 else "m"
    if card.kind != "text":
        return "-"
    return "s" if card.characters < 80 else "l" if card.characters > 400 else "m"


def _quality(media: list[Any]) -> str:
    if any(_is_remarked(_facts(one.facts)) for one in media):
        return "r"
    return "f" if media and all(one.state == "ready" for one in media) else "-"


def _facts(value: Any) -> Mapping[str, Any]:
    return json.loads(value) if isinstance(value, str) else value or {}


def _is_remarked(facts: Mapping[str, Any]) -> bool:
    figures = facts.get("flag_figures") or {}
    flags = REMARKS & set(facts.get("flags") or ())
    return any(flag not in WITH_FIGURES or figures.get(flag) for flag in flags)


def downgrade() -> None:
    op.drop_index("ix_card_wall_facet", "card")
    op.drop_table("card_count")
    _counters()
    op.execute(
        "INSERT INTO card_count (station_id, state, kind, cards) "
        "SELECT station_id, state, kind, count(*) FROM card WHERE withdrawn_at IS NULL GROUP BY station_id, state, kind"
    )
    op.drop_column("card", "facet")
