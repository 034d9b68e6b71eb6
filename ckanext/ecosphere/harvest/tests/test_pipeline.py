"""Harvest pipeline, from the catalogue to the portal: new, changed,
unchanged and refused records.
"""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.model import SourceRecord
from ckanext.ecosphere.harvest.tests.csw_server import (
    catalogue,
    covers,
    exception,
    iso_record,
    status,
)
from ckanext.ecosphere.harvest.tests.portal import solr_requests
from ckanext.harvest.model import HarvestObject

WMS = ("https://carto.example.org/wms?map=ain", "OGC:WMS", "zones")
ZIP = ("https://data.example.org/zones.zip", "WWW:DOWNLOAD-1.0-http--download", "Zones (SHP)")
PDF = ("https://data.example.org/notice.pdf", "WWW:LINK-1.0-http--link", "Notice")


def versions() -> dict[str, object]:
    """Return for each dataset the values that any write would change."""
    model.Session.rollback()
    rows = model.Session.execute(sa.select(model.Package.id, model.Package.metadata_modified))
    return dict(rows.tuples().all())


# --- first, repeated and changed harvests ---


def test_a_first_harvest_publishes_every_record(portal):
    with catalogue([iso_record(n) for n in range(1, 8)]) as server:
        source = portal.source(server.url, config={"page_size": 3})
        assert portal.harvest(source) == {"added": 7}
        assert portal.errors(source) == []
        assert (
            portal.found()
            == sorted(portal.datasets())
            == [f"Jeu de données {n}" for n in range(1, 8)]
        )
        assert portal.current_objects() == 7


def test_a_dataset_knows_its_service_its_catalogue_and_its_original(portal):
    with catalogue([iso_record(1)]) as server:
        portal.harvest(portal.source(server.url, name="geo-ide"))
        dataset = portal.datasets()["Jeu de données 1"]
        assert dataset["organization"]["name"] == "ddt-01053-01"
        assert dataset["metadata_identifier"] == "fr-120066022-jdd-00000001"
        assert dataset["source_catalogue"] == "Geo-ide"
        assert dataset["source_record"].startswith(f"{server.url}?service=CSW")
        assert "GetRecordById" in dataset["source_record"]
        assert dataset["source_record"].endswith("id=fr-120066022-jdd-00000001")


def test_keywords_keep_their_apostrophes_where_the_schema_accepts_them(portal):
    keywords = (
        "<gmd:descriptiveKeywords><gmd:MD_Keywords><gmd:keyword><gco:CharacterString>cours d’eau"
        "</gco:CharacterString></gmd:keyword></gmd:MD_Keywords></gmd:descriptiveKeywords>"
    )
    with catalogue(
        [iso_record(1).replace("</gmd:abstract>", "</gmd:abstract>" + keywords)]
    ) as server:
        portal.harvest(portal.source(server.url))
        assert [tag["name"] for tag in portal.datasets()["Jeu de données 1"]["tags"]] == [
            "cours d'eau"
        ]


def test_a_record_of_an_unknown_service_goes_to_the_owner_of_its_source(portal):
    with catalogue([iso_record(1, organisation="Bureau d'études Dupont")]) as server:
        portal.harvest(portal.source(server.url))
        assert portal.datasets()["Jeu de données 1"]["organization"]["name"] == portal.OWNER


def test_harvesting_an_unchanged_source_again_writes_no_dataset_and_asks_nothing_of_solr(
    portal, monkeypatch
):
    with catalogue([iso_record(n, links=(WMS, ZIP)) for n in range(1, 8)]) as server:
        source = portal.source(server.url)
        with solr_requests(monkeypatch) as first:
            portal.harvest(source)
        before = versions()
        with solr_requests(monkeypatch) as again:
            assert portal.harvest(source) == {"not modified": 7}
        assert versions() == before
        assert again == {}
        # Seven documents in one request and a second request to commit them; the third is the page
        # of the source.
        assert (first["add"], first["update"]) == (8, 3)


def test_one_changed_record_is_one_update(portal, monkeypatch):
    records = [iso_record(n) for n in range(1, 8)]
    with catalogue(records) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        before = versions()
        server.records[4] = iso_record(5, abstract="Un autre résumé.")
        with solr_requests(monkeypatch) as counted:
            assert portal.harvest(source) == {"updated": 1, "not modified": 6}
        changed = {id_ for id_, moment in versions().items() if moment != before[id_]}
        assert changed == {portal.datasets()["Jeu de données 5"]["id"]}
        assert portal.datasets()["Jeu de données 5"]["notes"] == "Un autre résumé."
        assert counted["add"] == 2  # the dataset and the page of the source
        assert portal.current_objects() == 7


