"""The weekly letter about the sources: who wants it, and the letters.

Revision ID: d80a3c5e61b7
Revises: b61e4f7a2c09
"""

import sqlalchemy as sa
from alembic import op

revision = "d80a3c5e61b7"
down_revision = "b61e4f7a2c09"
branch_labels = None
depends_on = None

READERS, LETTERS = "ecosphere_harvest_reader", "ecosphere_harvest_letter"


def upgrade():
    """Create the tables."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        READERS,
        sa.Column("user_id", sa.Text(), primary_key=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("since", moment, nullable=False),
    )
    op.create_table(
        LETTERS,
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_try", moment, nullable=False),
        sa.Column("created", moment, nullable=False),
        sa.Column("sent", moment),
        sa.Column("error", sa.Text(), nullable=False, server_default=""),
        sa.UniqueConstraint("user_id", "until", name="uq_ecosphere_harvest_letter"),
    )
    op.create_index(f"ix_{LETTERS}_status", LETTERS, ["status", "next_try"])


def downgrade():
    """Forget them."""
    op.drop_table(LETTERS)
    op.drop_table(READERS)
