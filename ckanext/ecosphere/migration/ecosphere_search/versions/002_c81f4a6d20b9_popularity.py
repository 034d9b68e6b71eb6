"""How much datasets are used, as one number of the index.

Revision ID: c81f4a6d20b9
Revises: 2f6c90b1d7e8
"""

import sqlalchemy as sa
from alembic import op

revision = "c81f4a6d20b9"
down_revision = "2f6c90b1d7e8"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "ecosphere_search_popularity",
        sa.Column("package_id", sa.Text, primary_key=True),
        sa.Column("score", sa.Integer, nullable=False),
    )


def downgrade():
    op.drop_table("ecosphere_search_popularity")
