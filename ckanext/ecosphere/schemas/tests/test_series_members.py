"""Members of a series: existing datasets are added from its page and in bulk.

A name that no series has is refused.
"""

from __future__ import annotations

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan.tests import factories, helpers

from ckanext.ecosphere.schemas import bulk
from ckanext.ecosphere.schemas.relations import SERIES
from ckanext.ecosphere.tests.browser import axe_violations, log_in

pytestmark = pytest.mark.usefixtures("shared_db")


def test_existing_datasets_are_added_from_the_page_of_the_series(page, create, act, editor):
    create({"title": "Lot des zones", "name": "lot-zones", "dcat_type": SERIES})
    for number in range(2):
        create({"title": f"Zone {number}", "name": f"zone-{number}"})
    log_in(page, editor["name"], "Lac-bleu-2024")
    page.goto("/fr/dataset/lot-zones")
    page.get_by_role("link", name="Ajouter des jeux de données existants").click()
    page.get_by_label("Ou ceux nommés ici", exact=False).fill("zone-0\nzone-1")
    page.get_by_role("button", name="Voir ce qui changerait").click()
    page.get_by_text("lot-zones").first.wait_for()
    assert axe_violations(page, impacts=()) == []
    page.get_by_role("button", name="Modifier les jeux de données", exact=False).click()
    page.wait_for_url("**/modification-groupee/*-*")
    bulk.carry_out(page.url.rsplit("/", 1)[1])
    page.goto("/fr/dataset/lot-zones")
    assert {"Zone 0", "Zone 1"} <= set(page.locator("#related-members ~ ul a").all_inner_texts())
    assert act("package_show", id="zone-0")["in_series"] == ["lot-zones"]


def test_a_name_that_no_series_has_is_refused_at_its_field(create, act, app, service, editor):
    create(
        {
            "title": "Lot des crues",
            "name": "lot-crues",
            "dcat_type": SERIES,
            "metadata_identifier": "fr-lot-crues",
        }
    )
    create({"title": "Pas un lot", "name": "pas-un-lot"})
    secret = factories.Organization(image_url="")
    act(
        "package_create",
        name="lot-secret",
        title="Secret",
        owner_org=secret["id"],
        dcat_type=SERIES,
        private=True,
    )
    context = {"user": editor["name"], "ignore_auth": False}

    def saved(*names: str) -> list[str]:
        data = {
            "name": f"membre-{len(names)}",
            "title": "Membre",
            "owner_org": service["id"],
            "private": True,
        }
        made = helpers.call_action("package_create", dict(context), **data, in_series=list(names))
        helpers.call_action("package_delete", dict(context), id=made["id"])
        return made["in_series"]

    assert saved("lot-crues") == ["lot-crues"]
    assert saved("lot-crues", "fr-lot-crues") == ["lot-crues", "fr-lot-crues"]
    for name in ("lot-inconnu", "pas-un-lot", "lot-secret"):
        with pytest.raises(tk.ValidationError) as caught:
            saved("lot-crues", name, "x" * 3)
        [told] = [text for text in caught.value.error_dict["in_series"] if name in text]
        assert "No series of the portal" in told


def test_a_reference_that_a_dataset_already_has_blocks_no_other_change(create, editor):
    create({"title": "Moissonné", "name": "de-loin", "in_series": ["lot-d-ailleurs"]})
    context = {"user": editor["name"], "ignore_auth": False}
    shown = helpers.call_action(
        "package_patch", dict(context), id="de-loin", private=True, title="Corrigé"
    )
    assert shown["in_series"] == ["lot-d-ailleurs"]
    with pytest.raises(tk.ValidationError):
        helpers.call_action(
            "package_patch", dict(context), id="de-loin", in_series=["lot-d-ailleurs", "autre"]
        )


def test_the_form_says_it_at_the_field(create, app, editor, service):
    headers = {"Authorization": editor["token"]}
    data = {
        "name": "du-formulaire",
        "title": "Du formulaire",
        "owner_org": service["id"],
        "private": "True",
    }
    page = app.post(
        "/fr/dataset/new", data={**data, "in_series": "lot-inconnu", "save": ""}, headers=headers
    ).body
    said = BeautifulSoup(page, "html.parser").find(id="field-in_series-error")
    assert said is not None
    assert "Aucun lot du portail ne s’appelle «\u00a0lot-inconnu\u00a0»" in said.get_text()


def test_the_bulk_edit_refuses_it_too(create, editor):
    create({"title": "En groupe", "name": "en-groupe"})
    context = {"user": editor["name"], "ignore_auth": False}
    asked = {
        "names": "en-groupe",
        "field": "in_series",
        "operation": "add",
        "values": "lot-inconnu",
    }
    with pytest.raises(tk.ValidationError) as caught:
        helpers.call_action("ecosphere_bulk_edit_preview", dict(context), **asked)
    assert "lot-inconnu" in caught.value.error_dict["values"][0]
    asked["operation"] = "remove"
    assert (
        helpers.call_action("ecosphere_bulk_edit_preview", dict(context), **asked)["changed"] == 0
    )
