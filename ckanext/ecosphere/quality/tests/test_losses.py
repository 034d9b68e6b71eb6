"""Statistics on information lost by the harvest."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model

from ckanext.ecosphere.quality import figures, origins, overview
from ckanext.ecosphere.quality.figures import Scope
from ckanext.ecosphere.quality.tests.conftest import act, stored

pytestmark = pytest.mark.usefixtures("portal", "service")


def harvested(name: str, faults: dict[str, str] | None, **fields: Any) -> str:
    """Create a harvested dataset with given origins of its failed criteria (None: not examined); return its id."""
    record = {"source_record": f"https://x.org/{name}"}
    made = act(
        "package_create", **{"name": name, "title": name, "owner_org": "ddt-42", **record, **fields}
    )
    if faults is not None:
        row = stored(made["id"])
        row.checks = {**(row.checks or {}), origins.KEY: faults}
        model.Session.commit()
    return made["id"]


def test_losses_are_counted_by_criterion_and_by_dataset():
    harvested("both", {"licence": "lost", "lineage": "silent"})
    harvested("one", {"licence": "lost", "lineage": "lost"})
    harvested("none", {"licence": "silent"})
    harvested("waiting", None)
    harvested("met", {"licence": "lost"}, license_id="etalab-2.0")
    act("package_create", name="made-here", title="A", owner_org="ddt-42")
    found = figures.of(Scope()).losses
    assert found and (found.harvested, found.examined, found.losing) == (5, 4, 2)
    assert [(each.criterion.id, each.failing, each.lost) for each in found.criteria] == [
        ("licence", 3, 2),
        ("lineage", 2, 1),
    ]
    assert origins.waiting(10) == [stored(model.Package.get("waiting").id).package_id]  # pyright: ignore
    table = overview.losses({"losses": overview._losses_dict(found)})
    assert [line.split(";")[0] for line in table.splitlines()][1:] == ["licence", "lineage"]


def test_private_and_deleted_datasets_do_not_count():
    harvested("secret", {"licence": "lost"}, private=True)
    gone = harvested("gone", {"licence": "lost"})
    act("package_delete", id=gone)
    found = figures.of(Scope()).losses
    assert found and (found.harvested, found.examined, found.losing, found.criteria) == (
        0,
        0,
        0,
        (),
    )
    of_service = figures.of(Scope(organization=model.Group.get("ddt-42").id, private=True)).losses  # pyright: ignore
    assert of_service and (of_service.harvested, of_service.losing) == (1, 1)


def test_a_save_gives_the_answers_up():
    package_id = harvested("zones", {"licence": "lost"})
    act("package_patch", id=package_id, notes="Autre description")
    assert origins.KEY not in stored(package_id).checks
    assert origins.waiting(10) == [package_id]


def test_a_dataset_without_a_record_is_examined_once():
    package_id = harvested("zones", None)
    assert origins.run(origins.waiting(10)) == (1, 0)
    assert stored(package_id).checks[origins.KEY] == {} and origins.waiting(10) == []
    origins.forget()
    assert origins.waiting(10) == [package_id]


def test_an_answer_about_what_was_saved_meanwhile_is_not_kept(monkeypatch: pytest.MonkeyPatch):
    package_id = harvested("zones", None)
    faults = origins._faults

    def slow(row: Any) -> dict[str, str]:
        found = faults(row)
        model.Session.rollback()
        act("package_patch", id=package_id, notes="Enregistré entre-temps")
        return found

    monkeypatch.setattr(origins, "_faults", slow)
    origins.run([package_id])
    assert origins.KEY not in stored(package_id).checks
