"""Fixtures for the tests of every room."""

from __future__ import annotations

from collections.abc import Callable

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.cli.db import _get_pending_plugins

from ckanext.ecosphere.tests.browser import browser, page, portal_url

__all__ = ["browser", "page", "portal_url"]


@pytest.fixture
def clean_db(reset_db: Callable[[], None], migrate_db_for: Callable[[str], None]) -> None:
    """An empty database with the tables of every plugin that is loaded (ask for `with_plugins` first)."""
    reset_db()
    for plugin in _get_pending_plugins():
        migrate_db_for(plugin)
    model.Session.remove()


@pytest.fixture
def sysadmin_context() -> dict[str, object]:
    """Context of an action that is run by the site itself."""
    return {"ignore_auth": True, "user": tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]}
