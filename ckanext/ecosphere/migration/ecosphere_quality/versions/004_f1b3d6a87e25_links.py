"""Links of the resources: their state, who uses them, and their last checks.

Revision ID: f1b3d6a87e25
Revises: c27a5be9d410
"""

import sqlalchemy as sa
from alembic import op

revision = "f1b3d6a87e25"
down_revision = "c27a5be9d410"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "ecosphere_quality_link",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
        sa.Column("misses", sa.Integer, nullable=False, server_default="0"),
        sa.Column("first_miss_at", sa.DateTime(timezone=True)),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_ecosphere_quality_link_next", "ecosphere_quality_link", ["next_check_at"])
    op.create_table(
        "ecosphere_quality_link_use",
        sa.Column("package_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
    )
    op.create_index("ix_ecosphere_quality_link_use_key", "ecosphere_quality_link_use", ["key"])
    op.create_table(
        "ecosphere_quality_link_check",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ok", sa.Boolean),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("ix_ecosphere_quality_link_check_key", "ecosphere_quality_link_check", ["key", "checked_at"])


def downgrade():
    op.drop_table("ecosphere_quality_link_check")
    op.drop_table("ecosphere_quality_link_use")
    op.drop_table("ecosphere_quality_link")
