"""Records, jobs, batches and held withdrawals.

Revision ID: 5d1f0c7b9a3e
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "5d1f0c7b9a3e"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    """Create the tables."""
    op.create_table(
        "ecosphere_harvest_record",
        sa.Column("source_id", sa.UnicodeText(), nullable=False),
        sa.Column("guid", sa.UnicodeText(), nullable=False),
        sa.Column("state", sa.UnicodeText(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("seen_digest", sa.UnicodeText(), nullable=True),
        sa.Column("seen_job", sa.UnicodeText(), nullable=True),
        sa.Column("digest", sa.UnicodeText(), nullable=True),
        sa.Column("strong_id", sa.UnicodeText(), nullable=True),
        sa.Column("package_id", sa.UnicodeText(), nullable=True),
        sa.Column("absences", sa.Integer(), nullable=False),
        sa.Column("name", sa.UnicodeText(), nullable=True),
        sa.PrimaryKeyConstraint("source_id", "guid"),
    )
    op.create_index("ix_ecosphere_harvest_record_package_id", "ecosphere_harvest_record", ["package_id"])
    op.create_index(
        "uq_ecosphere_harvest_record_strong",
        "ecosphere_harvest_record",
        ["strong_id"],
        unique=True,
        postgresql_where=sa.text("state = 'published'"),
    )
    op.create_table(
        "ecosphere_harvest_job",
        sa.Column("job_id", sa.UnicodeText(), nullable=False),
        sa.Column("source_id", sa.UnicodeText(), nullable=False),
        sa.Column("stage", sa.UnicodeText(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=True),
        sa.Column("announced", sa.Integer(), nullable=True),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("force", sa.Boolean(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("touched", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("job_id"),
    )
    op.create_index("ix_ecosphere_harvest_job_source_id", "ecosphere_harvest_job", ["source_id"])
    op.create_table(
        "ecosphere_harvest_batch",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("job_id", sa.UnicodeText(), nullable=False),
        sa.Column("object_ids", postgresql.ARRAY(sa.UnicodeText()), nullable=False),
        sa.Column("package_ids", postgresql.ARRAY(sa.UnicodeText()), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ecosphere_harvest_batch_job_id", "ecosphere_harvest_batch", ["job_id"])
    op.create_table(
        "ecosphere_harvest_hold",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("source_id", sa.UnicodeText(), nullable=False),
        sa.Column("job_id", sa.UnicodeText(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("decision", sa.UnicodeText(), nullable=True),
        sa.Column("decided", sa.DateTime(), nullable=True),
        sa.Column("user_id", sa.UnicodeText(), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ecosphere_harvest_hold_source_id", "ecosphere_harvest_hold", ["source_id"])


def downgrade():
    """Drop the tables."""
    for table in ("hold", "batch", "job", "record"):
        op.drop_table(f"ecosphere_harvest_{table}")
