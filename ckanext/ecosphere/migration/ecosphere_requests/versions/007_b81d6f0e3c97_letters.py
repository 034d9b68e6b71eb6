"""Letters as they were sent, authors of decisions, and the choice to show a procedure's reference.

A procedure's reference is private unless its author says otherwise: it leaves the index of words, too.

Revision ID: b81d6f0e3c97
Revises: 7e5a2d90c3b1
"""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "b81d6f0e3c97"
down_revision = "7e5a2d90c3b1"
branch_labels = None
depends_on = None

GUARDS = """
CREATE OR REPLACE FUNCTION ecosphere_requests_letter_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.request_id, NEW.event_id, NEW.kind, NEW.created, NEW.organization_id, NEW.subject, NEW.html,
        NEW.plain, NEW.sha256) IS DISTINCT FROM
       (OLD.id, OLD.request_id, OLD.event_id, OLD.kind, OLD.created, OLD.organization_id, OLD.subject, OLD.html,
        OLD.plain, OLD.sha256)
        OR (NEW.requester_id IS DISTINCT FROM OLD.requester_id AND NEW.requester_id IS NOT NULL)
        OR (NEW.addressee <> OLD.addressee AND NEW.addressee <> '')
    THEN
        RAISE EXCEPTION 'ecosphere_requests_letter is append-only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ecosphere_requests_letter_stays BEFORE UPDATE ON ecosphere_requests_letter
    FOR EACH ROW EXECUTE FUNCTION ecosphere_requests_letter_stays();
CREATE OR REPLACE FUNCTION ecosphere_requests_letter_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM ecosphere_requests WHERE id = OLD.request_id) THEN
        RAISE EXCEPTION 'ecosphere_requests_letter is append-only';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ecosphere_requests_letter_kept AFTER DELETE ON ecosphere_requests_letter
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ecosphere_requests_letter_kept();
"""

#: Takes words out of the index, but for those that the request says elsewhere, too.
UNINDEX = sa.text("""
UPDATE ecosphere_requests SET search = ts_delete(search, ARRAY(
    SELECT unnest(tsvector_to_array(to_tsvector('french', :secret)))
    EXCEPT
    SELECT unnest(tsvector_to_array(to_tsvector('french', :shown)))
)) WHERE id = :id AND search IS NOT NULL
""")
LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "’": " ", "'": " "})
SHOWN = ("title", "description", "reference", "territory", "theme", "communes")


def fold(words):
    """Text without case and accents, as the index has it."""
    decomposed = unicodedata.normalize("NFKD", words.casefold().translate(LIGATURES))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def unindex_references():
    connection = op.get_bind()
    columns = ", ".join(("id", "procedure_reference", *SHOWN))
    query = sa.text(f"SELECT {columns} FROM ecosphere_requests WHERE procedure_reference <> ''")  # noqa: S608
    for row in connection.execute(query).mappings().all():
        shown = " ".join(str(row[name] or "") for name in SHOWN)
        values = {"id": row["id"], "secret": fold(row["procedure_reference"]), "shown": fold(shown)}
        connection.execute(UNINDEX, values)


def upgrade():
    op.create_table(
        "ecosphere_requests_letter",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column(
            "request_id", sa.Text, sa.ForeignKey("ecosphere_requests.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("event_id", sa.BigInteger, index=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organization_id", sa.Text),
        sa.Column("requester_id", sa.Text, index=True),
        sa.Column("addressee", sa.Text, server_default="", nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("html", sa.Text, nullable=False),
        sa.Column("plain", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
    )
    op.create_table(
        "ecosphere_requests_author",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("first_name", sa.Text, server_default="", nullable=False),
        sa.Column("last_name", sa.Text, server_default="", nullable=False),
        sa.Column("quality", sa.Text, server_default="", nullable=False),
    )
    op.add_column(
        "ecosphere_requests",
        sa.Column("show_procedure", sa.Boolean, server_default=sa.false(), nullable=False),
    )
    op.execute(GUARDS)
    unindex_references()


def downgrade():
    op.drop_column("ecosphere_requests", "show_procedure")
    op.drop_table("ecosphere_requests_author")
    op.drop_table("ecosphere_requests_letter")
    op.execute("DROP FUNCTION ecosphere_requests_letter_stays(); DROP FUNCTION ecosphere_requests_letter_kept()")
