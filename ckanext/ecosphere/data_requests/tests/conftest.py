"""Fixtures and helpers of the data request tests: a portal with users and services, created once,
without requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.model.system_info import set_system_info
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.data_requests import matching
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.setup import organisations
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.tests.database import lacking
from ckanext.ecosphere.tests.postbox import Postbox, serving
from ckanext.ecosphere.tests.quick_loading import empty

INSEE = "http://id.insee.fr/geo"
#: User name → (service, role), or None for users without a service.
PEOPLE = {
    "asker": None,
    "friend": None,
    "stranger": None,
    "editor": ("ddt-42", "editor"),
    "admin": ("ddt-42", "admin"),
    "member": ("ddt-42", "member"),
    "other-editor": ("dreal-ara", "editor"),
    "other-admin": ("dreal-ara", "admin"),
    "moderator": ("administration-centrale-ou-ministere_172120", "editor"),
}
SERVICES = {
    "ddt-42": ("DDT 42", "ddt", f"{INSEE}/departement/42"),
    "dreal-ara": ("DREAL Auvergne-Rhône-Alpes", "dreal", f"{INSEE}/region/84"),
    "administration-centrale-ou-ministere_172120": ("CGDD", "central", ""),
}
DRAFT = {
    "title": "Zones humides de la Loire",
    "description": "Inventaire des zones humides, au moins au 1/25 000.",
    "use": "water-law",
    "procedure_reference": "ZAC des Prés",
    "theme": "eau",
    "territory": "departement-42",
    "visibility": "public",
}

#: Grounds for a refusal that meet the minimum length and can be contested.
REASON = "Les stations recensées sont peu nombreuses et leur localisation précise les exposerait au prélèvement."
REFUSAL = {
    "ground": "L124-4-I-2",
    "law": REASON,
    "facts": REASON,
    "emissions": "no",
    "balance": REASON,
}
#: An extension, which only information on the environment has.
EXTENSION = {"reason": REASON, "environmental": "yes"}
#: Users who may sign decisions, and their job titles.
AUTHORS = {
    "editor": "Chargée d’études",
    "admin": "Cheffe de service",
    "other-editor": "Chargé d’études",
    "other-admin": "Chef de service",
    "moderator": "Chef de projet",
    "boss": "Cheffe",
}


@pytest.fixture(scope="module")
def people(loaded: None, request: pytest.FixtureRequest) -> None:
    """Create the users and services, and remove all datasets.

    Reuse users and services of an earlier module.
    """
    model.Session.remove()
    if not lacking() and _is_populated():
        model.Session.execute(sa.text("TRUNCATE package CASCADE"))
        model.Session.commit()
    else:
        request.getfixturevalue("empty_db")()
        populate()
    request.getfixturevalue("reset_index")()


@pytest.fixture
def portal(ckan_config: Any, people: None) -> None:
    """A portal with users and services, but no requests."""
    forget_requests()


@pytest.fixture
def app(made_app: Any, ckan_config: Any) -> CKANTestApp:
    """Test application with a fresh client (no cookies)."""
    return CKANTestApp(made_app)


def _is_populated() -> bool:
    """Return whether the users and services are there as `populate` makes them,
    whatever earlier tests did to them.
    """
    columns = (model.User.name, model.User.fullname, model.User.email, model.User.state)
    users = {
        tuple(user)
        for user in model.Session.execute(sa.select(*columns))
        if user[0] != tk.config["ckan.site_id"]
    }
    expected = {
        (name, f"{name.title()} Nom", f"{name}@secret.example", "active") for name in PEOPLE
    }
    members = sa.select(model.User.name, model.Group.name, model.Member.capacity).where(
        model.Member.table_id == model.User.id,
        model.Member.group_id == model.Group.id,
        model.Member.state == "active",
    )
    roles = {tuple(member) for member in model.Session.execute(members)}
    groups = {
        tuple(group)
        for group in model.Session.execute(sa.select(model.Group.name, model.Group.state))
    }
    return (
        {user for user in users if user[0] != "boss"} == expected
        and any(user[0] == "boss" and user[3] == "active" for user in users)
        and {role for role in roles if role[0] in PEOPLE}
        == {(name, *role) for name, role in PEOPLE.items() if role}
        and groups == {(name, "active") for name in SERVICES}
    )


def populate() -> None:
    """Create the users and services."""
    factories.Sysadmin(name="boss", fullname="Berthe Boss", image_url="")
    for name in PEOPLE:
        factories.User(
            name=name, fullname=f"{name.title()} Nom", email=f"{name}@secret.example", image_url=""
        )
    for name, (title, kind, territory) in SERVICES.items():
        extras = {organisations.KIND: kind, organisations.TERRITORY: territory}
        factories.Organization(
            name=name,
            title=title,
            image_url="",
            extras=[{"key": key, "value": value} for key, value in extras.items() if value],
            users=[{"name": p, "capacity": r[1]} for p, r in PEOPLE.items() if r and r[0] == name],
        )


def forget_requests() -> None:
    """Empty the tables of the requests and reset their counters in Redis."""
    model.Session.remove()
    tables = ("ecosphere_requests", "ecosphere_work")
    empty([each for each in Request.metadata.sorted_tables if each.name.startswith(tables)])
    model.Session.commit()
    for name, quality in AUTHORS.items():
        letters.keep_author(
            user_id(name), {"first_name": name.title(), "last_name": "Nom", "quality": quality}
        )
    model.Session.commit()
    # Datasets saved before the test are not compared with its requests.
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    set_system_info(matching.LAST_COMPARISON, (now + matching.MARGIN).isoformat())
    connection = connect_to_redis()
    for pattern in (f"ecosphere:requests:{tk.config['ckan.site_id']}:*", f"{rate_limits.PREFIX}:*"):
        for key in connection.scan_iter(pattern):
            connection.delete(key)


@pytest.fixture(autouse=True)
def generous(ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the rate limits: tests write more per hour than people do.

    The throttling tests set their own limits.
    """
    monkeypatch.setitem(ckan_config, "ecosphere.requests.comments_per_hour", 100_000)
    monkeypatch.setitem(ckan_config, "ecosphere.requests.requests_per_day", 100_000)
    # Show and send texts of new users at once; `test_moderation` and `test_threads` test moderation
    # and delays.
    monkeypatch.setitem(ckan_config, "ecosphere.requests.release_after", 0)
    monkeypatch.setitem(ckan_config, "ecosphere.requests.comment_delay", 0)
    monkeypatch.setitem(ckan_config, "ecosphere.requests.moderation_digest", 0)