def test_a_forced_harvest_imports_what_has_not_changed(portal):
    with catalogue([iso_record(1), iso_record(2)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        assert portal.harvest(source, force=True) == {"updated": 2}
        assert portal.harvest(source) == {"not modified": 2}


def test_records_are_imported_again_when_the_source_s_settings_change_their_datasets(portal):
    with catalogue([iso_record(1)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        portal.edit_source(source, title="Un autre titre")
        assert portal.harvest(source) == {"updated": 1}
        assert portal.datasets()["Jeu de données 1"]["source_catalogue"] == "Un autre titre"


def test_a_new_title_changes_neither_the_address_nor_the_resources(portal):
    with catalogue([iso_record(1, links=(WMS, ZIP, PDF))]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        before = portal.datasets()["Jeu de données 1"]
        server.records[0] = iso_record(1, title="Zones inondables", links=(PDF, WMS, ZIP))
        portal.harvest(source)
        after = portal.datasets()["Zones inondables"]
        assert (after["id"], after["name"]) == (before["id"], before["name"])
        assert {r["url"]: r["id"] for r in after["resources"]} == {
            r["url"]: r["id"] for r in before["resources"]
        }


def test_a_link_whose_query_changes_leaves_the_others_alone(portal):
    with catalogue([iso_record(1, links=(WMS, ZIP, PDF))]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        before = {r["url"]: r["id"] for r in portal.datasets()["Jeu de données 1"]["resources"]}
        moved = ("https://carto.example.org/wms?map=ain2024", *WMS[1:])
        server.records[0] = iso_record(1, links=(moved, ZIP, PDF))
        portal.harvest(source)
        after = {r["url"]: r["id"] for r in portal.datasets()["Jeu de données 1"]["resources"]}
        assert len(after) == len(before) == 3
        assert {after[url] for url in after if url in before} <= set(before.values())
        assert after[ZIP[0]] == before[ZIP[0]]
        assert after[PDF[0]] == before[PDF[0]]


def test_a_link_that_goes_is_removed_and_one_that_comes_is_added(portal):
    with catalogue([iso_record(1, links=(WMS, ZIP))]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        before = {r["url"]: r["id"] for r in portal.datasets()["Jeu de données 1"]["resources"]}
        server.records[0] = iso_record(1, links=(ZIP, PDF))
        portal.harvest(source)
        after = {r["url"]: r["id"] for r in portal.datasets()["Jeu de données 1"]["resources"]}
        assert set(after) == {ZIP[0], PDF[0]}
        assert after[ZIP[0]] == before[ZIP[0]]


def test_the_record_itself_is_kept(portal):
    with catalogue([iso_record(1)]) as server:
        portal.harvest(portal.source(server.url))
        shown = portal.call(
            "harvest_object_show", dataset_id=portal.datasets()["Jeu de données 1"]["name"]
        )
        assert shown["content"].startswith("<gmd:MD_Metadata")
        assert "Zones soumises" in shown["content"]
        assert '"changes"' in shown["extras"]["ecosphere"]


def test_equal_titles_get_names_of_their_own(portal):
    with catalogue([iso_record(n, title="Zones inondables") for n in range(1, 31)]) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"added": 30}
        model.Session.rollback()
        names = set(
            model.Session.execute(
                sa.select(model.Package.name).where(model.Package.type == "dataset")
            ).scalars()
        )
        assert len(names) == 30
        assert "zones-inondables" in names
        assert all(name.startswith("zones-inondables") for name in names)


# --- refused records ---


def test_one_record_that_is_none_does_not_stop_the_others(portal):
    broken = '<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd"/>'
    with catalogue([iso_record(1), broken, iso_record(3)]) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"added": 2, "errored": 1}
        [message] = portal.errors(source)
        assert message.startswith("Record 2 (")
        assert "no identification section" in message


def test_an_error_names_the_identifier_and_the_position(portal):
    bad = iso_record(2).replace("gmd:identificationInfo", "gmd:identificationNothing")
    with catalogue([iso_record(1), bad]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        [message] = portal.errors(source)
        assert message.startswith(
            "Record 2 (fr-120066022-jdd-00000002): the record does not describe"
        )


def test_a_refused_record_is_tried_again_and_taken_once_it_is_right(portal):
    bad = iso_record(1).replace("gmd:identificationInfo", "gmd:identificationNothing")
    with catalogue([bad]) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"errored": 1}
        assert portal.harvest(source) == {"errored": 1}
        server.records[0] = iso_record(1)
        assert portal.harvest(source) == {"added": 1}


@pytest.mark.slow("variants")
def test_a_dataset_whose_record_becomes_unreadable_stays_as_it_was(portal):
    with catalogue([iso_record(1)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        server.records[0] = iso_record(1).replace(
            "gmd:identificationInfo", "gmd:identificationNothing"
        )
        assert portal.harvest(source) == {"errored": 1}
        assert "Jeu de données 1" in portal.datasets()
        assert portal.current_objects() == 1
        server.records[0] = iso_record(1, abstract="Réparé.")
        assert portal.harvest(source) == {"updated": 1}


def test_a_dataset_that_is_not_valid_is_refused_with_the_reason_and_the_others_go_on(
    portal, monkeypatch
):
    from ckanext.ecosphere.harvest.write import importer

    honest = importer.Writer._dataset

    def tampered(self, item, name, present):
        dataset = honest(self, item, name, present)
        if item.guid.endswith("2"):
            dataset["url"] = "x" * 10
            dataset["name"] = "Pas un nom !"
        return dataset

    monkeypatch.setattr(importer.Writer, "_dataset", tampered)
    with catalogue([iso_record(n) for n in (1, 2, 3)]) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"added": 2, "errored": 1}
        [message] = portal.errors(source)
        assert message.startswith(
            "Record 2 (fr-120066022-jdd-00000002): the dataset made of it is not valid"
        )
        assert portal.found() == ["Jeu de données 1", "Jeu de données 3"]


def test_a_hook_that_fails_for_one_record_costs_only_that_record(portal, monkeypatch):
    from ckanext.harvest.plugin import Harvest

    def hook(self, context, data_dict):
        if data_dict.get("title") == "Jeu de données 2":
            model.Session.execute(sa.text("SELECT 1/0"))

    monkeypatch.setattr(Harvest, "after_dataset_create", hook)
    with catalogue([iso_record(n) for n in (1, 2, 3)]) as server:
        monkeypatch.undo()
        source = portal.source(server.url)
        monkeypatch.setattr(Harvest, "after_dataset_create", hook)
        assert portal.harvest(source) == {"added": 2, "errored": 1}
        [message] = portal.errors(source)
        assert "division by zero" in message
        monkeypatch.undo()
        assert portal.harvest(source) == {"added": 1, "not modified": 2}


def test_a_dataset_deleted_by_hand_does_not_come_back(portal):
    with catalogue([iso_record(1), iso_record(2)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        portal.call("package_delete", id=portal.datasets()["Jeu de données 1"]["id"])
        assert portal.harvest(source) == {"not modified": 2}
        server.records[0] = iso_record(1, abstract="Nouveau.")
        assert portal.harvest(source) == {"not modified": 2}
        assert portal.harvest(source) == {"not modified": 2}
        assert portal.found() == ["Jeu de données 2"]


@pytest.mark.slow("variants")
def test_a_dataset_that_was_purged_is_made_again(portal):
    with catalogue([iso_record(1)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        package_id = portal.datasets()["Jeu de données 1"]["id"]
        model.Session.execute(
            sa.update(HarvestObject)
            .where(HarvestObject.package_id == package_id)
            .values(package_id=None)
        )
        model.Session.commit()
        portal.call("dataset_purge", id=package_id)
        assert portal.harvest(source) == {"added": 1}
        assert portal.found() == ["Jeu de données 1"]


@pytest.mark.slow("variants")
def test_a_dataset_made_private_by_hand_stays_private(portal):
    with catalogue([iso_record(1)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        portal.call("package_patch", id=portal.datasets()["Jeu de données 1"]["id"], private=True)
        server.records[0] = iso_record(1, abstract="Nouveau.")
        assert portal.harvest(source) == {"updated": 1}
        assert portal.datasets()["Jeu de données 1"]["private"] is True
        assert portal.found() == []


# --- identity of records ---


def test_two_records_with_one_identifier_are_two_datasets_whatever_their_order(portal):
    first = iso_record(
        1, identifier="MEME", title="Zones A", resource_identifier="https://id.example.org/a"
    )
    second = iso_record(
        2, identifier="MEME", title="Zones B", resource_identifier="https://id.example.org/b"
    )
    with catalogue([first, second]) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"added": 2}
        ids = {title: dataset["id"] for title, dataset in portal.datasets().items()}
        server.records[:] = [second, first]
        portal.harvest(source)
        assert portal.harvest(source) == {"not modified": 2}
        assert {title: dataset["id"] for title, dataset in portal.datasets().items()} == ids


def test_a_record_that_comes_twice_is_taken_once(portal):
    with catalogue([iso_record(1), iso_record(1), iso_record(2)]) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"added": 2}
        assert portal.state(source)["facts"]["repeated"] == 1
        [told] = portal.state(source)["set_aside"]
        assert told.startswith(
            "Record 2 (fr-120066022-jdd-00000001): the source had already given this record"
        )


@pytest.mark.few(1, "values")
@pytest.mark.parametrize("identifier", ["", "A REMPLIR", "à compléter"])
def test_a_record_without_an_identifier_goes_by_its_resource_or_its_title(portal, identifier):
    records = [
        iso_record(1, identifier=identifier, resource_identifier="https://id.example.org/a"),
        iso_record(2, identifier=identifier),
    ]
    with catalogue(records) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"added": 2}
        assert portal.harvest(source) == {"not modified": 2}
        server.records[1] = iso_record(2, identifier=identifier, abstract="Nouveau.")
        assert portal.harvest(source) == {"updated": 1, "not modified": 1}


UUID = "fr-120066022-jdd-0d1ad7a1-13f8-4a3f-9d6c-3a4f4d8f2b11"


@pytest.mark.slow("variants")
def test_a_record_that_another_source_publishes_is_not_taken_again(portal):
    with catalogue([iso_record(1, identifier=UUID)]) as origin, catalogue() as other:
        first = portal.source(origin.url, name="geo-ide")
        second = portal.source(other.url, name="region")
        portal.harvest(first)
        before = portal.datasets()["Jeu de données 1"]
        other.records[:] = [iso_record(1, identifier=UUID.upper(), title="Copie"), iso_record(2)]
        assert portal.harvest(second) == {"added": 1, "not modified": 1}
        assert (
            portal.datasets()["Jeu de données 1"]["metadata_modified"]
            == before["metadata_modified"]
        )
        assert portal.found() == ["Jeu de données 1", "Jeu de données 2"]
        assert portal.state(second)["facts"]["counts"]["duplicate"] == 1
        [told] = portal.state(second)["set_aside"]
        assert (
            told.startswith("Record 1 ")
            and "already published from the catalogue “Geo-ide”" in told
        )
        assert portal.harvest(second) == {"not modified": 2}


@pytest.mark.slow("variants")
def test_a_weak_identifier_of_another_source_is_another_record(portal):
    with catalogue([iso_record(1, identifier="1")]) as one, catalogue() as two:
        portal.harvest(portal.source(one.url, name="un"))
        two.records[:] = [iso_record(2, identifier="1")]
        assert portal.harvest(portal.source(two.url, name="deux")) == {"added": 1}
        assert len(portal.found()) == 2


def test_a_source_never_overwrites_a_dataset_that_a_person_made(portal):
    with catalogue([iso_record(1, title="Zones inondables")]) as server:
        portal.call(
            "package_create",
            name="zones-inondables",
            title="Zones inondables",
            notes="À moi",
            owner_org="ddt-01053-01",
            metadata_identifier="fr-120066022-jdd-00000001",
        )
        assert portal.harvest(portal.source(server.url)) == {"added": 1}
        assert portal.call("package_show", id="zones-inondables")["notes"] == "À moi"


# --- failing sources ---


def test_what_could_be_read_is_imported_and_the_report_says_what_could_not(portal):
    def fault(question, page):
        return exception("Erreur interne") if covers(question, 5) else None

    with catalogue([iso_record(n) for n in range(1, 9)], fault) as server:
        source = portal.source(server.url, config={"page_size": 4})
        assert portal.harvest(source) == {"added": 7, "errored": 1}
        assert portal.errors(source) == [
            "Record 5 could not be read: the server answered “Erreur interne”."
        ]
        remarks = portal.state(source)["remarks"]
        assert (
            "The source was not read completely: nothing is withdrawn after this harvest."
            in remarks
        )
        assert portal.state(source)["complete"] is False


def test_a_source_that_cannot_be_reached_is_an_error_and_withdraws_nothing(portal):
    with catalogue([iso_record(1)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        server.fault = lambda question, page: status(503)
        for _ in range(3):
            assert portal.harvest(source) == {"errored": 1}
        assert portal.found() == ["Jeu de données 1"]


def test_a_source_inside_is_refused(portal, ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, "ecosphere.harvest.allowed_networks", [])
    with catalogue([iso_record(1)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        assert any("private network" in message for message in portal.errors(source))
        assert server.questions == []


def test_positions_are_those_of_the_source_also_when_pages_are_small(portal):
    def cap(question, page):
        return replace(page, records=page.records[:2], returned=2)

    with catalogue([iso_record(n) for n in range(1, 6)], cap) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        rows = model.Session.execute(
            sa.select(SourceRecord.guid, SourceRecord.position).where(
                SourceRecord.source_id == source
            )
        )
        assert {int(guid[-1]): position for guid, position in rows} == {n: n for n in range(1, 6)}
