"""Plugins and application reused from one test to the next, as long as both use the same
configuration.

CKAN's fixtures `with_plugins` and `app` load all plugins for each test, and unload them afterwards.
The result is the same for the same configuration: it is kept, with the configuration as it was
after loading, until a test needs another configuration, needs none, or loads plugins itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.config import middleware
from ckan.lib.app_globals import _CONFIG_CACHE
from ckan.plugins import core
from ckan.tests.helpers import CKANTestApp, _get_test_app

from ckanext.ecosphere.shared import language

Values = dict[str, Any]


class KeptPortal:
    """The loaded plugins and application, and the configuration they were made for."""

    def __init__(self) -> None:
        self.updates = 0
        """Number of `plugins_update` calls: CKAN calls it whenever
        a plugin is loaded or unloaded.
        """
        self.held = False
        """Whether a module uses the plugins until its last test, also between
        those that use none.
        """
        self._update: Any = core.plugins_update
        self._remember: Any = language.remember
        self._plugins_of_app: set[str] = set()
        """Plugins of the application made last, which writes the addresses in e-mails of jobs."""
        self._left = -1
        """Their number when an application was last made,
        which loads the plugins and leaves them.
        """
        self._forget()

    def _forget(self) -> None:
        self._at: int | None = None
        self._before: Values = {}
        self._after: Values = {}
        self._app: Any = None
        self._app_before: Values = {}
        self._app_after: Values = {}

    def counted_update(self) -> None:
        """Call CKAN's function, and count the call."""
        self.updates += 1
        self._update()

    def remember(self, app: Any) -> None:
        """Remember the application made last, and its plugins."""
        self._remember(app)
        self._plugins_of_app = _plugins()

    def is_loaded(self) -> bool:
        """Return whether the plugins loaded here are still the loaded ones."""
        return self._at == self.updates

    def load(self) -> None:
        """Load the configured plugins, unless they are already loaded."""
        before = _copied()
        if self.is_loaded() and before == self._before:
            _put(self._after)
            return
        self._forget()
        _put(before)  # plugins extend lists of the configuration: let them extend copies
        forget_routes()
        core.load_all()
        self._at, self._before, self._after = self.updates, before, _copied()
        if not _plugins() <= self._plugins_of_app:
            self.app()
            _put(self._after)

    def unload(self) -> None:
        """Unload the plugins before a test that uses none,
        also those of an application that was not kept.
        """
        if self.is_loaded() or self._left == self.updates:
            core.unload_all()
        self._forget()

    @contextmanager
    def held_with(self, *more: str) -> Iterator[None]:
        """Keep the configured plugins, and `more` before them, loaded for a whole module."""
        before = _copied()
        if more:
            tk.config["ckan.plugins"] = [*more, *tk.aslist(tk.config["ckan.plugins"])]
        self.load()
        self.held = True
        yield
        self.held = False
        _put(before)

    def app(self) -> CKANTestApp:
        """Return the application for this configuration, with a new client."""
        _CONFIG_CACHE.clear()
        tk.config["testing"] = True
        before = _copied()
        if self._app and self.is_loaded() and before == self._app_before:
            _put(self._app_after)
            return CKANTestApp(self._app)
        kept = self.is_loaded() and before == {**self._after, "testing": True}
        made = _get_test_app()
        if kept:  # making the application loads the same plugins again
            self._at = self.updates
            self._app, self._app_before, self._app_after = made.app, before, _copied()
        self._left = self.updates
        return made


def forget_routes() -> None:
    """Make `url_for` use the routes of all plugins of `test.ini`, not those of the application made
    last.

    A test without an application of its own would lack the pages of plugins that the previous
    test's application lacked.
    """
    middleware._internal_test_request_context = None


def _plugins() -> set[str]:
    """Return the project's plugins of the configuration."""
    names = tk.aslist(tk.config["ckan.plugins"])
    return {name for name in names if name.startswith("ecosphere")}


def _copied() -> Values:
    return copy.deepcopy(dict(tk.config))


def _put(values: Values) -> None:
    tk.config.clear()
    tk.config.update(copy.deepcopy(values))


KEPT = KeptPortal()


@pytest.fixture(scope="session", autouse=True)
def kept_portal() -> Iterator[None]:
    """Count every change of the loaded plugins, and start with none.

    CKAN unloads the plugins of its own start in a hook that is not called in the processes of
    pytest-xdist.
    """
    core.unload_all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "plugins_update", KEPT.counted_update)
        patch.setattr(language, "remember", KEPT.remember)
        yield
