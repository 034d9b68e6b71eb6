"""Customisation by administrators without changing packaged files:
schema overlay and editions of vocabularies.
"""

from __future__ import annotations

import copy
from pathlib import Path
from urllib.parse import unquote, urlsplit

import ckan.plugins.toolkit as tk
import pytest
import yaml
from bs4 import BeautifulSoup
from click.testing import CliRunner
from rdflib import OWL, RDF, SKOS, Graph, Literal, URIRef

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.interfaces import CheckStatus
from ckanext.ecosphere.schemas import bulk, checks, form, helpers
from ckanext.ecosphere.schemas.cli import vocabularies as vocabularies_command
from ckanext.ecosphere.schemas.rdf import skos
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.test_form import AsUser, form_of, submit
from ckanext.ecosphere.vocabularies.model import Vocabulary, merged, read_vocabulary

HEAD = "uri,id,label_fr,label_en,broader,alt_labels\n"


@pytest.mark.usefixtures("shared_db")
class TestTheOverlay:
    def test_changes_what_it_names_and_nothing_else(self):
        before = fields.schema()
        after = form.with_overlay(
            {"dataset_fields": {"version": {"obligation": "mandatory"}}}, copy.deepcopy(before)
        )
        pairs = zip(before["dataset_fields"], after["dataset_fields"], strict=True)
        changed = [new["field_name"] for old, new in pairs if old != new]
        assert changed == ["version"]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("[x]", "the overlay: names followed by a colon are expected, this is ['x']"),
            ("{fields: {}}", "the overlay: fields is unknown; did you mean"),
            ("dataset_fields: [version]", "dataset_fields: names followed by a colon are expected"),
            (
                "dataset_fields: {versoin: {}}",
                "dataset_fields: versoin is unknown; did you mean version?",
            ),
            (
                "dataset_fields: {title: {field_name: t}}",
                "dataset_fields, title: a field keeps its name",
            ),
            ("dataset_fields: {title: {form_snippet: null}}", "it stays in the form"),
            (
                "dataset_fields: {version: mandatory}",
                "dataset_fields, version: names followed by a colon",
            ),
            (
                "dataset_fields: {version: {obligaton: mandatory}}",
                "obligaton is unknown; did you mean obligation?",
            ),
            (
                "dataset_fields: {version: {obligation: obligatoire}}",
                "obligation: obligatoire is unknown; known are cond",
            ),
            (
                "dataset_fields: {version: {form_section: contenu}}",
                "form_section: contenu is unknown; did you mean content?",
            ),
            (
                "dataset_fields: {theme: {vocabulary: themez}}",
                "vocabulary: themez is unknown; did you mean themes?",
            ),
            (
                "dataset_fields: {license_id: {form_default: odbl-9}}",
                "odbl-9 is not in the vocabulary licences",
            ),
            (
                "dataset_fields: {url: {required_when: [{field: titel}]}}",
                "required_when: titel is unknown",
            ),
            (
                "resource_fields: {encoding: {form_section: content}}",
                "form_section: content is unknown",
            ),
        ],
    )
    def test_is_refused_when_it_cannot_be_meant(self, content, said):
        with pytest.raises(form.OverlayError) as told:
            form.with_overlay(yaml.safe_load(content), copy.deepcopy(fields.schema()))
        assert said in str(told.value)

    @pytest.mark.parametrize(
        ("key", "value"),
        [("form_snippet", "nope.html"), ("display_snippet", "a/nope.html"), ("validators", "nope")],
    )
    def test_what_it_names_and_the_portal_has_not_is_told_by_the_check(
        self, app, monkeypatch, key, value
    ):
        with app.flask_app.test_request_context():
            assert [check.status for check in checks.run()] == [CheckStatus.OK]
            field = tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"][1]
            monkeypatch.setitem(field, key, value)
            (told,) = checks.run()
        assert told.status == CheckStatus.ERROR
        assert f"title: {value}" in told.message

    def test_a_field_that_it_hides_keeps_what_datasets_hold(
        self, app, create, editor, act, monkeypatch
    ):
        hidden = {
            "version": {"form_snippet": None},
            "theme": {"form_snippet": None},
            "tag_string": {"form_snippet": None},
        }
        shown = create(samples.full(name="hidden-fields", in_series=[]))
        schema = form.with_overlay({"dataset_fields": hidden}, copy.deepcopy(fields.schema()))
        changed = {field["field_name"]: field for field in schema["dataset_fields"]}
        for field in tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]:
            if field["field_name"] in hidden:
                monkeypatch.setitem(
                    field, "form_snippet", changed[field["field_name"]]["form_snippet"]
                )
        client = AsUser(app, editor["token"])
        page = client.get("/fr/dataset/edit/hidden-fields").body
        assert 'id="field-version"' not in page
        assert submit(client, "/fr/dataset/edit/hidden-fields", form_of(page)).status_code == 302
        after = act("package_show", id=shown["id"])
        assert {**after, "metadata_modified": ""} == {**shown, "metadata_modified": ""}

    def test_is_written_where_scheming_reads_it(self, tmp_path):
        file = tmp_path / "o.yaml"
        file.write_text("dataset_fields: {version: {obligation: mandatory}}")
        written = form.write_overlaid(str(file), str(tmp_path / "in a folder"))
        assert len(written.split()) == 1
        loaded = yaml.safe_load(Path(unquote(urlsplit(written).path)).read_text(encoding="utf-8"))
        assert {
            f["obligation"] for f in loaded["dataset_fields"] if f["field_name"] == "version"
        } == {"mandatory"}
        with pytest.raises(form.OverlayError):
            form.write_overlaid(str(tmp_path / "missing.yaml"), "")


