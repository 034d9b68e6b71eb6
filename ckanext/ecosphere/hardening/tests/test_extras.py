"""Free extras over HTTP: they cannot set fields of the search index,
nor reveal private datasets.
"""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.lib.search import rebuild
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.dataset import bounds

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")


@pytest.fixture
def ask(app: CKANTestApp) -> Any:
    """Call an action over HTTP as a sysadmin."""
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    return lambda action, **data: app.post(f"/api/3/action/{action}", json=data, headers=headers)


@pytest.fixture
def dataset() -> dict[str, Any]:
    return factories.Dataset(
        owner_org=factories.Organization()["id"], name="zones", title="Zones", private=False
    )


@pytest.mark.few(1, "values")
@pytest.mark.parametrize(
    "name",
    [
        "_root_",
        "é_root_",
        "_version_",
        "vocab_x",
        "minx",
        "ecosphere_year",
        "permission_labels",
        "capacity",
    ],
)
def test_a_name_of_the_index_is_no_free_field(name: str, ask: Any, dataset: dict[str, Any]):
    answer = ask("package_patch", id="zones", extras=[{"key": name, "value": "zz"}])
    assert (answer.status_code, list(answer.json["error"])) == (409, ["extras", "__type"])
    assert (
        ask("package_patch", id="zones", extras=[{"key": "couleur", "value": "zz"}]).status_code
        == 200
    )


@pytest.mark.few(1, "values")
@pytest.mark.parametrize("value", ["2020-01-01T00:00:00Z", "2020-01-01 10:00 +02:00", "9" * 30])
def test_a_date_that_the_index_refuses_is_no_free_field(
    value: str, ask: Any, app: CKANTestApp, dataset: dict[str, Any]
):
    extras = [{"key": "published_date", "value": value}]
    answer = ask("package_patch", id="zones", private=True, extras=extras)
    assert (answer.status_code, list(answer.json["error"])) == (409, ["extras", "__type"])
    for good in ("2020-01-01", "2020-01-01T10:00:00", "hier"):
        extras = [{"key": "published_date", "value": good}]
        assert ask("package_patch", id="zones", private=True, extras=extras).status_code == 200
        assert app.get("/api/3/action/package_search?q=zones").json["result"]["count"] == 0


@pytest.mark.few(1, "values")
@pytest.mark.parametrize("field", ["extras", "contact", "groups", "tags", "resources"])
def test_too_many_rows_are_told_by_the_name_of_the_field(
    field: str, ask: Any, dataset: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bounds, "most", lambda _field: 3)
    rows = [
        {"key": f"k{number}", "name": f"mot{number}", "value": "x", "url": "x"}
        for number in range(4)
    ]
    answer = ask("package_patch", id="zones", **{field: rows})
    assert (answer.status_code, list(answer.json["error"])) == (409, [field, "__type"])
    assert "3" in answer.json["error"][field][0]


def test_what_is_made_private_is_not_found_any_more(
    ask: Any, app: CKANTestApp, dataset: dict[str, Any]
):
    package = model.Package.get("zones")
    assert package is not None
    package.extras = {**package.extras, "_root_": "zz"}  # stored before such names were refused
    model.Session.commit()
    rebuild("zones")
    assert app.get("/api/3/action/package_search?q=zones").json["result"]["count"] == 1
    assert ask("package_patch", id="zones", private=True, extras=[]).status_code == 200
    assert app.get("/api/3/action/package_search?q=zones").json["result"]["count"] == 0
    assert "Zones" not in app.get("/dataset/").body


def test_keywords_in_one_text_come_beside_those_there_are(ask: Any, dataset: dict[str, Any]):
    assert ask("package_patch", id="zones", tags=[{"name": "eau"}]).status_code == 200
    shown = ask("package_patch", id="zones", tag_string="risque, eau").json["result"]
    assert sorted(tag["name"] for tag in shown["tags"]) == ["eau", "risque"]
