"""Bulk reindexing after re-scoring: changes the quality fields only,
and overwrites no concurrent save.
"""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from ckan import model
from ckan.lib.search import clear_all
from ckan.lib.search.common import make_connection

from ckanext.ecosphere.fast_save.documents import KeptDocuments
from ckanext.ecosphere.quality import rescore, store
from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.quality.tests.conftest import act, saved

pytestmark = pytest.mark.usefixtures("portal", "service")

#: Fields that may differ: quality, and time of store.
QUALITY = {store.LEVEL_FIELD, store.SCORE_FIELD}
MOMENT = {"indexed_ts", "_version_"}
BOX = json.dumps(
    {
        "type": "Polygon",
        "coordinates": [[[3.7, 45.2], [4.8, 45.2], [4.8, 46.3], [3.7, 46.3], [3.7, 45.2]]],
    }
)


def solr(path: str, **params: Any) -> Any:
    """Query Solr directly."""
    answer = requests.get(
        f"{make_connection().url}/{path}", params={"wt": "json", **params}, timeout=30
    )
    answer.raise_for_status()
    return answer.json()


def kept(package_id: str) -> dict[str, Any]:
    """Return the stored fields of a document, except quality and time of store."""
    [found] = solr("select", q=f'id:"{package_id}"', fl="*")["response"]["docs"]
    return {name: value for name, value in found.items() if name not in QUALITY | MOMENT}


def searchable() -> dict[str, set[str]]:
    """Return the indexed terms of each field, including fields that are not stored."""
    make_connection().optimize()  # terms of replaced documents remain until the segments are merged
    names = solr("admin/luke", numTerms=0)["fields"]
    found = {}
    for name in names.keys() - QUALITY - MOMENT:
        terms = solr("admin/luke", numTerms=5000, fl=name)["fields"][name].get("topTerms", [])
        found[name] = set(terms[::2])
    return found


def give_score(package_id: str, score: int, level: str) -> None:
    model.Session.execute(
        sa.update(QualityRow)
        .where(QualityRow.package_id == package_id)
        .values(score=score, level=level)
    )
    model.Session.commit()


def in_index(score: int, level: str) -> list[str]:
    query = f"+{store.LEVEL_FIELD}:{level} +{store.SCORE_FIELD}:{score:03d}"
    return sorted(
        found["name"] for found in act("package_search", fq=query, include_private=True)["results"]
    )


@pytest.mark.slow("variants")
def test_a_document_keeps_all_but_its_quality():
    act("group_create", name="groupe", title="Groupe")
    more: dict[str, Any] = {
        "spatial_coverage": [{"bbox": BOX, "text": "Loire"}],
        "groups": [{"name": "groupe"}],
    }
    made = act("package_create", **saved(name="zones", private=True, **more))
    model.Session.expire_all()  # after reloading, the extras are in the order of the database
    stored_before, words_before = kept(made["id"]), searchable()
    give_score(made["id"], 7, "incomplete")
    assert rescore.reindex([made["id"]]) == 0
    assert kept(made["id"]) == stored_before
    words = searchable()
    assert (
        words.keys() == words_before.keys()
        and {"permission_labels", "owner_org", "title_string"} <= words.keys()
    )
    assert words == words_before
    assert in_index(7, "incomplete") == ["zones"]


def test_the_document_is_the_one_that_a_save_makes(monkeypatch: pytest.MonkeyPatch):
    made = act("package_create", **saved(name="zones", spatial_coverage=[{"bbox": BOX}]))
    rescore.reindex([made["id"]])
    ours = kept(made["id"]), searchable()
    act("package_patch", id=made["id"], title="Autre titre")
    act("package_patch", id=made["id"], title=made["title"])
    theirs = kept(made["id"]), searchable()
    for fields in (*ours, *theirs):
        for name in (
            "metadata_modified",
            "data_dict",
            "validated_data_dict",
        ):  # time of the last save
            fields.pop(name, None)
    assert ours == theirs


@pytest.mark.slow("load")
def test_a_save_in_progress_is_waited_for_and_not_overwritten():
    ids = [act("package_create", **saved(name=f"zone-{n}"))["id"] for n in range(3)]
    for package_id in ids:
        give_score(package_id, 7, "incomplete")
    engine: Any = model.Session.get_bind()
    with engine.connect() as other:
        other.execute(
            sa.text("UPDATE ecosphere_quality SET score = 8 WHERE package_id = :id"), {"id": ids[1]}
        )
        ending = threading.Timer(1, other.commit)
        ending.start()
        assert rescore.reindex(ids) == 0
        ending.join()
    assert in_index(7, "incomplete") == ["zone-0", "zone-2"]
    assert in_index(8, "incomplete") == ["zone-1"]


def test_a_dataset_that_cannot_be_indexed_keeps_no_other_out(monkeypatch: pytest.MonkeyPatch):
    ids = [act("package_create", **saved(name=f"zone-{n}"))["id"] for n in range(3)]
    for package_id in ids:
        give_score(package_id, 7, "incomplete")
    complete = store.complete_document

    def failing(document: dict[str, Any], dataset: Any) -> dict[str, Any]:
        if document["name"] == "zone-1":
            raise RuntimeError("broken hook")
        if document["name"] == "zone-2":
            document = {**document, "metadata_created": "not a date"}  # refused by Solr
        return complete(document, dataset)

    monkeypatch.setattr(store, "complete_document", failing)
    assert rescore.reindex(ids) == 2
    assert in_index(7, "incomplete") == ["zone-0"]


def test_a_long_run_becomes_visible_in_few_steps(monkeypatch: pytest.MonkeyPatch):
    commits: list[str] = []
    monkeypatch.setattr(rescore, "LOCKED_TOGETHER", 2)
    monkeypatch.setattr(rescore, "COMMIT_EVERY", 2)
    monkeypatch.setattr(rescore.solr, "commit", lambda: commits.append("commit"))
    rescore.reindex([f"gone-{number}" for number in range(6)])
    assert len(commits) == 2, "after two of three chunks, and at the end"


def test_what_is_deleted_or_gone_does_not_come_back():
    deleted = act("package_create", **saved(name="deleted"))["id"]
    act("package_delete", id=deleted)
    assert rescore.reindex([deleted, "gone"]) == 0
    assert rescore.reindex([]) == 0
    assert solr("select", q=f"id:{deleted}")["response"]["numFound"] == 0


def test_a_copy_that_no_longer_tells_the_truth_is_not_used():
    made = [act("package_create", **saved(name=f"zone-{n}"))["id"] for n in range(2)]
    fresh, stale = KeptDocuments(), KeptDocuments()
    failed: list[tuple[str, Exception]] = []

    def note(package_id: str, error: Exception) -> None:
        failed.append((package_id, error))

    assert len(fresh.make(made, note)) == fresh.from_index == 2
    model.Session.execute(sa.update(model.Package).values(title="Titre corrigé dans la base"))
    model.Session.commit()
    assert [document["title"] for document in stale.make(made, note)] == [
        "Titre corrigé dans la base"
    ] * 2
    assert stale.from_index == 0 and failed == []


def test_a_dataset_that_is_not_in_the_index_is_read_from_the_database():
    made = act("package_create", **saved(name="zones"))
    clear_all()
    assert rescore.reindex([made["id"]]) == 0
    assert solr("select", q="name:zones")["response"]["numFound"] == 1
