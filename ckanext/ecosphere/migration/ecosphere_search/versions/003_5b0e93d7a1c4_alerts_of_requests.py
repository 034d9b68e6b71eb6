"""What a saved search is of: datasets, requests.

Revision ID: 5b0e93d7a1c4
Revises: c81f4a6d20b9
"""

import sqlalchemy as sa
from alembic import op

revision = "5b0e93d7a1c4"
down_revision = "c81f4a6d20b9"
branch_labels = None
depends_on = None

ALERT, SAME = "ecosphere_search_alert", "uq_ecosphere_search_alert"


def upgrade():
    op.add_column(ALERT, sa.Column("about", sa.Text, nullable=False, server_default="datasets"))
    op.drop_constraint(SAME, ALERT)
    op.create_unique_constraint(SAME, ALERT, ["subscriber_id", "about", "search"])


def downgrade():
    # Without the column, a search of requests would be taken for one of datasets.
    op.execute(f"DELETE FROM {ALERT} WHERE about <> 'datasets'")  # noqa: S608 - the name of a table of this room
    op.drop_constraint(SAME, ALERT)
    op.create_unique_constraint(SAME, ALERT, ["subscriber_id", "search"])
    op.drop_column(ALERT, "about")
