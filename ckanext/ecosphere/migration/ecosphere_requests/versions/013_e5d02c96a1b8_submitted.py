"""Find what waits for a moderator: few requests among all.

Revision ID: e5d02c96a1b8
Revises: 0c94d7be52a6
"""

import sqlalchemy as sa
from alembic import op

revision = "e5d02c96a1b8"
down_revision = "0c94d7be52a6"
branch_labels = None
depends_on = None

TABLE, INDEX = "ecosphere_requests", "ix_ecosphere_requests_submitted"


def upgrade():
    """Index them."""
    op.create_index(INDEX, TABLE, ["submitted"], postgresql_where=sa.text("state = 'submitted'"))


def downgrade():
    """Drop the index."""
    op.drop_index(INDEX, TABLE)
