"""emoji, greetings and reactions in a mood bar: what is folded, its counters by minute, the station's switch"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("station", sa.Column("folds_noise", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        "mood_item",
        sa.Column("id", KEY, nullable=False),
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("card_id", KEY, nullable=True),
        sa.Column("reaction_id", KEY, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("minute", KEY, nullable=False),
        sa.Column("campaign_id", KEY, nullable=False),
        sa.Column("sign", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_mood_item_card_id")),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_mood_item_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mood_item")),
        sa.UniqueConstraint("card_id", name=op.f("uq_mood_item_card_id")),
        sa.UniqueConstraint("reaction_id", name=op.f("uq_mood_item_reaction_id")),
    )
    op.create_index("ix_mood_item_at", "mood_item", ["station_id", "at", "id"])
    op.create_table(
        "mood_count",
        sa.Column("id", KEY, nullable=False),
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("minute", KEY, nullable=False),
        sa.Column("campaign_id", KEY, nullable=False),
        sa.Column("sign", sa.String(length=32), nullable=False),
        sa.Column("amount", KEY, nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_mood_count_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mood_count")),
        sa.UniqueConstraint(
            "station_id", "minute", "campaign_id", "sign", name=op.f("uq_mood_count_station_id_minute_campaign_id_sign")
        ),
    )
    op.create_table(
        "mood_told",
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("is_due", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_mood_told_station_id")),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_mood_told")),
    )


def downgrade() -> None:
    """What was folded stands on the wall again."""
    op.execute(
        "INSERT INTO card_count (station_id, state, kind, facet, cards) "
        "SELECT station_id, 'new', kind, facet, cards FROM card_count AS folded WHERE state = 'mood' "
        "ON CONFLICT (station_id, state, kind, facet) DO UPDATE SET cards = card_count.cards + excluded.cards"
    )
    op.execute("DELETE FROM card_count WHERE state = 'mood'")
    op.execute("UPDATE card SET state = 'new' WHERE state = 'mood'")
    for name in ("mood_told", "mood_count", "mood_item"):
        op.drop_table(name)
    op.drop_column("station", "folds_noise")
