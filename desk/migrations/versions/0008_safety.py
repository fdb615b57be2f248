"""threats and insults with the lead: cases, their checklists, a station's words for them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "safety_case",
        sa.Column("id", KEY, nullable=False),
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("card_id", KEY, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("found", sa.String(120), nullable=False),
        sa.Column("opened_by_id", KEY, nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("was_state", sa.String(12), nullable=False),
        sa.Column("was_facet", sa.String(4), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(12), nullable=False),
        sa.Column("closed_by_id", KEY, nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        *_refers("safety_case", station_id="station", card_id="card", opened_by_id="person", closed_by_id="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safety_case")),
    )
    op.create_index("ix_safety_case_station", "safety_case", ["station_id", "state", "id"])
    op.create_index("ix_safety_case_card_id", "safety_case", ["card_id"])
    op.create_table(
        "safety_step",
        sa.Column("id", KEY, nullable=False),
        sa.Column("case_id", KEY, nullable=False),
        sa.Column("step", sa.String(12), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.Column("by_person_id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_by_id", KEY, nullable=True),
        *_refers("safety_step", case_id="safety_case", by_person_id="person", undone_by_id="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safety_step")),
    )
    op.create_index("ix_safety_step_case_id", "safety_step", ["case_id"])
    op.create_table(
        "safety_rules",
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("threats", sa.Text(), nullable=False),
        sa.Column("insults", sa.Text(), nullable=False),
        sa.Column("harmless", sa.Text(), nullable=False),
        sa.Column("contact", sa.String(200), nullable=False),
        *_refers("safety_rules", station_id="station"),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_safety_rules")),
    )


def _refers(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))
        for column, other in columns.items()
    ]


def downgrade() -> None:
    op.drop_table("safety_rules")
    op.drop_table("safety_step")
    op.drop_table("safety_case")
