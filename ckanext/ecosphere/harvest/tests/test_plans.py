"""The queries of a first harvest read rows in proportion to its records,
although PostgreSQL has no statistics yet.
"""

import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save.documents import Documents
from ckanext.ecosphere.harvest import deduplication, reconcile
from ckanext.ecosphere.harvest.finish import closing
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.tests import plans

TABLES = ("package", "ecosphere_harvest_record", "harvest_object")
ROWS = (
    "INSERT INTO package (id, name, type, state, private, metadata_created, metadata_modified, extras) "
    "SELECT 'p' || n, 'p' || n, 'dataset', 'active', false, now(), now(), jsonb_build_object('in_series', "
    "CASE n % 25 WHEN 3 THEN '' ELSE 'g' || n - n % 25 END) FROM generate_series(:first, :last) AS n",
    # In 25 records there are a series of the others, a feature catalogue that the next one names,
    # and two that share a resource, of which the job has seen the second only.
    "INSERT INTO ecosphere_harvest_record (source_id, guid, state, position, keys, package_id, absences, seen_job, "
    "members) SELECT 's', 'g' || n, CASE n % 25 WHEN 1 THEN 'catalogue' ELSE 'published' END, n, "
    "ARRAY['f:g' || n, 'r:' || n - n % 25 / 24], 'p' || n, 0, CASE n % 25 WHEN 23 THEN 'i' ELSE 'j' END, "
    "CASE n % 25 WHEN 0 THEN (SELECT array_agg('g' || m) FROM generate_series(n + 3, n + 24) AS m) "
    "WHEN 2 THEN ARRAY['g' || n - 1] ELSE '{}' END FROM generate_series(:first, :last) AS n",
    "INSERT INTO harvest_object (id, guid, harvest_job_id, harvest_source_id, package_id, current, content, state, "
    "report_status, import_started) SELECT 'o' || n, 'g' || n, 'j', 's', 'p' || n, true, '<>', 'COMPLETE', 'added', "
    "now() - n * interval '1 second' FROM generate_series(:first, :last) AS n",
)


@pytest.fixture
def imported(portal, monkeypatch):
    """Return a function that imports records up to a number; they have no job and no source.

    The tables are emptied first: index entries of rows that another test rolled back would be
    counted as rows read.
    """
    monkeypatch.setattr(reconcile, "import_kept", list)
    _empty_tables()
    number = 0

    def more(last: int) -> None:
        nonlocal number
        model.Session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in ROWS:
            model.Session.execute(sa.text(statement), {"first": number + 1, "last": last})
        number = last
        plans.without_statistics(*TABLES)

    yield more
    model.Session.rollback()
    _empty_tables()


def _empty_tables() -> None:
    for table in TABLES:
        model.Session.execute(sa.text(f"TRUNCATE {table} CASCADE"))
    model.Session.commit()


def rows_read(function, *arguments) -> int:
    with plans.asked() as statements:
        function(*arguments)
    model.Session.remove()
    assert statements
    return plans.rows_read(statements)


@pytest.mark.few(1, "load")
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (reconcile.complete_series, ("s",)),
        (reconcile.complete_catalogues, ("s", "j")),
        (lambda source, job: len(closing._renamed_pairs(source, job)), ("s", "j")),
    ],
)
def test_the_rows_read_at_the_end_grow_as_the_records(imported, function, arguments):
    for number in (500, 2_000):
        imported(number)
        assert rows_read(function, *arguments) < 10 * number
    assert function(*arguments) >= number // 25 - 1


@pytest.mark.few(1, "load")
@pytest.mark.parametrize(
    "function",
    [
        lambda: Documents().make([f"p{n}" for n in range(10, 20)], lambda *_: None),
        lambda: deduplication.known_elsewhere("s", ["f:h1"]),
        lambda: deduplication.series_of("s", {"g4"}),
    ],
)
def test_a_batch_does_not_read_all_records(imported, function):
    imported(20_000)
    assert rows_read(function) < 2_000


@pytest.fixture
def no_autovacuum(portal):
    """PostgreSQL itself does not analyse the table of records during the test."""
    table = "ALTER TABLE ecosphere_harvest_record"
    model.Session.execute(sa.text(f"{table} SET (autovacuum_enabled = false)"))
    model.Session.commit()
    yield
    model.Session.rollback()
    model.Session.execute(sa.text(f"{table} RESET (autovacuum_enabled)"))
    model.Session.commit()


@pytest.mark.slow("load")
@pytest.mark.usefixtures("no_autovacuum")
def test_the_tables_are_analysed_after_many_records(portal, monkeypatch):
    monkeypatch.setattr(closing, "_MANY_RECORDS", 4)
    known = sa.text("SELECT reltuples FROM pg_class WHERE relname = 'ecosphere_harvest_record'")
    for number, tuples in ((3, -1), (5, 8)):
        plans.without_statistics("ecosphere_harvest_record")
        with catalogue([iso_record(n) for n in range(number)]) as server:
            source = portal.source(server.url, name=f"source-{number}")
            portal.harvest(source)
        assert model.Session.scalar(known) == tuples
        assert portal.state(source)["waiting"] == number
