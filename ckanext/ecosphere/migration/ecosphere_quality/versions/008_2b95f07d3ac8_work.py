"""Runs that were asked for move to the common table of work.

Revision ID: 2b95f07d3ac8
Revises: 5be10c83f7a9
"""

from ckanext.ecosphere.work import migration

revision = "2b95f07d3ac8"
down_revision = "5be10c83f7a9"
branch_labels = None
depends_on = None

RUNS = "ecosphere-quality-"


def upgrade():
    """Take over the runs that were not finished."""
    migration.create()
    migration.take_runs(RUNS)


def downgrade():
    """Put them back."""
    migration.give_runs_back(RUNS)
