"""What the overview of the sources asks for, found without reading all records or all states of jobs.

Revision ID: 2f6b81c0d9e4
Revises: d80a3c5e61b7
"""

import sqlalchemy as sa
from alembic import op

revision = "2f6b81c0d9e4"
down_revision = "d80a3c5e61b7"
branch_labels = None
depends_on = None

RECORDS, REFUSED = "ecosphere_harvest_record", "ix_ecosphere_harvest_record_refused"
JOBS, COMPLETE = "ecosphere_harvest_job", "ix_ecosphere_harvest_job_complete"


def upgrade():
    """Index the records that were refused, and the jobs that read their source whole."""
    op.create_index(REFUSED, RECORDS, ["source_id"], postgresql_where=sa.text("state = 'refused'"))
    op.create_index(COMPLETE, JOBS, ["source_id", "touched"], postgresql_where=sa.text("complete AND stage = 'done'"))


def downgrade():
    """Drop the indexes."""
    op.drop_index(COMPLETE, JOBS)
    op.drop_index(REFUSED, RECORDS)
