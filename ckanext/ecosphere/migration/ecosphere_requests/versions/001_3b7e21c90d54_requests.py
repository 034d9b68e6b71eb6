"""Data requests, their history, conversation, supporters, followers and notifications.

Revision ID: 3b7e21c90d54
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

revision = "3b7e21c90d54"
down_revision = None
branch_labels = None
depends_on = None

ACTIVE = "state IN ('submitted', 'open', 'needs_info', 'in_progress')"

# An event stays as it was written; only names and texts may be emptied, when people are forgotten. It disappears with
# its request alone, which the second trigger looks at when the transaction ends.
GUARD = """
CREATE OR REPLACE FUNCTION ecosphere_requests_event_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.request_id, NEW.transition, NEW.from_state, NEW.to_state, NEW.version, NEW.actor_role, NEW.created)
        IS DISTINCT FROM
       (OLD.id, OLD.request_id, OLD.transition, OLD.from_state, OLD.to_state, OLD.version, OLD.actor_role, OLD.created)
        OR (NEW.actor_id IS DISTINCT FROM OLD.actor_id AND NEW.actor_id IS NOT NULL)
        OR (NEW.comment <> OLD.comment AND NEW.comment <> '')
        OR (NEW.note <> OLD.note AND NEW.note <> '')
        OR (NEW.fields <> OLD.fields AND NEW.fields <> '{}'::jsonb)
    THEN
        RAISE EXCEPTION 'ecosphere_requests_event is append-only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ecosphere_requests_event_stays BEFORE UPDATE ON ecosphere_requests_event
    FOR EACH ROW EXECUTE FUNCTION ecosphere_requests_event_stays();
CREATE OR REPLACE FUNCTION ecosphere_requests_event_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM ecosphere_requests WHERE id = OLD.request_id) THEN
        RAISE EXCEPTION 'ecosphere_requests_event is append-only';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ecosphere_requests_event_kept AFTER DELETE ON ecosphere_requests_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ecosphere_requests_event_kept();
