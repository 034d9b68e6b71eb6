"""What nobody wrote: until the auth functions refused anonymous people, the API took their supports, follows, drafts
and settings. They are removed, with those of accounts that no longer exist, and the supports are counted anew.

Revision ID: 6b2f90d1c7e4
Revises: 4d17b8e6a2c5
"""

from alembic import op

revision = "6b2f90d1c7e4"
down_revision = "4d17b8e6a2c5"
branch_labels = None
depends_on = None

#: Rows that belong to somebody, each with the column that says to whom.
OWNED = (
    ("ecosphere_requests_support", "user_id"),
    ("ecosphere_requests_follow", "user_id"),
    ("ecosphere_requests_setting", "user_id"),
    ("ecosphere_requests_notification", "user_id"),
)


def upgrade():
    for table, column in OWNED:
        op.execute(f"DELETE FROM {table} t WHERE NOT EXISTS (SELECT FROM \"user\" u WHERE u.id = t.{column})")
    # Only drafts: a request that was sent and has no author any more was anonymised, which is meant.
    op.execute(
        "DELETE FROM ecosphere_requests r WHERE r.state = 'draft'"
        " AND NOT EXISTS (SELECT FROM \"user\" u WHERE u.id = r.requester_id)"
    )
    op.execute(
        "UPDATE ecosphere_requests r SET support_count = counted.number FROM"
        " (SELECT q.id, (SELECT count(*) FROM ecosphere_requests_support s WHERE s.request_id = q.id) AS number"
        " FROM ecosphere_requests q) counted"
        " WHERE counted.id = r.id AND r.support_count <> counted.number"
    )


def downgrade():
    """Nothing comes back: the rows had no owner."""
