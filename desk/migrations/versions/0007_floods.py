"""a listener's flood as one card: which card stands under which, and how many do"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNDER = sa.text("under_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("card", sa.Column("under_id", KEY, nullable=True))
    op.add_column("card", sa.Column("more", KEY, nullable=False, server_default="0"))
    op.create_index("ix_card_under", "card", ["under_id", "id"], sqlite_where=UNDER, postgresql_where=UNDER)


def downgrade() -> None:
    op.drop_index("ix_card_under", table_name="card")
    op.drop_column("card", "more")
    op.drop_column("card", "under_id")
