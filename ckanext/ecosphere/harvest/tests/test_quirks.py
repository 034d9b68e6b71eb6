"""Quirks of French metadata, each in a small synthetic record, from bytes to dataset."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, RecordError, Result, normalise
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.tests.making import DEFAULT, codes, ids

DATA = Path(__file__).parent / "data"
CONTEXT = Context(DEFAULT, free_tags=True)


def read(name: str) -> Record:
    (element,) = records_in(parse_xml((DATA / f"{name}.xml").read_bytes()))
    return read_record(element)


@cache
def made(name: str) -> Result:
    return normalise(read(name), CONTEXT)


def territory(name: str) -> list[str]:
    return ids("territories", made(name).dataset.get("territory", []))


def test_a_dataset_of_geo_ide():
    result = made("geoide-dataset")
    dataset = result.dataset
    assert result.organisation == "ddt-87085-01"
    assert territory("geoide-dataset") == ["departement-87"]
    assert ids("themes", dataset["theme"]) == ["bruit"]
    assert dataset["in_series"] == ["fr-120066022-sjdd-00000000-0000-4000-8000-000000000002"]
    assert dataset["source_record"].endswith("catalog.search#/metadata/1")
    assert codes(result) == {"box-west-east-swapped"}
    kinds = Counter((r["resource_role"], r["network"], r["protocol"]) for r in dataset["resources"])
    assert kinds == {
        ("data", "internet", "HTTP:DOWNLOAD"): 1,
        ("service", "internet", "OGC:WMS"): 1,
        ("service", "internet", "OGC:WFS"): 1,
        ("data", "intranet", "HTTP:DOWNLOAD"): 1,
        ("service", "intranet", "OGC:WMS"): 1,
        ("service", "intranet", "OGC:WFS"): 1,
    }
    assert [tag["name"] for tag in dataset["tags"]] == ["Nuisance/Bruit"]


def test_a_lot_of_geo_ide_is_a_series_with_members():
    result = made("geoide-lot")
    assert ids("resource-type", [result.dataset["dcat_type"]]) == ["series"]
    assert result.members == ["fr-120066022-jdd-a", "fr-120066022-jdd-b"]
    assert result.organisation == "ddt-80021-01"
    assert "aggregationInfo: crossReference autre" in result.unread


def test_the_links_of_prodige():
    resources = made("prodige").dataset["resources"]
    assert Counter((r["resource_role"], r["protocol"]) for r in resources) == {
        ("data", "HTTP:DOWNLOAD"): 1,
        ("service", "ATOM"): 1,
        ("service", "HTTP"): 1,
        ("service", "OGC:WMS"): 1,
        ("service", "OGC:WFS"): 1,
    }
    assert territory("prodige") == ["region-ara"]


def test_anchors_give_their_addresses():
    dataset = made("anchors").dataset
    assert ids("inspire-theme", dataset["inspire_theme"]) == ["hy"]
    assert dataset["license_id"] == "etalab-2.0"
    assert ids("access-limitation", dataset["access_limitation"]) == [
        "INSPIRE_Directive_Article13_1f"
    ]
    assert codes(made("anchors")) == {"anchor-contradiction"}


def test_french_texts_go_before_those_of_the_main_language():
    record = read("several-languages")
    assert record.title == "Carte de bruit"
    assert record.translations == {"title": {"fr": "Carte de bruit", "en": "Noise map"}}
    assert made("several-languages").dataset["title_translated"] == record.translations["title"]


def test_a_record_of_an_instrument_is_read_and_what_has_no_place_is_told():
    assert territory("instrument") == ["departement-01"]
    assert made("instrument").unread == ["acquisitionInformation: satellite"]


def test_a_service_has_its_address_from_its_operations():
    dataset = made("service").dataset
    assert ids("resource-type", [dataset["dcat_type"]]) == ["service"]
    (resource,) = dataset["resources"]
    assert resource["url"] == "http://exemple.fr/wms?map=a&SERVICE=WMS&REQUEST=GetCapabilities"
    service = read("service").service
    assert service is not None
    assert service.coupled[0].text == "fr-120066022-jdd-a"


def test_the_french_profile_is_read_like_the_standard():
    dataset = made("french-profile").dataset
    assert dataset["license_id"] == "etalab-2.0"
    assert ids("themes", dataset["theme"]) == ["eau"]


def test_periods_of_all_forms():
    assert made("periods").dataset["temporal_coverage"] == [
        {"start": "2010-01-01"},
        {"start": "2012"},
        {"start": "2014-05", "end": "2015-06"},
    ]


def test_odd_dates():
    dataset = made("odd-dates").dataset
    assert (dataset["created"], dataset["issued"], dataset["metadata_date"]) == (
        "2020-10-15",
        "2014-09-08",
        "2024-05-06",
    )
    assert "modified" not in dataset
    assert codes(made("odd-dates")) == {"date"}


def test_several_odd_boxes():
    assert len(made("boxes").dataset["spatial_coverage"]) == 3
    assert codes(made("boxes")) == {"box-metres", "box-not-a-number", "box-south-north-swapped"}


def test_packed_keywords_flag_and_commune():
    dataset = made("packed-keywords").dataset
    assert [tag["name"] for tag in dataset["tags"]] == [
        "aléa",
        "enjeux",
        "inondation",
        "prévention",
        "Avrigny*60036",
    ]
    assert ids("access-right", [dataset["access_rights"]]) == ["PUBLIC"]
    assert territory("packed-keywords") == ["departement-60"]


def test_html_becomes_text():
    dataset = made("html").dataset
    assert dataset["title"] == "Un titre"
    assert dataset["notes"] == "Un texte\n\ndécrit"


def test_hostile_links_are_refused():
    result = made("hostile-links")
    assert [resource["url"] for resource in result.dataset["resources"]] == [
        "https://exemple.fr/x.zip"
    ]
    assert codes(result) == {"link-scheme", "link-not-an-address", "link-credentials"}
    assert "secret" not in str(result.dataset)


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("no-identifier", {"no-file-identifier"}),
        ("placeholders", {"identifier-placeholder", "no-title-used"}),
        ("table-name", {"no-description"}),
    ],
)
def test_poor_records_are_taken_and_reported(name, problems):
    assert codes(made(name)) == problems
    assert made(name).organisation == "ddt-01053-01"


def test_a_missing_title_comes_from_the_description():
    assert made("placeholders").dataset["title"] == "Zones humides de la vallée"


def test_a_person_as_organisation():
    result = made("person")
    assert result.organisation == "ddt-87085-01"
    assert result.dataset["contact"] == [
        {"name": "Camille EXEMPLE", "email": "sig.ddt-87@haute-vienne.gouv.fr"}
    ]


def test_limits_on_access():
    dataset = made("restricted").dataset
    assert ids("access-right", [dataset["access_rights"]]) == ["NON_PUBLIC"]
    assert ids("access-limitation", dataset["access_limitation"]) == [
        "INSPIRE_Directive_Article13_1b",
        "L311-5-2-d",
    ]
    assert codes(made("restricted")) == {"access-contradiction"}


def test_a_former_region_stands_for_the_present_one():
    assert territory("former-region") == ["region-hdf"]
    assert made("former-region").organisation == "dreal-59350-01"


def test_reference_systems():
    uris = made("reference-systems").dataset["reference_system"]
    assert [uri.rpartition("/")[2] for uri in uris] == ["2154", "3948", "27572"]


def test_iso_19115_3():
    record, dataset = read("iso19115-3"), made("iso19115-3").dataset
    assert (record.standard, record.file_identifier) == ("iso19115-3", "exemple-19115-3")
    assert dataset["metadata_date"] == "2024-05-03"
    assert dataset["owner_org"] == "dreal-35238-01"
    assert dataset["provenance"] == "Relevés de terrain."
    assert dataset["source_record"].endswith("/records/exemple-19115-3")
    assert [(r["format"], r["resource_role"]) for r in dataset["resources"]] == [("CSV", "data")]


@pytest.mark.parametrize(
    "name",
    ["latin1-declared-utf8", "utf16", "control-characters", "bom-and-space", "undeclared-prefix"],
)
def test_broken_bytes_are_repaired(name):
    assert made(name).dataset["title"] == "Un jeu de données"
    assert made(name).dataset["notes"].startswith("Description du jeu de données")


@pytest.mark.parametrize(("name", "code"), [("truncated", "truncated"), ("doctype", "doctype")])
def test_what_cannot_be_repaired_is_refused(name, code):
    with pytest.raises(RecordError) as refused:
        read(name)
    assert refused.value.code == code
