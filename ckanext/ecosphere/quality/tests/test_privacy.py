"""Quality of a private dataset is hidden from unauthorised users on every page, image,
table and action.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model

from ckanext.ecosphere.quality import store
from ckanext.ecosphere.quality.tests.conftest import act, saved

pytestmark = pytest.mark.usefixtures("portal")

SEES = ("member", "editor", "admin", "sysadmin")
SEES_NOTHING = (None, "stranger", "other-editor")

OF_THE_DATASET = ("/dataset/secret/qualite", "/dataset/secret/qualite.svg", "/dataset/secret.ttl")
OF_THE_SERVICE = tuple(
    f"/organization/ddt-42/tableau-de-bord{ending}" for ending in ("", ".csv", ".json")
)
OF_EVERYONE = (
    "/qualite",
    "/qualite.csv",
    "/qualite.json",
    "/dataset/",
    "/organization/ddt-42",
    "/",
)


@pytest.fixture
def secret(
    people: dict[str, Any], ckan_config: Any, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """A private dataset of high quality and a poor public one:
    any figure that counts the private one differs.
    """
    monkeypatch.setitem(ckan_config, "ecosphere.quality.minimum_size", 1)
    act("package_create", name="public", title="Jeu public", owner_org="ddt-42")
    act("package_create", **saved(name="secret", title="Titre secret", private=True))
    return people


def context(person: str | None) -> Any:
    return {
        "user": person or "",
        "auth_user_obj": model.User.get(person) if person else None,
        "ignore_auth": False,
    }


def ask(action: str, person: str | None, **data: Any) -> Any:
    return tk.get_action(action)(context(person), data)


def get(app: Any, path: str, person: str | None, people: dict[str, Any]) -> Any:
    token = {"Authorization": people[person]["token"]} if person else {}
    return app.get(path, headers=token, expect_errors=True, follow_redirects=False)


def facet(person: str | None) -> dict[str, int]:
    found = ask(
        "package_search",
        person,
        **{"facet.field": ["ecosphere_quality_level"], "include_private": True},
    )
    return {
        i["name"]: i["count"] for i in found["search_facets"]["ecosphere_quality_level"]["items"]
    }


def test_those_who_may_not_see_it_find_nothing_anywhere(app: Any, secret: dict[str, Any]):
    row = store.row_of(model.Package.get("secret").id)  # pyright: ignore[reportOptionalMemberAccess]
    assert row and row.level != "incomplete"
    for person in SEES_NOTHING:
        for path in (*OF_THE_DATASET, *OF_THE_SERVICE):
            answer = get(app, path, person, secret)
            to_log_in = person is None and path in OF_THE_SERVICE
            assert answer.status_code in ((302,) if to_log_in else (403, 404)), (person, path)
            assert "Titre secret" not in answer.body and f"{row.score}/100" not in answer.body, (
                person,
                path,
            )
        for path in OF_EVERYONE:
            assert "secret" not in get(app, path, person, secret).body.lower(), (person, path)
        for action in (
            "ecosphere_quality_show",
            "ecosphere_quality_links",
            "ecosphere_quality_recheck",
        ):
            with pytest.raises(
                tk.NotAuthorized if person is None and "recheck" in action else tk.ObjectNotFound
            ):
                ask(action, person, id="secret")
        with pytest.raises(tk.NotAuthorized if person is None else tk.ObjectNotFound):
            ask("ecosphere_quality_preview", person, id="secret", dataset={})
        with pytest.raises(tk.NotAuthorized):
            ask("ecosphere_quality_dashboard", person, id="ddt-42")
        assert facet(person) == {"incomplete": 1}


@pytest.mark.slow("personas")
def test_those_who_may_see_it_do(app: Any, secret: dict[str, Any]):
    for person in SEES:
        for path in (*OF_THE_DATASET[:2], *OF_THE_SERVICE):
            answer = get(app, path, person, secret)
            assert answer.status_code == 200, (person, path)
            assert "public" not in answer.headers.get("Cache-Control", ""), (person, path)
        assert ask("ecosphere_quality_show", person, id="secret")["score"] > 50
        assert sum(facet(person).values()) == 2


def test_nobody_counts_it_in_the_comparison(secret: dict[str, Any]):
    for person in (*SEES, *SEES_NOTHING):
        found = ask("ecosphere_quality_overview", person)
        assert found["summary"]["datasets"] == 1 and found["summary"]["levels"][-1]["datasets"] == 1
        assert [service["datasets"] for service in found["services"]] == [1]
        for groups in ("themes", "small_themes", "territories", "small_territories"):
            assert found[groups] == []
        assert [point["datasets"] for point in found["trend"]] == [1]


def test_a_dataset_that_becomes_private_leaves_all_figures(app: Any, secret: dict[str, Any]):
    act("package_patch", id="public", private=True)
    found = ask("ecosphere_quality_overview", None)
    assert found["summary"]["datasets"] == 0 and found["trend"] == [] and found["services"] == []
    assert get(app, "/dataset/public/qualite.svg", None, secret).status_code == 404
