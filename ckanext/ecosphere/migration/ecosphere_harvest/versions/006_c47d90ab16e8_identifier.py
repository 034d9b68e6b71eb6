"""Find a dataset by the identifier of its record: series are named so by their members, and each save looks them up.

Revision ID: c47d90ab16e8
Revises: e81b5a3d90f4
"""

from alembic import op

revision = "c47d90ab16e8"
down_revision = "e81b5a3d90f4"
branch_labels = None
depends_on = None

NAME = "ix_ecosphere_harvest_package_identifier"


def upgrade():
    """Index CKAN's own table; without it each look-up reads every dataset."""
    op.execute(f"CREATE INDEX IF NOT EXISTS {NAME} ON package ((extras ->> 'metadata_identifier'))")


def downgrade():
    """Leave CKAN's table as it was."""
    op.execute(f"DROP INDEX IF EXISTS {NAME}")
