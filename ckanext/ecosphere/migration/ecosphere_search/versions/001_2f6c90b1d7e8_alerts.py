"""Alerts about searches, their e-mails, and the words of searches that found nothing.

Revision ID: 2f6c90b1d7e8
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "2f6c90b1d7e8"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade():
    op.create_table(
        "ecosphere_search_subscriber",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text),
        sa.Column("email", sa.Text),
        sa.Column("language", sa.Text, nullable=False, server_default=""),
        sa.Column("created", MOMENT, nullable=False),
        sa.UniqueConstraint("user_id", name="uq_ecosphere_search_subscriber_user"),
        sa.UniqueConstraint("email", name="uq_ecosphere_search_subscriber_email"),
        sa.CheckConstraint("(user_id IS NULL) <> (email IS NULL)", name="ck_ecosphere_search_subscriber_who"),
    )
    op.create_table(
        "ecosphere_search_alert",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column(
            "subscriber_id",
            sa.Text,
            sa.ForeignKey("ecosphere_search_subscriber.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("frequency", sa.Text, nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("confirmed", MOMENT),
        sa.Column("told_until", MOMENT, nullable=False),
        sa.Column("next_look", MOMENT, nullable=False),
        sa.UniqueConstraint("subscriber_id", "search", name="uq_ecosphere_search_alert"),
    )
    op.create_index(
        "ix_ecosphere_search_alert_due",
        "ecosphere_search_alert",
        ["next_look"],
        postgresql_where=sa.text("confirmed IS NOT NULL AND frequency <> 'none'"),
    )
    op.create_index(
        "ix_ecosphere_search_alert_unconfirmed",
        "ecosphere_search_alert",
        ["created"],
        postgresql_where=sa.text("confirmed IS NULL"),
    )
    op.create_table(
        "ecosphere_search_mail",
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
    op.create_index("ix_ecosphere_search_mail_subscriber", "ecosphere_search_mail", ["subscriber_id"])
    op.create_index(
        "ix_ecosphere_search_mail_waiting",
        "ecosphere_search_mail",
        ["status", "next_try"],
        postgresql_where=sa.text("status IN ('pending', 'sending')"),
    )
    op.create_table(
        "ecosphere_search_unfound",
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("words", sa.Text, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False, server_default="1"),
    )


def downgrade():
    for name in ("unfound", "mail", "alert", "subscriber"):
        op.drop_table(f"ecosphere_search_{name}")
