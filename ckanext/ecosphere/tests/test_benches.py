"""The benches of fidelity, search, relevance and studies run to their end on ten records, and print
their figures only.

That of the harvest starts services of its own (`make bench-harvest RECORDS=10`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.cli.cli import ckan as ckan_command

from dev import demo
from dev.stack import settings

ROOT = Path(__file__).parents[3]
#: 0: done; 1: done, and slower than its limit, as everything is on a busy machine.
ENDS = (0, 1)
RECORDS = 10

pytestmark = [
    pytest.mark.slow("figures"),
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index"),
]


@pytest.fixture(autouse=True)
def made_anew() -> Iterator[None]:
    """Have the tables of the database made anew afterwards: a bench drops them,
    or leaves its own.
    """
    model.Session.remove()
    yield
    model.repo.tables_created_and_initialised = False


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A folder with ten records."""
    folder = tmp_path / "records" / "geoide"
    folder.mkdir(parents=True)
    for stem, xml in demo.records("geoide", RECORDS):
        (folder / f"{stem}.xml").write_text(xml, "utf-8")
    return folder.parent


@pytest.fixture
def portal(cli: Any, csw_catalogue: Callable[..., str], sysadmin_context: Any) -> str:
    """The configuration of a portal into which ten records were harvested."""
    source = {"name": "bench", "title": "Bench", "source_type": "ecosphere_csw"}
    source["url"] = csw_catalogue(xml for _, xml in demo.records("geoide", RECORDS))
    source["owner_org"] = "administration-centrale-ou-ministere_172120"
    assert cli.invoke(ckan_command, ["ecosphere", "init", "--yes"]).exit_code == 0
    tk.get_action("harvest_source_create")(sysadmin_context, source)
    assert (
        cli.invoke(ckan_command, ["ecosphere", "harvest", "run", "bench", "--inline"]).exit_code
        == 0
    )
    model.Session.remove()
    return str(ROOT / "test.ini")


def printed(name: str, *arguments: object) -> str:
    """Run a bench and return what it printed."""
    command = [sys.executable, "-m", f"dev.bench.{name}", *map(str, arguments)]
    stack = {
        **os.environ,
        "ECOSPHERE_STACK": settings.STACK,
    }  # not that of the guide, which another test imports
    done = subprocess.run(command, cwd=ROOT, env=stack, capture_output=True, text=True, check=False)
    assert done.returncode in ENDS and "Traceback" not in done.stderr, done.stderr[-3000:]
    return done.stdout


def test_the_fidelity_of_records(records: Path):
    assert "What remains" in printed("fidelity", records)


def test_the_speed_of_the_search(portal: str):
    figures = printed("search", "--ini", portal, "--people", 2, "--seconds", 2)

    assert f"{RECORDS} datasets" in figures
    assert [line for line in figures.splitlines() if "suggestions" in line]
    assert len(figures.splitlines()) < 20


def test_the_relevance_of_the_search(portal: str):
    figures = printed("relevance", "--ini", portal)

    assert f"{RECORDS} datasets" in figures
    assert "tuned on" in figures and "NDCG@10" in figures


def test_the_speed_and_the_answers_of_studies(portal: str):
    figures = printed("studies", "--ini", portal, "--runs", 1)

    for size in (15, 40, 60):
        assert f"{size} needs: p50" in figures
    for part in ("aside", "tuned on"):
        (line,) = [
            line
            for line in figures.splitlines()
            if line.startswith(part) and "does not answer" in line
        ]
        assert "right" in line and "wrongly nobody 0.000" in line
