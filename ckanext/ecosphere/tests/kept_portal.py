"""Plugins and application that stay from one test to the next, as long as both ask for the same configuration.

CKAN's fixtures `with_plugins` and `app` load every plugin anew for each test, and unload it afterwards. What they give
is the same whenever the configuration was: so it is kept, with the configuration that it left, until a test wants
another one, wants none, or loads plugins itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan.config import middleware
from ckan.lib.app_globals import _CONFIG_CACHE
from ckan.plugins import core
from ckan.tests.helpers import CKANTestApp, _get_test_app

Values = dict[str, Any]


class KeptPortal:
    """What is loaded now, and for which configuration."""

    def __init__(self) -> None:
        self.updates = 0
        """How often CKAN took a change of its plugins over: it does whenever one is loaded or unloaded."""
        self._update: Any = core.plugins_update
        self._forget()

    def _forget(self) -> None:
        self._at: int | None = None
        self._before: Values = {}
        self._after: Values = {}
        self._app: Any = None
        self._app_before: Values = {}
        self._app_after: Values = {}

    def counted_update(self) -> None:
        """Do what CKAN does, and count."""
        self.updates += 1
        self._update()

    def is_loaded(self) -> bool:
        """Tell whether the plugins that were loaded here are still those that are loaded."""
        return self._at == self.updates

    def load(self) -> None:
        """Have the plugins that the configuration names."""
        before = _copied()
        if self.is_loaded() and before == self._before:
            _put(self._after)
            return
        self._forget()
        _put(before)  # plugins add to lists of the configuration: to their own copies
        forget_routes()
        core.load_all()
        self._at, self._before, self._after = self.updates, before, _copied()

    def unload(self) -> None:
        """Leave nothing to a test that asks for no plugins."""
        if self.is_loaded():
            core.unload_all()
        self._forget()

    def app(self) -> CKANTestApp:
        """The application of this configuration, with a client that nobody has used."""
        _CONFIG_CACHE.clear()
        tk.config["testing"] = True
        before = _copied()
        if self._app and self.is_loaded() and before == self._app_before:
            _put(self._app_after)
            return CKANTestApp(self._app)
        kept = self.is_loaded() and before == {**self._after, "testing": True}
        made = _get_test_app()
        if kept:  # the application loads the same plugins again
            self._at = self.updates
            self._app, self._app_before, self._app_after = made.app, before, _copied()
        return made


def forget_routes() -> None:
    """Have addresses made with every plugin of `test.ini`, not with those of the application that was made last.

    A test that makes no application of its own would miss the pages of the plugins that the one of another test lacked.
    """
    middleware._internal_test_request_context = None


def _copied() -> Values:
    return copy.deepcopy(dict(tk.config))


def _put(values: Values) -> None:
    tk.config.clear()
    tk.config.update(copy.deepcopy(values))


KEPT = KeptPortal()


@pytest.fixture(scope="session", autouse=True)
def kept_portal() -> Iterator[None]:
    """Hear of every change of the plugins, of which none is loaded when the first test begins.

    CKAN unloads those of its own start in a hook that the processes of pytest-xdist do not reach.
    """
    core.unload_all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "plugins_update", KEPT.counted_update)
        yield
