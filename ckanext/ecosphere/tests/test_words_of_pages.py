"""Words of pages that said something else than what is so, or said one thing in two ways."""

from __future__ import annotations

import html
from typing import Any

import pytest
from ckan import model
from ckan.tests import factories
from ckan.tests.helpers import CKANTestApp

pytestmark = [pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")]


def text(app: CKANTestApp, path: str, person: dict[str, Any]) -> str:
    """A page with its signs as people read them."""
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
    assert "Télécharger ou effacer mes données" in page and "/demandes/preferences#data-title" in page
    assert "Fermer mon compte" in page


def test_files_that_the_portal_keeps_have_no_links_to_check(app: CKANTestApp):
    boss = factories.SysadminWithToken(image_url="")
    service = factories.Organization(name="ddt-01", image_url="")
    resources = [{"url": "mares.csv", "url_type": "upload", "format": "CSV", "name": "Mares"}]
    factories.Dataset(name="mares", owner_org=service["id"], resources=resources)
    page = text(app, "/fr/dataset/mares/qualite", boss)
    assert "il n’y a pas de lien à vérifier" in page
    assert "n’ont pas encore été vérifiés" not in page and "Vérifier à nouveau" not in page
