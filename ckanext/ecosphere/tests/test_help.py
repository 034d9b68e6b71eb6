"""Guides at `/aide`: what they call by name exists, their links lead somewhere,
and each page has one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from babel.messages.pofile import read_po
from ckan.lib.i18n import get_ckan_i18n_dir

from ckanext.ecosphere.core import public_pages
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.tests.access import tables

ROOT = Path(__file__).resolve().parents[3]
GUIDES = sorted(public_pages.GUIDES.rglob("*.md"))
FRENCH = [guide for guide in GUIDES if guide.parent == public_pages.GUIDES]
CATALOGUES = (
    public_pages.PACKAGE / "i18n/fr/LC_MESSAGES/ckanext-ecosphere.po",
    Path(get_ckan_i18n_dir()) / "fr/LC_MESSAGES/ckan.po",
)
LONGEST = 150
LONGEST_LABEL = 80


def anchors(guide: Path) -> set[str]:
    """Return the anchors of the headings of a guide."""
    return {
        public_pages.anchor(heading)
        for heading in re.findall(r"^##+ (.+)$", guide.read_text(), re.MULTILINE)
    }


@pytest.fixture(scope="module")
def labels() -> set[str]:
    """Every sentence of the portal in French: those of the catalogues,
    and the fields of the form.
    """
    sentences: set[str] = set()
    for path in CATALOGUES:
        for message in read_po(path.open("rb")):
            sentences.update(
                [message.string] if isinstance(message.string, str) else message.string
            )
    schema = (public_pages.PACKAGE / "schemas/dataset.yaml").read_text()
    sentences.update(re.findall(r'fr: "([^"]+)"', schema))
    return {sentence.replace("\u202f", " ").replace("\xa0", " ") for sentence in sentences}


def filled_in(labels: set[str]) -> list[re.Pattern[str]]:
    """Return patterns of the labels with places that the portal
    fills in ("Guichet : {service}").
    """
    with_places = [
        label
        for label in labels
        if re.match(r"\w{2}[^{]*\{\w+\}", label) and len(label) <= LONGEST_LABEL
    ]
    return [re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(label))) for label in with_places]


@pytest.mark.parametrize("guide", FRENCH, ids=lambda guide: guide.stem)
def test_buttons_and_pages_are_called_as_the_portal_calls_them(guide: Path, labels: set[str]):
    bold = {
        " ".join(text.split())
        for text in re.findall(r"\*\*(.+?)\*\*", guide.read_text(), re.DOTALL)
    }
    unknown = {
        text
        for text in bold - labels
        if not any(label.fullmatch(text) for label in filled_in(labels))
    }
    assert unknown == set()


def test_an_invented_button_is_noticed(labels: set[str]):
    known = filled_in(labels)
    for text in ("Bouton inventé", "Ouvrir : le menu", "Envoyer à tous"):
        assert text not in labels
        assert not any(label.fullmatch(text) for label in known)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_links_and_pictures_lead_somewhere(guide: Path):
    targets = re.findall(r"\]\((?!https?:)([^)]+)\)", guide.read_text())
    wrong = []
    for target in targets:
        name, _hash, part = target.partition("#")
        path = (guide.parent / name).resolve() if name else guide
        if not path.is_file() or (part and part not in anchors(path)):
            wrong.append(target)
    assert wrong == []


@pytest.mark.parametrize("guide", FRENCH, ids=lambda guide: guide.stem)
def test_a_guide_is_short_and_listed(guide: Path):
    assert len(guide.read_text().splitlines()) <= LONGEST
    assert guide.stem in public_pages.titles()


def test_each_page_has_a_guide_and_its_part():
    for target in public_pages.table()["pages"].values():
        name, _hash, part = target.partition("#")
        guide = public_pages.GUIDES / name
        assert guide.stem in public_pages.titles(), target
        assert not part or part in anchors(guide), target


def test_the_site_of_the_documentation_has_the_same_guides_in_the_same_order():
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    listed = [
        {group["title"]: [f"{name}.md" for name in group["guides"]]}
        for group in public_pages.table()["groups"]
    ]
    assert site["nav"] == [*listed, {"English": ["en/index.md"]}]


def test_each_beginning_of_a_route_is_one_of_the_portal(app: Any):
    rules = [rule.rule for rule in app.flask_app.url_map.iter_rules()]
    rules += [row.name for row in tables.read("routes")]  # also those of plugins that are optional
    rules += [f"/demandes/<id>/{step}" for step in states.TRANSITIONS]
    unknown = [
        route
        for route in public_pages.table()["pages"]
        if not any(rule.startswith(route) for rule in rules)
    ]
    assert unknown == []


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_a_page_opens_its_guide(app: Any):
    page = app.get("/fr/dataset/").body
    assert 'href="/fr/aide/chercher"' in page
    guide = app.get("/fr/aide/chercher").body
    assert "<h1>Chercher des données</h1>" in guide
    assert 'href="/fr/aide/demander"' in guide
    assert "/ecosphere/help/images/journey-found.png" in guide
    assert app.get("/fr/aide/inconnu", status=404)


@pytest.mark.few(4, "variants")
@pytest.mark.parametrize("step", states.TRANSITIONS)
def test_a_step_of_a_request_opens_its_own_section(app: Any, step: str):
    with app.flask_app.test_request_context(f"/demandes/DD-2026-00012/{step}"):
        opened = public_pages.ecosphere_help_address()
    section = public_pages.table()["pages"][f"/demandes/<id>/{step}"]
    assert opened.endswith(section.replace(".md", ""))


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_an_english_page_opens_the_french_guide_with_a_note(app: Any):
    guide = app.get("/en/aide/chercher").body
    assert "This guide exists in French only." in guide
    assert '<article class="eco-prose eco-guide" lang="fr">' in guide
    assert "<h1>Help</h1>" in app.get("/en/aide").body