def user_id(name: str) -> str:
    """Return the id of a user."""
    user = model.User.get(name)
    assert user is not None
    return user.id


def group_id(name: str) -> str:
    """Return the id of a service."""
    group = model.Group.get(name)
    assert group is not None
    return group.id


def act(action: str, person: str | None, **data: Any) -> Any:
    """Call an action of the data requests as a user, or anonymously if `person` is None."""
    user = model.User.get(person) if person else None
    context: Any = {"user": person or "", "auth_user_obj": user, "ignore_auth": False}
    return tk.get_action(f"ecosphere_request_{action}")(context, data)


def row(request: dict[str, Any]) -> Request:
    """Reload the row of a request from the database."""
    model.Session.expire_all()
    return model.Session.get_one(Request, request["id"])


def step(request: dict[str, Any], transition: str, person: str, **data: Any) -> dict[str, Any]:
    """Perform a transition on the current version of a request."""
    version = row(request).version
    return act(
        "transition", person, id=request["id"], transition=transition, version=version, **data
    )


def draft(person: str = "asker", **changes: Any) -> dict[str, Any]:
    """Create a complete draft."""
    return act("create", person, **{**DRAFT, **changes})


def submitted(person: str = "asker", **changes: Any) -> dict[str, Any]:
    """Create and submit a request, without a moderator's approval."""
    return step(draft(person, **changes), "submit", person, similar_seen=True)


def opened(person: str = "asker", service: str = "ddt-42", **changes: Any) -> dict[str, Any]:
    """Create a request that is open and assigned to a service."""
    made = submitted(person, **changes)
    return (
        made if made["state"] == "open" else step(made, "accept", "moderator", organization=service)
    )


def dataset(**changes: Any) -> dict[str, Any]:
    """Create a public dataset of `ddt-42`."""
    return factories.Dataset(
        **{"owner_org": group_id("ddt-42"), "title": "Zones humides du Forez", **changes}
    )


Maker = Callable[..., dict[str, Any]]


@pytest.fixture
def postbox(ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Postbox]:
    """Run a real SMTP server and configure CKAN to use it."""
    with serving() as box:
        monkeypatch.setitem(ckan_config, "smtp.server", box.address)
        yield box
