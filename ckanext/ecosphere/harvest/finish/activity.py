"""Suppress activity stream entries for harvested changes: each would store a full copy of the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import ckan.plugins as p
import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest import config

_ACTIONS = ("package_create", "package_update")


@contextmanager
def without_activity() -> Iterator[None]:
    """Run a block without creating activities for saved datasets, unless the portal is configured to."""
    if config.writes_activity() or not p.plugin_loaded("activity"):
        yield
        return
    from ckanext.activity import subscriptions

    receivers = {"package_create": subscriptions.package_changed, "package_update": subscriptions.package_updated}
    for action in _ACTIONS:
        tk.signals.action_succeeded.disconnect(receivers[action], sender=action)
    try:
        yield
    finally:
        for action in _ACTIONS:
            tk.signals.action_succeeded.connect(receivers[action], sender=action)
