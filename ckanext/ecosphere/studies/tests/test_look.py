"""Browser tests: the pages of studies that no journey opens, wide and on a phone: accessible,
and not too wide.
"""

# ruff: noqa: F811
from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from ckanext.ecosphere.studies import frames, states
from ckanext.ecosphere.studies.tests.conftest import (
    FRAME,
    PASSWORD,
    SECRET,
    Catalogue,
    act,
    dataset,
)
from ckanext.ecosphere.studies.tests.test_journey import PHONE, tab  # noqa: F401
from ckanext.ecosphere.tests.browser import axe_violations, log_in

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("portal")]
WIDE = ViewportSize(width=1280, height=800)
#: What the fixture `catalogue` replaces.
SHIPPED = {"frames": frames.frames, "frame": frames.frame}
PLACE = {
    "type": "Polygon",
    "coordinates": [[[-1.56, 47.2], [-1.54, 47.2], [-1.54, 47.22], [-1.56, 47.2]]],
}


class Look:
    """What is wrong with pages, by name.

    Their pictures are kept in the folder `LOOK`, if it is named.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: dict[str, list[str]] = {}

    def at(self, name: str, address: str = "") -> None:
        """Open a page, if its address is given, and look at it in both widths."""
        if address:
            self.page.goto(address)
        for width, size in (("wide", WIDE), ("phone", PHONE)):
            self.page.set_viewport_size(size)
            lines = axe_violations(self.page)
            if self.page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                lines.append("wider than the window")
            if lines:
                self.problems[f"{name}, {width}"] = lines
            if os.environ.get("LOOK"):
                self.page.screenshot(
                    path=Path(os.environ["LOOK"]) / f"{name}-{width}.png", full_page=True
                )
        self.page.set_viewport_size(WIDE)

    def as_person(self, name: str) -> None:
        """Log in as another person."""
        self.page.context.clear_cookies()
        log_in(self.page, name, PASSWORD)


def test_the_pages_around_a_study(study: Any, catalogue: Catalogue, tab: Page):
    look, page = Look(tab), tab
    wetlands = dataset(
        title="Zones humides de la Loire-Atlantique : inventaire des communes et des intercommunalités"
    )
    catalogue.offer("wetlands", wetlands)
    made = study()
    catalogue.offer("bats", dataset(title="Gîtes connus de chauves-souris"), states.RESTRICTED)
    catalogue.found["wetlands"].clear()
    act("run", id=made["id"])
    study_page = f"/fr/etudes/{made['id']}"
    look.as_person("owner")
    look.at("changes", f"{study_page}/changements")
    expect(page.locator(".eco-study-changes")).to_contain_text("Gîtes connus")
    look.at("settings", f"{study_page}/reglages")
    page.fill("#field-username", "personne-inconnue")
    page.get_by_role("button", name="Inviter le compte").click()
    look.at("settings-wrong")
    page.get_by_role("button", name=re.compile("^Lien.*(lire|lecture)")).click()
    look.at("settings-link")
    link = page.locator(".eco-study-link").inner_text()
    look.at("take", f"{study_page}/emporter")
    page.get_by_role("button", name="Préparer ces données").click()
    look.at("take-nothing-kept")
    look.at("delete", f"{study_page}/supprimer")
    look.at("copy", f"{study_page}/copier")
    look.as_person("stranger")
    look.at("invited", link)
    expect(page.locator("h1")).to_contain_text(SECRET)
    page.get_by_role("button", name="Voir l’étude").click()
    look.at("read-by-guest")
    look.at("settings-of-guest", f"{study_page}/reglages")
    assert look.problems == {}


def test_the_ways_to_tell_a_site(catalogue: Catalogue, tab: Page, tmp_path: Path):
    look, page = Look(tab), tab
    look.as_person("owner")
    file = tmp_path / "site.geojson"
    ways = {
        "epci": ("#field-epci", "Nantes Métropole"),
        "area": ("#field-area", "-1.56,47.2,-1.54,47.22"),
        "file": ("#field-file", json.dumps(PLACE)),
    }
    for way, (field, value) in ways.items():
        page.goto("/fr/etudes/nouvelle")
        page.check(f"#where-{way}")
        page.fill("#field-title", f"Étude {way}")
        page.select_option("#field-frame", FRAME.id)
        look.at(f"new-{way}")
        button = page.get_by_role("button", name="Chercher les données")
        if way == "file":
            file.write_text("{}")
            page.set_input_files(field, file)
            button.click()
            look.at("new-file-wrong")
            page.check(f"#where-{way}")
            file.write_text(value)
            page.set_input_files(field, file)
        else:
            page.fill(field, "nulle part")
            button.click()
            look.at(f"new-{way}-wrong")
            page.fill(field, value)
        button.click()
        page.wait_for_url(re.compile(r"/etudes/[0-9a-f-]{36}"))
        look.at(f"made-{way}")
    assert look.problems == {}


def test_the_frames_of_editors(catalogue: Catalogue, tab: Page, monkeypatch: pytest.MonkeyPatch):
    for name, function in SHIPPED.items():
        monkeypatch.setattr(frames, name, function)
    look, page = Look(tab), tab
    look.as_person("editor")
    look.at("frames", "/fr/etudes/cadres")
    look.at("frame", "/fr/etudes/cadres/eolien")
    look.at("frame-copy", "/fr/etudes/cadres/eolien/copier")
    content = page.locator("#field-content").input_value()
    page.fill("#field-content", "title: {fr: x}\ngroups: nulle part")
    page.get_by_role("button", name="Enregistrer cette version").click()
    look.at("frame-wrong")
    page.fill("#field-content", content)
    page.get_by_role("button", name="Enregistrer cette version").click()
    look.at("frame-own")
    look.as_person("boss")
    look.at("statistics", "/fr/etudes/statistiques")
    look.at("collections", "/fr/bouquets")
    look.at("collection-new", "/fr/bouquets/nouveau")
    look.at("reuses", "/fr/reutilisations")
    look.at("reuse-new", "/fr/reutilisations/nouvelle")
    assert look.problems == {}
