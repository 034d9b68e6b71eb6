"""Backup, restore and upgrade: the blocks of `docs/operations.md`, run as they are on the services
of the tests.

`data/portal-1.1.1.dump` is the database of a portal that version 1.1.1 set up and filled: two
datasets, three data requests with e-mails that wait, a source with a job.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from flask.testing import FlaskClient
from sqlalchemy.engine import make_url

from ckanext.ecosphere.operations import health
from ckanext.ecosphere.work.model import PENDING, Work
from dev.stack import postgres

pytestmark = pytest.mark.slow("backup")

ROOT = Path(__file__).resolve().parents[4]
PAGE = ROOT / "docs" / "operations.md"
OLD = Path(__file__).parent / "data" / "portal-1.1.1.dump"
READS_SECRETS = '. "$GUICHET/ckan.env"'
ROLE = "guichet_restored"
COMMAND = """#!/bin/sh
set -ea
. "$GUICHET/ckan.env"
exec {python} -c 'from ckan.cli.cli import ckan; ckan()' -c "$GUICHET/ckan.ini" "$@"
"""
INI = f"""[app:main]
use = config:{ROOT}/test.ini
ckan.storage_path = %(here)s/storage
ecosphere.init.organisations = false
"""


def block(name: str) -> str:
    """Return a block of the page."""
    (text,) = re.findall(
        rf"<!-- operations: {name} -->\n```sh\n(.*?)```", PAGE.read_text(), re.DOTALL
    )
    return text


class Machine:
    """A folder in the place of a server: its commands stop and start nothing."""

    def __init__(self, folder: Path, database: str, redis: str) -> None:
        self.guichet = folder
        for name in ("bin", "storage", "venv/bin"):
            (folder / name).mkdir(parents=True)
        (folder / "venv/bin/pip").symlink_to(Path(sys.executable).with_name("pip"))
        self.addresses = folder / "addresses.env"
        values = {"SQLALCHEMY": database, "REDIS": redis, "SOLR": tk.config["solr_url"]}
        self.addresses.write_text(
            "".join(f"CKAN_{name}_URL='{value}'\n" for name, value in values.items())
        )
        for name, script in {
            "guichet": COMMAND.format(python=sys.executable),
            "systemctl": "#!/bin/sh\n",
        }.items():
            (folder / "bin" / name).write_text(script)
            (folder / "bin" / name).chmod(0o755)
        self.database, self.redis = database, redis

    def run(self, script: str, **variables: str) -> str:
        """Run shell commands on it."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CKAN_")
        }
        environment |= {
            "GUICHET": str(self.guichet),
            "GUICHET_USER": str(os.geteuid()),
            "REDIS_URL": self.redis,
        }
        environment["PATH"] = f"{self.guichet / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", script],
            env={**environment, **variables},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout

    def digests(self) -> dict[str, str]:
        """Return a digest of the contents of each table."""
        engine = sa.create_engine(self.database, poolclass=sa.NullPool)
        digest = "SELECT md5(coalesce(string_agg(row::text, ' ' ORDER BY row::text), '')) FROM \"{}\" AS row"
        with engine.connect() as connection:
            return {
                table: connection.scalar(sa.text(digest.format(table)))
                for table in sa.inspect(connection).get_table_names()
            }


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[Machine]:
    """A machine with an empty database of its own role, as in the installation guide."""

    def drop() -> None:
        postgres.execute(f"DROP DATABASE IF EXISTS {ROLE}")
        postgres.execute(f"DROP ROLE IF EXISTS {ROLE}")

    drop()
    postgres.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'")
    postgres.execute(f"CREATE DATABASE {ROLE} OWNER {ROLE} ENCODING UTF8 TEMPLATE template0")
    url = make_url(tk.config["sqlalchemy.url"]).set(username=ROLE, password=ROLE, database=ROLE)
    redis = re.sub(r"/\d+$", "/9", tk.config["ckan.redis.url"])
    yield Machine(tmp_path / "restored", url.render_as_string(hide_password=False), redis)
    drop()


def restore(machine: Machine, backup: Path) -> None:
    """Restore a backup, with the machine's own addresses, as the page says."""
    script = block("restore")
    assert script.count(READS_SECRETS) == 1
    own = f'cat "{machine.addresses}" >> "$GUICHET/ckan.env"\n{READS_SECRETS}'
    machine.run(script.replace(READS_SECRETS, own), BACKUP=str(backup))


