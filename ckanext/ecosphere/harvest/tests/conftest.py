"""Fixtures of the harvest room, and selection of the test files to collect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ckan.tests import factories

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.tests.portal import Portal

# The real records are not part of the project: if their folder is not beside the checkout, the
# tests that use them are not collected (rather than skipped). Each of their quirks has a record of
# our own in test_quirks.py.
RECORDS = Path(__file__).parents[5] / "shared" / "records"
collect_ignore = [] if RECORDS.is_dir() else ["test_records.py", "test_dcat_records.py"]


@pytest.fixture
def portal(  # noqa: PLR0917 - fixtures
    with_plugins: None,
    clean_db: None,
    clean_index: None,
    clean_queues: None,
    ckan_config: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Portal:
    """An empty portal with the organisations named by the test records, without pauses between
    attempts.

    The memory limit of a reading is raised, since a test process that has run some hundred tests is
    larger than a worker.
    """
    monkeypatch.setitem(ckan_config, config.BACKOFF_SECONDS, 0)
    monkeypatch.setitem(ckan_config, config.MAX_MEMORY_MEGABYTES, 8_000)
    for name, title in Portal.ORGANISATIONS.items():
        factories.Organization(name=name, title=title, image_url="")
    return Portal()
