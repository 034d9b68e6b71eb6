"""Series: the records that a record says it holds.

Revision ID: c3f8d1b45e72
Revises: a94c7e1f20d6
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "c3f8d1b45e72"
down_revision = "a94c7e1f20d6"
branch_labels = None
depends_on = None

TABLE = "ecosphere_harvest_record"


def upgrade():
    """Add the column; the next harvest of each source fills it."""
    column = sa.Column("members", postgresql.ARRAY(sa.UnicodeText()), nullable=False, server_default="{}")
    op.add_column(TABLE, column)
    op.create_index("ix_ecosphere_harvest_record_members", TABLE, ["members"], postgresql_using="gin")


def downgrade():
    """Forget the members."""
    op.drop_index("ix_ecosphere_harvest_record_members", TABLE)
    op.drop_column(TABLE, "members")