def look(machine: Machine, option: Callable[[str, object], None]) -> None:
    """Check a machine's services as `/ready` does, except workers."""
    option("sqlalchemy.url", machine.database)
    option("ckan.redis.url", machine.redis)
    option("ckan.storage_path", str(machine.guichet / "storage"))
    for name in ("database", "tables", "search", "redis", "storage"):
        health.CHECKS[name]()


def test_a_backup_restored_on_another_machine_is_the_same_portal(
    client: FlaskClient, restored: Machine, tmp_path: Path, option: Callable[[str, object], None]
):
    now = datetime.now(timezone.utc)
    model.Session.add(Work(backlog="mails", recipient="anne", status=PENDING, created=now, due=now))
    model.Session.commit()
    model.Session.remove()
    portal = Machine(tmp_path / "portal", tk.config["sqlalchemy.url"], tk.config["ckan.redis.url"])
    (portal.guichet / "ckan.ini").write_text(INI)
    shutil.copy(portal.addresses, portal.guichet / "ckan.env")
    upload = portal.guichet / "storage" / "resources" / "a1" / "plan d’eau.pdf"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(os.urandom(100_000))
    backup = tmp_path / "backup"
    portal.run(block("backup"), BACKUP=str(backup))
    assert {path.stat().st_mode & 0o077 for path in backup.iterdir()} == {0}
    before = portal.digests()
    assert before["ecosphere_work"] != before["ecosphere_search_alert"]

    (restored.guichet / "storage" / "rest.txt").write_text("of an earlier portal")
    for _time in range(2):  # also over one that is there
        restore(restored, backup)
        assert restored.digests() == before
    copy = restored.guichet / upload.relative_to(portal.guichet)
    assert copy.read_bytes() == upload.read_bytes()
    assert not (restored.guichet / "storage" / "rest.txt").exists()
    restored.run(block("upgrade"))
    look(restored, option)
    assert restored.digests()["package"] == before["package"]


def test_a_backup_that_was_damaged_is_not_restored(restored: Machine, tmp_path: Path):
    backup = tmp_path / "backup"
    backup.mkdir()
    (backup / "database.dump").write_text("half")
    (backup / "SHA256SUMS").write_text(f"{'0' * 64}  database.dump\n")
    with pytest.raises(AssertionError, match=r"database\.dump: FAILED"):
        restore(restored, backup)


def test_a_portal_of_version_1_1_1_is_upgraded_with_its_data(
    client: FlaskClient, restored: Machine, tmp_path: Path, option: Callable[[str, object], None]
):
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(OLD, backup / "database.dump")
    (backup / "ckan.ini").write_text(INI)
    (backup / "ckan.env").write_text("")
    restored.run(
        'cd "$BACKUP"; tar -czf storage.tar.gz -T /dev/null; sha256sum -- * > SHA256SUMS',
        BACKUP=str(backup),
    )
    restore(restored, backup)
    old = restored.digests()
    restored.run(block("upgrade"))
    look(restored, option)

    new = restored.digests()
    unchanged = (
        "package",
        "resource",
        "member",
        "harvest_source",
        "harvest_job",
        "api_token",
    )
    assert {name: new[name] for name in unchanged} == {name: old[name] for name in unchanged}
    engine = sa.create_engine(restored.database, poolclass=sa.NullPool)
    with engine.connect() as connection:
        states = (
            connection.execute(
                sa.text("SELECT title, state FROM ecosphere_requests ORDER BY title")
            )
            .tuples()
            .all()
        )
        waiting = connection.scalar(
            sa.text("SELECT count(*) FROM ecosphere_work WHERE status = 'pending'")
        )
        scores = connection.scalar(sa.text("SELECT count(*) FROM ecosphere_quality"))
    assert states == [
        ("Brouillon", "draft"),
        ("Forages de la plaine", "open"),
        ("Zones humides", "open"),
    ]
    assert waiting >= 10, "e-mails that waited wait"
    assert scores == 2
    shown = restored.run("guichet dataset show zones-inondables")
    assert "Trois scénarios" in shown
