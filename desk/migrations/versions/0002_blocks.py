"""timed blocks of listeners: who, when, why and until when; what to look up in order to end them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BLOCKED = sa.text("blocked_until IS NOT NULL")
LEFT = sa.text("reason = 'media.sender_blocked'")


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "listener_block",
        sa.Column("id", key, nullable=False),
        sa.Column("station_id", key, nullable=False),
        sa.Column("listener_id", key, nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("by_person_id", key, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by_id", key, nullable=True),
        sa.ForeignKeyConstraint(["by_person_id"], ["person.id"], name=op.f("fk_listener_block_by_person_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["person.id"], name=op.f("fk_listener_block_ended_by_id")),
        sa.ForeignKeyConstraint(["listener_id"], ["listener.id"], name=op.f("fk_listener_block_listener_id")),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_listener_block_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listener_block")),
    )
    op.create_index("ix_listener_block_listener", "listener_block", ["listener_id", "id"])
    columns = ["station_id", "blocked_until"]
    op.create_index("ix_listener_blocked", "listener", columns, sqlite_where=BLOCKED, postgresql_where=BLOCKED)
    op.create_index("ix_asset_left", "asset", ["id"], sqlite_where=LEFT, postgresql_where=LEFT)


def downgrade() -> None:
    op.drop_index("ix_asset_left", table_name="asset")
    op.drop_index("ix_listener_blocked", table_name="listener")
    op.drop_table("listener_block")
