"""Fixture `empty_db`: an empty database with the tables of the loaded plugins.

Checking each plugin for missing tables takes a sixth of a second, longer than emptying all tables:
complete sets of plugins are remembered, until CKAN itself recreates the database.
"""

from __future__ import annotations

from collections.abc import Callable

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.cli.db import _get_pending_plugins

from ckanext.ecosphere.search.relevance import spelling

_complete: set[tuple[str, ...]] = set()
"""Sets of plugins whose tables exist."""


def lacking() -> list[str]:
    """Return the loaded plugins that lack tables or columns."""
    loaded = tuple(tk.config["ckan.plugins"])
    if loaded in _complete:
        return []
    if not (found := list(_get_pending_plugins())):
        _complete.add(loaded)
    return found


@pytest.fixture(scope="session")
def empty_db(
    reset_db: Callable[[], None], migrate_db_for: Callable[[str], None]
) -> Callable[[], None]:
    """Return a function that empties the database and creates the tables of every loaded plugin."""

    def empty() -> None:
        model.Session.remove()
        if not model.repo.tables_created_and_initialised:  # CKAN drops all tables
            _complete.clear()
        reset_db()
        for plugin in lacking():
            migrate_db_for(plugin)
        spelling.forget_words()
        model.Session.remove()

    return empty
