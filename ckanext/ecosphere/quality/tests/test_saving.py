"""Every way of saving a dataset updates its score in the same transaction,
with a single Solr add.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests import factories

from ckanext.ecosphere.quality import store
from ckanext.ecosphere.quality.model import QualityHistory, QualityRow
from ckanext.ecosphere.quality.tests.conftest import act, count, from_scratch, stored

pytestmark = pytest.mark.usefixtures("portal")

DESCRIPTION = (
    "Une description qui dépasse largement les cent caractères demandés : "
    "elle explique tout, lieu et date compris."
)
BATCH = {"defer_commit": True, "return_id_only": True}


def dataset(**fields: Any) -> dict[str, Any]:
    factories.Organization(name="ddt-42")
    return act("package_create", name="zones", title="Zones", owner_org="ddt-42", **fields)


def agrees(package_id: str) -> None:
    """Check that stored row, computation from scratch, index and action agree."""
    expected = from_scratch(package_id)
    row = stored(package_id)
    assert (row.score, row.level, row.results) == (expected.score, expected.level, expected.states)
    in_index = f"+id:{package_id} +ecosphere_quality_level:{row.level} +ecosphere_quality_score:{row.score:03d}"
    found = act("package_search", fq=in_index, include_private=True)
    assert [
        (d["ecosphere_quality_level"], d["ecosphere_quality_score"]) for d in found["results"]
    ] == [(row.level, row.score)]
    shown = act("ecosphere_quality_show", id=package_id)
    assert (shown["score"], shown["level"]) == (row.score, row.level)


def test_creating_a_dataset(solr_adds: list[Any]):
    created = dataset(notes=DESCRIPTION)
    assert len(solr_adds) == 1
    assert stored(created["id"]).results["description"] == "pass"
    agrees(created["id"])


def test_updating_it(solr_adds: list[Any]):
    created = dataset()
    solr_adds.clear()
    act("package_update", **{**created, "notes": DESCRIPTION})
    assert len(solr_adds) == 1
    assert stored(created["id"]).results["description"] == "pass"
    agrees(created["id"])


def test_updating_it_without_its_resources():
    created = dataset(resources=[{"url": "https://x.org/a.csv", "format": "CSV"}])
    without = {name: value for name, value in created.items() if name != "resources"}
    act("package_update", **{**without, "notes": DESCRIPTION})
    assert stored(created["id"]).results["data_access"] == "pass"
    agrees(created["id"])


def test_patching_and_revising_it(solr_adds: list[Any]):
    created = dataset()
    solr_adds.clear()
    act("package_patch", id=created["id"], notes=DESCRIPTION)
    assert len(solr_adds) == 1
    agrees(created["id"])
    act("package_revise", match={"id": created["id"]}, update={"license_id": "etalab-2.0"})
    assert stored(created["id"]).results["licence"] == "pass"
    agrees(created["id"])


def test_saving_without_a_change_writes_nothing(solr_adds: list[Any]):
    created = dataset()
    before = stored(created["id"]).computed_at
    solr_adds.clear()
    act("package_update", **created)
    assert solr_adds == []
    assert stored(created["id"]).computed_at == before


def test_creating_changing_ordering_and_deleting_resources(solr_adds: list[Any]):
    created = dataset()
    solr_adds.clear()
    first = act(
        "resource_create", package_id=created["id"], url="https://x.org/a.pdf", format="PDF"
    )
    assert len(solr_adds) == 1
    assert stored(created["id"]).results["open_format"] == "fail"
    agrees(created["id"])
    act("resource_update", id=first["id"], url="https://x.org/a.csv", format="CSV")
    assert stored(created["id"]).results["open_format"] == "pass"
    act("resource_patch", id=first["id"], name="A", description="Toutes les zones")
    assert stored(created["id"]).results["resources_documented"] == "pass"
    second = act(
        "resource_create", package_id=created["id"], url="https://x.org/b.csv", format="CSV"
    )
    assert stored(created["id"]).results["resources_documented"] == "fail"
    act("package_resource_reorder", id=created["id"], order=[second["id"], first["id"]])
    agrees(created["id"])
    act("resource_delete", id=first["id"])
    act("resource_delete", id=second["id"])
    assert stored(created["id"]).results["data_access"] == "fail"
    agrees(created["id"])


@pytest.mark.parametrize("action", ["bulk_update_private", "bulk_update_public"])
def test_bulk_changes_of_visibility(action: str):
    created = dataset(notes=DESCRIPTION)
    act(action, datasets=[created["id"]], org_id=created["owner_org"])
    agrees(created["id"])


def test_deleting_in_bulk_then_restoring():
    created = dataset(notes=DESCRIPTION)
    act("bulk_update_delete", datasets=[created["id"]], org_id=created["owner_org"])
    assert from_scratch(created["id"]).score == stored(created["id"]).score
    act("package_patch", id=created["id"], state="active")
    agrees(created["id"])


def test_deleting_restoring_and_purging():
    created = dataset(notes=DESCRIPTION)
    act("package_delete", id=created["id"])
    assert stored(created["id"]).score == from_scratch(created["id"]).score
    act("package_patch", id=created["id"], state="active", notes="Court")
    agrees(created["id"])
    act("dataset_purge", id=created["id"])
    assert (count(QualityRow), count(QualityHistory)) == (0, 0)


def test_a_purge_that_is_refused_removes_nothing():
    created = dataset()
    user = factories.User()
    with pytest.raises(tk.NotAuthorized):
        tk.get_action("dataset_purge")({"user": user["name"]}, {"id": created["id"]})
    assert stored(created["id"])


def test_changing_the_organisation_in_a_save_and_by_its_own_action(solr_adds: list[Any]):
    created = dataset()
    factories.Organization(name="ddt-43")
    act("package_patch", id=created["id"], owner_org="ddt-43")
    agrees(created["id"])
    act("package_owner_org_update", id=created["id"], organization_id=None)
    assert stored(created["id"]).results["producer"] == "fail"
    agrees(created["id"])
    solr_adds.clear()
    act("package_owner_org_update", id=created["id"], organization_id="ddt-42")
    assert stored(created["id"]).results["producer"] == "pass"
    assert len(solr_adds) == 1
    agrees(created["id"])


def test_losing_a_keyword_that_is_deleted_everywhere(solr_adds: list[Any]):
    created = dataset(tags=[{"name": name} for name in ("eau", "loire", "tourbière")])
    assert stored(created["id"]).results["keywords"] == "pass"
    solr_adds.clear()
    act("tag_delete", id="tourbière")
    assert stored(created["id"]).results["keywords"] == "fail"
    assert len(solr_adds) == 1
    agrees(created["id"])
    user = factories.User()
    with pytest.raises(tk.NotAuthorized):
        tk.get_action("tag_delete")({"user": user["name"]}, {"id": "eau"})
    with pytest.raises(tk.ObjectNotFound):
        act("tag_delete", id="nothing")
    agrees(created["id"])


def test_tags_of_a_vocabulary_are_no_keywords():
    created = dataset(tags=[{"name": "eau"}])
    codes = act("vocabulary_create", name="codes", tags=[{"name": "code-a"}, {"name": "code-b"}])
    for tag in codes["tags"]:
        model.Session.add(
            model.PackageTag(package_id=created["id"], tag_id=tag["id"], state="active")
        )
    model.Session.commit()
    act("package_patch", id=created["id"], title="Autre titre")
    assert stored(created["id"]).results["keywords"] == "fail"
    agrees(created["id"])
    act("vocabulary_update", id=codes["id"], tags=[])
    act("vocabulary_delete", id=codes["id"])
    agrees(created["id"])


def test_changing_and_purging_the_organisation(ckan_config: Any, monkeypatch: pytest.MonkeyPatch):
    created = dataset()
    act("organization_patch", id="ddt-42", title="Autre nom", name="ddt-loire")
    agrees(created["id"])
    monkeypatch.setitem(ckan_config, "ckan.auth.create_unowned_dataset", True)
    act("organization_purge", id="ddt-loire")
    assert stored(created["id"]).results["producer"] == "fail"
    agrees(created["id"])


def test_a_batch_that_commits_at_its_end(solr_adds: list[Any]):
    factories.Organization(name="ddt-42")
    ids = [
        act("package_create", BATCH, name=f"zone-{n}", owner_org="ddt-42", notes=DESCRIPTION)
        for n in range(3)
    ]
    assert solr_adds == []
    model.repo.commit()
    for package_id in ids:
        assert stored(package_id).score == from_scratch(package_id).score


def test_a_save_that_fails_keeps_no_score():
    with pytest.raises(tk.ValidationError):
        act("package_create", name="Pas un nom", notes=DESCRIPTION)
    model.Session.rollback()
    assert count(QualityRow) == 0


def test_a_transaction_that_is_undone_takes_the_score_with_it():
    created = dataset()
    before = stored(created["id"]).score
    act("package_patch", BATCH, id=created["id"], notes=DESCRIPTION)
    row = store.row_of(created["id"])
    assert row and row.score > before
    model.Session.rollback()
    assert stored(created["id"]).score == before


def test_one_line_of_history_per_day_on_which_the_score_changes(monkeypatch: pytest.MonkeyPatch):
    created = dataset()
    act("package_patch", id=created["id"], notes=DESCRIPTION)
    assert count(QualityHistory) == 1
    line = model.Session.get(QualityHistory, (created["id"], store.today()))
    assert line and line.score == stored(created["id"]).score
    tomorrow = store.today().replace(year=store.today().year + 1)
    monkeypatch.setattr(store, "today", lambda: tomorrow)
    act("package_patch", id=created["id"], title="Autre titre")
    assert count(QualityHistory) == 1
    act("package_patch", id=created["id"], license_id="etalab-2.0")
    assert count(QualityHistory) == 2


def test_packages_of_other_types_have_no_quality():
    act(
        "package_create",
        name="a-source",
        type="harvest-like",
        owner_org=factories.Organization()["id"],
        notes=DESCRIPTION,
    )
    assert count(QualityRow) == 0
    with pytest.raises(tk.ObjectNotFound):
        act("ecosphere_quality_show", id="a-source")
