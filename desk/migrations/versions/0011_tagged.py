"""cards with colour tags, and those of a campaign by what else is asked; what tags are called becomes searchable, by a
job each"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WITHIN = sa.text("campaign_id IS NOT NULL")
SOME = sa.text("tag_ids <> '[]'")
# background work: the desk runs already while older cards are folded anew
JOBS = (
    "INSERT INTO job (station_id, kind, subject, payload, state, priority, tier, attempts, run_at, wake_at, created_at) "
    "SELECT station_id, 'refold_tagged', 'tag:' || id, {payload}, 'ready', 0, 1, 0, 0, 0, 0 FROM tag"
)
PAYLOAD = {"sqlite": "json_object('tag_id', id)", "postgresql": "jsonb_build_object('tag_id', id)"}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")
    op.create_index("ix_card_tagged", "card", ["station_id", "id"], sqlite_where=SOME, postgresql_where=SOME)
    columns = ["station_id", "campaign_id", "state", "kind", "facet", "placed_at", "id"]
    op.create_index("ix_card_campaign_facet", "card", columns, sqlite_where=WITHIN, postgresql_where=WITHIN)
    op.execute(JOBS.format(payload=PAYLOAD[op.get_bind().dialect.name]))


def downgrade() -> None:
    op.drop_index("ix_card_campaign_facet", "card")
    op.drop_index("ix_card_tagged", "card")
    op.execute("DELETE FROM job WHERE kind = 'refold_tagged'")
