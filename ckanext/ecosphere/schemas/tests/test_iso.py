"""Export as ISO 19139: valid against the official XML schema,
with all fields but those that are known as lost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from lxml import etree

import ckanext.spatial
from ckanext.ecosphere.schemas import form
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.iso.values import Reader
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.comparing import (
    FILE_FIELDS,
    OWN_FIELDS,
    RECORDS,
    changes,
    comparable,
    real_datasets,
    untold,
)
from ckanext.ecosphere.schemas.tests.test_roundtrip_property import NUMBERS, SCHEMA, datasets
from dev import reference

pytestmark = pytest.mark.usefixtures("shared_db")
XSD = Path(ckanext.spatial.__file__).parent / "validation/xml/iso19139eden/gmx_and_srv.xsd"
#: Fields that a harvest deduces from several elements of a record, ours included.
DEDUCED = {
    "access_limitation",
    "access_rights",
    "conformity",
    "other_information",
    "source_record",
    "territory",
    "use_conditions",
}
DEDUCED_OF_SERVICES = {"endpoint_description", "endpoint_url"}


@pytest.fixture(scope="module")
def iso_schema() -> etree.XMLSchema:
    """Official XML schema of ISO 19139 (2007-04-17) with services (srv),
    as included in ckanext-spatial.
    """
    return etree.XMLSchema(etree.parse(XSD))


def faults(schema: etree.XMLSchema, record: bytes) -> list[str]:
    """Return the validation errors of a record."""
    schema.validate(etree.fromstring(record))
    return [entry.message for entry in schema.error_log]


def test_the_schema_is_in_force(iso_schema):
    record = writer.record(samples.full()).replace(b"gmd:abstract", b"gmd:summary")
    assert faults(iso_schema, record)


def test_the_official_schema_accepts_a_dataset_with_a_title_only(iso_schema):
    assert (
        faults(iso_schema, writer.record({"id": "x", "title": "Control \x0b characters & <tags>"}))
        == []
    )


def test_tells_the_records_that_other_catalogues_have(iso_schema):
    other = {"title": "Prodige", "record": "https://prodige.example.org/fiche/1"}
    record = writer.record(samples.full(id="x"), "DDT 01", [other])
    assert faults(iso_schema, record) == []
    links = etree.fromstring(record).findall(".//{*}CI_OnlineResource")
    (link,) = [each for each in links if other["record"] in "".join(each.itertext())]
    assert "Prodige" in link.findtext("{*}name/{*}CharacterString", "")
    assert link.xpath("string(*[local-name()='function']/*/@codeListValue)") == "information"


@pytest.mark.slow("exchange")
def test_the_record_has_every_field_but_those_that_are_listed_as_lost(create):
    present: set[tuple[str, str]] = set()
    examined: set[tuple[str, str]] = set()
    for number, sample in enumerate(samples.peculiar()):
        dataset = create({"title": f"Peculiar {number}", **sample, "name": f"iso-{number}"})
        scope = "service" if Reader(dataset).kind == "service" else "dataset"
        record = writer.record(dataset)
        for name in (
            OWN_FIELDS - {"language"} | {"tags"}
        ) & dataset.keys():  # French is the default of a record
            other = {key: value for key, value in dataset.items() if key != name}
            if comparable(dataset[name]):
                examined.add((scope, name))
            if writer.record(other) != record:
                present.add((scope, name))
        for name in FILE_FIELDS - {"url"}:
            resources = [
                {key: value for key, value in row.items() if key != name}
                for row in dataset["resources"]
            ]
            if any(comparable(row.get(name)) for row in dataset["resources"]):
                examined.add(("resource", name))
            if writer.record({**dataset, "resources": resources}) != record:
                present.add(("resource", name))
    rows = [row for row in reference.losses() if (row["format"], row["change"]) == ("iso", "lost")]
    lost = {(row["scope"], row["field"]) for row in rows}
    lost |= {("service", name) for scope, name in lost if scope == "dataset"}
    assert examined - present == lost & examined


@pytest.mark.slow("records")
@pytest.mark.skipif(
    not RECORDS.is_dir(), reason="the folder of real records is not beside the clone"
)
def test_a_harvest_reads_real_records_as_they_went_but_for_what_it_deduces(act, iso_schema):
    for name, dataset in real_datasets(act):
        record = writer.record({**dataset, "id": name}, "DDT 01")
        assert faults(iso_schema, record) == []
        again = act("ecosphere_harvest_read", content=record.decode())["dataset"]
        found = changes({**dataset, "resources": []}, {**again, "resources": []})
        deduced = DEDUCED | DEDUCED_OF_SERVICES if Reader(dataset).kind == "service" else DEDUCED
        assert {
            each: found[each] for each in untold(found, "iso") if each[1] not in deduced
        } == {}, name


# No shrinking: searching for a smaller example through the database takes minutes.
@pytest.mark.slow("random")
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.generate],
)
@given(dataset=datasets())
def test_the_official_schema_accepts_any_dataset(create, iso_schema, dataset):
    kept = {name: value for name, value in dataset.items() if makes_sense(name, dataset)}
    shown = create({"title": "P", "name": f"iso-p-{next(NUMBERS)}", **kept})
    assert faults(iso_schema, writer.record(shown, "DDT 01")) == []


def makes_sense(name: str, dataset: dict[str, Any]) -> bool:
    """Whether a field applies to the kind of the dataset; others need not be in the record."""
    if name in ("in_series", "replaces") and dataset.get("metadata_identifier") in dataset[name]:
        return False  # a dataset is neither a member nor an older version of itself
    field = next((each for each in SCHEMA if each["field_name"] == name), {})
    return form.is_relevant(field, lambda other: Reader(dataset).texts(other))


def test_a_series_names_its_members_and_a_service_the_records_of_what_it_serves(
    app, create, iso_schema
):
    kind = f"{samples.INSPIRE}/metadata-codelist/ResourceType"
    create({"title": "Lot", "name": "iso-lot", "dcat_type": f"{kind}/series"})
    create(
        {
            "title": "Member",
            "name": "iso-member",
            "in_series": ["iso-lot"],
            "metadata_identifier": "record-7",
        }
    )
    create(
        {
            "title": "Service",
            "name": "iso-service",
            **samples.SERVICE,
            "serves_dataset": ["iso-member", "gone"],
        }
    )
    series, service = (
        app.get(f"/dataset/iso-{name}/iso19139.xml").data for name in ("lot", "service")
    )
    assert faults(iso_schema, series) == faults(iso_schema, service) == []
    (held,) = etree.fromstring(series).findall(".//{*}MD_AggregateInformation")
    assert "".join(held.itertext()).split() == ["record-7", "partOfSeamlessDatabase"]
    on = etree.fromstring(service).findall(".//{*}operatesOn")
    found = [(each.get("uuidref"), each.get("{http://www.w3.org/1999/xlink}href")) for each in on]
    assert found == [
        ("iso-member", "http://test.ckan.net/dataset/iso-member/iso19139.xml"),
        ("gone", None),
    ]


def test_is_served_to_those_who_may_see_the_dataset(app, create):
    create(samples.full(name="iso-public"))
    create(samples.full(name="iso-draft", private=True))
    answer = app.get("/dataset/iso-public/iso19139.xml")
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert b"MD_Metadata" in answer.data
    assert app.get("/dataset/iso-draft/iso19139.xml", status=404).status_code == 404
