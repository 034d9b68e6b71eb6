"""Requests for the same thing are treated together: an id that they share.

Revision ID: b7d3e90a4c51
Revises: 8f41a6d2e9c3
"""

import sqlalchemy as sa
from alembic import op

revision = "b7d3e90a4c51"
down_revision = "8f41a6d2e9c3"
branch_labels = None
depends_on = None

TABLE, COLUMN, INDEX = "ecosphere_requests", "joined_id", "ix_ecosphere_requests_joined"


def upgrade():
    """Add the column and its index."""
    op.add_column(TABLE, sa.Column(COLUMN, sa.Text))
    op.create_index(INDEX, TABLE, [COLUMN], postgresql_where=sa.text("joined_id IS NOT NULL"))


def downgrade():
    """Drop them."""
    op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, COLUMN)
