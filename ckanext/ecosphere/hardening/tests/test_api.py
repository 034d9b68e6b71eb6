"""API and pages of CKAN and ckanext-dcat answer refused or invalid calls with a message,
over HTTP.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from threading import Event, Semaphore
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories
from sqlalchemy.exc import DBAPIError

from ckanext.ecosphere.hardening import private_datasets

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")

OK, BAD_REQUEST, NOT_FOUND = 200, 400, 404
AT_ONCE = 6

ANSWERS = {
    "/catalog.ttl?page=100000": 400,
    "/feeds/dataset.atom?page=9999999": 400,
    "/feeds/custom.atom?q=" + "b*%20" * 200: 400,
    "/api/3/action/ecosphere_request_stats?year=a": 409,
    "/organization/?sort=name%20asc,": 200,
    "/organization/?q=" + "." * 600: 200,
    "/" + "..a/" * 300: 404,
    "/catalog.9999-12-31": 404,
    "/dataset/none.[": 404,
    "/catalog.ttl": 200,
    "/api/3/action/organization_list?sort=name%20asc,,": 200,
    "/dataset/?sort=title%20asc,,": 400,
    "/dataset/?page=abc": 400,
    "/dataset/?page=": 400,
    "/dataset/?page=2": 200,
    "/harvest?page=x": 400,
    "/catalog.ttl?modified_since=99999999999999999999": 400,
    "/catalog.ttl?modified_since=2020-01-01": 200,
}


POSTED = {
    "send_mail": ({}, 400),
    "InactiveSource": ({"name": "x"}, 400),
    "api_token_create": ({"user": "a", "name": "a", "scope": "read"}, 409),
    "member_delete": ({"id": [1]}, 409),
    "activity_data_show": ({"id": -1, "object_type": -1}, 409),
    "current_package_list_with_resources": ({"limit": 10**30}, 409),
    "organization_create": ({"name": "a-service", "type": ["a"]}, 409),
    "user_create": ({"name": "a", "email": "a@guichet.example", "password": "a" * 5_000}, 409),
    "term_translation_show": ({"terms": ["a"] * 100_000}, 409),
    "organization_list": ({"organizations": ["a"] * 100_000, "all_fields": True}, 409),
    "package_revise": ({"match": {"id": "a"}, "update__type": "zzz"}, 409),
    "activity_show": ({"id": "a"}, 404),
}
#: Several calls of one action.
ASKED = {
    "package_search?wt=xml": 400,
    "ecosphere_harvest_records_list?id=a&outcome=x": 409,
    "user_follower_count?id=default": 403,
    "tag_autocomplete?q=%25": 200,
    "group_autocomplete?q=a": 200,
}


def test_calls_that_do_harm_are_refused(app: Any) -> None:
    answers = {
        name: app.post(f"/api/3/action/{name}", json=data).status_code
        for name, (data, _) in POSTED.items()
    }
    assert answers == {name: status for name, (_, status) in POSTED.items()}
    assert {path: app.get(f"/api/3/action/{path}").status_code for path in ASKED} == ASKED


def test_a_token_does_not_become_the_account(app: Any) -> None:
    person, other = factories.UserWithToken(name="paul"), factories.User(name="anne")
    headers = {"Authorization": person["token"]}
    for action in ("user_patch", "user_update"):
        for changed in ({"password": "Lac-vert-2024"}, {"email": "voleur@guichet.example"}):
            call = {"id": "paul", "name": "paul", "email": person["email"], **changed}
            answer = app.post(f"/api/3/action/{action}", json=call, headers=headers)
            assert (answer.status_code, list(answer.json["error"])) == (409, [*changed, "__type"])
    call = {"id": "paul", "email": person["email"], "fullname": "Paul"}
    assert app.post("/api/3/action/user_patch", json=call, headers=headers).status_code == 200
    administrator = {"Authorization": factories.SysadminWithToken()["token"]}
    call = {"id": other["id"], "password": "Lac-vert-2024"}
    assert app.post("/api/3/action/user_patch", json=call, headers=administrator).status_code == 200


def test_no_shared_cache_keeps_what_a_person_is_answered(app: Any) -> None:
    person = factories.UserWithToken()
    service = factories.Organization(users=[{"name": person["name"], "capacity": "editor"}])
    dataset = factories.Dataset(owner_org=service["id"], private=True)
    addresses = (
        f"/api/3/action/package_show?id={dataset['id']}",
        f"/dataset/{dataset['name']}.ttl",
        "/dataset/",
    )
    for address in addresses:
        answer = app.get(address, headers={"Authorization": person["token"]}, status=200)
        assert answer.cache_control.private, address
        assert not answer.cache_control.public, address
    assert app.get("/api/3/action/package_search").cache_control.public
    asset = app.get("/base/images/ckan.ico", headers={"Authorization": person["token"]})
    assert asset.cache_control.public


def test_no_dataset_is_put_where_nobody_finds_it(app: Any) -> None:
    person = factories.UserWithToken()
    service = factories.Organization(users=[{"name": person["name"], "capacity": "editor"}])
    dataset, headers = (
        factories.Dataset(owner_org=service["id"]),
        {"Authorization": person["token"]},
    )
    related = {"subject": dataset["id"], "object": dataset["id"], "type": "depends_on"}
    for name, value in (
        ("state", "zzz"),
        ("relationships_as_subject", [related]),
        ("relationships_as_object", [1]),
    ):
        call = {"id": dataset["id"], name: value}
        answer = app.post("/api/3/action/package_patch", json=call, headers=headers)
        assert (answer.status_code, list(answer.json["error"])) == (409, [name, "__type"])
    shown = app.post(
        "/api/3/action/package_show", json={"id": dataset["id"]}, headers=headers
    ).json["result"]
    assert app.post("/api/3/action/package_update", json=shown, headers=headers).status_code == 200
    form = {"state": "zzz", "name": dataset["name"], "title": "Titre", "save": ""}
    page = app.post(f"/dataset/edit/{dataset['name']}", data=form, headers=headers)
    assert (page.status_code, "state" in page.text) == (400, True)
    assert model.Package.get(dataset["id"]).state == "active"


def test_what_is_saved_twice_at_one_moment_is_a_conflict(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, dataset = (
        factories.UserWithToken(),
        factories.Dataset(owner_org=factories.Organization()["id"]),
    )
    headers = {"Authorization": person["token"]}
    follow = {"json": {"id": dataset["id"]}, "headers": headers}
    app.post("/api/3/action/follow_dataset", **follow, status=200)
    model.Session.remove()
    monkeypatch.setattr(
        model.UserFollowingDataset, "get", lambda *_them: None
    )  # as before the first call was saved
    page = app.post(f"/dataset/follow/{dataset['id']}", headers=headers)
    assert page.status_code == 409
    answer = app.post("/fr/api/3/action/follow_dataset", **follow)
    assert (answer.status_code, answer.json["error"]["__type"]) == (409, "Validation Error")
    assert "a été enregistrée à l’instant" in answer.json["error"]["message"][0]
    assert app.post("/api/3/action/package_show", **follow).status_code == 200


@pytest.mark.slow("load")
def test_of_many_who_save_the_same_at_once_nobody_meets_an_internal_error(
    made_app: Any, app: Any
) -> None:
    person, other = factories.SysadminWithToken(), factories.User()
    service, vocabulary = factories.Organization(), factories.Vocabulary()
    dataset = factories.Dataset(owner_org=service["id"])
    model.Session.remove()
    account = {"email": "a@guichet.example", "password": "Lac-vert-2024"}
    calls: dict[str, dict[str, Any]] = {
        "follow_dataset": {"id": dataset["id"]},
        "follow_user": {"id": other["id"]},
        "follow_group": {"id": service["id"]},
        "package_create": {
            "name": "le-meme",
            "title": "Le même",
            "owner_org": service["id"],
            "private": True,
        },
        "organization_create": {"name": "le-service", "title": "Le service"},
        "group_create": {"name": "le-groupe", "title": "Le groupe"},
        "user_create": {"name": "la-meme", **account},
        "vocabulary_create": {"name": "le-vocabulaire"},
        "tag_create": {"name": "le-mot", "vocabulary_id": vocabulary["id"]},
        "package_patch": {"id": dataset["id"], "tags": [{"name": "nouveau"}]},
        "unfollow_dataset": {"id": dataset["id"]},
        "vocabulary_delete": {"id": vocabulary["id"]},
        "dataset_purge": {"id": dataset["id"]},
        "user_delete": {"id": other["id"]},
    }
    start = threading.Barrier(AT_ONCE)

    def ask(name: str) -> int:
        start.wait(timeout=60)
        try:
            client = made_app._wsgi_app.test_client()
            headers = {"Authorization": person["token"]}
            return client.post(
                f"/api/3/action/{name}", json=calls[name], headers=headers
            ).status_code
        finally:
            model.Session.remove()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = {name: sorted(pool.map(ask, [name] * AT_ONCE)) for name in calls}
    assert {name: set(found) - {200, 404, 409} for name, found in answers.items()} == {
        name: set() for name in calls
    }
    # A vocabulary with terms cannot be deleted.
    assert {name for name, found in answers.items() if found[0] != 200} == {"vocabulary_delete"}
    search, headers = (
        {"fq": "name:le-meme", "include_private": True},
        {"Authorization": person["token"]},
    )
    assert (
        app.post("/api/3/action/package_search", json=search, headers=headers).json["result"][
            "count"
        ]
        == 1
    )


@pytest.mark.slow("load")
def test_a_dataset_that_is_saved_often_at_once_leaves_threads_for_others(
    app: Any, made_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = factories.SysadminWithToken()
    dataset: Any = factories.Dataset(title="Avant", owner_org=factories.Organization()["id"])
    saving, go_on = Semaphore(0), Event()

    def slow(*arguments: Any) -> Any:
        saving.release()
        go_on.wait(timeout=30)
        return tk.check_access(*arguments)

    monkeypatch.setattr("ckan.logic.action.patch._check_access", slow)

    def patch(number: int) -> Any:
        try:
            client = made_app._wsgi_app.test_client()
            data = {"id": dataset["name"], "title": f"Titre {number}"}
            return client.post(
                "/api/3/action/package_patch", json=data, headers={"Authorization": person["token"]}
            )
        finally:
            model.Session.remove()

    with ThreadPoolExecutor(2) as pool:
        begun = [pool.submit(patch, number) for number in range(2)]
        assert all(saving.acquire(timeout=20) for _each in begun)
        refused = [patch(number) for number in range(2, 5)]
        assert {(answer.status_code, answer.headers["Retry-After"]) for answer in refused} == {
            (409, "1")
        }
        assert all("message" in answer.json["error"] for answer in refused)
        stranger = made_app._wsgi_app.test_client().post(
            "/api/3/action/package_patch", json={"id": dataset["name"]}
        )
        assert stranger.status_code == 403
        go_on.set()
        assert [each.result().status_code for each in begun] == [200, 200]
    assert app.get(f"/api/3/action/package_show?id={dataset['name']}").json["result"]["title"] in (
        "Titre 0",
        "Titre 1",
    )
    assert patch(9).status_code == 200


def test_a_file_in_the_place_of_a_text_is_refused(app: Any) -> None:
    for action, name in (
        ("tag_show", "id"),
        ("package_search", "fl"),
        ("organization_list", "type"),
    ):
        answer = app.post(f"/api/3/action/{action}", data={name: (BytesIO(b"a"), "a.txt")})
        assert (answer.status_code, list(answer.json["error"])) == (409, [name, "__type"])


def test_a_callback_is_the_name_of_a_function(app: Any) -> None:
    address = "/api/3/action/status_show?callback="
    assert app.get(f"{address}jQuery1.done").status_code == 200
    assert app.get(f"{address}alert(1)//").status_code == 409


def test_the_form_of_an_account_without_its_old_password_is_not_complete(app: Any) -> None:
    user = factories.UserWithToken(name="paul", password="Lac-bleu-2024")
    data = {
        "email": user["email"],
        "password1": "Lac-vert-2024",
        "password2": "Lac-vert-2024",
        "save": "",
    }
    answer = app.post("/user/edit/paul", data=data, headers={"Authorization": user["token"]})
    assert answer.status_code == 400
    assert "old_password" in answer.text


# One portal for all pages: making it takes longer than the requests.
def test_pages_answer_what_is_refused(app: Any) -> None:
    assert {path: app.get(path, follow_redirects=False).status_code for path in ANSWERS} == ANSWERS


def test_a_dataset_is_no_source_of_a_harvest(app: Any) -> None:
    dataset = factories.Dataset(owner_org=factories.Organization()["id"])
    assert app.get(f"/harvest/{dataset['name']}/job/last").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/3",
        "/api/3/action/status_show",
        "/api/i18n/fr",
        "/api/2/util/dataset/autocomplete?incomplete=a",
        "/api/2/util/resource/format_autocomplete?incomplete=c",
    ],
)
def test_no_address_is_a_script_of_its_sender(app: Any, path: str):
    """Pages run scripts of the portal: a script taken from a URL would bypass their CSP."""
    path += "&" if "?" in path else "?"
    refused = app.get(f"{path}callback=alert(document.domain)%3B%2F%2F", status=409)
    assert refused.headers["Content-Type"].startswith("application/json")
    # JSONP for other sites is allowed; no page of the portal uses it.
    assert app.get(f"{path}callback=show.it").body.startswith("show.it(")
    fetched = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "script"}
    assert app.get(f"{path}callback=show.it", headers=fetched).status_code == 409


@pytest.mark.parametrize("kind", ["package", "group", "organization"])
def test_a_type_without_pages_is_refused(kind: str, app: Any) -> None:
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    usual = "dataset" if kind == "package" else kind
    values = {"name": "a-name", "title": "Nom", "notes": "Une description."}
    if kind == "package":
        values["owner_org"] = factories.Organization()["id"]
    asked = f"/api/3/action/{kind}_create"
    refused = app.post(asked, json={**values, "type": "zzz"}, headers=headers, status=409).json[
        "error"
    ]
    assert usual in refused["type"][0]
    made = app.post(
        asked, json={**values, "type": usual, "private": True}, headers=headers, status=200
    ).json["result"]
    for verb in ("update", "patch"):
        app.post(
            f"/api/3/action/{kind}_{verb}",
            json={**made, "type": "zzz"},
            headers=headers,
            status=409,
        )
    app.get("/ckan-admin/trash", headers=headers, status=200)


def test_following_without_an_account_is_refused(app: Any) -> None:
    for path in (
        "/organization/follow/none",
        "/organization/unfollow/none",
        "/dataset/follow/none",
        "/user/follow/none",
    ):
        assert app.post(path, follow_redirects=False).status_code in {302, 400, 401, 403, 404}, path


@pytest.mark.parametrize("identifier", [1, 1.5, 1e308, True])
def test_number_as_an_identifier_is_refused(app: Any, identifier: object) -> None:
    for action in ("package_show", "organization_show", "resource_show", "user_show"):
        assert app.post(f"/api/3/action/{action}", json={"id": identifier}).status_code == 409, (
            action
        )


def _fail_twice(*_arguments: Any) -> bool:
    """Break the transaction, then fail as an error page that queries the database does."""
    with suppress(DBAPIError):
        model.Session.execute(sa.text("SELECT 'a' = ARRAY['a']::text[]"))
    raise RuntimeError("the error page failed")


def test_a_transaction_that_failed_ends_with_its_request(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(private_datasets, "is_absent_for_page", _fail_twice)
        app.get("/about")
    assert app.get("/about").status_code == OK


def test_forms_of_ckan_that_are_none_are_refused(app: Any) -> None:
    """A list as `owner_org` made a statement fail, and with it each
    later page of the same thread.
    """
    editor = factories.User()
    organization = factories.Organization(user={"name": editor["name"], "capacity": "editor"})
    dataset = factories.Dataset(owner_org=organization["id"])
    file = factories.Resource(package_id=dataset["id"])
    token = {"Authorization": factories.APIToken(user=editor["name"])["token"]}
    forms = {
        "/dataset/new": [
            {"owner_org": [organization["id"]] * 2, "save": ""},
            {"name": ["a", "b"], "title": "a"},
        ],
        f"/dataset/{dataset['name']}/resource/new": [
            {"url": "a"},
            {"id": "", "save": "", "a__b__c": "d"},
        ],
        f"/dataset/{dataset['name']}/resource/{file['id']}/edit": [{"id": ["a", "b"], "save": ""}],
        f"/organization/bulk_process/{organization['name']}": [
            {},
            {"bulk_action.delete": "", "a": "private"},
        ],
    }
    answers = {
        path: [
            app.post(path, data=form, headers=token, follow_redirects=False).status_code
            for form in sent
        ]
        for path, sent in forms.items()
    }
    assert answers == {path: [BAD_REQUEST] * len(sent) for path, sent in forms.items()}
    assert app.get("/harvest/none/resource/new", headers=token).status_code == NOT_FOUND
    # Of an account that does not exist, CKAN asks for the address None.
    long = "a" * 5_000
    forms = (
        *({"password": "a"}, {"login": "a"}, {"login": "a", "password": long}),
        {"login": "a", "password": "a", "remember": "always"},
    )
    closed = app.post("/compte/fermer", data={"old_password": long}, headers=token)
    assert (closed.status_code, "too long" in closed.text) == (BAD_REQUEST, True)
    logged_in = [app.post("/user/login", data=form).status_code for form in forms]
    hosts = [
        app.get("/about", headers={"Host": host}).status_code for host in ("a" * 3_000, "b..c")
    ]
    assert (logged_in, hosts) == ([BAD_REQUEST] * 4, [BAD_REQUEST] * 2)
