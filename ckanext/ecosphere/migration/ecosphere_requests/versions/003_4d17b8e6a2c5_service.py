"""The requests of a service, closed ones included, found through an index: its figures and its whole list.

Revision ID: 4d17b8e6a2c5
Revises: 9c40e2d7715b
"""

from alembic import op

revision = "4d17b8e6a2c5"
down_revision = "9c40e2d7715b"
branch_labels = None
depends_on = None


def upgrade():
    op.create_index("ix_ecosphere_requests_service", "ecosphere_requests", ["organization_id", "submitted"])


def downgrade():
    op.drop_index("ix_ecosphere_requests_service", "ecosphere_requests")
