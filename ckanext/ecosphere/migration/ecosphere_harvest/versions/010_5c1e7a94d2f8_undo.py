"""Jobs whose changes are undone.

Revision ID: 5c1e7a94d2f8
Revises: 2f6b81c0d9e4
"""

import sqlalchemy as sa
from alembic import op

revision = "5c1e7a94d2f8"
down_revision = "2f6b81c0d9e4"
branch_labels = None
depends_on = None

TABLE = "ecosphere_harvest_undo"


def upgrade():
    """Create the table."""
    op.create_table(
        TABLE,
        sa.Column("job_id", sa.UnicodeText, primary_key=True),
        sa.Column("source_id", sa.UnicodeText, nullable=False),
        sa.Column("user_id", sa.UnicodeText),
        sa.Column("asked", sa.DateTime, nullable=False),
        sa.Column("finished", sa.DateTime),
    )
    op.create_index(f"ix_{TABLE}_source_id", TABLE, ["source_id"])


def downgrade():
    """Drop the table."""
    op.drop_table(TABLE)
