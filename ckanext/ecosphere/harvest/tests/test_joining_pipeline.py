"""Deduplication in real harvests: one dataset for several catalogues in any order, succession,
and undo.
"""

import itertools
import json

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import helpers

from ckanext.ecosphere.harvest import reconcile
from ckanext.ecosphere.harvest.deduplication import explained
from ckanext.ecosphere.harvest.finish import closing
from ckanext.ecosphere.harvest.model import SourceRecord
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, covers, iso_record, status
from ckanext.ecosphere.tests.scripted_server import serve
from ckanext.harvest.model import HarvestObjectExtra

UUIDS = [f"fr-120066022-jdd-{n}d1ad7a1-13f8-4a3f-9d6c-3a4f4d8f2b11" for n in range(1, 5)]
ZIP = ("https://data.example.org/zones.zip", "WWW:DOWNLOAD-1.0-http--download", "Zones (SHP)")


def resource(number: int) -> str:
    return f"https://catalogue.example.org/{number}58c9cd3-d542-407a-b6a5-885f062b0024"


def situation(portal) -> set[tuple[str, str, tuple[str, ...]]]:
    """Return for each dataset: title, publishing source, and the other sources that have it."""
    found = set()
    for title, id_ in portal.ids().items():
        told = portal.call("ecosphere_harvest_catalogues_show", id=id_)
        found.add(
            (title, told["published_from"]["title"], tuple(each["title"] for each in told["also"]))
        )
    return found


def decision(source: str, guid: str) -> dict:
    """Return what is decided on a record that other catalogues have as well."""
    model.Session.rollback()
    return explained((source, guid))


@pytest.mark.slow("orders")
def test_the_order_of_the_harvests_changes_nothing(portal):
    """Copies by file identifier, by resource identifier, a bridge between two, a shared identifier,
    placeholders.
    """
    geoide = [
        iso_record(1, identifier=UUIDS[0], title="Un (origine)"),
        iso_record(2, identifier=UUIDS[1], title="Deux (origine)", resource_identifier=resource(2)),
        iso_record(
            8, identifier="A REMPLIR", title="Sans identifiant", resource_identifier="A REMPLIR"
        ),
    ]
    region = [
        iso_record(1, identifier=UUIDS[0], title="Un (région)"),
        iso_record(3, identifier=UUIDS[2], title="Deux (région)", resource_identifier=resource(2)),
        iso_record(4, identifier=UUIDS[3], title="Seul en région"),
    ]
    national = [
        iso_record(1, identifier=UUIDS[0].upper(), title="Un (national)"),
        iso_record(
            9,
            identifier="A REMPLIR",
            title="Sans identifiant non plus",
            resource_identifier="A REMPLIR",
        ),
    ]
    with catalogue(geoide) as one, catalogue(region) as two, catalogue(national) as three:
        sources = [
            portal.source(one.url, name="geoide", config={"priority": 1}),
            portal.source(two.url, name="region"),
            portal.source(three.url, name="national", config={"priority": 2}),
        ]
        expected = {
            ("Un (national)", "National", ("Geoide", "Region")),
            ("Deux (origine)", "Geoide", ("Region",)),
            ("Seul en région", "Region", ()),
            ("Sans identifiant", "Geoide", ()),
            ("Sans identifiant non plus", "National", ()),
        }
        for order in itertools.permutations(sources):
            for source in order:
                portal.harvest(source)
            assert situation(portal) == expected, order
            assert portal.found() == sorted(title for title, _source, _also in expected)
            for source in sources:
                portal.call("harvest_source_clear", id=source)
        assert portal.ids() == {}


def test_the_next_source_takes_over_at_the_same_address_and_gives_it_back(portal):
    copy = iso_record(1, identifier=UUIDS[0], title="Copie", links=(ZIP,))
    original = iso_record(1, identifier=UUIDS[0], title="Original", links=(ZIP,))
    with catalogue([original, iso_record(2)]) as one, catalogue([copy]) as two:
        first = portal.source(one.url, name="geoide", config={"priority": 1})
        second = portal.source(two.url, name="region")
        portal.harvest(first)
        portal.harvest(second)
        before = portal.datasets()["Original"]
        del one.records[0]
        portal.harvest(first)
        assert "Original" in portal.datasets()
        portal.harvest(first)
        during = portal.datasets()["Copie"]
        assert portal.found() == ["Copie", "Jeu de données 2"]
        one.records.insert(0, original)
        portal.harvest(first)
        after = portal.datasets()["Original"]
        assert {each["name"] for each in (before, during, after)} == {before["name"]}
        assert {each["id"] for each in (before, during, after)} == {before["id"]}
        assert {each["resources"][0]["id"] for each in (before, during, after)} == {
            before["resources"][0]["id"]
        }
        assert portal.found() == ["Jeu de données 2", "Original"]
        assert portal.harvest(second) == {"not modified": 1}


