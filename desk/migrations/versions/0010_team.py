"""the team's line, and hand-overs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    figures = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "team_line",
        sa.Column("id", KEY, nullable=False),
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("by_person_id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("card_id", KEY, nullable=True),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_team_line_station_id")),
        sa.ForeignKeyConstraint(["by_person_id"], ["person.id"], name=op.f("fk_team_line_by_person_id")),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_team_line_card_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_line")),
        sa.UniqueConstraint("station_id", "idempotency_key", name=op.f("uq_team_line_station_id")),
    )
    op.create_index("ix_team_line_day", "team_line", ["station_id", "id"])
    op.create_index("ix_team_line_card_id", "team_line", ["card_id"])
    op.create_table(
        "handover",
        sa.Column("id", KEY, nullable=False),
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("by_person_id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("figures", figures, nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_handover_station_id")),
        sa.ForeignKeyConstraint(["by_person_id"], ["person.id"], name=op.f("fk_handover_by_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
    )
    op.create_index("ix_handover_station", "handover", ["station_id", "id"])


def downgrade() -> None:
    op.drop_table("handover")
    op.drop_table("team_line")