def test_the_overlay_is_in_force_when_the_portal_starts(
    ckan_config, monkeypatch, tmp_path, request
):
    monkeypatch.setitem(ckan_config, "ckan.storage_path", str(tmp_path / "a folder"))
    file = tmp_path / "o.yaml"
    file.write_text("dataset_fields: {version: {obligation: mandatory}}")
    monkeypatch.setitem(ckan_config, "ecosphere.schemas.overlay", str(file))
    monkeypatch.setitem(
        ckan_config, "scheming.dataset_schemas", "ckanext.ecosphere.schemas:dataset.yaml"
    )
    request.getfixturevalue("with_plugins")
    schema = tk.h.scheming_get_dataset_schema("dataset")
    assert (
        tk.h.scheming_field_by_name(schema["dataset_fields"], "version")["obligation"]
        == "mandatory"
    )


def test_lists_of_the_administrator_stand_before_those_of_the_project(
    ckan_config, monkeypatch, tmp_path, request
):
    (tmp_path / "network.csv").write_text(
        f"{HEAD}urn:x:own,own,Le nôtre,Ours,,\n", encoding="utf-8"
    )
    (tmp_path / "basins.csv").write_text(
        f"{HEAD}urn:x:rhone,rhone,Rhône,Rhône,,\n", encoding="utf-8"
    )
    overlaid = tmp_path / "o.yaml"
    overlaid.write_text("dataset_fields: {status: {vocabulary: basins, form_default: rhone}}")
    for key, value in (("vocabularies", tmp_path), ("overlay", overlaid)):
        monkeypatch.setitem(ckan_config, f"ecosphere.schemas.{key}", str(value))
    monkeypatch.setitem(
        ckan_config, "scheming.dataset_schemas", "ckanext.ecosphere.schemas:dataset.yaml"
    )
    themes = voc.names()
    try:
        request.getfixturevalue("with_plugins")
        assert [concept.id for concept in voc.get("network")] == ["own"]
        assert set(voc.names()) - set(themes) == {"basins"}
        schema = tk.h.scheming_get_dataset_schema("dataset")
        field = tk.h.scheming_field_by_name(schema["dataset_fields"], "status")
        assert [choice["value"] for choice in tk.h.scheming_field_choices(field)] == ["urn:x:rhone"]
        done = CliRunner().invoke(
            vocabularies_command, ["refresh", "themes", str(voc.DATA / "themes.csv")]
        )
        assert done.exit_code == 0
        assert voc.file_of("themes") == tmp_path / "themes.csv"
    finally:
        voc.use("")


