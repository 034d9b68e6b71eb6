"""Datasets created in bulk equal those created by CKAN one by one: rows, index documents,
validated data.
"""

import copy
import json
from datetime import datetime, timedelta
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.fast_save import documents, solr
from ckanext.ecosphere.fast_save.documents import Documents, KeptDocuments
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.harvest.write.portal import Bulk, without_activity

LINKS = (
    ("https://carto.example.org/wms?map=ain", "OGC:WMS", "zones"),
    ("https://data.example.org/zones.zip", "WWW:DOWNLOAD-1.0-http--download", "Zones (SHP)"),
)
KEYWORDS = "<gmd:descriptiveKeywords><gmd:MD_Keywords>{}</gmd:MD_Keywords></gmd:descriptiveKeywords>".format(
    "".join(
        f"<gmd:keyword><gco:CharacterString>{word}</gco:CharacterString></gmd:keyword>"
        for word in ("crue", "cours d'eau", "crue", "zone inondable")
    )
)
OWN = {"id", "package_id", "table_id", "tag_id", "creator_user_id", "revision_id"}


def records():
    one, two, three = (iso_record(n, links=LINKS) for n in (1, 2, 3))
    return [one.replace("</gmd:abstract>", "</gmd:abstract>" + KEYWORDS), two, three]


def rows_of(guid_number: int) -> dict[str, list[dict]]:
    """Return all rows of a record's dataset, in every table that refers to it,
    without identifiers.
    """
    package = model.Session.execute(
        sa.select(model.package_table).where(
            model.package_table.c.title == f"Jeu de données {guid_number}"
        )
    ).one()
    tables = {
        "package": sa.select(model.package_table).where(model.package_table.c.id == package.id),
        "resource": sa.select(model.resource_table)
        .where(model.resource_table.c.package_id == package.id)
        .order_by(model.resource_table.c.position),
        "tag": sa.select(model.tag_table.c.name, model.package_tag_table.c.state)
        .join(model.package_tag_table, model.package_tag_table.c.tag_id == model.tag_table.c.id)
        .where(model.package_tag_table.c.package_id == package.id)
        .order_by(model.tag_table.c.name),
        "member": sa.select(model.member_table).where(model.member_table.c.table_id == package.id),
        "quality": sa.text("SELECT * FROM ecosphere_quality WHERE package_id = :id").bindparams(
            id=package.id
        ),
        "history": sa.text(
            "SELECT * FROM ecosphere_quality_history WHERE package_id = :id"
        ).bindparams(id=package.id),
    }
    return {
        name: [_bare(row._mapping) for row in model.Session.execute(query)]
        for name, query in tables.items()
    }


def _bare(row) -> dict:
    def plain(value):
        if isinstance(value, datetime):
            # Both ways write the current time by default.
            recent = abs(datetime.now(value.tzinfo) - value) < timedelta(hours=30)
            return "now" if recent else value.isoformat()
        return value

    bare: Any = {str(key): plain(value) for key, value in row.items() if str(key) not in OWN}
    if "facts" in bare:  # the quality row holds ids of resources
        bare["facts"]["distributions"].pop("targets")
    return bare


def document_bare(document: Any) -> dict[str, Any]:
    """Return an index document with its JSON parsed, so that the order of keys does not matter."""
    read = {"data_dict", "validated_data_dict"}
    return {key: json.loads(value) if key in read else value for key, value in document.items()}


