"""Local edits: what somebody changes in a harvested dataset stays, is told, and follows the source again on demand."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model

from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.harvest.tests.test_local_form import LINKS, USE, edited, person
from ckanext.ecosphere.tests.forms import Form


@pytest.fixture
def server() -> Any:
    """A catalogue with one record, which has a link and a description of two paragraphs."""
    with catalogue([iso_record(1, links=LINKS, abstract="Un.\n\nDeux.")]) as running:
        yield running


@pytest.fixture
def source(portal: Any, server: Any) -> str:
    """Its source, harvested once."""
    id_ = portal.source(server.url)
    portal.harvest(id_)
    return id_


def shown(portal: Any) -> dict[str, Any]:
    [dataset] = portal.datasets().values()
    return dataset


def edits(portal: Any, dataset: dict[str, Any]) -> dict[str, Any]:
    """Return what the source says of each local edit, by field."""
    model.Session.remove()
    return {edit["field"]: edit["source"] for edit in portal.call("ecosphere_harvest_edits_list", id=dataset["id"])}


def correct(app: Any, dataset: dict[str, Any], **changes: str) -> None:
    """Change fields in the unlocked form, as an editor of the service."""
    answer = Form(app, person(dataset, "editor"), f"{edited(dataset)}?modifier=1").send(**changes)
    assert answer.status_code == 302, answer.body


def test_only_the_changed_field_is_a_local_edit_and_it_stays(portal, app, server, source):
    before = shown(portal)
    correct(app, before, title="Titre d’ici")
    assert edits(portal, before) == {"title": before["title"]}
    assert portal.harvest(source) == {"not modified": 1}
    assert shown(portal)["title"] == "Titre d’ici"
    server.records[:] = [iso_record(1, links=LINKS, abstract="Trois.")]
    assert portal.harvest(source) == {"updated": 1}
    after = shown(portal)
    assert (after["title"], after["notes"]) == ("Titre d’ici", "Trois.")
    assert edits(portal, before) == {"title": before["title"]}
    server.records[:] = [iso_record(1, links=LINKS, abstract="Trois.", title="Nouveau titre")]
    assert portal.harvest(source) == {"updated": 1}
    assert shown(portal)["title"] == "Titre d’ici"
    assert edits(portal, before) == {"title": "Nouveau titre"}
