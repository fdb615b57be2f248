"""marks on cards beside the verdict: rating, jury, colour tags of the station"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    listing = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.create_table(
        "tag",
        sa.Column("id", KEY, nullable=False),
        sa.Column("station_id", KEY, nullable=False),
        sa.Column("place", KEY, nullable=False),
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("hue", KEY, nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_tag_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
    )
    op.create_index("ix_tag_station", "tag", ["station_id", "place"])
    # defaults of the database make this instant, however many cards there are
    op.add_column("card", sa.Column("rating", KEY, nullable=True))
    op.add_column("card", sa.Column("is_for_jury", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("card", sa.Column("tag_ids", listing, nullable=False, server_default="[]"))


def downgrade() -> None:
    for name in ("tag_ids", "is_for_jury", "rating"):
        op.drop_column("card", name)
    op.drop_table("tag")
