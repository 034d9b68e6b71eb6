"""E-mails about saved searches move to the common table of work.

Revision ID: c7f02b95e18d
Revises: 9d27e4b0c6f1
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from ckanext.ecosphere.work import migration

revision = "c7f02b95e18d"
down_revision = "9d27e4b0c6f1"
branch_labels = None
depends_on = None

TABLE, BACKLOG = "ecosphere_search_mail", "ecosphere-search-mails"
MOMENT = sa.DateTime(timezone=True)


def upgrade():
    """Take over the e-mails, sent or not, and drop their table."""
    migration.create()
    op.execute(
        f"""
        INSERT INTO ecosphere_work (backlog, recipient, kind, content, {migration.SAME}, status, due, ended)
        SELECT '{BACKLOG}', subscriber_id, kind, content, {migration.SAME}, {migration.TO_WORK}
        FROM {TABLE} ORDER BY id
        """
    )
    op.drop_table(TABLE)


def downgrade():
    """Put them back."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column(
            "subscriber_id",
            sa.Text,
            sa.ForeignKey("ecosphere_search_subscriber.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("content", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("status", sa.Text, nullable=False, server_default="pending"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_try", MOMENT, nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("sent", MOMENT),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("ix_ecosphere_search_mail_subscriber", TABLE, ["subscriber_id"])
    op.create_index(
        "ix_ecosphere_search_mail_waiting",
        TABLE,
        ["status", "next_try"],
        postgresql_where=sa.text("status IN ('pending', 'sending')"),
    )
    op.execute(
        f"""
        INSERT INTO {TABLE} (subscriber_id, kind, content, {migration.SAME}, status, next_try, sent)
        SELECT recipient, kind, content, {migration.SAME}, {migration.FROM_WORK}
        FROM ecosphere_work
        WHERE backlog = '{BACKLOG}' AND recipient IN (SELECT id FROM ecosphere_search_subscriber)
        ORDER BY id
        """
    )
    op.execute(f"DELETE FROM ecosphere_work WHERE backlog = '{BACKLOG}'")
