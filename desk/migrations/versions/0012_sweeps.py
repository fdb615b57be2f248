"""sweeps: one act on many cards, and which cards those are"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "sweep",
        sa.Column("id", KEY, nullable=False),
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("by_person_id", KEY, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=10), nullable=False),
        sa.Column("wanted", document, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("cards", KEY, nullable=False),
        *(sa.Column(name, document, nullable=False) for name in ("kinds", "tally", "back")),
        sa.Column("passes", KEY, nullable=False),
        sa.Column("reached", KEY, nullable=False),
        sa.Column("is_cut", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_sweep_station_id")),
        sa.ForeignKeyConstraint(["by_person_id"], ["person.id"], name=op.f("fk_sweep_by_person_id")),
        sa.ForeignKeyConstraint(["undone_by_id"], ["person.id"], name=op.f("fk_sweep_undone_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep")),
        sa.UniqueConstraint("station_id", "key", name=op.f("uq_sweep_station_id_key")),
    )
    op.create_index("ix_sweep_by", "sweep", ["by_person_id", "id"])
    op.create_table(
        "sweep_card",
        sa.Column("sweep_id", KEY, nullable=False),
        sa.Column("card_id", KEY, nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("act_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweep.id"], name=op.f("fk_sweep_card_sweep_id")),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_sweep_card_card_id")),
        sa.PrimaryKeyConstraint("sweep_id", "card_id", name=op.f("pk_sweep_card")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("sweep_card")
    op.drop_table("sweep")
