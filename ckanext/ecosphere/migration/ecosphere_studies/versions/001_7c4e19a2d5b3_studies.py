"""Tables of studies, collections, reuses, frames and opinions on suitability.

Revision ID: 7c4e19a2d5b3
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from ckanext.ecosphere.work import migration as work

revision = "7c4e19a2d5b3"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
OBJECT, LIST = sa.text("'{}'::jsonb"), sa.text("'[]'::jsonb")


def words(name, default=""):
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def count(name):
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def flag(name, default=None):
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false() if default is None else default)


def data(name, default=OBJECT):
    return sa.Column(name, JSONB, nullable=False, server_default=default)


def moment(name, nullable=False):
    return sa.Column(name, MOMENT, nullable=nullable)


def key():
    return sa.Column("id", sa.Text, primary_key=True)


def of_study():
    reference = sa.ForeignKey("ecosphere_study.id", ondelete="CASCADE")
    return sa.Column("study_id", sa.Text, reference, nullable=False, index=True)


def text(name, **options):
    return sa.Column(name, sa.Text, nullable=False, **options)


def upgrade():
    work.create()
    op.create_table(
        "ecosphere_study",
        key(),
        words("title"),
        text("owner_id", index=True),
        words("frame_id"),
        count("frame_version"),
        data("site"),
        count("buffer"),
        data("territories", LIST),
        words("state", "active"),
        count("run"),
        moment("run_at", nullable=True),
        count("pending"),
        moment("looked", nullable=True),
        moment("created"),
        moment("modified"),
    )
    op.create_table(
        "ecosphere_study_member",
        key(),
        of_study(),
        sa.Column("user_id", sa.Text, index=True),
        words("token"),
        flag("may_write"),
        moment("created"),
    )
    op.create_table(
        "ecosphere_study_need",
        key(),
        of_study(),
        count("position"),
        data("group"),
        data("need"),
        flag("relevant", sa.true()),
        words("why"),
        words("who"),
        sa.Column("request_id", sa.Text, index=True),
        data("finding"),
    )
    op.create_index("ix_ecosphere_study_need_study", "ecosphere_study_need", ["study_id", "position"])
    need = sa.ForeignKey("ecosphere_study_need.id", ondelete="CASCADE")
    op.create_table(
        "ecosphere_study_dataset",
        key(),
        sa.Column("study_need_id", sa.Text, need, nullable=False),
        text("package_id", index=True),
        words("decision", "proposed"),
        words("why"),
        words("title"),
        words("organisation"),
        data("reasons", LIST),
        count("rank"),
        data("finding"),
        sa.UniqueConstraint("study_need_id", "package_id"),
    )
    op.create_table(
        "ecosphere_study_run",
        key(),
        of_study(),
        count("number"),
        moment("at"),
        data("results"),
        sa.UniqueConstraint("study_id", "number"),
    )
    op.create_table(
        "ecosphere_study_frame",
        key(),
        words("frame_id"),
        count("version"),
        data("content"),
        words("author_id"),
        moment("created"),
        sa.UniqueConstraint("frame_id", "version"),
    )
    op.create_table(
        "ecosphere_collection",
        key(),
        text("name", unique=True),
        words("title"),
        words("description"),
        words("frame_id"),
        words("organization_id"),
        flag("public"),
        data("items", LIST),
        moment("created"),
        moment("modified"),
    )
    op.create_table(
        "ecosphere_reuse",
        key(),
        words("kind"),
        words("title"),
        words("url"),
        words("description"),
        text("author_id", index=True),
        sa.Column("state", sa.Text, nullable=False, server_default="held", index=True),
        words("reason"),
        data("packages", LIST),
        moment("created"),
    )
    op.create_table(
        "ecosphere_suitability",
        key(),
        text("package_id", index=True),
        words("use"),
        words("user_id"),
        flag("fits"),
        words("why"),
        moment("created"),
        sa.UniqueConstraint("package_id", "use", "user_id"),
    )


def downgrade():
    for table in (
        "ecosphere_suitability",
        "ecosphere_reuse",
        "ecosphere_collection",
        "ecosphere_study_frame",
        "ecosphere_study_run",
        "ecosphere_study_dataset",
        "ecosphere_study_need",
        "ecosphere_study_member",
        "ecosphere_study",
    ):
        op.drop_table(table)
