"""What is made anew is not stored: HTML of texts, numbers of references, a list of files to delete.

Revision ID: a3f81c5e7b26
Revises: d4a70c3b9e52
"""

import sqlalchemy as sa
from alembic import op

revision = "a3f81c5e7b26"
down_revision = "d4a70c3b9e52"
branch_labels = None
depends_on = None

COLUMNS = {
    "ecosphere_requests": "description",
    "ecosphere_requests_event": "comment",
    "ecosphere_requests_comment": "text",
}
REMOVAL, NUMBERING = "ecosphere_requests_removal", "ecosphere_requests_numbering"
FORGET = """
CREATE OR REPLACE FUNCTION {table}_forget_html() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.{column} IS DISTINCT FROM OLD.{column} AND NEW.{column}_html IS NOT DISTINCT FROM OLD.{column}_html THEN
        NEW.{column}_html := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER {table}_forget_html BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_forget_html();
"""


#: Requests closed for another person's, as version 1.1 did: their authors are owed an answer.
MERGED = """
    FROM ecosphere_requests AS target
    WHERE target.id = merged.duplicate_of AND merged.state = 'duplicate' AND merged.kind IN ('data', 'access')
        AND merged.requester_id IS NOT NULL AND target.requester_id IS DISTINCT FROM merged.requester_id
"""
PUT_BACK = f"""
WITH put_back AS (
    UPDATE ecosphere_requests AS merged SET state = 'submitted', duplicate_of = NULL, closed = NULL, opened = NULL,
        outcome = '{{}}', listed = false, version = merged.version + 1
    {MERGED} RETURNING merged.id, merged.version
)
INSERT INTO ecosphere_requests_event (request_id, transition, from_state, to_state, version, actor_role, created,
    comment, note, fields, moderation)
SELECT id, 'reconsider', 'duplicate', 'submitted', version, 'system', now(), '', '', '{{}}', '' FROM put_back
"""


def upgrade():
    """Drop them, and put merged requests of several authors back among those to moderate.

    Files that are still listed are removed with those of no row (`attachments.remove_strays`).
    """
    for table, column in COLUMNS.items():
        op.execute(f"DROP TRIGGER {table}_forget_html ON {table}; DROP FUNCTION {table}_forget_html()")
        op.drop_column(table, "rendering")
        op.drop_column(table, f"{column}_html")
    op.drop_table(REMOVAL)
    op.drop_table(NUMBERING)
    op.execute(PUT_BACK)


def downgrade():
    """Put them back, the numbers from the references given so far."""
    op.create_table(
        NUMBERING,
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer, nullable=False),
    )
    op.execute(
        f"""
        INSERT INTO {NUMBERING} (year, last)
        SELECT CAST(split_part(reference, '-', 2) AS INTEGER), count(*) FROM ecosphere_requests
        WHERE reference IS NOT NULL GROUP BY 1
        """
    )
    op.create_table(
        REMOVAL,
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
    )
    for table, column in COLUMNS.items():
        op.add_column(table, sa.Column(f"{column}_html", sa.Text))
        op.add_column(table, sa.Column("rendering", sa.Integer, server_default="0", nullable=False))
        op.execute(FORGET.format(table=table, column=column))
