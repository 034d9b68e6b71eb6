"""What an administrator changes without touching our files: the schema by an overlay, the lists by a new edition."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml
from rdflib import OWL, RDF, SKOS, Graph, Literal, URIRef

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas import fields, overlay, skos
from ckanext.ecosphere.schemas.refreshing import refreshed
from ckanext.ecosphere.vocabularies.model import Vocabulary
from ckanext.ecosphere.vocabularies.reader import read_vocabulary

HEAD = "uri,id,label_fr,label_en,broader,alt_labels\n"


class TestTheOverlay:
    def test_changes_what_it_names_and_nothing_else(self):
        before = fields.schema()
        after = overlay.merged({"dataset_fields": {"version": {"obligation": "mandatory"}}}, copy.deepcopy(before))
        pairs = zip(before["dataset_fields"], after["dataset_fields"], strict=True)
        changed = [new["field_name"] for old, new in pairs if old != new]
        assert changed == ["version"]

    @pytest.mark.parametrize(
        "content",
        [["x"], {"fields": {}}, {"dataset_fields": {"nope": {}}}, {"dataset_fields": {"title": {"field_name": "t"}}}],
    )
    def test_is_refused_when_it_cannot_be_meant(self, content):
        with pytest.raises(overlay.OverlayError):
            overlay.merged(content, fields.schema())

    def test_is_written_where_scheming_reads_it(self, tmp_path):
        file = tmp_path / "o.yaml"
        file.write_text("dataset_fields: {version: {obligation: mandatory}}")
        written = overlay.write(str(file), str(tmp_path)).partition(":")[2]
        loaded = yaml.safe_load(Path(written).read_text(encoding="utf-8"))
        assert {f["obligation"] for f in loaded["dataset_fields"] if f["field_name"] == "version"} == {"mandatory"}
        with pytest.raises(overlay.OverlayError):
            overlay.write(str(tmp_path / "missing.yaml"))


class TestANewEdition:
    def test_keeps_what_it_no_longer_has_marked_as_withdrawn(self, tmp_path):
        old, new = tmp_path / "old.csv", tmp_path / "new.csv"
        old.write_text(f"# where from\n{HEAD}http://x/a,a,A,A,,\nhttp://x/b,b,B,B,,\n")
        new.write_text(f"{HEAD}http://x/a,a,Aa,A,,\nhttp://x/c,c,C,C,,\n")
        text, outcome = refreshed(old, new)
        assert outcome == {"added": ["c"], "changed": ["a"], "withdrawn": ["b"], "returned": []}
        old.write_text(text)
        assert text.startswith("# where from\n")
        concepts = Vocabulary("x", read_vocabulary(old), voc.normalise)
        assert concepts["b"].data["withdrawn"] is True
        graph = skos.graph(concepts)
        assert (URIRef("http://x/b"), OWL.deprecated, Literal(True)) in graph
        assert refreshed(old, old)[1]["withdrawn"] == []

    def test_is_refused_when_it_is_malformed(self, tmp_path):
        bad = tmp_path / "bad.csv"
        bad.write_text(f"{HEAD}http://x/a,a,A,A,,\nhttp://x/a,b,B,B,,\n")
        with pytest.raises(ValueError, match="twice"):
            refreshed(voc.DATA / "network.csv", bad)


@pytest.mark.usefixtures("shared_db")
class TestThePages:
    def test_each_list_has_a_page_and_skos_at_a_stable_address(self, app):
        assert "themes" in app.get("/fr/vocabulaires").body
        assert "Prévention des inondations" in app.get("/fr/vocabulaires/themes").body
        graph = Graph().parse(data=app.get("/vocabulaires/themes.ttl").body, format="turtle")
        scheme = URIRef("http://test.ckan.net/vocabulaires/themes")
        assert (scheme, RDF.type, SKOS.ConceptScheme) in graph
        for address in ("/vocabulaires/nope", "/vocabulaires/themes.exe", "/vocabulaires/..%2fx"):
            assert app.get(address, status=404).status_code == 404
