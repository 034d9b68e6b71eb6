"""What is taken away from a study: annex in three forms, tables, site, project of QGIS, archive."""

from __future__ import annotations

import copy
import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from lxml import etree, html

from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.qgis import RASTER, Source
from ckanext.ecosphere.studies import store
from ckanext.ecosphere.studies.publications import take
from ckanext.ecosphere.studies.tests.conftest import SECRET, Catalogue, act, dataset, need_of
from ckanext.ecosphere.studies.tests.samples import OUTLINE

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
TITLE = "<script>alert(1)</script> & \"'=HYPERLINK(1)"


@pytest.fixture
def french(made_app: Any) -> Iterator[None]:
    with language.speaking("fr"):
        yield


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_annex_says_when_how_long_and_what_was_asked(french: None):
    page = html.fromstring(take.annex(OUTLINE, "html").decode())
    text = " ".join(page.text_content().split())
    assert "11 mars 2026" in text, "in Paris it was already the next day"
    assert "9 juin 2026" in text, "90 days later"
    assert "D-2026-0007" in text
    assert "1er mars 2026" in text
    assert "1er avril 2026" in text
    assert "trop ancien" in text
    assert "ZH 2025" in text
    assert "ZH 2024" in text


def test_the_web_page_is_escaped_and_leads_to_web_addresses_only(french: None):
    page = html.fromstring(take.annex(OUTLINE, "html").decode())
    assert not page.xpath("//script")
    assert all(link.startswith("https://") for link in page.xpath("//a/@href"))
    for table in page.xpath("//table"):
        assert table.xpath("caption") and table.xpath("thead//th[@scope='col']")
        assert len(table.xpath("thead//th")) == len(table.xpath("tbody/tr[1]/*"))


