"""CSRF protection: other sites cannot act for a logged-in user,
even after CKAN has exempted a view from its check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests import factories
from flask.testing import FlaskClient

from ckanext.ecosphere.shared.tests.conftest import (
    error_type,
    group_id,
    is_logged_in,
    stored_package,
    token_of,
)

pytestmark = pytest.mark.usefixtures("portal")

Visitor = Callable[..., FlaskClient]
REFUSED = "For your safety this was not done"
#: The endpoint of all actions, which are tested separately below.
API = ("api.action",)
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
POSTING = [
    path
    for path in sorted(TEMPLATES.rglob("*.html"))
    if re.search(r'method="post"', path.read_text(), re.I)
]


def changing_routes(app: Any) -> Iterator[tuple[str, str, str]]:
    """Yield endpoint, method and path of every route that accepts a form."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint in API:
            continue
        for method in sorted((rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}):
            yield rule.endpoint, method, re.sub(r"<[^>]*>", "zones-humides", rule.rule)


def test_every_route_that_changes_something_asks_for_the_token(
    portal: Any, visitor: Visitor, log_in: Visitor
):
    routes = list(changing_routes(portal._wsgi_app))
    assert len(routes) > 60
    stranger, victim = visitor(), log_in("boss")
    forged = {}
    for endpoint, method, address in routes:
        stranger.open(address, method=method, data={})  # exempts this view from CKAN's check
        answer = victim.open(address, method=method, data={"save": "1"})
        if answer.status_code != 400 or REFUSED not in answer.get_data(as_text=True):
            forged[endpoint, address] = answer.status_code
    assert forged == {}
    assert is_logged_in(victim)


@pytest.mark.parametrize(
    ("address", "data"),
    [
        ("/dataset/delete/zones-humides", {}),
        ("/organization/delete/ddt", {}),
        ("/user/delete/marc", {}),
        ("/dataset/zones-humides/qualite/liens", {}),
        ("/demandes/effacer-mes-donnees", {"confirm": "1"}),
        ("/demandes/nouvelle", {"title": "forged"}),
        ("/ecosphere/harvest/trial", {"url": "http://127.0.0.1/"}),
        ("/dataset/importer", {"text": "forged"}),
        ("/dataset/modification-groupee", {"action": "start"}),
    ],
)
def test_forged_form_is_refused(
    visitor: Visitor, log_in: Visitor, address: str, data: dict[str, str]
):
    visitor().post(address, data={})
    answer = log_in("boss").post(address, data=data)
    assert (answer.status_code, REFUSED in answer.get_data(as_text=True)) == (400, True)


@pytest.mark.parametrize("template", POSTING, ids=lambda path: path.name)
def test_own_form_carries_the_token(template: Path):
    text = template.read_text()
    assert text.count("h.csrf_input()") >= len(
        re.findall(r'<form[^>]*method="post"', text, re.IGNORECASE)
    )


def test_forged_form_deletes_nothing_and_the_true_form_does(visitor: Visitor, log_in: Visitor):
    dataset = factories.Dataset(owner_org=group_id("ddt"))
    victim = log_in("anne")
    visitor().post(f"/dataset/delete/{dataset['id']}")
    victim.post(f"/dataset/delete/{dataset['id']}")
    assert stored_package(dataset["id"]).state == "active"
    victim.post(f"/dataset/delete/{dataset['id']}", data={"_csrf_token": token_of(victim)})
    model.Session.expire_all()
    assert stored_package(dataset["id"]).state == "deleted"


@pytest.mark.parametrize("sent", ["json", "form", "text"])
def test_action_called_with_a_cookie_needs_the_token(visitor: Visitor, log_in: Visitor, sent: str):
    data = {"id": "zones-humides", "notes": f"forged {sent}"}
    body = {
        "json": {"json": data},
        "form": {"data": data},
        "text": {"data": tk.h.dump_json(data), "content_type": "text/plain"},
    }[sent]
    visitor().post("/api/3/action/package_patch", **body)
    victim = log_in("anne")
    answer = victim.post("/api/3/action/package_patch", **body)
    assert (answer.status_code, error_type(answer)) == (400, "CSRF Error")
    assert stored_package("zones-humides").notes != data["notes"]
    headers = {"X-CSRFToken": token_of(victim)}
    expected = 415 if sent == "text" else 200  # CKAN does not accept text/plain
    assert (
        victim.post("/api/3/action/package_patch", headers=headers, **body).status_code == expected
    )


def test_action_that_only_reads_needs_no_token(log_in: Visitor):
    assert log_in().post("/api/3/action/package_search", json={"q": "eau"}).status_code == 200


