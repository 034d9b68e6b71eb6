"""Fixtures and helpers of the quality tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import pysolr
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.quality.store import quality_of_dict, stored_dataset
from ckanext.ecosphere.quality.tests import cases


@pytest.fixture
def portal(loaded: None, ckan_config: Any, clean_db: None, clean_index: None) -> None:
    """An empty portal."""


@pytest.fixture
def app(made_app: Any, ckan_config: Any) -> CKANTestApp:
    """Test application with a fresh client (no cookies)."""
    return CKANTestApp(made_app)


@pytest.fixture
def service() -> dict[str, Any]:
    """The organisation `ddt-42`, without members, for tests that only need an owner."""
    return factories.Organization(name="ddt-42", title="DDT de la Loire")


@pytest.fixture
def people(service: dict[str, Any]) -> dict[str, Any]:
    """A user of each role in the organisation `ddt-42`, and outsiders:
    name → user dict with token.
    """
    found = {
        name: factories.UserWithToken(name=name)
        for name in ("editor", "admin", "member", "stranger", "other-editor")
    }
    found["sysadmin"] = factories.SysadminWithToken(name="sysadmin")
    for role in ("editor", "admin", "member"):
        act("organization_member_create", id=service["id"], username=role, role=role)
    factories.Organization(name="ddt-43", users=[{"name": "other-editor", "capacity": "editor"}])
    return found


@pytest.fixture
def solr_adds(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Documents sent to Solr during the test; they are really indexed."""
    sent: list[dict[str, Any]] = []
    add = pysolr.Solr.add

    def counted(self: pysolr.Solr, docs: list[dict[str, Any]], *args: Any, **kwargs: Any) -> Any:
        sent.extend(docs)
        return add(self, docs, *args, **kwargs)

    monkeypatch.setattr(pysolr.Solr, "add", counted)
    yield sent


def site_context(**more: Any) -> Any:
    """Return the context of an action that is run by the site user."""
    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    found = {
        "ignore_auth": True,
        "user": user,
        "session": model.Session,
        "auth_user_obj": model.User.get(user),
    }
    return found | more


def act(action: str, context: dict[str, Any] | None = None, **data: Any) -> Any:
    """Call an action as the site user."""
    return tk.get_action(action)(site_context(**(context or {})), data)


def stored(package_id: str) -> QualityRow:
    """Reload the quality row of a dataset from the database."""
    model.Session.expire_all()
    row = model.Session.get(QualityRow, package_id)
    assert row is not None
    return row


def from_scratch(package_id: str) -> Any:
    """Evaluate a dataset as stored in the database, regardless of its quality row."""
    package = model.Package.get(package_id)
    assert package is not None
    model.Session.refresh(package)
    return quality_of_dict(stored_dataset(package)).evaluation


def count(table: Any) -> int:
    """Return the number of rows of a table."""
    return model.Session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def saved(**changes: Any) -> dict[str, Any]:
    """Return the complete dataset as input of `package_create`,
    with extras if ckanext-scheming is not loaded.
    """
    data = cases.dataset(**changes)
    for resource in data.get("resources", []):
        resource.pop("id", None)
    if p.plugin_loaded("scheming_datasets"):
        return data
    core = {
        "title",
        "name",
        "notes",
        "tags",
        "owner_org",
        "license_id",
        "url",
        "resources",
        "private",
    }
    texts = {
        name: v if isinstance(v, str) else json.dumps(v)
        for name, v in data.items()
        if name not in core
    }
    kept = {name: value for name, value in data.items() if name in core}
    return kept | {"extras": [{"key": name, "value": value} for name, value in texts.items()]}
