"""Runs that were asked for move to the common table of work.

Revision ID: 6e18d0c4a7f3
Revises: b41e7d0a93c6
"""

from ckanext.ecosphere.work import migration

revision = "6e18d0c4a7f3"
down_revision = "b41e7d0a93c6"
branch_labels = None
depends_on = None

RUNS = "ecosphere-lists-"


def upgrade():
    """Take over the runs that were not finished."""
    migration.create()
    migration.take_runs(RUNS)


def downgrade():
    """Put them back."""
    migration.give_runs_back(RUNS)
