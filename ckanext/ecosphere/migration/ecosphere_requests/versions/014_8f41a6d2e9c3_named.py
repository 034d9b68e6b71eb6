"""Public requests are found by the datasets that they name: the page of each dataset asks for them.

Revision ID: 8f41a6d2e9c3
Revises: e5d02c96a1b8
"""

import sqlalchemy as sa
from alembic import op

revision = "8f41a6d2e9c3"
down_revision = "e5d02c96a1b8"
branch_labels = None
depends_on = None

TABLE, INDEX = "ecosphere_requests", "ix_ecosphere_requests_named"


def upgrade():
    """Add the index."""
    op.create_index(
        INDEX,
        TABLE,
        ["known_datasets"],
        postgresql_using="gin",
        postgresql_ops={"known_datasets": "jsonb_path_ops"},
        postgresql_where=sa.text("listed"),
    )


def downgrade():
    """Drop it."""
    op.drop_index(INDEX, TABLE)
