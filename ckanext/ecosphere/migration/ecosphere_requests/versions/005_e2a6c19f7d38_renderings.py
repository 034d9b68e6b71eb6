"""HTML of texts, kept beside them; a text that changes loses the HTML of the former one.

Revision ID: e2a6c19f7d38
Revises: 6b2f90d1c7e4
"""

import sqlalchemy as sa
from alembic import op

revision = "e2a6c19f7d38"
down_revision = "6b2f90d1c7e4"
branch_labels = None
depends_on = None

COLUMNS = {
    "ecosphere_requests": "description",
    "ecosphere_requests_event": "comment",
    "ecosphere_requests_comment": "text",
}
# What erases a text need not know of its HTML: nothing of an erased text stays.
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


def upgrade():
    """Add the columns; `ckan ecosphere tick` fills them for the texts that are there already."""
    for table, column in COLUMNS.items():
        op.add_column(table, sa.Column(f"{column}_html", sa.Text))
        op.add_column(table, sa.Column("rendering", sa.Integer, server_default="0", nullable=False))
        op.execute(FORGET.format(table=table, column=column))


def downgrade():
    for table, column in COLUMNS.items():
        op.execute(f"DROP TRIGGER {table}_forget_html ON {table}; DROP FUNCTION {table}_forget_html()")
        op.drop_column(table, "rendering")
        op.drop_column(table, f"{column}_html")
