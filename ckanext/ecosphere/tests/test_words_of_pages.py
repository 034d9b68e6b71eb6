"""Wording of pages: one term per concept, correct links and headings."""

from __future__ import annotations

import html
from typing import Any

import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.lib.pagination import Page
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp, call_action

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")]


def text(app: CKANTestApp, path: str, person: dict[str, Any]) -> str:
    """Return a page with its HTML entities decoded."""
    return html.unescape(app.get(path, headers={"Authorization": person["token"]}).body)


def test_pages_of_administrators_have_one_word_for_one_thing(app: CKANTestApp):
    boss = factories.SysadminWithToken(image_url="")
    journal = text(app, "/fr/ecosphere/admin/journal", boss)
    assert ">Recherche</option>" in journal and ">Rechercher</option>" not in journal
    new = text(app, "/fr/organization/new", boss)
    assert "<organization>" not in new and "Que sont les organisations" not in new
    service = factories.Organization(name="ddt-01", image_url="")
    dataset = factories.Dataset(owner_org=service["id"])
    row = model.Package.get(dataset["id"])
    assert row is not None
    row.state = "deleted"
    model.Session.commit()
    trash = text(app, "/fr/ckan-admin/trash/", boss)
    assert "Effacer définitivement" in trash and ">Purger<" not in trash


def test_the_settings_of_an_account_lead_to_its_data(app: CKANTestApp):
    person = factories.UserWithToken(name="camille", image_url="")
    page = text(app, "/fr/user/edit/camille", person)
    assert (
        "Télécharger ou effacer mes données" in page and "/demandes/preferences#data-title" in page
    )
    assert "Fermer mon compte" in page


def test_files_that_the_portal_keeps_have_no_links_to_check(app: CKANTestApp):
    boss = factories.SysadminWithToken(image_url="")
    service = factories.Organization(name="ddt-01", image_url="")
    resources = [{"url": "mares.csv", "url_type": "upload", "format": "CSV", "name": "Mares"}]
    factories.Dataset(name="mares", owner_org=service["id"], resources=resources)
    page = text(app, "/fr/dataset/mares/qualite", boss)
    assert "il n’y a pas de lien à vérifier" in page
    assert "n’ont pas encore été vérifiés" not in page and "Vérifier à nouveau" not in page


def test_a_page_has_one_heading_of_the_first_level_and_it_is_the_first(app: CKANTestApp):
    service = factories.Organization(name="ddt-01", image_url="")
    factories.Dataset(name="mares", owner_org=service["id"])
    for path in (
        "dataset/mares",
        "organization/ddt-01",
        "organization/about/ddt-01",
        "group/",
        "harvest",
        "dataset/",
    ):
        page = BeautifulSoup(app.get(f"/fr/{path}").body, "html.parser")
        headings = [each.name for each in page.select("h1, h2, h3")]
        assert headings[0] == "h1" and headings.count("h1") == 1, path


def test_pages_of_administrators_have_titles_of_their_own(app: CKANTestApp):
    boss = factories.SysadminWithToken(image_url="")
    pages = [text(app, f"/fr/ckan-admin/{page}", boss) for page in ("", "config", "trash")]
    titles = {
        page.partition("<title>")[2].partition("</title>")[0].split(" - ")[0].strip()
        for page in pages
    }
    assert titles == {"Administrateurs du site", "Configuration", "Corbeille"}
    bar = BeautifulSoup(pages[0], "html.parser").select_one(".account-masthead")
    assert bar is not None and "Administration" in bar.text and "Administrateur" not in bar.text


def tabs_of(page: str) -> dict[str, Any]:
    """Return the links of the tabs of a page by their texts."""
    links = BeautifulSoup(page, "html.parser").select(".page-header .nav-tabs a")
    return {" ".join(link.text.split()): link for link in links}


def test_administration_has_at_most_six_tabs_and_counts_what_waits(app: CKANTestApp):
    boss, author = factories.SysadminWithToken(image_url=""), factories.UserWithToken(image_url="")
    pages = (
        "ecosphere/admin/",
        "ckan-admin/config",
        "ckan-admin/",
        "ckan-admin/trash/",
        "reutilisations/moderation",
    )
    for path in pages:
        tabs = tabs_of(text(app, f"/fr/{path}", boss))
        assert (
            len(tabs) <= 6 and sum(link.has_attr("aria-current") for link in tabs.values()) == 1
        ), (path, [*tabs])
    assert tabs["Modération"]["href"] == "/fr/reutilisations/moderation"

    link = {"kind": "article", "title": "Carte des mares", "url": "https://example.org/carte"}
    service = factories.Organization(image_url="")
    dataset = factories.Dataset(owner_org=service["id"])
    call_action(
        "ecosphere_reuse_create", {"user": author["name"]}, **link, packages=[dataset["id"]]
    )
    tabs = tabs_of(text(app, "/fr/ecosphere/admin/", boss))
    page = BeautifulSoup(text(app, tabs["Modération (1)"]["href"], boss), "html.parser")
    below = [" ".join(link.text.split()) for link in page.select(".eco-subtabs a")]
    assert (
        below == ["Réutilisations à lire (1)", "Demandes à modérer"]
        and "Carte des mares" in page.text
    )


def test_what_only_its_service_sees_is_a_draft_everywhere(app: CKANTestApp):
    boss = factories.SysadminWithToken(image_url="")
    service = factories.Organization(name="ddt-01", image_url="")
    factories.Dataset(name="mares", title="Mares", owner_org=service["id"], private=True)
    sent = {
        "names": "mares",
        "field": "theme",
        "operation": "add",
        "values": "Risques",
        "action": "preview",
    }
    bulk = app.post(
        "/fr/dataset/modification-groupee", data=sent, headers={"Authorization": boss["token"]}
    ).body
    for page in (text(app, "/fr/dataset/mares/qualite", boss), html.unescape(bulk)):
        badge = BeautifulSoup(page, "html.parser").select_one("main .dataset-private")
        assert badge is not None and badge.text.strip() == "Brouillon"


def test_every_pager_of_ckan_names_its_links(app: CKANTestApp):
    with app.flask_app.test_request_context("/fr/user/", environ_overrides={"CKAN_LANG": "fr"}):
        pager = BeautifulSoup(
            str(Page(range(60), page=2, url=lambda **_: "/x", item_count=60).pager()), "html.parser"
        )
    names = [each.text.strip() for each in pager.select("a")]
    assert all(names) and "Page précédente" in names[0] and "Page suivante" in names[-1]
