"""texts are found in the order of the wall: SQLite's full-text rows are numbered by arrival, PostgreSQL's index also
holds the stretch of time and the campaign"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PLACE = "(({card}placed_at << 20) | ({card}id & 1048575))"
STEPS = (24, 26, 28, 30, 32, 34)
OLD, NEW = PLACE.format(card="old."), PLACE.format(card="new.")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
        # what is asked first stands first: within a stretch alone campaign and words are held against each other
        _index_again(f"{', '.join(f'(placed_at >> {bits})' for bits in STEPS)}, campaign_id, folded gin_trgm_ops")
        op.execute("ANALYZE card")  # what is to be found in the new stretches
        return
    _drop_full_text()
    # rows are numbered in this order: whoever builds the index again goes along it
    place = PLACE.format(card="")
    op.execute(f"CREATE VIEW card_ft_said AS SELECT {place} AS place, folded FROM card ORDER BY place")  # noqa: S608
    _full_text("content='card_ft_said', content_rowid='place'", OLD, NEW)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _index_again("folded gin_trgm_ops")
        return
    _drop_full_text()
    op.execute("DROP VIEW card_ft_said")
    _full_text("content='card', content_rowid='id'", "old.id", "new.id")


def _index_again(columns: str) -> None:
    op.execute("SET LOCAL statement_timeout = 0")
    op.execute("SET LOCAL maintenance_work_mem = '256MB'")
    op.execute("DROP INDEX ix_card_folded_trigram")
    op.execute(f"CREATE INDEX ix_card_folded_trigram ON card USING gin ({columns})")


def _drop_full_text() -> None:
    for trigger in ("insert", "delete", "update"):
        op.execute(f"DROP TRIGGER card_ft_{trigger}")
    op.execute("DROP TABLE card_ft")


def _full_text(content: str, old: str, new: str) -> None:
    op.execute(f"CREATE VIRTUAL TABLE card_ft USING fts5(folded, {content}, tokenize='trigram')")
    op.execute("PRAGMA cache_size = -200000")  # 200 MB: with the usual 2 MB a million cards take several times as long
    op.execute("INSERT INTO card_ft(card_ft) VALUES ('rebuild')")
    add = f"INSERT INTO card_ft(rowid, folded) VALUES ({new}, new.folded);"  # noqa: S608
    take = f"INSERT INTO card_ft(card_ft, rowid, folded) VALUES ('delete', {old}, old.folded);"  # noqa: S608
    op.execute(f"CREATE TRIGGER card_ft_insert AFTER INSERT ON card BEGIN {add} END")
    op.execute(f"CREATE TRIGGER card_ft_delete AFTER DELETE ON card BEGIN {take} END")
    op.execute(f"CREATE TRIGGER card_ft_update AFTER UPDATE OF folded ON card BEGIN {take} {add} END")
