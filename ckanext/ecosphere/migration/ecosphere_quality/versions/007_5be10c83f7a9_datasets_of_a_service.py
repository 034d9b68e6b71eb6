"""Find the datasets of a service: each figure of its dashboard asks for them.

Revision ID: 5be10c83f7a9
Revises: d93f5b7a0c14
"""

from alembic import op

revision = "5be10c83f7a9"
down_revision = "d93f5b7a0c14"
branch_labels = None
depends_on = None

NAME = "ix_ecosphere_quality_package_service"


def upgrade():
    """Index CKAN's own table; without it each figure reads every dataset."""
    op.execute(f"CREATE INDEX IF NOT EXISTS {NAME} ON package (owner_org) WHERE state = 'active'")


def downgrade():
    """Leave CKAN's table as it was."""
    op.execute(f"DROP INDEX IF EXISTS {NAME}")
