"""Fixtures of the schema tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ckan.plugins as p
import pytest
from ckan import model
from ckan.common import config
from ckan.config.middleware import make_app
from ckan.lib.search import clear_all
from ckan.tests import factories, helpers

from ckanext.ecosphere.harvest.model import PUBLISHED, SourceRecord
from ckanext.ecosphere.tests.browser import log_in

PASSWORD = "Lac-bleu-2024"
_PREPARED: set[str] = set()


@pytest.fixture(scope="class")
def portal_of_the_class() -> Iterator[None]:
    """A portal with a request context, created once for all tests of a class that write nothing."""
    portal: Any = make_app(config)
    with portal._wsgi_app.test_request_context():
        yield
    p.unload_all()


@pytest.fixture
def shared_db(
    request: pytest.FixtureRequest,
    with_plugins: None,
    empty_db: Callable[[], None],
) -> None:
    """One database per module, emptied before its first test,
    for modules whose tests choose distinct names.
    """
    if request.module.__name__ not in _PREPARED:
        _PREPARED.clear()
        empty_db()
        clear_all()
        _PREPARED.add(request.module.__name__)
    model.Session.remove()


@pytest.fixture
def service() -> Any:
    """The organisation that owns the datasets of the tests."""
    if model.Group.get("ddt-01"):
        return helpers.call_action("organization_show", id="ddt-01")
    return factories.Organization(name="ddt-01", title="DDT 01", description="", image_url="")


@pytest.fixture
def act(sysadmin_context: dict[str, Any]) -> Callable[..., Any]:
    """Call an action with full rights: `act("package_show", id=...)`."""
    return lambda action, **data: helpers.call_action(action, dict(sysadmin_context), **data)


@pytest.fixture
def create(service: dict[str, Any], act: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Create a dataset owned by the service; return it as `package_show` does."""

    def create(dataset: dict[str, Any]) -> dict[str, Any]:
        made = act("package_create", **{"owner_org": service["id"], **dataset})
        return act("package_show", id=made["id"])

    return create


@pytest.fixture
def editor(service: dict[str, Any]) -> Any:
    """An editor of the service, with an API token."""
    user = factories.UserWithToken(password=PASSWORD, fullname="Camille Dupré", image_url="")
    helpers.call_action(
        "organization_member_create", id=service["id"], username=user["name"], role="editor"
    )
    return user


@pytest.fixture
def a_new_form(editor: dict[str, Any]) -> Callable[[Any], None]:
    """Open the form of a new dataset, logged in as the editor."""

    def open_form(page: Any) -> None:
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/new")

    return open_form


@pytest.fixture
def harvested(act: Callable[..., Any], service: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Mark a dataset as published by an active harvest source of the service."""

    def harvest(dataset: dict[str, Any]) -> None:
        if model.Package.get("geo-ide") is None:
            values = {
                "name": "geo-ide",
                "title": "Géo-IDE",
                "url": "https://geoide.example.org/csw",
            }
            act(
                "harvest_source_create",
                source_type="ecosphere_csw",
                owner_org=service["id"],
                **values,
            )
        source = model.Package.get("geo-ide")
        record = SourceRecord(
            source_id=source.id, guid=dataset["id"], state=PUBLISHED, package_id=dataset["id"]
        )
        model.Session.add(record)
        model.Session.commit()

    return harvest
