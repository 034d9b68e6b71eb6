"""Records that a job read and did not take: all of them are named in its report.

Revision ID: e81b5a3d90f4
Revises: 7d20b6f3c815
"""

import sqlalchemy as sa
from alembic import op

revision = "e81b5a3d90f4"
down_revision = "7d20b6f3c815"
branch_labels = None
depends_on = None

TABLE = "ecosphere_harvest_not_taken"
FILL = """
    INSERT INTO ecosphere_harvest_not_taken (job_id, position, guid, code)
    SELECT job_id, (copy ->> 0)::int, copy ->> 1, 'copy'
    FROM ecosphere_harvest_job, jsonb_array_elements(coalesce(facts -> 'copies', '[]')) AS copy
"""


def upgrade():
    """Create the table, and move there what the states of jobs name."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), sa.Identity(), primary_key=True),
        sa.Column("job_id", sa.UnicodeText(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("guid", sa.UnicodeText(), nullable=False),
        sa.Column("code", sa.UnicodeText(), nullable=False),
        sa.Column("title", sa.UnicodeText(), nullable=False, server_default=""),
    )
    op.create_index(f"ix_{TABLE}_job_id", TABLE, ["job_id"])
    op.execute(FILL)
    op.execute("UPDATE ecosphere_harvest_job SET facts = facts - 'copies'")


def downgrade():
    """Forget them."""
    op.drop_table(TABLE)
