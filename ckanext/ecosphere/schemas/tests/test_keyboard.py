"""A producer describes and publishes a dataset in French with the keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.tests.browser import axe_violations, log_in, tab_to, wait_until

pytestmark = [pytest.mark.usefixtures("shared_db"), pytest.mark.browser]


def choose(page: Any, field: str, text: str, value: str) -> None:
    """Filter a picker and tick a remaining entry, tabbing past the entries above it."""
    tab_to(page, f"#{field} input[type=search]")
    page.keyboard.type(text)
    tab_to(page, f"#{field} li:not([hidden]) input[value='{value}']")
    page.keyboard.press("Space")


def choose_by_arrow(page: Any, field: str, text: str) -> None:
    """Filter a picker and tick the first match with the arrow keys."""
    tab_to(page, f"#{field} input[type=search]")
    page.keyboard.type(text)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")


def open_part(page: Any, part: str) -> None:
    tab_to(page, f"#{part} > summary")
    page.keyboard.press("Enter")


def test_a_producer_publishes_a_complete_dataset_by_keyboard_alone(page, editor, act):
    log_in(page, editor["name"], PASSWORD)
    page.goto("/fr/dataset/new")
    tab_to(page, "#field-title")
    page.keyboard.type("Frayères de l'Ain")
    tab_to(page, "#field-notes")
    page.keyboard.type("Inventaire des frayères. Relevés de terrain. Hors étangs.")
    tab_to(page, "#field-private")
    page.keyboard.press("ArrowDown")
    tab_to(page, "button[name=save]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#form-errors")
    wait_until(page, "document.activeElement.id === 'form-errors'")
    assert axe_violations(page) == []
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(
        "document.activeElement.closest('.eco-field').querySelector('.eco-error') !== null"
    )
    page.keyboard.press("Shift+Tab")
    choose(page, "field-theme", "eau", f"{samples.THEMES}/eau")
    choose_by_arrow(page, "field-territory", "ain")
    tab_to(page, "#field-contact__0__email")
    page.keyboard.type("ddt-sig@ain.example.org")
    tab_to(page, "#field-provenance")
    page.keyboard.type("Relevés de 2023.")
    choose(page, "field-topic_category", "eaux interieures", samples.FULL["topic_category"][0])
    tab_to(page, "button[name=save]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#resource-edit")
    assert axe_violations(page) == []
    stored = act("package_show", id="frayeres-de-l-ain")
    assert (stored["private"], stored["territory"]) == (False, [samples.AIN])


def test_a_producer_duplicates_a_dataset_by_keyboard_alone(page, editor, create, act):
    first = create(samples.full(name="frayeres-2023", title="Frayères, 2023"))
    log_in(page, editor["name"], PASSWORD)
    page.goto("/fr/dataset/frayeres-2023")
    tab_to(page, "a[href$='/dataset/frayeres-2023/dupliquer']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#dataset-edit")
    assert axe_violations(page) == []
    tab_to(page, "#field-title")
    page.keyboard.press("Control+A")
    page.keyboard.type("Frayères, 2024")
    tab_to(page, "#field-notes")
    page.keyboard.press("Control+A")
    page.keyboard.type("Frayères relevées en 2024.")
    tab_to(page, "button[name=save]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#resource-edit")
    second = act("package_show", id=page.url.split("/dataset/")[1].split("/")[0])
    assert second["id"] != first["id"]
    assert (second["title"], second["notes"]) == ("Frayères, 2024", "Frayères relevées en 2024.")
    assert second["private"]
    same = (
        "owner_org",
        "theme",
        "territory",
        "contact",
        "license_id",
        "provenance",
        "spatial_coverage",
    )
    assert {field: second.get(field) for field in same} == {
        field: first.get(field) for field in same
    }
    assert act("package_show", id=first["id"])["notes"] == first["notes"]