class TestANewEdition:
    def test_keeps_what_it_no_longer_has_marked_as_withdrawn(self, tmp_path):
        old, new = tmp_path / "old.csv", tmp_path / "new.csv"
        old.write_text(f"# where from\n{HEAD}http://x/a,a,A,A,,\nhttp://x/b,b,B,B,,\n")
        new.write_text(f"{HEAD}http://x/a,a,Aa,A,,\nhttp://x/c,c,C,C,,\n")
        text, outcome = merged(old, new, voc.normalise)
        assert outcome == {"added": ["c"], "changed": ["a"], "withdrawn": ["b"], "returned": []}
        old.write_text(text)
        assert text.startswith("# where from\n")
        concepts = Vocabulary("x", read_vocabulary(old), voc.normalise)
        assert concepts["b"].data["withdrawn"] is True
        graph = skos.graph(concepts, "urn:list")
        assert (URIRef("http://x/b"), OWL.deprecated, Literal(True)) in graph
        assert merged(old, old, voc.normalise)[1]["withdrawn"] == []

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (f"{HEAD}http://x/a,a,A,A,,\nhttp://x/a,b,B,B,,\n", "twice"),
            ("", "no column"),
            (HEAD.replace(",", ";"), "no column"),
            (HEAD, "no concept"),
            (f"{HEAD}http://x/a,a,A\n", "too few cells"),
            (f"{HEAD}http://x/a,a,A,A,,,,\n", "too many"),
            (f"{HEAD}http://x/a,a,,A,,\n", "no label"),
            (f"{HEAD}http://x/a,a,A,A,http://x/z,\n", "which is missing"),
            (
                f"{HEAD}http://x/a,a,A,A,http://x/b,\nhttp://x/b,b,B,B,http://x/a,\n",
                "a is below itself",
            ),
            (f"{HEAD}http://x/a,a,A,A,,\nhttp://x/b,b,a,B,,\n", "called a"),
        ],
    )
    def test_is_refused_when_it_is_malformed(self, tmp_path, content, said):
        bad = tmp_path / "bad.csv"
        bad.write_text(content)
        with pytest.raises(ValueError, match=said):
            merged(voc.DATA / "network.csv", bad, voc.normalise)

    def test_may_begin_with_a_byte_order_mark_and_must_be_in_utf_8(self, tmp_path):
        file = tmp_path / "marked.csv"
        file.write_bytes(
            ("\ufeff" + (voc.DATA / "network.csv").read_text(encoding="utf-8")).encode()
        )
        assert not any(merged(voc.DATA / "network.csv", file, voc.normalise)[1].values())
        file.write_bytes(f"{HEAD}http://x/a,a,Été,A,,\n".encode("cp1252"))
        with pytest.raises(ValueError, match="not in UTF-8"):
            merged(voc.DATA / "network.csv", file, voc.normalise)

    def test_a_concept_whose_address_changes_keeps_the_old_address_readable(self, tmp_path):
        old, new = tmp_path / "old.csv", tmp_path / "new.csv"
        old.write_text(f"{HEAD}http://x/a,a,A,A,,\n")
        new.write_text(f"{HEAD}http://y/a,a,A,A,,\n")
        old.write_text(merged(old, new, voc.normalise)[0])
        concepts = Vocabulary("x", read_vocabulary(old), voc.normalise)
        assert (concepts["a"].uri, concepts["http://x/a"].data["withdrawn"]) == ("http://y/a", True)
        assert concepts["http://x/a"].label_fr == "A"


def test_a_withdrawn_concept_is_said_to_be_so_where_a_dataset_holds_it_and_is_given_to_no_other(
    tmp_path, monkeypatch
):
    file = tmp_path / "themes.csv"
    file.write_text(f"{HEAD.strip()},withdrawn\nhttp://x/a,a,A,A,,,\nhttp://x/b,b,B,B,,,yes\n")
    concepts = Vocabulary("themes", read_vocabulary(file), voc.normalise)
    monkeypatch.setattr(voc, "get", lambda _name: concepts)
    labels = [
        helpers.ecosphere_concept_label("themes", uri)
        for uri in ("http://x/a", "http://x/b", "http://x/c")
    ]
    assert labels == ["A", "B (withdrawn)", "http://x/c"]
    assert bulk.change_of("theme", "remove", "B").values == ("http://x/b",)
    with pytest.raises(bulk.PlanError, match="unknown"):
        bulk.change_of("theme", "add", "B")


@pytest.mark.usefixtures("shared_db")
class TestThePages:
    @pytest.mark.slow("variants")
    def test_each_list_has_a_page_and_skos_at_a_stable_address(self, app):
        listed = BeautifulSoup(app.get("/fr/vocabulaires").body, "html.parser")
        assert (
            listed.select_one('main a[href$="/vocabulaires/themes"]').get_text()
            == "Thèmes du ministère"
        )
        called = [a.get_text() for a in listed.select('main li a[href*="/vocabulaires/"]')]
        assert len(called) == len(voc.names()) and not set(called) & {
            "territories",
            "epsg",
            "eu-theme",
        }
        assert "Prévention des inondations" in app.get("/fr/vocabulaires/themes").body
        graph = Graph().parse(data=app.get("/vocabulaires/themes.ttl").body, format="turtle")
        scheme = URIRef("http://test.ckan.net/vocabulaires/themes")
        assert (scheme, RDF.type, SKOS.ConceptScheme) in graph
        for mimetype, syntax in (("text/turtle", "turtle"), ("application/rdf+xml", "xml")):
            answer = app.get("/vocabulaires/themes", headers={"Accept": mimetype})
            assert answer.content_type.startswith(mimetype)
            assert (scheme, RDF.type, SKOS.ConceptScheme) in Graph().parse(
                data=answer.body, format=syntax
            )
        browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        assert app.get("/vocabulaires/themes", headers=browser).content_type.startswith("text/html")
        for address in ("/vocabulaires/nope", "/vocabulaires/themes.exe", "/vocabulaires/..%2fx"):
            assert app.get(address, status=404).status_code == 404
