"""Absences, what only the desk knows of a request, saved answers, private delivery, replies by e-mail, calendars.

Revision ID: d3f8a16b57e0
Revises: c5a90e7d2f14
"""

import sqlalchemy as sa
from alembic import op

revision = "d3f8a16b57e0"
down_revision = "c5a90e7d2f14"
branch_labels = None
depends_on = None

REQUEST, SETTING = "ecosphere_requests", "ecosphere_requests_setting"
ABSENCE, TRACE, SAVED = "ecosphere_requests_absence", "ecosphere_requests_trace", "ecosphere_requests_saved_answer"
DELIVERY, INBOUND = "ecosphere_requests_delivery", "ecosphere_requests_inbound"
MOMENT = sa.DateTime(timezone=True)


def _text(name):
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _of_request():
    return sa.Column("request_id", sa.Text, sa.ForeignKey(f"{REQUEST}.id", ondelete="CASCADE"), nullable=False)


def upgrade():
    """Add the tables and columns."""
    op.create_table(
        ABSENCE,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("first", sa.Date, nullable=False),
        sa.Column("last", sa.Date, nullable=False),
        sa.Column("substitute_id", sa.Text),
        sa.Column("created", MOMENT, nullable=False),
    )
    op.create_index(f"ix_{ABSENCE}_person", ABSENCE, ["user_id", "last"])
    op.create_table(
        TRACE,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        _of_request(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("actor_id", sa.Text),
        sa.Column("user_id", sa.Text),
        sa.Column("instead_of_id", sa.Text),
        _text("told"),
        sa.Column("created", MOMENT, nullable=False),
        sa.UniqueConstraint("request_id", "key", name=f"uq_{TRACE}"),
    )
    op.create_table(
        SAVED,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organization_id", sa.Text, nullable=False),
        _text("ground"),
        sa.Column("title", sa.Text, nullable=False),
        _text("law"),
        _text("facts"),
        sa.Column("author_id", sa.Text),
        sa.Column("modified", MOMENT, nullable=False),
    )
    op.create_index(f"ix_{SAVED}_service", SAVED, ["organization_id"])
    op.create_table(
        DELIVERY,
        sa.Column("id", sa.Text, primary_key=True),
        _of_request(),
        sa.Column("kind", sa.Text, nullable=False),
        _text("url"),
        _text("name"),
        _text("media_type"),
        sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("reach", sa.Text, nullable=False),
        sa.Column("public_from", sa.Date),
        sa.Column("created", MOMENT, nullable=False),
    )
    op.create_index(f"ix_{DELIVERY}_request", DELIVERY, ["request_id"])
    waiting = sa.text("public_from IS NOT NULL AND reach = 'requester'")
    op.create_index(f"ix_{DELIVERY}_embargo", DELIVERY, ["public_from"], postgresql_where=waiting)
    op.create_table(
        INBOUND,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("received", MOMENT, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("request_id", sa.Text),
        _text("outcome"),
        sa.Column("answered", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_index(f"ix_{INBOUND}_person", INBOUND, ["user_id", "received"])
    op.add_column(SETTING, _text("calendar"))
    op.add_column(REQUEST, _text("satisfied"))
    op.add_column(REQUEST, sa.Column("satisfied_on", sa.Date))
    op.create_index(f"ix_{REQUEST}_assigned", REQUEST, ["assigned_to"], postgresql_where=sa.text("assigned_to IS NOT NULL"))


def downgrade():
    """Drop them; what was delivered privately is lost, its files stay in the folder of the room."""
    op.drop_index(f"ix_{REQUEST}_assigned", REQUEST)
    op.drop_column(REQUEST, "satisfied_on")
    op.drop_column(REQUEST, "satisfied")
    op.drop_column(SETTING, "calendar")
    for table in (INBOUND, DELIVERY, SAVED, TRACE, ABSENCE):
        op.drop_table(table)
