"""What the spellings of the address of a subscriber have in common.

Revision ID: 9d27e4b0c6f1
Revises: 5b0e93d7a1c4
"""

import sqlalchemy as sa
from alembic import op

revision = "9d27e4b0c6f1"
down_revision = "5b0e93d7a1c4"
branch_labels = None
depends_on = None

TABLE = "ecosphere_search_subscriber"
FILL = """
    UPDATE ecosphere_search_subscriber SET mailbox =
        replace(split_part(split_part(email, '@', 1), '+', 1), '.', '') || '@' || split_part(email, '@', 2)
    WHERE email IS NOT NULL
"""


def upgrade():
    op.add_column(TABLE, sa.Column("mailbox", sa.Text))
    op.execute(FILL)
    op.create_index(f"ix_{TABLE}_mailbox", TABLE, ["mailbox"])


def downgrade():
    op.drop_index(f"ix_{TABLE}_mailbox", TABLE)
    op.drop_column(TABLE, "mailbox")
