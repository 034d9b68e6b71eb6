"""Internal reviews: when one was asked, and by when the service answers.

Revision ID: 0c94d7be52a6
Revises: f60b2d8c41a7
"""

import sqlalchemy as sa
from alembic import op

revision = "0c94d7be52a6"
down_revision = "f60b2d8c41a7"
branch_labels = None
depends_on = None

TABLE, INDEX = "ecosphere_requests", "ix_ecosphere_requests_review"


def upgrade():
    """Add the columns."""
    op.add_column(TABLE, sa.Column("review_asked", sa.DateTime(timezone=True)))
    op.add_column(TABLE, sa.Column("review_due", sa.Date))
    op.create_index(INDEX, TABLE, ["organization_id"], postgresql_where=sa.text("review_due IS NOT NULL"))


def downgrade():
    """Drop them; the steps stay in the history."""
    op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, "review_due")
    op.drop_column(TABLE, "review_asked")
