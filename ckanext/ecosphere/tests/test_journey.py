"""Browser test of the main use: a catalogue is harvested and scored,
and a user finds its datasets in French.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.cli.cli import ckan as ckan_command
from ckan.tests import factories
from playwright.sync_api import Page, expect

from ckanext.ecosphere.tests.browser import axe_violations, log_in_by_hand
from dev import demo

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "clean_queues"),
]

SOURCE = "geoide"
RECORDS = 15
PASSWORD = "un mot de passe de test"


@pytest.fixture
def harvested(
    cli: Any, csw_catalogue: Callable[..., str], sysadmin_context: Any
) -> list[dict[str, Any]]:
    """Datasets of a portal set up by its own command, harvested from a real CSW server."""
    done = cli.invoke(ckan_command, ["ecosphere", "init", "--yes"])
    assert done.exit_code == 0, done.output
    address = csw_catalogue(xml for _, xml in demo.records(SOURCE, RECORDS))
    source = {
        "name": SOURCE,
        "title": "Géo-IDE",
        "url": address,
        "source_type": "ecosphere_csw",
        "owner_org": "administration-centrale-ou-ministere_172120",
    }
    tk.get_action("harvest_source_create")(sysadmin_context.copy(), source)
    done = cli.invoke(ckan_command, ["ecosphere", "harvest", "run", SOURCE, "--inline"])
    assert done.exit_code == 0, done.output
    model.Session.remove()
    found = tk.get_action("package_search")(
        {"user": ""}, {"q": "*:*", "fq": "type:dataset", "rows": 1000}
    )
    return found["results"]


def lacking(dataset: dict[str, Any]) -> list[str]:
    """Return the expected contents that a harvested dataset lacks."""
    names = ("organization", "territory", "theme", "ecosphere_quality_level")
    return [name for name in names if not dataset.get(name)]


def test_a_person_goes_from_a_question_to_a_harvested_dataset_and_its_badge(
    page: Page, harvested: list[dict[str, Any]]
):
    assert len(harvested) == RECORDS
    assert {dataset["name"]: lacking(dataset) for dataset in harvested if lacking(dataset)} == {}
    dataset = harvested[0]
    words = re.sub(r"[^\w’' -]", " ", dataset["title"]).split(" – ")[0]
    seen: dict[str, list[str]] = {}

    page.goto("/fr/")
    seen["home"] = axe_violations(page)
    page.locator("#field-home-search").fill(words)
    page.locator("#field-home-search").press("Enter")
    page.wait_for_url("**/dataset/?*")
    seen["search"] = axe_violations(page)
    before = page.locator(".dataset-heading").count()
    assert before > 0

    page.locator(
        f"a[href*='ecosphere_quality_level={dataset['ecosphere_quality_level']}']"
    ).first.click()
    page.wait_for_url("**ecosphere_quality_level**")
    assert 0 < page.locator(".dataset-heading").count() <= before

    page.get_by_role("link", name=dataset["title"], exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(dataset["title"])
    seen["dataset"] = axe_violations(page)
    badge = page.locator("a.ecosphere-badge").first
    expect(badge).to_contain_text(str(dataset["ecosphere_quality_score"]))

    badge.click()
    page.wait_for_url("**/qualite")
    seen["quality"] = axe_violations(page)
    expect(page.get_by_role("row").nth(3)).to_be_visible()

    page.goto(f"/fr/organization/{dataset['organization']['name']}")
    seen["service"] = axe_violations(page)
    assert {name: problems for name, problems in seen.items() if problems} == {}


def test_a_producer_improves_a_dataset_in_the_form_and_sees_the_badge_change(
    page: Page, sysadmin_context: Any
):
    producer = factories.User(password=PASSWORD, image_url="")
    service = factories.Organization(
        title="DDT 01", image_url="", users=[{"name": producer["name"], "capacity": "editor"}]
    )
    dataset = factories.Dataset(
        title="Zones humides de l’Ain", notes="Trop court.", owner_org=service["id"]
    )
    log_in_by_hand(page, producer["name"], PASSWORD)

    page.goto(f"/fr/dataset/{dataset['name']}")
    before = int(re.search(r"\d+", page.locator("a.ecosphere-badge").first.inner_text())[0])  # type: ignore[index]
    page.goto(f"/fr/dataset/edit/{dataset['name']}")
    page.fill(
        "[name=notes]", "Inventaire départemental des zones humides, relevé sur le terrain. " * 4
    )
    page.select_option("[name=license_id]", index=1)
    page.locator("button[name=save]").first.click()
    page.wait_for_url(re.compile(rf"/dataset/{dataset['name']}$"))

    after = int(re.search(r"\d+", page.locator("a.ecosphere-badge").first.inner_text())[0])  # type: ignore[index]
    assert after > before
