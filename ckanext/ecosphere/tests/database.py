"""An empty database with the tables of the plugins that are loaded.

To ask each plugin whether it lacks tables takes a sixth of a second, longer than to empty all of them: what was found
once is not asked again, until CKAN itself makes the database anew.
"""

from __future__ import annotations

from collections.abc import Callable

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.cli.db import _get_pending_plugins

from ckanext.ecosphere.data_requests.search import cached_counts
from ckanext.ecosphere.search.relevance import catalogue_words

_complete: set[tuple[str, ...]] = set()
"""Sets of plugins whose tables are there."""


def lacking() -> list[str]:
    """Plugins that are loaded and lack tables, or columns of them."""
    loaded = tuple(tk.config["ckan.plugins"])
    if loaded in _complete:
        return []
    if not (found := list(_get_pending_plugins())):
        _complete.add(loaded)
    return found


@pytest.fixture(scope="session")
def empty_db(reset_db: Callable[[], None], migrate_db_for: Callable[[str], None]) -> Callable[[], None]:
    """Call it for an empty database with the tables of every plugin that is loaded."""

    def empty() -> None:
        model.Session.remove()
        if not model.repo.tables_created_and_initialised:  # CKAN drops every table
            _complete.clear()
        reset_db()
        for plugin in lacking():
            migrate_db_for(plugin)
        cached_counts.forget()
        catalogue_words.forget()
        model.Session.remove()

    return empty
