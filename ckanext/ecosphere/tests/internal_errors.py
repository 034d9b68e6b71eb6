"""Tell internal errors of the API that are ours from those of CKAN and other extensions (`docs/upstream.md`, 16)."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = str(Path(__file__).parents[1])
LOG = "ckan.views.api"


class InternalErrors(logging.Handler):
    """Note in whose code the last internal error arose: the innermost frame of CKAN or an extension."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.is_ours = True

    def emit(self, record: logging.LogRecord) -> None:
        """Look through the traceback."""
        trace = record.exc_info and record.exc_info[2]
        files = [frame.filename for frame in traceback.extract_tb(trace)]
        innermost = [file for file in files if "/ckan/" in file or "/ckanext/" in file][-1:]
        self.is_ours = not innermost or innermost[0].startswith(PACKAGE)


@pytest.fixture
def internal_errors() -> Iterator[InternalErrors]:
    """Listen to CKAN's API during a test."""
    handler, log = InternalErrors(), logging.getLogger(LOG)
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)
