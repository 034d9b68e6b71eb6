"""Extracts of the data around the site of a study.

Revision ID: 3e81b6f40c97
Revises: 7c4e19a2d5b3
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "3e81b6f40c97"
down_revision = "7c4e19a2d5b3"
branch_labels = None
depends_on = None


def upgrade():
    """Add the column."""
    none = sa.text("'[]'::jsonb")
    op.add_column("ecosphere_study", sa.Column("extracts", JSONB, nullable=False, server_default=none))


def downgrade():
    """Drop the column."""
    op.drop_column("ecosphere_study", "extracts")
