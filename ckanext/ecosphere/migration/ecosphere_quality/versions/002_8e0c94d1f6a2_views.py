"""European assessment and INSPIRE checklist beside the score.

Revision ID: 8e0c94d1f6a2
Revises: 5d1f0b7c3a90
"""

import sqlalchemy as sa
from alembic import op

revision = "8e0c94d1f6a2"
down_revision = "5d1f0b7c3a90"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("ecosphere_quality", sa.Column("mqa", sa.SmallInteger))
    op.add_column("ecosphere_quality", sa.Column("inspire", sa.SmallInteger))


def downgrade():
    op.drop_column("ecosphere_quality", "inspire")
    op.drop_column("ecosphere_quality", "mqa")