@pytest.mark.slow("variants")
def test_a_changed_priority_changes_the_publisher_and_each_object_says_who_won_and_why(portal):
    records = [
        iso_record(1, identifier=UUIDS[0], title="De la région"),
        iso_record(1, identifier=UUIDS[0]),
    ]
    with catalogue(records[:1]) as one, catalogue(records[1:]) as two:
        region = portal.source(one.url, name="region")
        geoide = portal.source(two.url, name="geoide")
        portal.harvest(region)
        portal.harvest(geoide)
        assert situation(portal) == {("De la région", "Region", ("Geoide",))}
        assert decision(geoide, UUIDS[0])["published_by"]["reason"] == "older"
        id_ = portal.datasets()["De la région"]["id"]
        portal.edit_source(geoide, config=json.dumps({"priority": 3}))
        portal.harvest(geoide)
        assert situation(portal) == {("Jeu de données 1", "Geoide", ("Region",))}
        assert portal.datasets()["Jeu de données 1"]["id"] == id_
        told = decision(region, UUIDS[0])["published_by"]
        assert (told["source"], told["reason"], told["params"]) == (
            "Geoide",
            "priority",
            {"mine": 3, "other": 0},
        )
        assert told["identifiers"] == [UUIDS[0]]
        assert [each["source"] for each in decision(geoide, UUIDS[0])["publishes"]] == ["Region"]


@pytest.mark.slow("variants")
def test_records_joined_wrongly_are_parted_for_good_and_can_be_joined_again(portal):
    with catalogue([iso_record(1, identifier=UUIDS[0], title="Un")]) as one, catalogue() as two:
        two.records[:] = [iso_record(2, identifier=UUIDS[0], title="Autre")]
        first, second = portal.source(one.url, name="un"), portal.source(two.url, name="deux")
        portal.harvest(first)
        portal.harvest(second)
        assert decision(second, UUIDS[0])["published_by"]["source"] == "Un"
        name = portal.datasets()["Un"]["name"]
        assert reconcile.split(name) == [(second, UUIDS[0])]
        assert portal.found() == ["Autre", "Un"]
        portal.harvest(first)
        assert portal.harvest(second) == {"not modified": 1}
        two.records[:] = [iso_record(2, identifier=UUIDS[0], title="Autre", abstract="Nouveau.")]
        assert portal.harvest(second) == {"updated": 1}
        assert portal.found() == ["Autre", "Un"]
        with pytest.raises(LookupError):
            reconcile.split(name)
        other = portal.datasets()["Autre"]
        reconcile.rejoin(other["name"])
        assert portal.found() == ["Un"]
        # Split again, it returns to its former dataset.
        reconcile.split(name)
        assert portal.datasets()["Autre"]["id"] == other["id"]


def test_two_datasets_that_turn_out_to_be_one_become_one(portal):
    records = [iso_record(1, identifier=UUIDS[0], title="Origine", resource_identifier=resource(1))]
    copy = iso_record(2, identifier=UUIDS[1], title="Copie")
    with catalogue(records) as one, catalogue([copy]) as two:
        first, second = portal.source(one.url, name="un"), portal.source(two.url, name="deux")
        portal.harvest(first)
        portal.harvest(second)
        assert portal.found() == ["Copie", "Origine"]
        two.records[:] = [
            iso_record(2, identifier=UUIDS[1], title="Copie", resource_identifier=resource(1))
        ]
        portal.harvest(second)
        assert portal.found() == ["Origine"]
        assert situation(portal) == {("Origine", "Un", ("Deux",))}


