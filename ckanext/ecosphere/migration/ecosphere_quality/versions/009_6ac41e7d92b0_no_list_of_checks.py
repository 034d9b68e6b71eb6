"""The list of single checks of links goes: each link holds the result of its last one, and nothing read the others.

Revision ID: 6ac41e7d92b0
Revises: 2b95f07d3ac8
"""

import sqlalchemy as sa
from alembic import op

revision = "6ac41e7d92b0"
down_revision = "2b95f07d3ac8"
branch_labels = None
depends_on = None

TABLE = "ecosphere_quality_link_check"


def upgrade():
    """Drop the table."""
    op.drop_table(TABLE)


def downgrade():
    """Bring the table back, empty."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ok", sa.Boolean),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
    )
    op.create_index(f"ix_{TABLE}_key", TABLE, ["key", "checked_at"])
