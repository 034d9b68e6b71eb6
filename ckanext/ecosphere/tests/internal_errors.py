"""Tell internal errors of the API that are ours from those of CKAN and other extensions
(`docs/upstream.md`, 16).
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

PACKAGE = str(Path(__file__).parents[1])


class InternalErrors:
    """In place of the log of CKAN's API: note in whose code the last internal error arose.

    Attributes:
        is_ours: whether the innermost frame of CKAN or an extension is one of this package.
    """

    def __init__(self, log: Any) -> None:
        self._log = log
        self.is_ours = True

    def exception(self, error: Exception) -> None:
        """Look through the traceback of an internal error."""
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        innermost = [file for file in files if "/ckan/" in file or "/ckanext/" in file][-1:]
        self.is_ours = not innermost or innermost[0].startswith(PACKAGE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def listen(portal: Flask, monkeypatch: pytest.MonkeyPatch) -> InternalErrors:
    """Listen to the API of a portal during a test."""
    # CKAN loads views from their files: the module that answers is not always the one that `import`
    # returns.
    names = portal.view_functions["api.action"].__globals__
    noted = InternalErrors(names["log"])
    monkeypatch.setitem(names, "log", noted)
    return noted


@pytest.fixture
def internal_errors(made_app: Any, monkeypatch: pytest.MonkeyPatch) -> InternalErrors:
    """Listen to the API of the portal of a module."""
    return listen(made_app._wsgi_app, monkeypatch)
