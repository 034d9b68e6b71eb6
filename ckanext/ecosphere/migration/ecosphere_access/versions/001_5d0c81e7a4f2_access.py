"""Services and what they say of themselves, previews, extracts, and how often data are taken.

Revision ID: 5d0c81e7a4f2
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "5d0c81e7a4f2"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def json(name):
    return sa.Column(name, JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"))


def words(name, default=""):
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def number(name):
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def upgrade():
    op.create_table(
        "ecosphere_access_service",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        words("state", "unread"),
        json("description"),
        words("error"),
        sa.Column("failing_since", MOMENT),
        sa.Column("read_at", MOMENT),
        sa.Column("tried_at", MOMENT),
        sa.Column("next_read_at", MOMENT, nullable=False),
    )
    op.create_index("ix_ecosphere_access_service_next", "ecosphere_access_service", ["next_read_at"])
    op.create_table(
        "ecosphere_access_service_use",
        sa.Column("resource_id", sa.Text, primary_key=True),
        sa.Column("package_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        words("layer"),
    )
    for column, name in (("package_id", "package"), ("key", "key")):
        op.create_index(f"ix_ecosphere_access_service_use_{name}", "ecosphere_access_service_use", [column])
    op.create_table(
        "ecosphere_access_sample",
        sa.Column("resource_id", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        words("error"),
        json("facts"),
        number("tries"),
        sa.Column("changed", MOMENT, nullable=False),
    )
    op.create_table(
        "ecosphere_access_extract",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("package_id", sa.Text, nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        json("asked"),
        sa.Column("state", sa.Text, nullable=False),
        words("error"),
        json("facts"),
        number("tries"),
        sa.Column("created", MOMENT, nullable=False),
    )
    op.create_index("ix_ecosphere_access_extract_created", "ecosphere_access_extract", ["created"])
    op.create_table(
        "ecosphere_access_use",
        sa.Column("package_id", sa.Text, primary_key=True),
        sa.Column("resource_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False, server_default="1"),
    )


def downgrade():
    for name in ("use", "extract", "sample", "service_use", "service"):
        op.drop_table(f"ecosphere_access_{name}")