@pytest.mark.slow("variants")
def test_a_copy_that_vanishes_is_no_longer_named(portal):
    with catalogue([iso_record(1, identifier=UUIDS[0])]) as one, catalogue() as two:
        two.records[:] = [iso_record(1, identifier=UUIDS[0]), iso_record(2)]
        first, second = portal.source(one.url, name="un"), portal.source(two.url, name="deux")
        portal.harvest(first)
        portal.harvest(second)
        del two.records[0]
        portal.harvest(second)
        assert ("Jeu de données 1", "Un", ()) in situation(portal)
        assert portal.records(second)[UUIDS[0]] == "withdrawn"


@pytest.mark.slow("variants")
def test_a_dataset_deleted_by_hand_is_not_brought_back_by_another_source(portal):
    with catalogue([iso_record(1, identifier=UUIDS[0])]) as one, catalogue() as two:
        two.records[:] = [iso_record(1, identifier=UUIDS[0])]
        first, second = portal.source(one.url, name="un"), portal.source(two.url, name="deux")
        portal.harvest(first)
        portal.call("package_delete", id=portal.datasets()["Jeu de données 1"]["id"])
        portal.harvest(second)
        portal.harvest(second)
        assert portal.found() == []


@pytest.mark.slow("variants")
def test_harvesting_joined_sources_again_writes_nothing(portal):
    with catalogue([iso_record(1, identifier=UUIDS[0])]) as one, catalogue() as two:
        two.records[:] = [iso_record(1, identifier=UUIDS[0], title="Copie")]
        sources = [portal.source(one.url, name="un"), portal.source(two.url, name="deux")]
        for source in sources:
            portal.harvest(source)
        extras = sa.select(HarvestObjectExtra.id, HarvestObjectExtra.value).order_by(
            HarvestObjectExtra.id
        )
        records = sa.select(SourceRecord.guid, SourceRecord.joined, SourceRecord.digest).order_by(
            SourceRecord.digest
        )
        before, states = model.Session.execute(extras).all(), model.Session.execute(records).all()
        for source in sources:
            assert portal.harvest(source) == {"not modified": 1}
        model.Session.rollback()
        assert model.Session.execute(extras).all() == before
        assert model.Session.execute(records).all() == states


def test_whoever_sees_a_dataset_sees_which_catalogues_have_it(portal):
    with catalogue([iso_record(1)]) as server:
        portal.harvest(portal.source(server.url, name="un"))
    dataset = portal.datasets()["Jeu de données 1"]
    told = helpers.call_auth(
        "ecosphere_harvest_catalogues_show", {"user": "", "model": model}, id=dataset["id"]
    )
    assert told


@pytest.mark.slow("variants")
def test_what_a_udata_portal_harvested_itself_is_recognised_by_its_origin(portal):
    origins = [
        {
            "harvest": {
                "remote_id": UUIDS[0],
                "dct_identifier": UUIDS[0],
                "last_update": "2026-11-28",
            }
        },
        {"harvest": {"remote_id": resource(2), "remote_url": "https://catalogue.example.org/2"}},
        {"extras": {"harvest:remote_id": UUIDS[2]}},
        {"harvest": {"remote_id": "12"}},
    ]
    told = [
        {
            "id": f"{n}" * 24,
            "title": f"Jeu {n}",
            "description": "Zones",
            "uri": f"https://udata.example.org/api/1/{n}",
        }
        for n in range(1, 5)
    ]
    page = {"data": [one | two for one, two in zip(told, origins, strict=True)], "total": 4}
    records = [
        iso_record(1, identifier=UUIDS[0], title="Un", resource_identifier=resource(1)),
        iso_record(2, identifier=UUIDS[1], title="Deux", resource_identifier=resource(2)),
        iso_record(3, identifier=UUIDS[2], title="Trois"),
    ]
    expected = {
        ("Jeu 4", "Udata", ()),
        *((title, "Geoide", ("Udata",)) for title in ("Un", "Deux", "Trois")),
    }
    with (
        catalogue(records) as one,
        serve(lambda exchange: exchange.answer(json.dumps(page))) as two,
    ):
        geoide = portal.source(one.url, name="geoide", config={"priority": 1})
        udata = portal.source(
            two.url, name="udata", source_type="ecosphere_udata", config={"tag": "eau"}
        )
        for order in ((udata, geoide), (geoide, udata)):
            for source in order:
                portal.harvest(source)
            assert situation(portal) == expected
            page["data"][0]["harvest"]["last_update"] = "2026-11-29"
            assert portal.harvest(udata) == {"not modified": 4}
            for source in order:
                portal.call("harvest_source_clear", id=source)