def test_the_open_document_is_well_formed_and_its_tables_have_headers(french: None):
    content = take.annex(OUTLINE, "odt")
    parts = members(content)
    assert next(iter(parts)) == "mimetype"
    assert content[30:38] == b"mimetype", "stored first and uncompressed"
    for name in ("content.xml", "styles.xml", "meta.xml", "META-INF/manifest.xml"):
        etree.fromstring(parts[name])
    root = etree.fromstring(parts["content.xml"])
    assert TITLE in "".join(root.itertext())
    tables = list(root.iter(f"{TABLE}table"))
    assert tables
    for table in tables:
        header = table.find(f"{TABLE}table-header-rows/{TABLE}table-row")
        rows = table.findall(f"{TABLE}table-row")
        assert {len(row) for row in rows} == {len(header)}
    levels = [int(heading.get(f"{TEXT}outline-level")) for heading in root.iter(f"{TEXT}h")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_word_document_is_whole(french: None):
    parts = members(take.annex(OUTLINE, "docx"))
    roots = {name: etree.fromstring(content) for name, content in parts.items()}
    document = roots["word/document.xml"]
    assert TITLE in "".join(document.itertext(f"{WORD}t"))
    targets = {item.get("Id"): item for item in roots["word/_rels/document.xml.rels"]}
    links = [link.get(LINK) for link in document.iter(f"{WORD}hyperlink")]
    assert links
    assert all(targets[id_].get("Target").startswith("https://") for id_ in links)
    styles = {
        style.get(f"{WORD}styleId") for style in roots["word/styles.xml"].iter(f"{WORD}style")
    }
    assert {style.get(f"{WORD}val") for style in document.iter(f"{WORD}pStyle")} <= styles
    for table in document.iter(f"{WORD}tbl"):
        assert table.find(f"{WORD}tr/{WORD}trPr/{WORD}tblHeader") is not None
        columns = len(table.find(f"{WORD}tblGrid"))
        assert {len(row.findall(f"{WORD}tc")) for row in table.iter(f"{WORD}tr")} == {columns}


@pytest.mark.slow("formats")
@pytest.mark.parametrize("ending", ["odt", "docx"])
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_opens_it(ending: str, french: None, tmp_path: Path):
    file = tmp_path / f"annexe.{ending}"
    file.write_bytes(take.annex(OUTLINE, ending))
    command = ["soffice", "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(file)]
    subprocess.run(command, check=True, timeout=120)
    assert file.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def test_blanks_that_french_does_not_break_stay_together(french: None):
    outline = {**OUTLINE, "site_label": "Bois : « Les Haies » ;\n 10 %"}
    for ending in take.FORMATS:
        content = take.annex(outline, ending)
        if ending != "html":
            parts = members(content)
            content = parts.get("content.xml") or parts["word/document.xml"]
        text = content.decode()
        assert "Bois\u00a0: «\u00a0Les Haies\u00a0»\u00a0; 10\u00a0%" in text
        assert "1\u202f282 hectares" in text
    readme = members(take.archive(OUTLINE))["LISEZMOI.txt"].decode()
    assert "\u00a0: " in readme


def test_the_same_study_gives_the_same_bytes(french: None):
    assert take.annex(OUTLINE, "odt") == take.annex(OUTLINE, "odt")


def test_the_table_has_a_line_for_each_dataset_and_for_a_need_without_any(french: None):
    lines = take.needs_csv(OUTLINE).splitlines()
    assert len(lines) == 3
    assert "=HYPERLINK" not in lines[1].split(";")[6][:12]
    assert "Chiroptères" in lines[2]
    assert "D-2026-0007" in lines[2]


def test_the_site_has_its_area_around_it(french: None):
    features = json.loads(take.site_geojson(OUTLINE))["features"]
    assert [feature["properties"]["name"] for feature in features] == ["Site", "Zone étudiée"]


@pytest.fixture
def layers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    source = Source(
        "Zones humides", RASTER, "wms", "url=https://geo.example/wms&layers=zh", "EPSG:2154"
    )
    parts = [("zh", "https://geo.example/wfs?bbox=1", "r1", "zh")]
    monkeypatch.setitem(tk.h, "ecosphere_access_layers", lambda _package: [source])
    monkeypatch.setitem(tk.h, "ecosphere_access_parts", lambda _package, _box: parts)
    return {**OUTLINE, "packages": {"a": {"id": "a", "name": "zones-humides"}}}


def test_the_project_groups_its_layers_as_the_frame(french: None, layers: dict[str, Any]):
    root = etree.fromstring(take.project(layers))
    names = [group.get("name") for group in root.iter("layer-tree-group") if group.get("name")]
    assert names == ["Milieux", "Zones humides"]
    listed = {layer.findtext("id") for layer in root.iter("maplayer")}
    assert listed == {layer.get("id") for layer in root.iter("layer-tree-layer")}
    assert root.findtext("projectCrs/spatialrefsys/authid") == "EPSG:2154"
    west, south = (float(root.findtext(f"mapcanvas/extent/{name}")) for name in ("xmin", "ymin"))
    assert 860_000 < west < 900_000
    assert 6_560_000 < south < 6_600_000


@pytest.mark.parametrize(("decision", "is_offered"), [("proposed", False), ("kept", True)])
def test_a_proposed_dataset_that_does_not_map_the_site_has_no_layer(
    french: None, layers: dict[str, Any], decision: str, is_offered: bool
):
    outline = copy.deepcopy(layers)
    [line] = [
        line for group in outline["groups"] for need in group["needs"] for line in need["datasets"]
    ]
    line |= {"decision": decision, "finding": {"state": "not-mapped"}}
    assert ("wms&amp;layers=zh" in take.project(outline).decode()) is is_offered
    assert ("https://geo.example/wfs" in take.downloads_csv(outline)) is is_offered


def test_the_readme_says_when_no_data_were_prepared(french: None):
    archive = members(take.archive({**OUTLINE, "extracts": []}))
    assert "n’avait été préparée" in archive["LISEZMOI.txt"].decode()


def test_the_archive_is_complete(french: None, layers: dict[str, Any]):
    parts = members(take.archive(layers))
    assert set(parts) == {
        "LISEZMOI.txt",
        "annexe-donnees-2.odt",
        "annexe-donnees-2.docx",
        "annexe-donnees-2.html",
        "besoins.csv",
        "telechargements.csv",
        "site.geojson",
        "projet.qgs",
        "donnees.csv",
    }
    assert "https://geo.example/wfs?bbox=1" in parts["telechargements.csv"].decode()
    assert "DEPOBIO" in parts["LISEZMOI.txt"].decode()


def test_duties_name_their_article_and_the_day_on_which_it_was_read(french: None):
    rows = {row["id"]: row for row in take.deposits()}
    assert set(rows) == {"biodiversity", "biodiversity-when", "impact-study"}
    assert all(row["link"].startswith("https://") and row["source"] for row in rows.values())
    assert rows["biodiversity"]["checked"] and rows["biodiversity-when"]["checked"]
    assert not rows["impact-study"]["checked"]


# --- over HTTP ------------------------------------------------------------------------------------


@pytest.fixture
def kept(study: Any, catalogue: Catalogue) -> dict[str, Any]:
    """A study with one kept dataset, which is private."""
    package = dataset(name="captages", title="Captages sensibles", private=True)
    catalogue.offer("wetlands", dataset(name="zones-humides"))
    made = study()
    need = need_of(made, "wetlands")["id"]
    row = store.needs(store.get(made["id"]))[0]
    store.add(store.get(made["id"]), row, package, {"user": "editor"})
    model.Session.commit()
    return {**made, "need_id": need}


@pytest.mark.few(3, "variants")
@pytest.mark.parametrize("name", take.FILES)
def test_a_file_is_for_the_people_of_the_study(name: str, kept: dict[str, Any], visitor: Any):
    for person, status in {
        "owner": 200,
        "writer": 200,
        "reader": 200,
        "stranger": 404,
        "boss": 404,
        None: 302,
    }.items():
        client, headers = visitor(person)
        answer = client.get(f"/fr/etudes/{kept['id']}/fichiers/{name}", headers=headers)
        assert answer.status_code == status, person
        if status == 200:
            assert answer.headers["Cache-Control"] == "private, no-store"
            assert answer.headers["X-Robots-Tag"] == "noindex"
        else:
            assert SECRET not in answer.get_data(as_text=True)


def test_a_dataset_that_the_reader_may_not_read_has_no_title(kept: dict[str, Any], visitor: Any):
    client, headers = visitor("reader")
    for name in ("annexe.html", "besoins.csv", "telechargements.csv", "projet.qgs"):
        answer = client.get(f"/fr/etudes/{kept['id']}/fichiers/{name}", headers=headers)
        assert "Captages sensibles" not in answer.get_data(as_text=True)


def test_the_annex_is_in_french_for_readers_of_english(kept: dict[str, Any], visitor: Any):
    client, headers = visitor("owner")
    answer = client.get(f"/en/etudes/{kept['id']}/fichiers/annexe.odt", headers=headers)
    assert answer.status_code == 302
    assert "/en/" not in answer.headers["Location"]
    assert client.get(answer.headers["Location"], headers=headers).status_code == 200


def test_the_page_lists_the_files_and_the_duties(kept: dict[str, Any], visitor: Any):
    client, headers = visitor("owner")
    page = client.get(f"/fr/etudes/{kept['id']}/emporter", headers=headers).get_data(as_text=True)
    assert all(f"/fichiers/{name}" in page for name in take.FILES)
    assert "DEPOBIO" in page
    assert "/proposer" in page
    client, headers = visitor("reader")
    assert "/proposer" not in client.get(
        f"/fr/etudes/{kept['id']}/emporter", headers=headers
    ).get_data(as_text=True)


def test_only_the_owner_offers_the_study_and_only_public_datasets_go_with_it(kept: dict[str, Any]):
    values = {"id": kept["id"], "title": "Carrière", "url": "https://www.example.org/etude"}
    with pytest.raises(tk.NotAuthorized):
        act("offer", "writer", **values)
    for person in ("stranger", "boss"):
        with pytest.raises(tk.ObjectNotFound):
            act("offer", person, **values)
    with pytest.raises(tk.ValidationError):
        act("offer", "owner", **values)  # the only dataset that was kept is private
    study = store.get(kept["id"])
    row = store.needs(study)[0]
    public = next(item for item in store.datasets([row])[row.id] if item.title.startswith("Zones"))
    store.decide(study, row, public.package_id, store.KEPT)
    model.Session.commit()
    reuse = act("offer", "owner", **values)
    assert [item["name"] for item in reuse["datasets"]] == ["zones-humides"]
    assert (reuse["kind"], reuse["state"]) == ("study", "held")
    assert SECRET not in str(reuse)


def test_what_changed_between_two_runs_is_said_in_words(french: None):
    before = {"n": {"label": {"fr": "Bruit"}, "state": "nobody", "datasets": {}}}
    results = {"a": {"title": "Carte de bruit", "count": 3}}
    after = {"n": {"label": {"fr": "Bruit"}, "state": "covers", "datasets": results}}
    changes = store.difference(before, after)
    page = html.fromstring(take.annex({**OUTLINE, "changes": changes}, "html").decode())
    sentences = [item.text_content() for item in page.xpath("//ul[1]/li")]
    assert sentences[0].startswith("Bruit")
    assert "Carte de bruit" in sentences[1]
    assert len(sentences) == 2
    assert store.difference(after, after) == []
