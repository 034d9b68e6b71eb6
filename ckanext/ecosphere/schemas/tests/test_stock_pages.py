"""Pages of CKAN and ckanext-harvest in French, as visitors see them."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.tests import factories

from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.tests.browser import log_in

pytestmark = pytest.mark.usefixtures("shared_db")


def read(app: Any, path: str, token: str = "", **options: Any) -> Any:
    """Request and parse a page, anonymously without a token."""
    answer = app.get(path, headers={"Authorization": token} if token else {}, **options)
    return BeautifulSoup(answer.body, "html.parser")


def words(element: Any) -> str:
    return " ".join(element.get_text(" ").split())


def test_errors_of_registration_bear_the_labels_of_its_fields(app: Any):
    sent = {
        "name": "x",
        "fullname": "",
        "email": "nobody",
        "password1": "aB3$efgh",
        "password2": "other",
        "save": "",
    }
    page = BeautifulSoup(app.post("/fr/user/register", data=sent).body, "html.parser")
    [told] = page.select(".error-explanation")
    lines = [words(line) for line in told.select("li")]
    assert {line.partition(" : ")[0] for line in lines} == {
        "Nom d’utilisateur",
        "Courriel",
        "Mot de passe",
    }, lines


def test_errors_of_the_forms_of_services_and_groups_bear_the_labels_of_their_fields(app: Any):
    token = factories.SysadminWithToken(image_url="")["token"]
    for kind in ("organization", "group"):
        sent = {"title": "A", "name": "?", "save": ""}
        answer = app.post(f"/fr/{kind}/new", data=sent, headers={"Authorization": token})
        [told] = BeautifulSoup(answer.body, "html.parser").select(".error-explanation")
        assert words(told.li).startswith("URL :"), (kind, words(told))


@pytest.mark.parametrize("kind", ["organization", "group"])
def test_members_are_no_matter_of_who_may_not_see_them(app: Any, kind: str):
    make = {"organization": factories.Organization, "group": factories.Group}[kind]
    group = make(image_url="")
    person = factories.UserWithToken(image_url="")
    for path in (f"/fr/{kind}/{group['name']}", f"/fr/{kind}/about/{group['name']}"):
        assert f"/{kind}/members/" not in str(read(app, path)) and "Membres" not in words(
            read(app, path).body
        )
        assert f"/{kind}/activity/" in str(
            read(app, path).body
        )  # items added by other plugins are kept
        seen = read(app, path, person["token"])
        assert f"/{kind}/activity/" in str(seen)
        assert f"/{kind}/members/" in str(seen) and "Membres" in words(seen.select_one(".nums"))


def test_who_may_not_change_a_service_is_told_just_that(app: Any):
    service, person = factories.Organization(image_url=""), factories.UserWithToken(image_url="")
    refused = words(read(app, f"/fr/organization/edit/{service['name']}", person["token"]).body)
    assert (
        "de modifier un groupe ou un service" in refused
        and "pas autorisé à créer un groupe" not in refused
    )


def test_the_form_of_a_member_speaks_of_services(app: Any):
    service, token = (
        factories.Organization(image_url=""),
        factories.SysadminWithToken(image_url="")["token"],
    )
    page = words(read(app, f"/fr/organization/member_new/{service['name']}", token).body)
    assert (
        "Nouvel utilisateur" in page
        and "Éditeur :" in page
        and "gère les membres du service" in page
    )
    assert "email" not in words(read(app, "/fr/user/reset").body)


def test_the_home_page_shows_the_date_by_which_it_sorts(app: Any, create: Any):
    create({"title": "Ancien", "name": "ancien-recent", "modified": "2011-03-02", "private": False})
    latest = words(read(app, "/fr/").select_one(".eco-latest"))
    assert "Ancien" in latest and "2011" not in latest and "Fiche mise à jour" in latest


def test_the_title_of_a_corrected_search_names_what_was_searched(app: Any, create: Any):
    create({"title": "Zone humide du lac", "name": "zone-humide-du-lac", "private": False})
    page = read(app, "/fr/dataset/?q=zone+humyde")
    assert "Rien n’a été trouvé pour" in words(page.select_one(".eco-understood"))
    title = words(page.select_one(".eco-results-title"))
    assert "zone humide" in title and "humyde" not in title


class TestHarvestSources:
    @pytest.fixture
    def source(self, act: Any, service: dict[str, Any]) -> dict[str, Any]:
        if found := model.Package.get("source-de-visiteur"):
            return act("harvest_source_show", id=found.id)
        values: Any = {
            "name": "source-de-visiteur",
            "title": "Catalogue",
            "url": "https://visiteur.example.org/csw",
        }
        values |= {
            "source_type": "ecosphere_csw",
            "frequency": "MANUAL",
            "owner_org": service["id"],
        }
        return act("harvest_source_create", **values)

    def test_the_list_says_frequencies_and_types_as_the_form_does(
        self, app: Any, source: dict[str, Any]
    ):
        page = read(app, "/fr/harvest?frequency=MANUAL&source_type=ecosphere_csw")
        for told in (
            words(page.select_one(".filter-list")),
            " ".join(map(words, page.select(".eco-facet"))),
        ):
            assert (
                "Fréquence" in told
                and "À la demande" in told
                and "Catalogue (CSW, ISO 19139)" in told
            ), told

    def test_a_job_is_told_in_french_and_in_the_time_of_paris(
        self, app: Any, source: dict[str, Any]
    ):
        job = {
            "id": "x",
            "status": "Finished",
            "created": "2026-07-01 09:02:00",
            "gather_started": None,
        }
        stats = {"added": 16105, "updated": 382, "errored": 0, "deleted": 0}
        with app.flask_app.test_request_context(environ_overrides={"CKAN_LANG": "fr"}):
            shown = tk.render(
                "snippets/job_details.html", {"job": {**job, "finished": None, "stats": stats}}
            )
        said = (
            words(BeautifulSoup(shown, "html.parser")).replace("\u202f", " ").replace("\u00a0", " ")
        )
        assert "0 erreur 16 105 ajoutés 382 mis à jour 0 supprimé 0 inchangé" in said, said
        assert "11:02" in said and "UTC" not in shown

    def test_the_page_of_its_administration_is_no_person(self, app: Any, source: dict[str, Any]):
        token = factories.SysadminWithToken(image_url="")["token"]
        trail = read(app, f"/fr/harvest/admin/{source['name']}", token).select(".breadcrumb li")
        assert words(trail[-1]) == "Administration" and "Administrateur" not in [
            words(each) for each in trail
        ]


def test_titles_and_tables_of_administrators_are_read_on_a_telephone(page: Any):
    service = factories.Organization(image_url="")
    admin = factories.Sysadmin(password=PASSWORD, image_url="")
    page.set_viewport_size({"width": 390, "height": 800})
    log_in(page, admin["name"], PASSWORD)
    page.goto(f"/fr/organization/member_new/{service['name']}")
    title, button = (
        page.locator(part).first.bounding_box() for part in ("h1.page-heading", ".btn.pull-right")
    )
    assert title["width"] > 250 and button["y"] + button["height"] <= title["y"]
    page.goto("/fr/ecosphere/admin/")
    page.evaluate(
        """() => document.querySelector(".primary").insertAdjacentHTML("beforeend", `<div class="table-responsive">
        <table class="table"><tr class="eco-health"><td>Avertissement</td><th>File d’attente des moissonnages</th>
        <td id="found">Les moissonnages attendent.</td></tr></table></div>`)"""
    )
    assert page.locator("#found").bounding_box()["width"] > 250
