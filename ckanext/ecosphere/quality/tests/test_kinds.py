"""Advice for each kind of dataset: its links lead to fields that are visible in the form."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ckan.tests import factories
from playwright.sync_api import Page, Route

from ckanext.ecosphere.quality.core.score import LEVEL_LABELS
from ckanext.ecosphere.quality.tests.cases import INSPIRE
from ckanext.ecosphere.quality.tests.conftest import act, saved
from ckanext.ecosphere.tests.browser import axe_violations, log_in, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal")]

PASSWORD = "un-mot-de-passe-solide"
KIND = f"{INSPIRE}/metadata-codelist/ResourceType"
KINDS = {
    "jeu": f"{KIND}/dataset",
    "lot": f"{KIND}/series",
    "service": f"{KIND}/service",
    "code": "https://schema.org/SoftwareSourceCode",
}
#: Fields that the form hides for a kind; below, the field that gives access to the resource.
HIDDEN = {
    "jeu": set(),
    "lot": set(),
    "service": {"provenance", "scale_denominator"},
    "code": {"provenance", "scale_denominator", "reference_system", "territory", "use_conditions"},
}
WAY_IN = {
    "jeu": "resource-url",
    "lot": "resource-url",
    "service": "endpoint_url",
    "code": "code_repository",
}

#: The field of the address has been marked and can be typed in.
VISIBLE = """() => {
    const field = document.getElementById(location.hash.slice(1));
    const part = document.querySelector('.ecosphere-field-to-improve');
    if (!field || !part || !(part.contains(field) || field.contains(part))) { return false; }
    const here = document.activeElement;
    return part.contains(here) && here.getClientRects().length > 0;
}"""


def a_second_later(route: Route) -> None:
    """Answer late, as a busy portal does: the form asks for the parts that it shows closed."""
    time.sleep(1)
    route.continue_()


def test_every_advice_leads_to_a_field_in_sight_whatever_the_kind(page: Page):
    editor = factories.User(name="editrice", password=PASSWORD, image_url="")
    users = [{"name": editor["name"], "capacity": "editor"}]
    factories.Organization(name="ddt-42", title="DDT de la Loire", image_url="", users=users)
    for name, kind in KINDS.items():
        act(
            "package_create",
            name=name,
            title="A",
            notes="B",
            owner_org="ddt-42",
            private=True,
            dcat_type=kind,
        )
    log_in(page, "editrice", PASSWORD)
    page.route("**/*partie=*", a_second_later)
    for name in KINDS:
        page.goto(f"/fr/dataset/{name}/qualite")
        if name == "service":
            assert axe_violations(page) == []
        links: list[str] = page.eval_on_selector_all(
            "a[href*='#field-']", "all => all.map((each) => each.href)"
        )
        fields = {link.split("#field-")[1] for link in links}
        assert len(fields) > 5 and WAY_IN[name] in fields and not fields & HIDDEN[name], (
            name,
            fields,
        )
        unmet = page.locator(".ecosphere-quality-unmet")
        assert unmet.count() == 0 or unmet.locator("li").count() > 0
        by_form: dict[str, set[str]] = {}
        for link in links:
            form, _mark, anchor = link.partition("#")
            by_form.setdefault(form, set()).add(anchor)
        for form, anchors in by_form.items():
            if name == "lot":
                continue  # same form as a dataset, whose fields are already checked
            page.goto("about:blank")
            page.goto(f"{form}#{min(anchors)}")
            wait_until(page, VISIBLE)
            for anchor in sorted(anchors):
                page.evaluate("(anchor) => { location.hash = ''; location.hash = anchor; }", anchor)
                wait_until(page, VISIBLE)
                assert page.evaluate("location.hash") == f"#{anchor}"


def test_the_page_says_what_keeps_a_dataset_from_the_next_level(page: Page):
    factories.Organization(name="ddt-42", title="DDT de la Loire", image_url="")
    act(
        "package_create",
        **saved(
            name="zones",
            license_id=None,
            modified="2016-02-01",
            issued="2016-01-01",
            frequency=None,
        ),
    )
    page.goto("/fr/qualite")
    page.locator("#levels").click()
    asked = page.locator("#levels ~ ul li")
    assert asked.count() == len(LEVEL_LABELS) and "Licence" in asked.first.inner_text()
    assert axe_violations(page) == []
    page.goto("/fr/dataset/zones/qualite")
    told: Any = page.locator(".ecosphere-quality-unmet li strong")
    assert told.all_inner_texts() == ["Licence"]
    act("package_patch", id="zones", license_id="etalab-2.0")
    page.goto("/fr/dataset/zones/qualite")
    assert (page.locator(".ecosphere-badge").first.get_attribute("class") or "").endswith(
        "--silver"
    )
    assert page.locator(".ecosphere-quality-unmet li").count() == 1