# --- records of a source whose identifier changes ---


def renumbered(number: int, identifier: str, title: str = "", **values) -> str:
    title = title or f"Zones {number}"
    return iso_record(
        number, identifier=identifier, title=title, resource_identifier=resource(number), **values
    )


@pytest.mark.slow("variants")
def test_a_record_that_gets_another_identifier_keeps_its_dataset(portal):
    old = [renumbered(n, f"geo-{n}", links=(ZIP,)) for n in range(1, 9)]
    with catalogue([*old, iso_record(9)]) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"added": 9}
        before = portal.datasets()
        kept = before["Zones 1"]
        portal.call("package_patch", id=kept["id"], private=True)
        new = [
            renumbered(n, UUIDS[0].replace("1d1ad7a1", f"{n}d1ad7a1"), links=(ZIP,))
            for n in range(1, 9)
        ]
        server.records[:] = [*new, iso_record(9)]
        assert portal.harvest(source) == {"updated": 8, "not modified": 1}
        after = portal.datasets()
        assert {title: (each["id"], each["name"]) for title, each in after.items()} == {
            title: (each["id"], each["name"]) for title, each in before.items()
        }
        assert (
            after["Zones 1"]["resources"][0]["id"] == kept["resources"][0]["id"]
            and after["Zones 1"]["private"]
        )
        assert after["Zones 2"]["metadata_identifier"].endswith(
            "2d1ad7a1-13f8-4a3f-9d6c-3a4f4d8f2b11"
        )
        state = portal.state(source)
        assert (state["held"], state["facts"]["absent"]) == (0, 0)
        assert any("recognised by that of their resource: 8." in each for each in state["remarks"])
        assert portal.harvest(source) == portal.harvest(source) == {"not modified": 9}
        assert len(portal.datasets()) == 9
        assert portal.found() == sorted(title for title in before if title != "Zones 1")


@pytest.mark.slow("variants")
def test_an_identifier_that_does_not_say_so_hands_no_dataset_on(portal):
    """Shared by a third record; of a record that still exists; in a reading that was cut short."""
    records = [
        renumbered(1, "geo-1"),
        renumbered(1, "geo-2", "Autre"),
        renumbered(3, "geo-3"),
        renumbered(4, "geo-4"),
    ]
    with catalogue([*records, iso_record(9)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        first = portal.ids()
        server.records[0] = renumbered(1, "geo-5", "Troisième")
        server.records.append(renumbered(3, "geo-6", "Double"))
        assert portal.harvest(source)["added"] == 2
        assert first.items() <= portal.ids().items() and len(portal.ids()) == 7
        server.records[3] = renumbered(4, "geo-7", "Suivante")
        server.fault = lambda question, _page: status(500) if covers(question, 5) else None
        assert portal.harvest(source)["added"] == 1
        assert first.items() <= portal.ids().items() and len(portal.ids()) == 8


def test_a_whole_catalogue_with_other_identifiers_is_recognised_in_seconds(portal):
    number = 4_000
    rows = (
        "INSERT INTO package (id, name, type, state) "
        "SELECT 'p' || n, 'p' || n, 'dataset', 'active' FROM generate_series(1, 2 * :number) AS n",
        "INSERT INTO ecosphere_harvest_record (source_id, guid, state, position, seen_job, keys, package_id, absences) "
        "SELECT 's', 'g' || n, 'published', n, CASE WHEN n > :number THEN 'j' END, ARRAY['r:' || n % :number], "
        "'p' || n, 0 FROM generate_series(1, 2 * :number) AS n",
        "INSERT INTO harvest_object (id, guid, harvest_job_id, harvest_source_id, package_id, report_status, state) "
        "SELECT 'o' || n, 'g' || n, 'j', 's', 'p' || n, 'added', 'COMPLETE' "
        "FROM generate_series(:number + 1, 2 * :number) AS n",
        "ANALYZE package, ecosphere_harvest_record, harvest_object",
    )
    # They have no job and no source: only the statement is tested, and all of it is rolled back.
    for statement in (
        "SET LOCAL session_replication_role = replica",
        "SET LOCAL statement_timeout = '5s'",
        *rows,
    ):
        model.Session.execute(
            sa.text(statement), {"number": number} if ":number" in statement else {}
        )
    try:
        assert len(closing._renamed_pairs("s", "j")) == number
    finally:
        model.Session.rollback()
