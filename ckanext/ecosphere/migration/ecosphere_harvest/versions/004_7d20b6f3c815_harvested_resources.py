"""Resources that the harvest wrote; any other of a harvested dataset was added on the portal.

Revision ID: 7d20b6f3c815
Revises: c3f8d1b45e72
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "7d20b6f3c815"
down_revision = "c3f8d1b45e72"
branch_labels = None
depends_on = None

TABLE = "ecosphere_harvest_dataset"

# Until now a resource was marked when it was added, but not when the address named the dataset by its name. What was
# added then is known by its date: the harvest creates resources while an object of the dataset is imported only.
FILL = f"""
    INSERT INTO {TABLE} (package_id, resource_ids)
    SELECT record.package_id, coalesce(array_agg(DISTINCT resource.id) FILTER (WHERE resource.id IS NOT NULL), '{{}}')
    FROM ecosphere_harvest_record AS record
    LEFT JOIN resource ON resource.package_id = record.package_id AND resource.state = 'active'
        AND coalesce(resource.url_type, '') <> 'upload'
        AND coalesce(resource.extras, '') NOT LIKE '%"local_addition"%'
        AND (resource.created IS NULL OR EXISTS (
            SELECT 1 FROM harvest_object AS object JOIN harvest_job AS job ON job.id = object.harvest_job_id
            WHERE object.package_id = resource.package_id
                AND resource.created BETWEEN job.created AND coalesce(job.finished, 'infinity')
        ))
    WHERE record.package_id IS NOT NULL
    GROUP BY record.package_id
"""


def upgrade():
    """Create the table, and tell what was added from what was harvested."""
    op.create_table(
        TABLE,
        sa.Column("package_id", sa.UnicodeText(), primary_key=True),
        sa.Column("resource_ids", postgresql.ARRAY(sa.UnicodeText()), nullable=False, server_default="{}"),
    )
    if sa.inspect(op.get_bind()).has_table("harvest_object"):
        op.execute(FILL)


def downgrade():
    """Forget it."""
    op.drop_table(TABLE)
