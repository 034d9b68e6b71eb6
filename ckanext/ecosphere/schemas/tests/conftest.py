"""Fixtures of the room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ckan.plugins as p
import pytest
from ckan.common import config
from ckan.config.middleware import make_app
from ckan.tests import factories, helpers


@pytest.fixture(scope="class")
def portal_of_the_class() -> Iterator[None]:
    """A portal in the middle of a request, made once for all tests of a class that write nothing."""
    portal: Any = make_app(config)
    with portal._wsgi_app.test_request_context():
        yield
    p.unload_all()


@pytest.fixture
def service() -> Any:
    """The organisation that owns the datasets of a test."""
    return factories.Organization(name="ddt-01", title="DDT 01", image_url="")


@pytest.fixture
def act(sysadmin_context: dict[str, Any]) -> Callable[..., Any]:
    """Call an action as the site itself: `act("package_show", id=...)`."""
    return lambda action, **data: helpers.call_action(action, dict(sysadmin_context), **data)


@pytest.fixture
def create(service: dict[str, Any], act: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Create a dataset of the service from a dictionary and return it as `package_show` gives it."""

    def create(dataset: dict[str, Any]) -> dict[str, Any]:
        made = act("package_create", **{"owner_org": service["id"], **dataset})
        return act("package_show", id=made["id"])

    return create
