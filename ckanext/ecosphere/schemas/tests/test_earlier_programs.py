"""Programs that published to CKAN before this schema: their bodies go on passing, lose nothing,
and they are told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ckan import model
from ckan.lib.search import rebuild
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.schemas import adopting, config

pytestmark = pytest.mark.usefixtures("shared_db")

PEOPLE = {
    "author": "Jean Dupont",
    "author_email": "jean@ain.example.org",
    "maintainer": "Unité SIG",
    "maintainer_email": "sig@ain.example.org",
}
CONTACT = [
    {"name": "Unité SIG", "email": "sig@ain.example.org"},
    {"name": "Jean Dupont", "email": "jean@ain.example.org"},
]
#: Free fields of before; the first three have names of fields of the schema.
FREE = {
    "frequency": "de temps en temps",
    "theme": "Risques",
    "contact": "Voir le service",
    "Cote": "C1",
}
FILES = [
    {"url": "https://example.org/a.csv", "format": "csv;utf8", "name": "Données"},
    {"url": "Voir le service", "format": "Papier", "issued": "hier"},
]
COMPLETED = {"language": ["FRA"], "provenance": "Levé de terrain."}


def extras(**values: str) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in values.items()]


@pytest.fixture
def send(app: CKANTestApp, editor: Any) -> Callable[..., Any]:
    """Call an action over HTTP as a member of the service.

    Return the answer, with the warnings as `told`.
    """

    def send(action: str, expected: int = 200, **data: Any) -> Any:
        answer = app.post(
            f"/api/3/action/{action}", json=data, headers={"Authorization": editor["token"]}
        )
        assert answer.status_code == expected, answer.body[:2000]
        result = answer.json["result" if expected == 200 else "error"]
        return {**result, "told": " ".join(answer.headers.getlist("Warning"))}

    return send


@pytest.fixture
def yesterday(
    service: dict[str, Any], send: Callable[..., Any], request: pytest.FixtureRequest
) -> dict[str, Any]:
    """The body with which a script has saved an adopted dataset
    that people have completed since.
    """
    body = {
        **PEOPLE, "name": f"avant-{abs(hash(request.node.nodeid))}", "title": "Zones inondables", "notes": "Une note.",
        "owner_org": service["id"], "license_id": "cc-by", "url": "www.ain.example.org", "version": "v1",
        "tags": [{"name": "crue"}], "extras": extras(**FREE), "resources": FILES,
    }  # fmt: skip
    columns = {name: value for name, value in body.items() if isinstance(value, str)}
    package = model.Package(**columns, type="dataset", extras=FREE, private=False)
    for file in FILES:
        free = {name: value for name, value in file.items() if name == "issued"}
        package.resources_all.append(
            model.Resource(url=file["url"], format=file["format"], extras=free)
        )
    model.Session.add(package)
    model.Session.commit()
    adopting.run(adopting.plan())
    rebuild(package.id)
    send("package_patch", id=body["name"], **COMPLETED)
    return body


def free(dataset: dict[str, Any]) -> dict[str, str]:
    return {each["key"]: each["value"] for each in dataset["extras"]}


class TestUpdate:
    @pytest.mark.few(1, "variants")
    @pytest.mark.parametrize("grace", ["", "2099-12-31"])
    def test_yesterdays_body_passes_and_empties_nothing(
        self, yesterday, send, grace, ckan_config, monkeypatch
    ):
        monkeypatch.setitem(ckan_config, config.GRACE_UNTIL, grace)
        before = send("package_show", id=yesterday["name"])
        for _again in range(2):
            after = send("package_update", **yesterday)
            assert after["contact"] == CONTACT
            assert after["provenance"] == COMPLETED["provenance"]
            assert not after.get("license_id")
            for name in ("theme", "language", "use_conditions", "url", "version", *PEOPLE):
                assert after[name] == before[name], name
            assert free(after) == free(before)
            assert [each["url"] for each in after["resources"]] == [
                each["url"] for each in before["resources"]
            ]
            assert after["resources"][1]["issued"] == "hier"
        for words in (
            "extra frequency: not a value",
            "extra theme: taken",
            "license_id: converted",
            "kept: ",
        ):
            assert words in after["told"]

    def test_a_field_of_before_that_is_mandatory_now_is_kept_as_well(self, yesterday, send):
        send("package_patch", id=yesterday["name"], license_id="etalab-2.0")
        few = {name: yesterday[name] for name in ("name", "title", "owner_org")}
        after = send("package_update", **few)
        assert (after["license_id"], after["notes"], after["contact"]) == (
            "etalab-2.0",
            "Une note.",
            CONTACT,
        )
        assert not after["tags"]

    def test_people_of_another_day_become_the_contact(self, yesterday, send):
        after = send("package_update", **{**yesterday, "maintainer": "Unité Eau"})
        assert after["contact"] == [{**CONTACT[0], "name": "Unité Eau"}, CONTACT[1]]
        assert "contact: made of maintainer and author" in after["told"]

    def test_a_contact_that_people_have_written_stays(self, yesterday, send):
        send("package_patch", id=yesterday["name"], contact=[{"name": "Accueil"}])
        after = send("package_update", **{**yesterday, "maintainer": "Unité Eau"})
        assert (after["contact"], after["maintainer"]) == ([{"name": "Accueil"}], "Unité Eau")

    def test_fields_of_a_file_stay(self, yesterday, send):
        files = send("package_show", id=yesterday["name"])["resources"]
        send("resource_patch", id=files[0]["id"], rights="Usage libre.")
        assert send("package_update", **yesterday)["resources"][0]["rights"] == "Usage libre."
        file = send("package_show", id=yesterday["name"])["resources"][0]
        plain = {
            "id": file["id"],
            "package_id": yesterday["name"],
            "url": file["url"],
            "name": "Autre",
        }
        assert send("resource_update", **plain)["rights"] == "Usage libre."
        assert not send("resource_update", **plain, rights="").get("rights")

    def test_a_body_that_knows_the_schema_still_empties_what_it_leaves_out(self, yesterday, send):
        shown = send("package_show", id=yesterday["name"])
        del shown["language"], shown["told"]
        assert "language" not in send("package_update", **shown)

    def test_grace_lets_nobody_empty_a_mandatory_field(
        self, yesterday, send, ckan_config, monkeypatch
    ):
        monkeypatch.setitem(ckan_config, config.GRACE_UNTIL, "2099-12-31")
        assert "theme" in send("package_patch", 409, id=yesterday["name"], theme=[])
        assert send("package_show", id=yesterday["name"])["theme"]


class TestLicences:
    @pytest.mark.few(1, "values")
    @pytest.mark.parametrize("licence", ["uk-ogl", "licence-maison"])
    @pytest.mark.parametrize("action", ["package_update", "package_patch"])
    def test_one_that_is_not_in_the_list_is_kept(self, yesterday, send, action, licence):
        body = yesterday if action == "package_update" else {"id": yesterday["name"]}
        after = send(action, **{**body, "license_id": licence})
        assert after["license_id"] == licence
        assert "license_id: not in the list" in after["told"]

    def test_the_one_of_before_is_not_read_as_a_version(self, yesterday, send):
        after = send("package_patch", id=yesterday["name"], license_id="cc-by")
        assert not after.get("license_id")
        assert "(cc-by)" in after["use_conditions"]
        assert (
            send("package_patch", id=yesterday["name"], license_id="CC-BY-4.0")["license_id"]
            == "cc-by"
        )

    def test_a_body_that_knows_the_schema_is_told_of_a_slip(self, yesterday, send):
        body = {"id": yesterday["name"], "license_id": "etalab2", "language": ["FRA"]}
        assert "license_id" in send("package_patch", 409, **body)


class TestPatch:
    def test_free_fields_named_like_ours_are_placed(self, yesterday, send):
        after = send(
            "package_patch",
            id=yesterday["name"],
            extras=extras(frequency="ANNUAL", status="en cours"),
        )
        assert after["frequency"].endswith("/ANNUAL")
        assert free(after) == {"previous_status": "en cours"}
        assert "extra status: not a value of the field status" in after["told"]

    def test_the_contact_follows_the_maintainer(self, yesterday, send):
        after = send("package_patch", id=yesterday["name"], maintainer_email="eau@ain.example.org")
        assert after["contact"][0] == {"name": "Unité SIG", "email": "eau@ain.example.org"}


class TestCreate:
    def test_a_private_one_passes_with_what_ckan_alone_took(self, yesterday, send):
        body = {
            **yesterday,
            "name": f"{yesterday['name']}-2",
            "private": True,
            "license_id": "uk-ogl",
        }
        told = send("package_create", 409, **body)
        assert {"url", "resources"} <= told.keys()
        after = send(
            "package_create", **{**body, "url": "https://ain.example.org", "resources": FILES[:1]}
        )
        assert (after["contact"], after["license_id"]) == (CONTACT, "uk-ogl")
        assert free(after) == {
            "Cote": "C1",
            "previous_frequency": "de temps en temps",
            "previous_contact": "Voir le service",
        }
        assert after["theme"]

    def test_a_public_one_is_told_what_it_lacks_and_passes_in_the_period_of_grace(
        self, yesterday, send, ckan_config, monkeypatch
    ):
        body = {**yesterday, "name": f"{yesterday['name']}-3", "url": "", "resources": FILES[:1]}
        assert "territory" in send("package_create", 409, **body)
        monkeypatch.setitem(ckan_config, config.GRACE_UNTIL, "2099-12-31")
        after = send("package_create", **body)
        assert after["contact"] == CONTACT
        assert "needed to publish after 2099-12-31" in after["told"]
