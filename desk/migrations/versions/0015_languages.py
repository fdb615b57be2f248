"""in which language cards are written or spoken, and counters for it"""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTED = ["station_id", "language", "state", "kind", "facet"]
INDEXES = {
    "ix_card_language": (
        ["station_id", "language", "state", "kind", "facet", "placed_at", "id"],
        "language IS NOT NULL",
    ),
    "ix_card_campaign_language": (
        ["station_id", "campaign_id", "language", "placed_at", "id"],
        "campaign_id IS NOT NULL AND language IS NOT NULL",
    ),
}
# what came before is told by a job, some at a time, the newest first
JOBS = """
INSERT INTO job (kind, subject, payload, state, priority, tier, attempts, run_at, wake_at, station_id, created_at)
SELECT 'tell_languages', 'station:' || station.id, {payload}, 'ready', 0, 1, 0, {now}, {now}, station.id, {now}
FROM station WHERE EXISTS (SELECT 1 FROM card WHERE card.station_id = station.id)"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
    op.add_column("card", sa.Column("language", sa.String(2), nullable=True))
    for name, (columns, condition) in INDEXES.items():
        only = sa.text(condition)
        op.create_index(name, "card", columns, sqlite_where=only, postgresql_where=only)
    op.create_table(
        "language_count",
        sa.Column("id", KEY, nullable=False),
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("facet", sa.String(4), nullable=False),
        sa.Column("cards", KEY, nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_language_count_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_language_count")),
        sa.UniqueConstraint(*COUNTED, name=op.f("uq_language_count_" + "_".join(COUNTED))),
    )
    payload = "CAST('{}' AS jsonb)" if op.get_bind().dialect.name == "postgresql" else "'{}'"
    op.execute(JOBS.format(payload=payload, now=int(time.time() * 1000)))


def downgrade() -> None:
    op.execute("DELETE FROM job WHERE kind = 'tell_languages'")
    op.drop_table("language_count")
    for name in INDEXES:
        op.drop_index(name, "card")
    op.drop_column("card", "language")
