"""Letters about the sources move to the common table of work.

Revision ID: a1c95d3e07b4
Revises: 7e3b5d90c1a6
"""

import sqlalchemy as sa
from alembic import op

from ckanext.ecosphere.work import migration

revision = "a1c95d3e07b4"
down_revision = "7e3b5d90c1a6"
branch_labels = None
depends_on = None

TABLE, BACKLOG = "ecosphere_harvest_letter", "ecosphere-harvest-letters"
#: The key of a letter: the time at which it is due, as `datetime.isoformat` writes it.
KEY = """to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')"""


def upgrade():
    """Take over the letters, sent or not, and drop their table."""
    migration.create()
    op.execute(
        f"""
        INSERT INTO ecosphere_work (backlog, recipient, key, {migration.SAME}, status, due, ended)
        SELECT '{BACKLOG}', user_id, {KEY}, {migration.SAME}, {migration.TO_WORK}
        FROM {TABLE} ORDER BY id
        """
    )
    op.drop_table(TABLE)


def downgrade():
    """Put them back."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        TABLE,
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
    op.create_index(f"ix_{TABLE}_status", TABLE, ["status", "next_try"])
    op.execute(
        f"""
        INSERT INTO {TABLE} (user_id, until, {migration.SAME}, status, next_try, sent)
        SELECT recipient, CAST(key AS timestamptz), {migration.SAME}, {migration.FROM_WORK}
        FROM ecosphere_work WHERE backlog = '{BACKLOG}' ORDER BY id
        """
    )
    op.execute(f"DELETE FROM ecosphere_work WHERE backlog = '{BACKLOG}'")
