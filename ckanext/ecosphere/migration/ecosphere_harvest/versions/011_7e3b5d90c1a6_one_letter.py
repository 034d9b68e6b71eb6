"""One letter about the sources: the e-mails to services, with what they were told, are gone.

Revision ID: 7e3b5d90c1a6
Revises: 5c1e7a94d2f8
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "7e3b5d90c1a6"
down_revision = "5c1e7a94d2f8"
branch_labels = None
depends_on = None

TABLE = "ecosphere_harvest_digest"


def upgrade():
    """Drop the table."""
    op.drop_table(TABLE)


def downgrade():
    """Create it again, empty."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("source_id", sa.UnicodeText(), nullable=False),
        sa.Column("job_id", sa.UnicodeText(), nullable=False, unique=True),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("known", JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_try", moment, nullable=False),
        sa.Column("created", moment, nullable=False),
        sa.Column("sent", moment),
        sa.Column("error", sa.Text(), nullable=False, server_default=""),
    )
    op.create_index(f"ix_{TABLE}_source_id", TABLE, ["source_id"])
    op.create_index(f"ix_{TABLE}_status", TABLE, ["status", "next_try"])
