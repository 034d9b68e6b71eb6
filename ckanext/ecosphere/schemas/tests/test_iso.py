"""Round trip through ISO 19139: valid against the official XML schema, and no losses other than in `losses.csv`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

import ckanext.spatial
from ckanext.ecosphere.schemas.fields import conditions
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.iso.reading import Reader
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.comparing import RECORDS, changes, real_datasets, superfluous, untold
from ckanext.ecosphere.schemas.tests.test_roundtrip_property import NUMBERS, SCHEMA, datasets

pytestmark = pytest.mark.usefixtures("shared_db")
XSD = Path(ckanext.spatial.__file__).parent / "validation/xml/iso19139eden/gmx_and_srv.xsd"
#: Texts that no normalisation rule of the harvest changes.
WORDS = st.integers(1, 10**6).map(lambda number: f"Crue d'été n° {number} & étiage < 5 m³/s")


@pytest.fixture(scope="module")
def iso_schema() -> etree.XMLSchema:
    """Official XML schema of ISO 19139 (2007-04-17) with services (srv), as included in ckanext-spatial."""
    return etree.XMLSchema(etree.parse(XSD))


def faults(schema: etree.XMLSchema, record: bytes) -> list[str]:
    """Return the validation errors of a record."""
    schema.validate(etree.fromstring(record))
    return [entry.message for entry in schema.error_log]


@pytest.fixture
def there_and_back(iso_schema, act) -> Any:
    """Export a dataset to a valid record, read it again, and return the differences."""

    def travel(dataset: dict[str, Any]) -> dict[Any, str]:
        record = writer.record(dataset, "DDT 01")
        assert faults(iso_schema, record) == []
        return changes(dataset, act("ecosphere_harvest_read", content=record.decode())["dataset"])

    return travel


def test_the_schema_is_in_force(iso_schema):
    record = writer.record(samples.full()).replace(b"gmd:abstract", b"gmd:summary")
    assert faults(iso_schema, record)


def test_the_official_schema_accepts_a_dataset_with_a_title_only(iso_schema):
    assert faults(iso_schema, writer.record({"id": "x", "title": "Control \x0b characters & <tags>"})) == []


def test_tells_the_records_that_other_catalogues_have(iso_schema, act):
    other = {"title": "Prodige", "record": "https://prodige.example.org/fiche/1"}
    record = writer.record(samples.full(id="x"), "DDT 01", [other])
    assert faults(iso_schema, record) == []
    links = etree.fromstring(record).findall(".//{*}CI_OnlineResource")
    (link,) = [each for each in links if other["record"] in "".join(each.itertext())]
    assert "Prodige" in link.findtext("{*}name/{*}CharacterString", "")
    assert link.xpath("string(*[local-name()='function']/*/@codeListValue)") == "information"
    again = act("ecosphere_harvest_read", content=record.decode())["dataset"]
    assert again["is_referenced_by"] == [*samples.FULL["is_referenced_by"], other["record"]]


@pytest.mark.parametrize(
    ("element", "put"),
    [
        ("pointOfContact", "DREAL Bretagne"),
        ("descriptiveKeywords", "passe à poissons"),
        ("resourceConstraints", "Ne pas utiliser sous le 1/25 000"),
    ],
)
def test_what_another_tool_adds_to_a_record_is_read_though_it_has_no_mark(act, element, put):
    record = etree.fromstring(writer.record(samples.full(id="x"), "DDT 01"))
    last = record.findall(f".//{{*}}identificationInfo/*/{{*}}{element}")[-1]
    added = etree.fromstring(etree.tostring(last))
    for each in added.iter():
        for name in [name for name in each.attrib if "xlink" in str(name) or name == "uuid"]:
            del each.attrib[name]
    text = next(each for each in added.iter() if each.text and each.text.strip())
    text.text = put
    last.addnext(added)
    again = act("ecosphere_harvest_read", content=etree.tostring(record).decode())["dataset"]
    assert put in str(again)


def test_every_kind_comes_back_as_it_went_but_for_what_is_told(create, there_and_back):
    found: dict[Any, str] = {}
    for number, dataset in enumerate(samples.peculiar()):
        found |= there_and_back(create({"title": f"Peculiar {number}", **dataset, "name": f"iso-{number}"}))
    assert {each: found[each] for each in untold(found, "iso")} == {}
    assert superfluous(found, "iso") == []


@pytest.mark.skipif(not RECORDS.is_dir(), reason="the folder of real records is not beside the clone")
def test_every_real_record_comes_back_as_it_went_but_for_what_is_told(act, there_and_back):
    for name, dataset in real_datasets(act):
        found = there_and_back({**dataset, "id": name})
        assert {each: found[each] for each in untold(found, "iso")} == {}, name


# No shrinking: searching for a smaller example through the database takes minutes.
@pytest.mark.slow("random")
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.generate],
)
@given(dataset=datasets(WORDS))
def test_any_dataset_comes_back_as_it_went_but_for_what_is_told(create, there_and_back, dataset):
    kept = {name: value for name, value in dataset.items() if makes_sense(name, dataset)}
    found = there_and_back(create({"title": "P", "name": f"iso-p-{next(NUMBERS)}", **kept}))
    assert {each: found[each] for each in untold(found, "iso")} == {}


def test_a_measure_keeps_what_it_measures_after_two_equal_ones(create, there_and_back):
    measures = [{"dimension": "temporal-accuracy", "unit": "d"}] * 2 + [{"name": "Mean error", "value": "2"}]
    found = there_and_back(create({"title": "P", "name": "iso-measures", "quality_measure": measures}))
    assert {each: found[each] for each in untold(found, "iso")} == {}


def makes_sense(name: str, dataset: dict[str, Any]) -> bool:
    """Whether a field applies to the kind of the dataset; others need not be in the record."""
    if name in ("in_series", "replaces") and dataset.get("metadata_identifier") in dataset[name]:
        return False  # a dataset is neither a member nor an older version of itself
    field = next((each for each in SCHEMA if each["field_name"] == name), {})
    return conditions.is_relevant(field, lambda other: Reader(dataset).texts(other))


def test_a_series_names_its_members_and_a_service_the_records_of_what_it_serves(app, create, iso_schema):
    kind = f"{samples.INSPIRE}/metadata-codelist/ResourceType"
    create({"title": "Lot", "name": "iso-lot", "dcat_type": f"{kind}/series"})
    create({"title": "Member", "name": "iso-member", "in_series": ["iso-lot"], "metadata_identifier": "record-7"})
    create({"title": "Service", "name": "iso-service", **samples.SERVICE, "serves_dataset": ["iso-member", "gone"]})
    series, service = (app.get(f"/dataset/iso-{name}/iso19139.xml").data for name in ("lot", "service"))
    assert faults(iso_schema, series) == faults(iso_schema, service) == []
    (held,) = etree.fromstring(series).findall(".//{*}MD_AggregateInformation")
    assert "".join(held.itertext()).split() == ["record-7", "partOfSeamlessDatabase"]
    on = etree.fromstring(service).findall(".//{*}operatesOn")
    found = [(each.get("uuidref"), each.get("{http://www.w3.org/1999/xlink}href")) for each in on]
    assert found == [("iso-member", "http://test.ckan.net/dataset/iso-member/iso19139.xml"), ("gone", None)]


def test_is_served_to_those_who_may_see_the_dataset(app, create):
    create(samples.full(name="iso-public"))
    create(samples.full(name="iso-draft", private=True))
    answer = app.get("/dataset/iso-public/iso19139.xml")
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert b"MD_Metadata" in answer.data
    assert app.get("/dataset/iso-draft/iso19139.xml", status=404).status_code == 404
