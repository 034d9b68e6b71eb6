"""API tokens with a scope over HTTP: every action, pages, datasets of one service, last day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import logic, model
from ckan.tests import factories
from flask.testing import FlaskClient

from ckanext.ecosphere.credentials import tokens
from ckanext.ecosphere.shared.tests.conftest import group_id, stored_package, token_of

READ_ONLY = "read only"
OF_SERVICE = "datasets of the service"

pytestmark = pytest.mark.usefixtures("demand")


class Program:
    """A client of the API with one token."""

    def __init__(self, client: FlaskClient, person: str, **scope: str) -> None:
        made = tk.get_action("api_token_create")(
            {"ignore_auth": True}, {"user": person, "name": "a program", **scope}
        )
        self.client, self.id, self.headers = client, made["id"], {"Authorization": made["token"]}

    def call(self, action: str, **data: Any) -> Any:
        return self.client.post(f"/api/3/action/{action}", json=data, headers=self.headers)

    def open(self, path: str, method: str = "GET") -> Any:
        return self.client.open(path, method=method, headers=self.headers)


@pytest.fixture
def program(visitor: Callable[..., FlaskClient]) -> Callable[..., Program]:
    return lambda person, **scope: Program(visitor(), person, **scope)


@pytest.fixture(scope="module")
def other_service(people: None) -> str:
    """A second service of the same person, with a dataset and a harvest source."""
    service = factories.Organization(
        name="dreal", users=[{"name": "anne", "capacity": "admin"}], image_url=""
    )
    factories.Dataset(name="eolien", owner_org=service["id"])
    for name, owner in (("source-ddt", group_id("ddt")), ("source-dreal", service["id"])):
        context: Any = {"ignore_auth": True, "user": "boss"}
        source = {
            "name": name,
            "title": name,
            "url": f"http://127.0.0.1:9/{name}",
            "owner_org": owner,
        }
        tk.get_action("harvest_source_create")(context, {**source, "source_type": "ecosphere_csw"})
    return service["name"]


def actions(has_effects: bool) -> list[str]:
    logic.get_action("package_show")
    free = {
        name
        for name, action in logic._actions.items()
        if getattr(action, "side_effect_free", False)
    }
    reading = free - tokens.NOT_READING
    if has_effects:
        return sorted(set(logic._actions) - reading)
    return sorted(reading)


def refusal(answer: Any) -> str:
    """Return the sentence with which a call is refused, "" if it is not refused with 403."""
    if answer.status_code != 403:
        return ""
    return answer.json["error"]["message"]


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize("person", ["boss", "anne"])
def test_read_only_is_refused_by_every_action_with_effects(
    person: str, program: Callable[..., Program]
):
    reader = program(person, scope="read")
    names = actions(has_effects=True)
    assert len(names) > 150
    assert [
        name for name in names if READ_ONLY not in refusal(reader.call(name, id="zones-humides"))
    ] == []


def test_read_only_reads_whatever_has_no_effects(program: Callable[..., Program]):
    reader = program("boss", scope="read")
    assert [
        name for name in actions(has_effects=False) if READ_ONLY in refusal(reader.call(name))
    ] == []
    assert reader.call("package_show", id="zones-humides").status_code == 200


def test_a_service_is_refused_by_every_other_action_with_effects(program: Callable[..., Program]):
    writer = program("boss", scope="service", service="ddt")
    names = set(actions(has_effects=True)) - tokens.OF_A_SERVICE
    assert [
        name
        for name in sorted(names)
        if OF_SERVICE not in refusal(writer.call(name, id="zones-humides"))
    ] == []
    assert set(actions(has_effects=True)) >= tokens.OF_A_SERVICE


def test_a_token_cannot_make_a_wider_one(program: Callable[..., Program]):
    for scope in ({"scope": "read"}, {"scope": "service", "service": "ddt"}):
        answer = program("anne", **scope).call("api_token_create", user="anne", name="all")
        assert refusal(answer)


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize("person", ["anne", "boss"])
@pytest.mark.parametrize("service", ["ddt", "dreal"])
def test_the_datasets_of_one_service(
    person: str, service: str, program: Callable[..., Program], other_service: str
):
    writer = program(person, scope="service", service=service)
    allowed = []
    for owner, name in (("ddt", "zones-humides"), ("dreal", "eolien")):
        before = stored_package(name).title
        resource = {"package_id": name, "url": "https://example.org/a.csv", "name": "a"}
        kept = factories.Resource(**resource)["id"]
        draft = factories.Dataset(owner_org=group_id(owner))["id"]
        shown = tk.get_action("package_show")({"ignore_auth": True}, {"id": name})
        source = {
            "id": f"source-{owner}",
            "title": f"Autre {draft}",
            "url": f"http://127.0.0.1:9/source-{owner}",
        }
        source |= {
            "name": f"source-{owner}",
            "owner_org": group_id(owner),
            "source_type": "ecosphere_csw",
        }
        new_source = {
            **source,
            "name": f"new-{person}-{service}-{owner}",
            "url": f"http://127.0.0.1:9/{draft}",
        }
        del new_source["id"]
        answers = {
            "package_create": writer.call(
                "package_create",
                title="Neuf",
                name=f"new-{draft}",
                owner_org=owner,
                notes="Un texte.",
                private=True,
            ),
            "package_patch": writer.call("package_patch", id=name, title=f"{before} {person}"),
            "package_update": writer.call(
                "package_update", **{**shown, "title": f"{before} {service}"}
            ),
            "resource_create": writer.call("resource_create", **resource),
            "resource_patch": writer.call("resource_patch", id=kept, name="b"),
            "resource_update": writer.call(
                "resource_update", id=kept, url="https://example.org/b.csv", name="c"
            ),
            "resource_delete": writer.call("resource_delete", id=kept),
            "package_delete": writer.call("package_delete", id=draft),
            "harvest_source_create": writer.call("harvest_source_create", **new_source),
            "harvest_source_patch": writer.call(
                "harvest_source_patch", id=source["id"], title=f"Source {draft}"
            ),
            "harvest_source_update": writer.call("harvest_source_update", **source),
        }
        if owner == service:
            faults = {
                action: answer.json["error"]
                for action, answer in answers.items()
                if answer.status_code != 200
            }
            allowed.append(owner)
        else:
            faults = {
                action: (answer.status_code, answer.json.get("error"))
                for action, answer in answers.items()
                if OF_SERVICE not in refusal(answer)
            }
        assert faults == {}
        if owner != service:
            assert stored_package(name).title == before
            assert stored_package(draft).state == "active"
            assert model.Package.get(f"new-{draft}") is None
    assert allowed == [service]


def test_a_dataset_does_not_leave_its_service(program: Callable[..., Program], other_service: str):
    writer = program("anne", scope="service", service="ddt")
    answer = writer.call("package_patch", id="zones-humides", owner_org="dreal")
    assert OF_SERVICE in refusal(answer)
    model.Session.expire_all()
    assert stored_package("zones-humides").owner_org == group_id("ddt")
    assert stored_package("eolien").owner_org == group_id("dreal")
    assert OF_SERVICE in refusal(writer.call("package_patch", id="eolien", owner_org="ddt"))


def test_a_scope_gives_no_rights(program: Callable[..., Program], other_service: str):
    with pytest.raises(tk.ValidationError) as error:
        program("marc", scope="service", service="ddt")
    assert "service" in error.value.error_dict


def test_pages_are_read_only_too(program: Callable[..., Program], other_service: str):
    reader = program("boss", scope="read")
    assert reader.open("/dataset/zones-humides").status_code == 200
    for path, method in (
        ("/dataset/delete/zones-humides", "POST"),
        ("/user/boss/api-tokens", "POST"),
        ("/dataset/new", "POST"),
        ("/harvest/clear/source-ddt", "GET"),
        ("/harvest/refresh/source-ddt", "GET"),
    ):
        answer = reader.open(path, method)
        assert answer.status_code == 403, path
        assert READ_ONLY in answer.get_data(as_text=True), path


@pytest.mark.parametrize("scope", [{"scope": "all"}, {"scope": "read"}, {}])
def test_a_token_ends_with_its_last_day(
    scope: dict[str, str], program: Callable[..., Program], monkeypatch: Any
):
    today = tokens.dates.today()
    short = program("anne", expires=today.isoformat(), **scope)
    assert short.call("package_show", id="zones-humides").status_code == 200
    monkeypatch.setattr(tokens.dates, "today", lambda: today + timedelta(days=1))
    answer = short.call("package_show", id="zones-humides")
    assert "was good until" in refusal(answer)


@pytest.mark.parametrize(
    "scope",
    [
        {"scope": "everything"},
        {"scope": "service"},
        {"scope": "service", "service": "nowhere"},
        {"expires": "2020-01-01"},
        {"expires": "tomorrow"},
        {"expires": "9" * 400},
    ],
)
def test_a_scope_that_is_none_makes_no_token(
    scope: dict[str, str], program: Callable[..., Program]
):
    everything = program("anne")
    before = model.Session.query(model.ApiToken).count()
    assert everything.call("api_token_create", user="anne", name="x", **scope).status_code == 409
    assert (
        everything.call("api_token_create", user="anne", name="x", scopes=["read"]).status_code
        == 409
    )
    model.Session.expire_all()
    assert model.Session.query(model.ApiToken).count() == before


def test_tokens_of_before_do_all(program: Callable[..., Program]):
    old = program("anne")
    token = model.ApiToken.get(old.id)
    token.plugin_extras = None
    model.Session.commit()
    assert old.call("package_patch", id="zones-humides", title="Zones humides").status_code == 200


def test_the_page_shows_scope_end_and_last_access(program: Callable[..., Program], log_in: Any):
    program("anne", scope="service", service="ddt", expires="2099-12-31")
    client = log_in("anne")
    page = client.get("/user/anne/api-tokens").get_data(as_text=True)
    assert "Read, and change the datasets of one service – " in page
    assert "2099" in page
    assert "Last access" in page
    form = {
        "name": "from the page",
        "scope": "read",
        "service": "",
        "expires": "",
        "_csrf_token": token_of(client),
    }
    assert client.post("/user/anne/api-tokens", data=form).status_code == 200
    assert "Read only</td>" in client.get("/user/anne/api-tokens").get_data(as_text=True)
    answer = client.post("/user/anne/api-tokens", data={**form, "scope": "service"}).get_data(
        as_text=True
    )
    assert "Choose a service whose" in answer
    assert "Give a date" not in answer and 'value="from the page"' in answer
