"""Datasets leave as ISO 19139, DCAT-AP and CSV, and come back: valid, and without other losses than those told."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from rdflib import DCAT, RDF, SH, Graph, Namespace

import ckanext.spatial
from ckanext.dcat.processors import RDFParser, RDFSerializer
from ckanext.ecosphere.schemas import catalogue_csv, fields
from ckanext.ecosphere.schemas.iso import writer

from . import samples

pytestmark = pytest.mark.usefixtures("shared_db")
XSD = Path(ckanext.spatial.__file__).parent / "validation/xml/iso19139eden/gmx_and_srv.xsd"
RECORDS = Path(__file__).parents[5] / "shared" / "records"
SHAPES = Path(__file__).parents[5] / "shared" / "reference" / "shacl"
KIND = f"{samples.INSPIRE}/metadata-codelist/ResourceType"
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
DEGREE = f"{samples.INSPIRE}/metadata-codelist/DegreeOfConformity/"
OWN_FIELDS = {each["field_name"] for each in fields.schema()["dataset_fields"]} - {"name", "owner_org", "tag_string"}
FILE_FIELDS = [each["field_name"] for each in fields.schema()["resource_fields"]]
SERVICE = {
    "dcat_type": f"{KIND}/service",
    "service_type": f"{samples.INSPIRE}/metadata-codelist/SpatialDataServiceType/view",
    "endpoint_url": ["https://ogc.example.org/wms"],
    "serves_dataset": ["zones"],
}
CODE = {"dcat_type": "https://schema.org/SoftwareSourceCode", "code_repository": "https://git.example.org/x"}


@pytest.fixture(scope="module")
def iso_schema() -> etree.XMLSchema:
    """The official schema of ISO 19139 (2007-04-17) with services, as ckanext-spatial carries it."""
    return etree.XMLSchema(etree.parse(XSD))


def faults(schema: etree.XMLSchema, record: bytes) -> list[str]:
    """What the schema refuses of a record."""
    schema.validate(etree.fromstring(record))
    return [entry.message for entry in schema.error_log]


def lost(format_name: str, scope: str = "dataset") -> set[str]:
    """The fields of which `losses.csv` says that they do not come back unchanged."""
    return {row["field"] for row in fields.losses() if (row["format"], row["scope"]) == (format_name, scope)}


def sorted_value(value: Any) -> Any:
    """A value to compare: no order, no empty parts; codes may come as id or as address."""
    if isinstance(value, list):
        texts = (json.dumps(part, sort_keys=True, ensure_ascii=False) for part in value)
        return sorted(text.replace(DEGREE, "") for text in texts)
    return value or None


def differing(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The fields of the schema that are not the same."""
    return {name for name in OWN_FIELDS if sorted_value(before.get(name)) != sorted_value(after.get(name))}


