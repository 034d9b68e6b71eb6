"""Texts of new people wait for a moderator; edits are versions; a person may mute one request; days of the list.

Revision ID: 7e5a2d90c3b1
Revises: e2a6c19f7d38
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "7e5a2d90c3b1"
down_revision = "e2a6c19f7d38"
branch_labels = None
depends_on = None

REQUESTS, COMMENTS, EVENTS = "ecosphere_requests", "ecosphere_requests_comment", "ecosphere_requests_event"
REVISIONS, MUTES = "ecosphere_requests_revision", "ecosphere_requests_mute"
DAY = "CAST(timezone('Europe/Paris', submitted) AS DATE) DESC"
LISTED = sa.text("listed")
ACTIVE_FIRST = "(CASE WHEN state IN ('submitted', 'open', 'needs_info', 'in_progress') THEN 0 ELSE 1 END)"
ORDERS = {
    "ix_ecosphere_requests_new": [],
    "ix_ecosphere_requests_support": [sa.text("support_count DESC")],
    "ix_ecosphere_requests_due_list": [sa.text(ACTIVE_FIRST), "due"],
}


def _empty_text(name):
    return sa.Column(name, sa.Text, server_default="", nullable=False)


def upgrade():
    op.add_column(REQUESTS, sa.Column("plain_links", sa.Boolean, server_default=sa.false(), nullable=False))
    op.add_column(EVENTS, _empty_text("moderation"))
    op.add_column(COMMENTS, _empty_text("moderation"))
    op.add_column(COMMENTS, sa.Column("organization_id", sa.Text))
    op.create_index("ix_ecosphere_requests_comment_held", COMMENTS, ["created"], postgresql_where=HELD)
    op.create_index("ix_ecosphere_requests_event_held", EVENTS, ["created"], postgresql_where=HELD)
    _create_revisions()
    op.create_table(
        MUTES,
        sa.Column("request_id", sa.Text, sa.ForeignKey(f"{REQUESTS}.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_index("ix_ecosphere_requests_mute_user_id", MUTES, ["user_id"])
    # What stands was shown at once: it stays to be seen, and its links become text.
    op.execute(f"UPDATE {COMMENTS} SET moderation = 'released' WHERE author_role IN ('requester', 'reader')")
    op.execute(
        f"UPDATE {REQUESTS} SET plain_links = true WHERE id IN (SELECT request_id FROM {EVENTS}"
        " WHERE transition = 'accept' AND actor_role = 'moderator')"
    )
    op.execute(
        f"UPDATE {COMMENTS} SET organization_id = r.organization_id FROM {REQUESTS} r"
        f" WHERE r.id = {COMMENTS}.request_id AND author_role IN ('editor', 'admin')"
    )
    for name, first in ORDERS.items():
        op.drop_index(name, REQUESTS)
        op.create_index(name, REQUESTS, [*first, sa.text(DAY), "id"], postgresql_where=LISTED)


HELD = sa.text("moderation = 'held'")


def _create_revisions():
    op.create_table(
        REVISIONS,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, sa.ForeignKey(f"{REQUESTS}.id", ondelete="CASCADE"), nullable=False),
        sa.Column("author_id", sa.Text),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changes", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        _empty_text("moderation"),
        _empty_text("reason"),
    )
    op.create_index("ix_ecosphere_requests_revision_request", REVISIONS, ["request_id", "created"])
    op.create_index("ix_ecosphere_requests_revision_author", REVISIONS, ["author_id"])
    op.create_index("ix_ecosphere_requests_revision_held", REVISIONS, ["created"], postgresql_where=HELD)


def downgrade():
    for name, first in ORDERS.items():
        op.drop_index(name, REQUESTS)
        op.create_index(name, REQUESTS, [*first, sa.text("submitted DESC"), "id"], postgresql_where=LISTED)
    # Without this version nothing keeps texts that nobody has released from being read.
    op.execute(f"UPDATE {COMMENTS} SET hidden = true WHERE moderation NOT IN ('', 'released')")
    op.drop_table(MUTES)
    op.drop_table(REVISIONS)
    op.drop_index("ix_ecosphere_requests_event_held", EVENTS)
    op.drop_index("ix_ecosphere_requests_comment_held", COMMENTS)
    op.drop_column(COMMENTS, "organization_id")
    op.drop_column(COMMENTS, "moderation")
    op.drop_column(EVENTS, "moderation")
    op.drop_column(REQUESTS, "plain_links")
