"""What administrators changed in lists, texts and weights, and the journal of it, which nobody rewrites.

Revision ID: b41e7d0a93c6
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "b41e7d0a93c6"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = """
CREATE OR REPLACE FUNCTION ecosphere_journal_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The journal of the portal is not rewritten';
END $$;
CREATE TRIGGER ecosphere_journal_kept BEFORE UPDATE ON ecosphere_journal
    FOR EACH ROW EXECUTE FUNCTION ecosphere_journal_kept();
"""


def upgrade():
    op.create_table(
        "ecosphere_journal",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("person", sa.Text),
        sa.Column("area", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
    )
    op.create_index("ix_ecosphere_journal_area", "ecosphere_journal", ["area", "id"])
    op.execute(APPEND_ONLY)
    op.create_table(
        "ecosphere_local",
        sa.Column("area", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", JSONB),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False, index=True),
        sa.Column("indexed", sa.BigInteger, nullable=False, server_default="0"),
    )


def downgrade():
    op.drop_table("ecosphere_local")
    op.drop_table("ecosphere_journal")
    op.execute("DROP FUNCTION IF EXISTS ecosphere_journal_kept()")
