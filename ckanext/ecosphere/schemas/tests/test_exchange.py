"""Round trip through DCAT-AP and CSV: valid output, and no losses other than those listed."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.search import rebuild
from rdflib import DCAT, RDF, SH, Graph, Namespace

from ckanext.dcat.processors import RDFParser, RDFSerializer
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.schemas import public_files
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.comparing import changes, real_datasets, superfluous, untold

pytestmark = pytest.mark.usefixtures("shared_db")
SHAPES = Path(__file__).parents[5] / "shared" / "reference" / "shacl"
HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")


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


class TestDcat:
    def test_every_kind_comes_back_as_it_went_but_for_what_is_told(self, create):
        found: dict[Any, str] = {}
        loose = [
            {
                "source": ["dcat-0"],
                "metadata_date": "2024-01-02",
                "spatial_coverage": [{"uri": samples.AIN}],
            },
            {"source_record": "https://catalogue.example.org/fiche/1"},
        ]
        for number, dataset in enumerate([*samples.peculiar(), *loose]):
            before = create({"title": f"Peculiar {number}", **dataset, "name": f"dcat-{number}"})
            turtle = RDFSerializer(profiles=["ecosphere_dcat_ap"]).serialize_dataset(
                before, _format="turtle"
            )
            parser = RDFParser(profiles=["ecosphere_dcat_ap"])
            parser.parse(turtle, _format="turtle")
            after = next(each for each in parser.datasets() if each.get("title") == before["title"])
            found |= changes(before, after)
        assert {each: found[each] for each in untold(found, "dcat")} == {}
        assert superfluous(found, "dcat") == []

    @pytest.mark.slow("records")
    @pytest.mark.skipif(not SHAPES.is_dir(), reason="the published shapes are not beside the clone")
    def test_no_real_record_breaks_the_published_shapes(self, act):
        from pyshacl import validate

        serializer = RDFSerializer(profiles=["ecosphere_dcat_ap"])
        for name, dataset in real_datasets(act):
            given = enumerate(dataset.get("resources") or [])
            resources = [{**each, "id": f"r{number}", "package_id": name} for number, each in given]
            serializer.graph_from_dataset(
                {"tags": [], **dataset, "id": name, "name": "x", "resources": resources}
            )
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

    @pytest.mark.slow("load")
    def test_no_dataset_is_missed_between_two_pages_while_the_index_is_written(
        self, app, create, act, ckan_config, monkeypatch
    ):
        monkeypatch.setitem(ckan_config, "ckanext.dcat.datasets_per_page", 2)
        made = [
            create({"title": f"Ensemble {number}", "name": f"ensemble-{number}"})["id"]
            for number in range(4)
        ]
        moment = datetime(2026, 1, 2, 3, 4, 5)  # a harvest saves a batch with a single timestamp
        package = model.package_table
        model.Session.execute(
            sa.update(package).where(package.c.id.in_(made)).values(metadata_modified=moment)
        )
        model.Session.commit()
        for id_ in made:
            rebuild(id_)
        seen: list[str] = []
        for page in (1, 2):
            graph = Graph().parse(
                data=app.get(f"/catalog.ttl?q=title:Ensemble&page={page}").body, format="turtle"
            )
            seen += [
                str(each).rpartition("/")[2] for each in graph.subjects(RDF.type, DCAT.Dataset)
            ]
            rebuild(seen[0])  # as an updated quality score does
        assert sorted(seen) == sorted(made)


class TestCsv:
    def test_has_the_columns_of_the_national_layout(self):
        assert len(public_files.COLUMNS) == 17
        entries = [field.entry for scope in fields.SCOPES for field in fields.fields(scope)]
        used = {entry["catalogue"] for entry in entries if "catalogue" in entry}
        assert used - {"contact"} <= set(public_files.COLUMNS)

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
        assert (
            public_files.row({"issued": "2019", "modified": "demain"})["date_pub"] == "2019-01-01"
        )
        assert public_files.row({"modified": "demain"})["date_maj"] == ""
