"""What a file was by its answer.

Revision ID: d93f5b7a0c14
Revises: b7e2a94c61d3
"""

import sqlalchemy as sa
from alembic import op

revision = "d93f5b7a0c14"
down_revision = "b7e2a94c61d3"
branch_labels = None
depends_on = None


def upgrade():
    # Empty until the next check of each link.
    op.add_column("ecosphere_quality_link", sa.Column("answered", sa.Text, nullable=False, server_default=""))


def downgrade():
    op.drop_column("ecosphere_quality_link", "answered")
