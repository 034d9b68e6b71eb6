"""E-mails about data requests move to the common table of work, where they stay as the proof that they were sent.

Revision ID: d4a70c3b9e52
Revises: b7d3e90a4c51
"""

import sqlalchemy as sa
from alembic import op

from ckanext.ecosphere.work import migration

revision = "d4a70c3b9e52"
down_revision = "b7d3e90a4c51"
branch_labels = None
depends_on = None

TABLE, BACKLOG = "ecosphere_requests_notification", "ecosphere-requests-mails"
WAITING, DIGEST, MAIL = f"ix_{TABLE}_waiting", f"ix_{TABLE}_digest", f"ix_{TABLE}_mail"
MOMENT = sa.DateTime(timezone=True)


def upgrade():
    """Take over the e-mails, sent or not; what waits for a digest has none yet."""
    migration.create()
    op.add_column(TABLE, sa.Column("mail_id", sa.BigInteger))
    op.execute(
        f"""
        INSERT INTO ecosphere_work (backlog, recipient, key, {migration.SAME}, status, due, ended)
        SELECT '{BACKLOG}', user_id, key, {migration.SAME}, {migration.TO_WORK}
        FROM {TABLE} WHERE channel = 'email' AND status <> 'digest' ORDER BY id
        """
    )
    op.execute(
        f"""
        UPDATE {TABLE} AS told SET mail_id = mail.id,
            status = CASE told.status WHEN 'unwanted' THEN 'unwanted' ELSE 'mailed' END
        FROM ecosphere_work AS mail
        WHERE told.channel = 'email' AND told.status <> 'digest' AND mail.backlog = '{BACKLOG}'
            AND mail.key = told.key AND mail.recipient = told.user_id
        """
    )
    op.drop_index(WAITING, TABLE)
    for column in ("attempts", "next_try", "sent", "error"):
        op.drop_column(TABLE, column)
    op.alter_column(TABLE, "status", server_default="sent")
    op.create_index(DIGEST, TABLE, ["user_id"], postgresql_where=sa.text("status = 'digest'"))
    op.create_index(MAIL, TABLE, ["mail_id"], postgresql_where=sa.text("mail_id IS NOT NULL"))


def downgrade():
    """Put them back, each notification with the state of its e-mail."""
    op.add_column(TABLE, sa.Column("attempts", sa.Integer, server_default="0", nullable=False))
    op.add_column(TABLE, sa.Column("next_try", MOMENT))
    op.add_column(TABLE, sa.Column("sent", MOMENT))
    op.add_column(TABLE, sa.Column("error", sa.Text, server_default="", nullable=False))
    op.execute(
        f"""
        UPDATE {TABLE} AS told SET attempts = mail.attempts, next_try = mail.due, sent = mail.ended, error = mail.error,
            status = CASE
                WHEN told.status = 'unwanted' THEN 'unwanted'
                WHEN mail.status = 'running' THEN 'sending'
                WHEN mail.status = 'done' THEN 'sent'
                ELSE mail.status
            END
        FROM ecosphere_work AS mail WHERE mail.id = told.mail_id
        """
    )
    op.execute(f"UPDATE {TABLE} SET status = 'failed' WHERE status = 'mailed'")
    op.execute(f"UPDATE {TABLE} SET next_try = created WHERE next_try IS NULL")
    op.alter_column(TABLE, "next_try", nullable=False)
    op.alter_column(TABLE, "status", server_default="pending")
    op.drop_index(MAIL, TABLE)
    op.drop_index(DIGEST, TABLE)
    op.drop_column(TABLE, "mail_id")
    op.create_index(
        WAITING, TABLE, ["status", "next_try"], postgresql_where=sa.text("status IN ('pending', 'digest')")
    )
    op.execute(f"DELETE FROM ecosphere_work WHERE backlog = '{BACKLOG}'")