def test_api_token_needs_no_csrf_token(visitor: Visitor):
    token = factories.APIToken(user="anne")["token"]
    answer = visitor().post(
        "/api/3/action/package_patch",
        json={"id": "zones-humides", "notes": "by program"},
        headers={"Authorization": token},
    )
    assert answer.status_code == 200


def test_invalid_api_token_does_not_free_a_session_of_the_check(log_in: Visitor):
    answer = log_in().post(
        "/api/3/action/package_patch", json={"id": "zones-humides"}, headers={"Authorization": "x"}
    )
    assert (answer.status_code, error_type(answer)) == (400, "CSRF Error")


def test_remember_cookie_is_a_cookie_too(log_in: Visitor):
    victim = log_in("anne", remember=True)
    victim.delete_cookie("ckan")
    answer = victim.post("/dataset/delete/zones-humides")
    assert (answer.status_code, REFUSED in answer.get_data(as_text=True)) == (400, True)
    assert is_logged_in(victim)


def test_token_of_somebody_else_is_refused(visitor: Visitor, log_in: Visitor):
    foreign = token_of(log_in("marc"))
    assert (
        log_in("anne")
        .post("/dataset/delete/zones-humides", data={"_csrf_token": foreign})
        .status_code
        == 400
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/page"},
    ],
)
def test_other_site_cannot_log_a_visitor_in(visitor: Visitor, headers: dict[str, str]):
    client = visitor()
    form = {"login": "marc", "password": "correct-horse-battery"}
    assert client.post("/user/login", data=form, headers=headers).status_code == 400
    assert not is_logged_in(client)


def test_own_page_logs_in(visitor: Visitor):
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": tk.config["ckan.site_url"]}
    form = {"login": "marc", "password": "correct-horse-battery"}
    assert visitor().post("/user/login", data=form, headers=headers).status_code == 302


def test_opening_an_address_does_not_clear_a_source(log_in: Visitor, sysadmin_context: Any):
    source = tk.get_action("harvest_source_create")(
        sysadmin_context,
        {
            "name": "geo-ide",
            "title": "Géo-IDE",
            "url": "https://catalogue.example.org/csw",
            "source_type": "ecosphere_csw",
            "owner_org": group_id("ddt"),
        },
    )
    for change in ("delete", "clear", "refresh"):
        assert log_in("marc").get(f"/harvest/{change}/geo-ide").status_code == 403, (
            "only who may do it is asked"
        )
    victim = log_in("boss")
    answer = victim.get("/harvest/delete/geo-ide", follow_redirects=False)
    assert answer.status_code == 200
    assert "Do you want to do this?" in answer.get_data(as_text=True)
    assert stored_package(source["id"]).state == "active"
    answer = victim.get(
        f"/harvest/delete/geo-ide?_csrf_token={token_of(victim)}", follow_redirects=False
    )
    assert answer.status_code == 302
    model.Session.expire_all()
    assert stored_package(source["id"]).state == "deleted"


def test_other_site_cannot_log_out(log_in: Visitor):
    victim = log_in()
    answer = victim.get(
        "/user/_logout", headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False
    )
    assert answer.status_code == 200
    assert is_logged_in(victim)
    assert victim.get("/user/_logout", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 302
    assert not is_logged_in(victim)


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "http://test.ckan.net@evil.example/",
    ],
)
@pytest.mark.parametrize("name", ["came_from", "next"])
def test_log_in_leads_nowhere_else(visitor: Visitor, target: str, name: str):
    form = {"login": "marc", "password": "correct-horse-battery"}
    answer = visitor().post(
        "/user/login", query_string={name: target}, data=form, follow_redirects=False
    )
    if answer.status_code == 302:
        location = answer.headers["Location"]
        assert location.startswith(tk.config["ckan.site_url"] + "/")
    else:
        assert answer.status_code == 400


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_registration_leads_nowhere_else(visitor: Visitor, target: str):
    form = {
        "name": "lise",
        "email": "lise@example.org",
        "password1": "correct-horse",
        "password2": "correct-horse",
    }
    answer = visitor().post(
        "/user/register", query_string={"came_from": target}, data=form, follow_redirects=False
    )
    assert answer.status_code == 400
    assert model.User.get("lise") is None


def test_log_in_leads_back_to_the_page(visitor: Visitor):
    form = {"login": "marc", "password": "correct-horse-battery"}
    answer = visitor().post(
        "/user/login?came_from=/dataset/%3Fq%3Deau", data=form, follow_redirects=False
    )
    assert answer.headers["Location"].endswith("/dataset/?q=eau")
