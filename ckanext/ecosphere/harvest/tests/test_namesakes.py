"""Records that share an identifier: separate datasets if their titles differ,
reported correctly if not imported.
"""

import csv
import io
import itertools
import json

import pytest
from ckan.tests import factories

from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.harvest.tests.test_sources_more import site

FILE = "fr-120066022-jdd-0d1ad7a1-13f8-4a3f-9d6c-3a4f4d8f2b11"
RESOURCE = "https://id.example.org/model-of-the-service-585c9cd3-d542-407a-b6a5-885f062b0024"
TITLES = ("Carrières en activité", "Zones inondables de l'Ain", "Plan de prévention du bruit")


def namesake(title: str, **more: str) -> str:
    """Return a record with the identifiers shared by all of them."""
    return iso_record(identifier=FILE, resource_identifier=RESOURCE, title=title, **more)


@pytest.mark.slow("variants")
def test_three_titles_under_one_identifier_are_three_datasets_whose_ids_stay(portal):
    records = {title: namesake(title) for title in TITLES}
    with catalogue(list(records.values())) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"added": 3}
        assert portal.state(source)["set_aside"] == []
        ids = portal.ids()
        assert set(ids) == set(TITLES)
        for order in itertools.permutations(records.values()):
            server.records[:] = order
            assert portal.harvest(source) == {"not modified": 3}
            assert portal.ids() == ids
        server.records[:] = [namesake(title, abstract="Nouveau.") for title in reversed(TITLES)]
        assert portal.harvest(source) == {"updated": 3}
        assert portal.ids() == ids
        # One of them gets another title: the others report which record holds the place.
        server.records[1] = namesake("Zones inondables du département de l'Ain")
        assert portal.harvest(source) == {"updated": 1, "not modified": 2}
        assert sorted(portal.ids().values()) == sorted(ids.values())
        assert portal.ids()["Zones inondables du département de l'Ain"] == ids[TITLES[1]]
        assert portal.harvest(source) == {"not modified": 3}


@pytest.mark.slow("variants")
def test_a_new_title_of_a_single_record_changes_its_dataset_and_makes_no_other(portal):
    with catalogue([namesake(TITLES[0])]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        [before] = portal.ids().values()
        server.records[:] = [namesake(TITLES[1])]
        assert portal.harvest(source) == {"updated": 1}
        assert portal.ids() == {TITLES[1]: before}
        # Others join it, and are listed first: it keeps its dataset.
        server.records[:] = [namesake(title) for title in TITLES]
        portal.harvest(source)
        assert set(portal.ids()) == set(TITLES)
        assert portal.ids()[TITLES[1]] == before


def test_namesakes_of_two_sources_are_not_taken_for_each_other(portal):
    with catalogue([namesake(title) for title in TITLES[:2]]) as one, catalogue() as two:
        two.records[:] = [namesake(TITLES[2]), namesake("Autre chose")]
        portal.harvest(portal.source(one.url, name="un"))
        portal.harvest(portal.source(two.url, name="deux"))
        assert set(portal.ids()) == {*TITLES, "Autre chose"}


@pytest.mark.slow("variants")
def test_what_is_set_aside_is_told_truly_and_all_of_it_is_named(portal, app):
    """Sixty versions of one record, one exact copy and a refused record.

    The report lists each, also as CSV.
    """
    same = [namesake(TITLES[0], abstract=f"Version {number}.") for number in range(61)]
    bad = iso_record(2, title="Sans objet").replace(
        "gmd:identificationInfo", "gmd:identificationNothing"
    )
    with catalogue([*same, same[0], bad]) as server:
        source = portal.source(server.url)
        assert portal.harvest(source) == {"added": 1, "errored": 1}
    job = portal.last_job(source)
    told = portal.call("ecosphere_harvest_records_list", id=job, limit=500)
    assert told["count"] == 62
    reasons = [(row["outcome"], row["reason"]) for row in told["results"]]
    assert reasons.count(("set-aside", "same-identifiers")) == 60
    assert reasons.count(("set-aside", "copy")) == 1
    assert reasons.count(("refused", "no-identification")) == 1
    sentence = told["results"][0]["text"]
    assert "another record of the source bears the same identifiers" in sentence
    assert TITLES[0] in sentence
    assert [row["position"] for row in told["results"]] == sorted(
        row["position"] for row in told["results"]
    )
    page = portal.call("ecosphere_harvest_records_list", id=job, limit=10, offset=60)
    assert [row["outcome"] for row in page["results"]] == ["set-aside", "refused"]

    who = {"Authorization": factories.SysadminWithToken(image_url="")["token"]}
    address = f"/ecosphere/harvest/job/{job}/records"
    first = app.get(address, headers=who).body
    assert first.count("<tr") == 51
    assert 'href="' in first
    assert "page=2" in first
    second = app.get(f"{address}?page=2", headers=who).body
    assert second.count("<tr") == 13
    only = app.get(f"{address}?outcome=refused", headers=who).body
    assert only.count("<tr") == 2
    table = list(
        csv.DictReader(
            io.StringIO(app.get(f"{address}?format=csv", headers=who).body.lstrip("\ufeff")),
            delimiter=";",
        )
    )
    assert len(table) == 62
    assert {row["outcome"] for row in table} == {"set-aside", "refused"}
    report = app.get(f"/harvest/source/job/{job}", headers=who).body
    assert f"{address}?outcome=set-aside" in report
    assert f"{address}?outcome=refused" in report
    assert report.count("another record of the source bears the same identifiers") == 20
    assert app.get(address, status=403)


FEED = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
<https://data.example.org/> a dcat:Catalog ; dcat:dataset {all} ."""
SUBJECT = '<https://data.example.org/{number}> a dcat:Dataset ; dct:title "{title}"@fr ; dct:identifier "{file}" .'


def of_folder() -> dict[str, str]:
    links = "".join(
        f'<a href="{number}.xml">{number}.xml</a>' for number, _title in enumerate(TITLES)
    )
    return {
        "/": links,
        **{f"/{number}.xml": namesake(title) for number, title in enumerate(TITLES)},
    }


def of_feed() -> dict[str, tuple[str, str]]:
    subjects = [
        SUBJECT.format(number=number, title=title, file=FILE) for number, title in enumerate(TITLES)
    ]
    head = FEED.format(
        all=", ".join(f"<https://data.example.org/{number}>" for number in range(len(TITLES)))
    )
    return {"/": ("\n".join([head, *subjects]), "text/turtle")}


def of_udata() -> dict[str, tuple[str, str]]:
    data = [{"id": "5e7e104ace2080d9162b61d8", "title": title, "resources": []} for title in TITLES]
    page = json.dumps({"data": data, "total": len(data), "next_page": None})
    return {"/api/1/datasets/?tag=eau&sort=created&page=1&page_size=50": (page, "application/json")}


@pytest.mark.few(1, "variants")
@pytest.mark.parametrize(
    ("kind", "pages", "config"),
    [
        ("ecosphere_waf", of_folder, None),
        ("ecosphere_dcat", of_feed, None),
        ("ecosphere_udata", of_udata, {"tag": "eau"}),
    ],
)
def test_other_types_of_source_tell_them_apart_as_well(portal, kind, pages, config):
    with site(pages()) as server:
        source = portal.source(f"{server.url}/", name="autre", source_type=kind, config=config)
        assert portal.harvest(source) == {"added": 3}, portal.errors(source)
        ids = portal.ids()
        assert set(ids) == set(TITLES)
        assert portal.harvest(source) == {"not modified": 3}
        assert portal.ids() == ids
