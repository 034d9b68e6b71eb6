"""The bench of fidelity runs to its end, on ten records.

That of the harvest starts services of its own (`make bench-harvest RECORDS=10`); `bench-search` and `bench-relevance`
need the portal of `make demo`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ckan import model

from dev import demo

ROOT = Path(__file__).parents[3]
#: 0: done; 1: done, and slower than its limit, as everything is on a busy machine.
ENDS = (0, 1)

pytestmark = [pytest.mark.slow("figures"), pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")]


@pytest.fixture(autouse=True)
def made_anew() -> Iterator[None]:
    """Have the tables of the database made anew afterwards: a bench drops them, or leaves its own."""
    model.Session.remove()
    yield
    model.repo.tables_created_and_initialised = False


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A folder with ten records."""
    folder = tmp_path / "records" / "geoide"
    folder.mkdir(parents=True)
    for stem, xml in demo.records("geoide", 10):
        (folder / f"{stem}.xml").write_text(xml, "utf-8")
    return folder.parent


def printed(name: str, *arguments: object) -> str:
    """Run a bench and return what it printed."""
    command = [sys.executable, "-m", f"dev.bench.{name}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in ENDS and "Traceback" not in done.stderr, done.stderr[-3000:]
    return done.stdout


def test_the_fidelity_of_records(records: Path):
    assert "What remains" in printed("fidelity", records)
