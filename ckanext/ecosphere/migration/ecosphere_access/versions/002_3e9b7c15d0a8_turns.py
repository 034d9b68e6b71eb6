"""Who asked for previews and extracts, as a digest while they wait, and which server is read.

Revision ID: 3e9b7c15d0a8
Revises: 5d0c81e7a4f2
"""

import sqlalchemy as sa
from alembic import op

revision = "3e9b7c15d0a8"
down_revision = "5d0c81e7a4f2"
branch_labels = None
depends_on = None

TABLES = ("ecosphere_access_sample", "ecosphere_access_extract")
COLUMNS = ("asker", "host")


def upgrade():
    for table in TABLES:
        for column in COLUMNS:
            op.add_column(table, sa.Column(column, sa.Text, nullable=False, server_default=""))
        op.create_index(f"ix_{table}_wanted", table, ["asker"], postgresql_where=sa.text("state = 'wanted'"))


def downgrade():
    for table in TABLES:
        op.drop_index(f"ix_{table}_wanted", table)
        for column in COLUMNS:
            op.drop_column(table, column)