def test_a_source_among_datasets_has_the_document_that_ckan_gives_it(portal):
    with catalogue([iso_record(1)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
    ids = list(
        model.Session.scalars(sa.select(model.Package.id).where(model.Package.state == "active"))
    )
    assert source in ids and len(ids) == 2
    made = {
        document["id"]: document
        for document in Documents().make(ids, lambda name, error: pytest.fail(str(error)))
    }
    assert document_bare(made[source]) == document_bare(solr.document(source))
    documents.index(ids)
    assert (
        tk.get_action("harvest_source_show")({"ignore_auth": True}, {"id": source})["source_type"]
        == "ecosphere_csw"
    )


def test_rows_are_those_that_package_create_writes(portal, monkeypatch):
    with catalogue(records()) as server:
        source = portal.source(server.url)
        with monkeypatch.context() as slow:
            slow.setattr(Bulk, "possible", staticmethod(lambda: False))
            portal.harvest(source)
        one_by_one = {n: rows_of(n) for n in (1, 2, 3)}
        portal.call("harvest_source_clear", id=source)
        portal.harvest(source)
        for n, rows in one_by_one.items():
            assert rows_of(n) == rows
    assert len(one_by_one[1]["resource"]) == 2
    assert [tag["name"] for tag in one_by_one[1]["tag"]] == [
        "cours d'eau",
        "crue",
        "zone inondable",
    ]
    assert len(one_by_one[1]["quality"]) == len(one_by_one[1]["history"]) == 1


def test_the_portal_of_the_tests_really_goes_the_fast_way(portal):
    with without_activity():
        assert Bulk.possible()


def test_search_documents_are_those_that_ckan_indexes(portal):
    with catalogue(records()) as server:
        portal.harvest(portal.source(server.url))
    ids = [dataset["id"] for dataset in portal.datasets().values()]
    failed = []
    together = Documents().make(ids, lambda *error: failed.append(error))
    one_by_one = [solr.document(id_) for id_ in ids]
    again = KeptDocuments()
    from_index = again.make(ids, lambda *error: failed.append(error))
    assert failed == [] and again.from_index == len(ids)
    for made in (together, from_index):
        by_id = {document["id"]: document for document in made}
        for expected in one_by_one:
            assert expected and document_bare(by_id[expected["id"]]) == document_bare(expected)


def test_a_batch_in_which_a_plugin_fails_is_saved_record_by_record(portal, monkeypatch):
    quality: Any = type(p.get_plugin("ecosphere_quality"))
    original = quality.after_dataset_create

    def failing(self, context, data):
        if data["title"] == "Jeu de données 2":
            raise RuntimeError("broken hook")
        original(self, context, data)

    monkeypatch.setattr(quality, "after_dataset_create", failing)
    with catalogue(records()) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"added": 2, "errored": 1}
        (error,) = portal.errors(source)
        assert "broken hook" in error
        assert (
            sorted(portal.datasets()) == portal.found() == ["Jeu de données 1", "Jeu de données 3"]
        )


def test_a_keyword_is_one_tag_however_many_batches_meet_it(portal, monkeypatch):
    one, two, three = records()
    all_with = [
        each.replace("</gmd:abstract>", "</gmd:abstract>" + KEYWORDS) for each in (two, three)
    ]
    monkeypatch.setattr("ckanext.ecosphere.harvest.config.batch_size", lambda: 1)
    with catalogue([one, *all_with]) as server:
        portal.harvest(portal.source(server.url))
    names = list(model.Session.scalars(sa.select(model.tag_table.c.name)))
    assert sorted(names) == ["cours d'eau", "crue", "zone inondable"]


@pytest.mark.usefixtures("with_plugins")
@pytest.mark.parametrize(
    "data",
    [
        {"title": "A", "name": "a", "extras": [{"key": "k", "value": "v"}], "resources": []},
        {
            "title": "A",
            "name": "a",
            "unknown": 1,
            "resources": [{"url": "https://example.org/a", "odd": "b"}],
        },
        {
            "title": "A",
            "tags": [{"name": "x"}, {"name": "y"}],
            "contact": [{"name": "DDT"}],
            "resources": [{"url": ""}],
        },
        {},
    ],
)
def test_validated_data_are_those_of_ckan(data):
    from ckan.lib.plugins import lookup_package_plugin, plugin_validate

    from ckanext.ecosphere.fast_save.validation import Validation

    data = {"type": "dataset", **data}
    form = lookup_package_plugin("dataset")
    context: Any = {"model": model, "session": model.Session, "user": "", "ignore_auth": True}
    for action, schema in (
        ("package_create", form.create_package_schema),
        ("package_show", form.show_package_schema),
    ):
        expected, errors = plugin_validate(
            form, context.copy(), copy.deepcopy(data), schema(), action
        )
        found, ours = Validation().validate(
            form, context.copy(), copy.deepcopy(data), schema(), action
        )
        assert bool(ours) == bool(errors)
        if action == "package_show" or not errors:  # package_show returns the errors with the data
            assert found == expected
