"""Fixtures: the portal with the optional plugin, people who log in through the form,
and a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from ckanext.ecosphere.credentials import second_factor
from ckanext.ecosphere.shared.tests.conftest import log_in, people, portal, visitor
from ckanext.ecosphere.tests.kept_portal import KEPT

__all__ = ["log_in", "people", "portal", "visitor"]


@pytest.fixture(scope="module")
def loaded() -> Iterator[None]:
    """Load the plugins of the portal and the optional one."""
    with KEPT.held_with("ecosphere_credentials"):
        yield


@pytest.fixture
def demand(ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the roles that need a second factor; CKAN restores the configuration before each test."""

    def demand(*roles: str) -> None:
        monkeypatch.setitem(tk.config, second_factor.SECOND_FACTOR, list(roles))

    demand(second_factor.OPTIONAL)
    return demand


class Clock:
    """The time by which codes are computed and compared."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now

    def pass_steps(self, number: int = 1) -> None:
        self.now += number * second_factor.STEP_SECONDS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(second_factor, "time", stopped)
    return stopped
