"""How series and their members name each other.

Revision ID: b7e2a94c61d3
Revises: f1b3d6a87e25
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "b7e2a94c61d3"
down_revision = "f1b3d6a87e25"
branch_labels = None
depends_on = None

COLUMNS = ("series", "known_as")


def upgrade():
    # Empty until the re-score that the new version of the weights brings about: `ckan ecosphere init` queues it.
    for name in COLUMNS:
        op.add_column("ecosphere_quality", sa.Column(name, ARRAY(sa.Text), nullable=False, server_default="{}"))
        op.create_index(f"ix_ecosphere_quality_{name}", "ecosphere_quality", [name], postgresql_using="gin")


def downgrade():
    for name in COLUMNS:
        op.drop_index(f"ix_ecosphere_quality_{name}", "ecosphere_quality")
        op.drop_column("ecosphere_quality", name)
