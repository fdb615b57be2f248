"""cards passed on to a person or a desk"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # in one statement on both: SQLite adds a column with its reference, but no constraint afterwards
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE card ADD COLUMN assigned_to_id {kind} CONSTRAINT fk_card_assigned_to_id REFERENCES person (id)"
    )
    op.add_column("card", sa.Column("assigned_desk", sa.String(length=12), nullable=True))
    for column in ("assigned_to_id", "assigned_desk"):
        is_given = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_card_{column}", "card", [column, "placed_at", "id"], sqlite_where=is_given, postgresql_where=is_given
        )


def downgrade() -> None:
    for column in ("assigned_desk", "assigned_to_id"):
        op.drop_index(f"ix_card_{column}", "card")
        op.drop_column("card", column)
