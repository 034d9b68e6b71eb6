"""Kinds of requests: for access to a dataset, and signals about one.

Revision ID: c5a90e7d2f14
Revises: b81d6f0e3c97
"""

import sqlalchemy as sa
from alembic import op

revision = "c5a90e7d2f14"
down_revision = "b81d6f0e3c97"
branch_labels = None
depends_on = None

TABLE, INDEX = "ecosphere_requests", "ix_ecosphere_requests_package"


def upgrade():
    """Add the kind of a request and the dataset that it is about."""
    op.add_column(TABLE, sa.Column("kind", sa.Text, nullable=False, server_default="data"))
    op.add_column(TABLE, sa.Column("package_id", sa.Text))
    op.create_index(INDEX, TABLE, ["package_id"], postgresql_where=sa.text("package_id IS NOT NULL"))


def downgrade():
    """Forget signals, which would be requests without a place or a theme, and the columns."""
    op.execute(f"DELETE FROM {TABLE} WHERE kind NOT IN ('data', 'access')")  # noqa: S608 - a constant
    op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, "package_id")
    op.drop_column(TABLE, "kind")
