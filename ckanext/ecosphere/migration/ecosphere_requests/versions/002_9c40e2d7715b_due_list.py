"""Orders of the list read from indexes alone: newest, most supported, due first.

Revision ID: 9c40e2d7715b
Revises: 3b7e21c90d54
"""

import sqlalchemy as sa
from alembic import op

revision = "9c40e2d7715b"
down_revision = "3b7e21c90d54"
branch_labels = None
depends_on = None

ACTIVE_FIRST = "(CASE WHEN state IN ('submitted', 'open', 'needs_info', 'in_progress') THEN 0 ELSE 1 END)"


def upgrade():
    op.create_index(
        "ix_ecosphere_requests_due_list",
        "ecosphere_requests",
        [sa.text(ACTIVE_FIRST), "due", sa.text("submitted DESC"), "id"],
        postgresql_where=sa.text("listed"),
    )
    op.drop_index("ix_ecosphere_requests_new", "ecosphere_requests")
    op.drop_index("ix_ecosphere_requests_support", "ecosphere_requests")
    listed(["ix_ecosphere_requests_new", sa.text("submitted DESC"), "id"])
    listed(["ix_ecosphere_requests_support", sa.text("support_count DESC"), sa.text("submitted DESC"), "id"])


def listed(index):
    op.create_index(index[0], "ecosphere_requests", index[1:], postgresql_where=sa.text("listed"))


def downgrade():
    op.drop_index("ix_ecosphere_requests_new", "ecosphere_requests")
    op.drop_index("ix_ecosphere_requests_support", "ecosphere_requests")
    listed(["ix_ecosphere_requests_new", sa.text("submitted DESC")])
    listed(["ix_ecosphere_requests_support", sa.text("support_count DESC"), sa.text("submitted DESC")])
    op.drop_index("ix_ecosphere_requests_due_list", "ecosphere_requests")
