"""Themes and territories of each dataset, for reports.

Revision ID: c27a5be9d410
Revises: 8e0c94d1f6a2
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "c27a5be9d410"
down_revision = "8e0c94d1f6a2"
branch_labels = None
depends_on = None


def upgrade():
    for name in ("themes", "territories"):
        op.add_column("ecosphere_quality", sa.Column(name, ARRAY(sa.Text), nullable=False, server_default="{}"))


def downgrade():
    for name in ("territories", "themes"):
        op.drop_column("ecosphere_quality", name)
