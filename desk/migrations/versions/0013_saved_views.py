"""saved views of the wall"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("id", KEY, nullable=False),
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("show_id", KEY, nullable=True),
        sa.Column("person_id", KEY, nullable=True),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("query", sa.String(length=600), nullable=False),
        sa.Column("opens", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_saved_view_station_id")),
        sa.ForeignKeyConstraint(["show_id"], ["show.id"], name=op.f("fk_saved_view_show_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_saved_view_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
    )
    op.create_index("ix_saved_view_station", "saved_view", ["station_id", "id"])


def downgrade() -> None:
    op.drop_table("saved_view")
