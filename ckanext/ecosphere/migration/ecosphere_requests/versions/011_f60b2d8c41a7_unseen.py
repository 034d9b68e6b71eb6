"""An index of what a person has not seen yet: its number stands on every page.

Revision ID: f60b2d8c41a7
Revises: a47c19e0b8d3
"""

import sqlalchemy as sa
from alembic import op

revision = "f60b2d8c41a7"
down_revision = "a47c19e0b8d3"
branch_labels = None
depends_on = None

NAME, TABLE = "ix_ecosphere_requests_notification_unseen", "ecosphere_requests_notification"


def upgrade():
    """Add the index."""
    op.create_index(NAME, TABLE, ["user_id"], postgresql_where=sa.text("channel = 'page' AND status <> 'seen'"))


def downgrade():
    """Remove the index."""
    op.drop_index(NAME, TABLE)
