"""Quality of each dataset, and its history.

Revision ID: 5d1f0b7c3a90
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "5d1f0b7c3a90"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "ecosphere_quality",
        sa.Column("package_id", sa.Text, primary_key=True),
        sa.Column("score", sa.SmallInteger, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("won", sa.Integer, nullable=False),
        sa.Column("out_of", sa.Integer, nullable=False),
        sa.Column("facts", JSONB, nullable=False),
        sa.Column("results", JSONB, nullable=False),
        sa.Column("checks", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.Date),
    )
    op.create_index("ix_ecosphere_quality_due", "ecosphere_quality", ["due"])
    op.create_table(
        "ecosphere_quality_history",
        sa.Column("package_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("score", sa.SmallInteger, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
    )


def downgrade():
    op.drop_table("ecosphere_quality_history")
    op.drop_index("ix_ecosphere_quality_due", "ecosphere_quality")
    op.drop_table("ecosphere_quality")
