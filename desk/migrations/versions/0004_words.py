"""words on cards, so that one with a slip finds what was meant"""

from __future__ import annotations

import re
from collections import Counter

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LETTERS = sa.String(30).with_variant(postgresql.VARCHAR(30, collation="C"), "postgresql")
WORD = re.compile(r"[^\W\d_]+")
UMLAUT = re.compile(r"(?<![aeiouyq])([aou])e")
CHUNK = 5000


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
    table = op.create_table(
        "word",
        sa.Column("station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("word", LETTERS, nullable=False),
        sa.Column("bare", LETTERS, nullable=False),
        sa.Column("mirrored", LETTERS, nullable=False),
        sa.Column("cards", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_word_station_id")),
        sa.PrimaryKeyConstraint("station_id", "word", name=op.f("pk_word")),
        sqlite_with_rowid=False,
    )
    _fill(table)
    with op.batch_alter_table("word", schema=None) as batch_op:
        batch_op.create_index("ix_word_bare", ["station_id", "bare"], unique=False)
        batch_op.create_index("ix_word_mirrored", ["station_id", "mirrored"], unique=False)


def _fill(table: sa.Table) -> None:
    """Count the words of the cards that are there; a word once for each card."""
    connection = op.get_bind()
    counted: Counter[tuple[int, str]] = Counter()
    cards = sa.text("SELECT station_id, folded FROM card WHERE withdrawn_at IS NULL AND folded <> ''")
    for station_id, folded in connection.execute(cards, execution_options={"yield_per": CHUNK}):
        counted.update((station_id, word) for word in {*WORD.findall(folded)} if 4 <= len(word) <= 30)
    rows = []
    for (station_id, word), amount in sorted(counted.items()):
        bare = UMLAUT.sub(r"\1", word)
        rows.append({"station_id": station_id, "word": word, "bare": bare, "mirrored": bare[::-1], "cards": amount})
        if len(rows) == CHUNK:
            connection.execute(sa.insert(table), rows)
            rows = []
    if rows:
        connection.execute(sa.insert(table), rows)


def downgrade() -> None:
    op.drop_table("word")