def differing_files(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The fields of resources that are not the same; a resource is known again by its address."""
    again = {each["url"]: each for each in after["resources"]}
    return {
        field
        for each in before["resources"]
        for field in FILE_FIELDS
        if sorted_value(each.get(field)) != sorted_value(again[each["url"]].get(field))
    }


class TestIso:
    @pytest.mark.parametrize("changes", [{}, SERVICE, CODE, {"dcat_type": f"{KIND}/series"}])
    def test_the_official_schema_accepts_every_kind(self, iso_schema, changes):
        assert faults(iso_schema, writer.record({**samples.full(), "id": "x", **changes}, "DDT 01")) == []

    def test_the_official_schema_accepts_a_dataset_with_a_title_only(self, iso_schema):
        assert faults(iso_schema, writer.record({"id": "x", "title": "Control \x0b characters & <tags>"})) == []

    def test_tells_the_records_that_other_catalogues_have(self, iso_schema):
        other = {"title": "Prodige", "record": "https://prodige.example.org/fiche/1"}
        record = writer.record(samples.full(id="x"), "DDT 01", [other])
        assert faults(iso_schema, record) == []
        links = etree.fromstring(record).findall(".//{*}CI_OnlineResource")
        (link,) = [each for each in links if other["record"] in "".join(each.itertext())]
        assert "Prodige" in link.findtext("{*}name/{*}CharacterString", "")
        assert link.xpath("string(*[local-name()='function']/*/@codeListValue)") == "information"

    def test_the_schema_is_in_force(self, iso_schema):
        record = writer.record(samples.full()).replace(b"gmd:abstract", b"gmd:summary")
        assert faults(iso_schema, record)

    def test_comes_back_as_it_went_but_for_what_is_told(self, create, act):
        before = create(samples.full(name="iso-roundtrip"))
        content = writer.record(before, "DDT 01").decode()
        after = act("ecosphere_harvest_read", content=content)["dataset"]
        assert differing(before, after) <= lost("iso")
        assert differing_files(before, after) <= lost("iso", "resource")
        assert {tag["name"] for tag in after["tags"]} == {tag["name"] for tag in before["tags"]}

    def test_is_served_to_those_who_may_see_the_dataset(self, app, create):
        create(samples.full(name="iso-public"))
        create(samples.full(name="iso-draft", private=True))
        answer = app.get("/dataset/iso-public/iso19139.xml")
        assert answer.headers["Content-Type"].startswith("application/xml")
        assert b"MD_Metadata" in answer.data
        assert app.get("/dataset/iso-draft/iso19139.xml", status=404).status_code == 404

    @pytest.mark.skipif(not RECORDS.is_dir(), reason="the folder of real records is not beside the clone")
    def test_every_real_record_leaves_valid_and_comes_back(self, iso_schema, act):
        for name, dataset in real_datasets(act):
            record = writer.record({**dataset, "id": name})
            assert faults(iso_schema, record) == [], name
            again = act("ecosphere_harvest_read", content=record.decode())["dataset"]
            allowed = lost("iso") | {"metadata_identifier", "qualified_attribution", "conformity", "access_conditions"}
            assert differing(dataset, again) <= allowed, name


def test_a_plain_csw_client_reads_what_is_exported(create, csw_catalogue, tmp_path):
    from click.testing import CliRunner
    from owslib.csw import CatalogueServiceWeb

    from ckanext.ecosphere.schemas.cli import export_iso

    create(samples.full(name="csw-public", metadata_identifier="csw-1"))
    create(samples.full(name="csw-hidden", metadata_identifier="csw-2", private=True))
    (tmp_path / "gone.xml").write_text("<old/>")
    assert CliRunner().invoke(export_iso, [str(tmp_path)]).exit_code == 0
    records = [file.read_bytes() for file in tmp_path.glob("*.xml")]
    client = CatalogueServiceWeb(csw_catalogue(records))
    client.getrecordbyid(["csw-1", "csw-2"], outputschema="http://www.isotc211.org/2005/gmd")
    assert list(client.records) == ["csw-1"]
    assert client.records["csw-1"].identification[0].title == samples.FULL["title"]


def real_datasets(act: Any) -> list[tuple[str, dict[str, Any]]]:
    """Every record of the folder that can be read, as the harvest makes a dataset of it."""
    import ckan.plugins.toolkit as tk

    found = []
    for number, path in enumerate(sorted(RECORDS.glob("*/*.xml"))):
        try:
            read = act("ecosphere_harvest_read", content=path.read_text("utf-8", errors="replace"))
        except tk.ValidationError:
            continue
        found.append((f"{number}-{path.stem}", read["dataset"]))
    return found


class TestDcat:
    def test_comes_back_as_it_went_but_for_what_is_told(self, create):
        before = create(samples.full(name="dcat-roundtrip"))
        turtle = RDFSerializer(profiles=["ecosphere_dcat_ap"]).serialize_dataset(before, _format="turtle")
        parser = RDFParser(profiles=["ecosphere_dcat_ap"])
        parser.parse(turtle, _format="turtle")
        after = next(iter(parser.datasets()))
        assert differing(before, after) <= lost("dcat")
        assert differing_files(before, after) <= lost("dcat", "resource")
        assert after["license_id"] == before["license_id"]

    @pytest.mark.skipif(not SHAPES.is_dir(), reason="the published shapes are not beside the clone")
    def test_no_real_record_breaks_the_published_shapes(self, act):
        from pyshacl import validate

        serializer = RDFSerializer(profiles=["ecosphere_dcat_ap"])
        for name, dataset in real_datasets(act):
            given = enumerate(dataset.get("resources") or [])
            resources = [{**each, "id": f"r{number}", "package_id": name} for number, each in given]
            serializer.graph_from_dataset({"tags": [], **dataset, "id": name, "name": "x", "resources": resources})
        rules = Graph()
        for name in ("shapes", "mdr-vocabularies.shape"):
            rules.parse(SHAPES / f"dcat-ap-3.0.1-{name}.ttl")
        _ok, report, _text = validate(serializer.g, shacl_graph=rules, inference="none")
        assert isinstance(report, Graph)
        broken = [
            f"{report.value(result, SH.focusNode)} {report.value(result, SH.resultMessage)}"
            for result in report.objects(None, SH.result)
            if report.value(result, SH.resultSeverity) == SH.Violation
        ]
        assert broken == []

    def test_the_catalogue_is_served_page_by_page(self, app, create, ckan_config, monkeypatch):
        monkeypatch.setitem(ckan_config, "ckanext.dcat.datasets_per_page", 1)
        for number in range(2):
            create({"title": f"Page {number}", "name": f"feed-{number}"})
        page = Graph().parse(data=app.get("/catalog.ttl?q=title:Page").body, format="turtle")
        assert len(set(page.subjects(RDF.type, DCAT.Dataset))) == 1
        assert list(page.objects(None, HYDRA.next))


class TestCsv:
    def test_has_the_columns_of_the_national_layout(self):
        assert len(catalogue_csv.COLUMNS) == 17
        used = {row["catalogue"] for row in fields.mapping().values()} - {""}
        assert used - {"contact"} <= set(catalogue_csv.COLUMNS)

    def test_gives_the_public_datasets_and_no_draft(self, app, create):
        create(samples.full(name="csv-public", title="=Titre; avec, virgules"))
        create(samples.full(name="csv-draft", title="Brouillon secret", private=True))
        body = app.get("/catalogue.csv?organization=ddt-01").data.decode("utf-8-sig")
        rows = {row["titre"]: row for row in csv.DictReader(io.StringIO(body))}
        assert "Brouillon secret" not in rows
        row = rows["'=Titre; avec, virgules"]
        assert row["couv_geo"] == "Ain"
        assert row["freq_maj"] == "annuel"
        assert (row["nom_orga"], row["service"]) == ("CEREMA", "Pôle géomatique")
        assert (row["contact_personne"], row["si"]) == ("ddt-sig@ain.example.org", "RGE Alti (IGN)")
        assert row["contact_service"] == "ddt-sig@ain.example.org"
        assert row["format"] == "SHP, WMS"
        assert (row["date_pub"], row["date_maj"]) == ("2023-07-01", "2024-02-15")

    def test_a_year_becomes_its_first_day_since_the_layout_wants_days(self):
        assert catalogue_csv.row({"issued": "2019", "modified": "demain"})["date_pub"] == "2019-01-01"
        assert catalogue_csv.row({"modified": "demain"})["date_maj"] == ""