"""


def upgrade():
    op.create_table(
        "ecosphere_requests",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("reference", sa.Text),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("visibility", sa.Text, server_default="public", nullable=False),
        sa.Column("title", sa.Text, server_default="", nullable=False),
        sa.Column("description", sa.Text, server_default="", nullable=False),
        sa.Column("use", sa.Text, server_default="", nullable=False),
        sa.Column("procedure_reference", sa.Text, server_default="", nullable=False),
        sa.Column("theme", sa.Text, server_default="", nullable=False),
        sa.Column("territory", sa.Text, server_default="", nullable=False),
        sa.Column("communes", JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("bbox", ARRAY(sa.Float)),
        sa.Column("need_by", sa.Date),
        sa.Column("formats", JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("crs", sa.Text, server_default="", nullable=False),
        sa.Column("scale", sa.Text, server_default="", nullable=False),
        sa.Column("period_start", sa.Date),
        sa.Column("period_end", sa.Date),
        sa.Column("known_datasets", JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("requester_id", sa.Text),
        sa.Column("show_name", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("requester_organisation", sa.Text, server_default="", nullable=False),
        sa.Column("requester_siret", sa.Text, server_default="", nullable=False),
        sa.Column("language", sa.Text, server_default="", nullable=False),
        sa.Column("organization_id", sa.Text),
        sa.Column("routing_reason", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("assigned_to", sa.Text),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted", sa.DateTime(timezone=True)),
        sa.Column("opened", sa.DateTime(timezone=True)),
        sa.Column("first_answer", sa.DateTime(timezone=True)),
        sa.Column("closed", sa.DateTime(timezone=True)),
        sa.Column("due", sa.Date),
        sa.Column("first_month_ends", sa.Date),
        sa.Column("clock_start", sa.Date),
        sa.Column("extended", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("planned", sa.Date),
        sa.Column("answer_by", sa.Date),
        sa.Column("details_asked", sa.DateTime(timezone=True)),
        sa.Column("reminders", sa.Integer, server_default="0", nullable=False),
        sa.Column("last_reminded", sa.Date),
        sa.Column("reopened", sa.Integer, server_default="0", nullable=False),
        sa.Column("outcome", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("duplicate_of", sa.Text),
        sa.Column("support_count", sa.Integer, server_default="0", nullable=False),
        sa.Column("comment_count", sa.Integer, server_default="0", nullable=False),
        sa.Column("listed", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("hidden", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("flags", JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("anonymised", sa.DateTime(timezone=True)),
        sa.Column("search", TSVECTOR, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index("ix_ecosphere_requests_closed", "ecosphere_requests", ["closed"], unique=False)
    op.create_index(
        "ix_ecosphere_requests_desk",
        "ecosphere_requests",
        ["organization_id", "due"],
        unique=False,
        postgresql_where=sa.text(ACTIVE),
    )
    op.create_index(
        "ix_ecosphere_requests_due", "ecosphere_requests", ["due"], unique=False, postgresql_where=sa.text(ACTIVE)
    )
    op.create_index(op.f("ix_ecosphere_requests_duplicate_of"), "ecosphere_requests", ["duplicate_of"], unique=False)
    op.create_index(
        "ix_ecosphere_requests_facets",
        "ecosphere_requests",
        ["organization_id", "territory", "theme", "use", "state"],
        unique=False,
        postgresql_where=sa.text("listed"),
    )
    op.create_index(
        "ix_ecosphere_requests_new",
        "ecosphere_requests",
        [sa.text("submitted DESC")],
        unique=False,
        postgresql_where=sa.text("listed"),
    )
    op.create_index("ix_ecosphere_requests_requester", "ecosphere_requests", ["requester_id"], unique=False)
    op.create_index(
        "ix_ecosphere_requests_search", "ecosphere_requests", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_index(
        "ix_ecosphere_requests_support",
        "ecosphere_requests",
        [sa.text("support_count DESC"), sa.text("submitted DESC")],
        unique=False,
        postgresql_where=sa.text("listed"),
    )
    op.create_table(
        "ecosphere_requests_numbering",
        sa.Column("year", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("year"),
    )
    op.create_table(
        "ecosphere_requests_setting",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, server_default="immediate", nullable=False),
        sa.Column("language", sa.Text, server_default="", nullable=False),
        sa.Column("last_digest", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "ecosphere_requests_comment",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("author_id", sa.Text),
        sa.Column("author_role", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text, server_default="", nullable=False),
        sa.Column("internal", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("hidden", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("hidden_reason", sa.Text, server_default="", nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["ecosphere_requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_ecosphere_requests_comment_author_id"), "ecosphere_requests_comment", ["author_id"], unique=False
    )
    op.create_index(
        "ix_ecosphere_requests_comment_request", "ecosphere_requests_comment", ["request_id", "created"], unique=False
    )
    op.create_table(
        "ecosphere_requests_dataset",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("package_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("score", sa.Float, server_default="0", nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["ecosphere_requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("request_id", "package_id", "kind"),
    )
    op.create_index("ix_ecosphere_requests_dataset_package", "ecosphere_requests_dataset", ["package_id"], unique=False)
    op.create_table(
        "ecosphere_requests_event",
        sa.Column("id", sa.BigInteger, autoincrement=True, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("transition", sa.Text, nullable=False),
        sa.Column("from_state", sa.Text, nullable=False),
        sa.Column("to_state", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("actor_id", sa.Text),
        sa.Column("actor_role", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("comment", sa.Text, server_default="", nullable=False),
        sa.Column("note", sa.Text, server_default="", nullable=False),
        sa.Column("fields", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["ecosphere_requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_ecosphere_requests_event_request", "ecosphere_requests_event", ["request_id", "id"], unique=False
    )
    op.create_table(
        "ecosphere_requests_follow",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["ecosphere_requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("request_id", "user_id"),
    )
    op.create_index(
        op.f("ix_ecosphere_requests_follow_user_id"), "ecosphere_requests_follow", ["user_id"], unique=False
    )
    op.create_table(
        "ecosphere_requests_notification",
        sa.Column("id", sa.BigInteger, autoincrement=True, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("event_id", sa.BigInteger),
        sa.Column("comment_id", sa.Text),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("neutral", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("status", sa.Text, server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("next_try", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text, server_default="", nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["ecosphere_requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", "user_id", "channel", name="uq_ecosphere_requests_notification"),
    )
    op.create_index(
        "ix_ecosphere_requests_notification_person",
        "ecosphere_requests_notification",
        ["user_id", "channel", sa.text("created DESC")],
        unique=False,
    )
    op.create_index(
        "ix_ecosphere_requests_notification_request", "ecosphere_requests_notification", ["request_id"], unique=False
    )
    op.create_index(
        "ix_ecosphere_requests_notification_waiting",
        "ecosphere_requests_notification",
        ["status", "next_try"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'digest')"),
    )
    op.create_table(
        "ecosphere_requests_support",
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["ecosphere_requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("request_id", "user_id"),
    )
    op.create_index(
        op.f("ix_ecosphere_requests_support_user_id"), "ecosphere_requests_support", ["user_id"], unique=False
    )
    op.create_table(
        "ecosphere_requests_attachment",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("comment_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["ecosphere_requests_comment.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["request_id"], ["ecosphere_requests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_ecosphere_requests_attachment_comment_id"),
        "ecosphere_requests_attachment",
        ["comment_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ecosphere_requests_attachment_request_id"),
        "ecosphere_requests_attachment",
        ["request_id"],
        unique=False,
    )
    op.execute(GUARD)


def downgrade():
    for table in (
        "ecosphere_requests_attachment",
        "ecosphere_requests_support",
        "ecosphere_requests_notification",
        "ecosphere_requests_follow",
        "ecosphere_requests_event",
        "ecosphere_requests_dataset",
        "ecosphere_requests_comment",
        "ecosphere_requests_setting",
        "ecosphere_requests_numbering",
        "ecosphere_requests",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION ecosphere_requests_event_stays(); DROP FUNCTION ecosphere_requests_event_kept()")
