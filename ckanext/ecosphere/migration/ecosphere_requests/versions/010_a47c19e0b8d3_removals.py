"""Files that are to be removed, until they are gone; questions that go to several services.

Revision ID: a47c19e0b8d3
Revises: d3f8a16b57e0
"""

import sqlalchemy as sa
from alembic import op

revision = "a47c19e0b8d3"
down_revision = "d3f8a16b57e0"
branch_labels = None
depends_on = None

REQUEST, REMOVAL = "ecosphere_requests", "ecosphere_requests_removal"


def upgrade():
    """Add the table and the column."""
    op.create_table(
        REMOVAL,
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column(REQUEST, sa.Column("batch_id", sa.Text))
    op.create_index(f"ix_{REQUEST}_batch", REQUEST, ["batch_id"], postgresql_where=sa.text("batch_id IS NOT NULL"))


def downgrade():
    """Drop them; files that were still to be removed stay in the folder of the room."""
    op.drop_index(f"ix_{REQUEST}_batch", REQUEST)
    op.drop_column(REQUEST, "batch_id")
    op.drop_table(REMOVAL)
