"""The same dataset in several catalogues: keys of the records, and where their copies belong.

Revision ID: a94c7e1f20d6
Revises: 5d1f0c7b9a3e
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "a94c7e1f20d6"
down_revision = "5d1f0c7b9a3e"
branch_labels = None
depends_on = None

TABLE = "ecosphere_harvest_record"


def upgrade():
    """Replace the one identifier by all keys; the next harvest of each source fills them."""
    op.drop_index("uq_ecosphere_harvest_record_strong", TABLE)
    op.drop_column(TABLE, "strong_id")
    op.add_column(TABLE, sa.Column("keys", postgresql.ARRAY(sa.UnicodeText()), nullable=False, server_default="{}"))
    op.add_column(TABLE, sa.Column("joined", sa.UnicodeText(), nullable=True))
    op.add_column(TABLE, sa.Column("former", sa.UnicodeText(), nullable=True))
    op.add_column(TABLE, sa.Column("apart", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_ecosphere_harvest_record_joined", TABLE, ["joined"])
    op.create_index("ix_ecosphere_harvest_record_keys", TABLE, ["keys"], postgresql_using="gin")


def downgrade():
    """Go back to one identifier, empty until the next harvest."""
    op.drop_index("ix_ecosphere_harvest_record_keys", TABLE)
    op.drop_index("ix_ecosphere_harvest_record_joined", TABLE)
    for column in ("keys", "joined", "former", "apart"):
        op.drop_column(TABLE, column)
    op.add_column(TABLE, sa.Column("strong_id", sa.UnicodeText(), nullable=True))
    op.create_index(
        "uq_ecosphere_harvest_record_strong",
        TABLE,
        ["strong_id"],
        unique=True,
        postgresql_where=sa.text("state = 'published'"),
    )
