"""Vocabularies: complete and consistent lists, and lookup by URI, id and label."""

from __future__ import annotations

from pathlib import Path

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies.model import read_vocabulary

EXPECTED = {
    "access-limitation": 26,
    "access-right": 5,
    "dataset-status": 5,
    "epsg": 43,
    "eu-theme": 13,
    "frequency": 40,
    "inspire-theme": 34,
    "organisations": 137,
    "priority-dataset": 152,
    "regulatory-use": 8,
    "spatial-representation": 6,
    "themes": 96,
    "topic-category": 19,
}


@pytest.mark.parametrize(("name", "size"), EXPECTED.items())
def test_a_list_has_all_its_concepts(name, size):
    assert len(voc.get(name)) == size


@pytest.mark.parametrize("name", voc.names())
class TestEveryList:
    def test_says_where_it_comes_from(self, name):
        lines = (voc.DATA / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        assert len("".join(line for line in lines if line.startswith("#"))) > 20
        assert f"`{name}.csv`" in (voc.DATA / "SOURCES.md").read_text(encoding="utf-8")

    def test_has_a_label_in_both_languages(self, name):
        lacking = [c.id for c in voc.get(name) if not c.label_fr.strip() or not c.label_en.strip()]
        assert lacking == []

    def test_has_uris_that_are_absolute_and_without_spaces(self, name):
        bad = [
            c.uri
            for c in voc.get(name)
            if not c.uri.startswith(("http://", "https://", "urn:")) or " " in c.uri
        ]
        assert bad == []

    def test_has_broader_concepts_that_exist_and_never_loop(self, name):
        vocabulary = voc.get(name)
        for concept in vocabulary:
            chain = vocabulary.ancestors(concept.uri)
            assert concept not in chain
            assert all(above.uri in vocabulary for above in chain)

    def test_finds_each_concept_by_uri_id_and_both_labels(self, name):
        vocabulary = voc.get(name)
        for concept in vocabulary:
            assert vocabulary[concept.uri] is concept
            assert vocabulary[concept.id] is concept
            for label in (concept.label_fr, concept.label_en):
                found = vocabulary.find(label)
                assert found is not None
                assert label in (found.label_fr, found.label_en)

    def test_has_no_preferred_label_twice_in_one_language(self, name):
        for lang in ("fr", "en"):
            labels = [voc.normalise(c.label(lang)) for c in voc.get(name)]
            assert len(labels) == len(set(labels))

    def test_gives_an_alternative_label_to_its_own_concept(self, name):
        vocabulary = voc.get(name)
        preferred = {voc.normalise(x): c for c in vocabulary for x in (c.label_fr, c.label_en)}
        strayed = {
            (label, concept.id, preferred[voc.normalise(label)].id)
            for concept in vocabulary
            for label in concept.alt_labels
            if preferred.get(voc.normalise(label), concept) is not concept
        }
        assert strayed == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Éoliennes d’Île-de-France", "eoliennes d ile de france"),
        ("  Maître d'œuvre ", "maitre d oeuvre"),
        ("RGF93 / Lambert-93 (EPSG:2154)", "rgf93 lambert 93 epsg 2154"),
        ("e\u0301tang", "etang"),
        ("", ""),
    ],
)
def test_normalising_drops_case_accents_and_punctuation(text, expected):
    assert voc.normalise(text) == expected


@pytest.mark.parametrize(
    ("name", "label", "expected"),
    [
        ("frequency", "Annuelle", "ANNUAL"),
        ("frequency", "asNeeded", "AS_NEEDED"),
        ("inspire-theme", "sites protégés", "ps"),
        ("topic-category", "Inland waters", "inlandWaters"),
        ("territories", "cotes d armor", "departement-22"),
        ("territories", "Provence-Alpes-Côte d’Azur", "region-pac"),
        ("territories", "Réunion", "outre-mer-reu"),
        ("themes", "Eau/AEP", "alimentation-en-eau-potable"),
        ("epsg", "Lambert 93", "epsg-2154"),
        ("epsg", "urn:ogc:def:crs:EPSG::2154", "epsg-2154"),
        ("licences", "Licence Ouverte / Open Licence version 2.0", "etalab-2.0"),
        ("organisations", "ddtm 80", "ddt-80021-01"),
        ("protocol", "OGC:WMS-1.1.1-http-get-map", "OGC:WMS"),
        ("format", "esri shapefile", "SHP"),
        ("access-limitation", "Pas de restriction d’accès public selon INSPIRE", "noLimitations"),
    ],
)
def test_finding_by_label_ignores_case_accents_and_apostrophes(name, label, expected):
    found = voc.get(name).find(label)
    assert found is not None
    assert found.id == expected


def test_finding_nothing_gives_none():
    themes = voc.get("themes")
    assert themes.find("") is None
    assert themes.find("no such theme") is None
    assert themes.get("http://example.org/none") is None
    assert "none" not in themes
    with pytest.raises(KeyError):
        themes["none"]
    with pytest.raises(KeyError):
        voc.get("../licences")


def test_an_address_that_stands_for_a_concept_finds_it():
    licences = voc.get("licences")
    assert licences["https://spdx.org/licenses/etalab-2.0"].id == "etalab-2.0"
    assert licences["http://creativecommons.org/licenses/by/4.0"].id == "cc-by"
    assert voc.get("territories")["http://id.insee.fr/geo/departement/974"].id == "outre-mer-reu"
    assert (
        voc.get("frequency")[
            "https://publications.europa.eu/resource/authority/frequency/DAILY/"
        ].id
        == "DAILY"
    )


def test_a_sub_theme_leads_to_its_theme_and_back():
    themes = voc.get("themes")
    assert [c.id for c in themes.ancestors("assainissement")] == ["eau"]
    assert "assainissement" in [c.id for c in themes.children(themes["eau"].uri)]
    assert len(themes.roots()) == 14


def test_every_departement_is_in_a_region_and_its_box_inside_the_regions():
    territories = voc.get("territories")
    departements = [c for c in territories if c.data["type"] == "departement"]
    assert len(departements) == 96
    for concept in departements:
        (region,) = territories.ancestors(concept.uri)
        assert region.data["type"] == "region"
        west, south, east, north = concept.data["bbox"]
        outer = region.data["bbox"]
        rounding = 0.02
        assert outer[0] - rounding <= west < east <= outer[2] + rounding
        assert outer[1] - rounding <= south < north <= outer[3] + rounding


def test_every_box_is_in_the_world_and_only_the_wallis_sea_crosses_the_date_line():
    crossing = set()
    for concept in voc.get("territories"):
        west, south, east, north = concept.data["bbox"]
        assert -180 <= west <= 180
        assert -180 <= east <= 180
        assert -90 <= south < north <= 90
        if west > east:
            crossing.add(concept.id)
    assert crossing == {"zone-maritime-wlf"}


def test_every_service_has_a_territory_but_the_roads_directorates():
    territories = voc.get("territories")
    for service in voc.get("organisations"):
        if service.data["kind"] == "dir":
            assert service.data["territory"] == ""
        else:
            assert service.data["territory"] in territories
    assert (
        voc.get("organisations")["ddt-01053-01"].data["territory"]
        == territories["departement-01"].uri
    )
    assert (
        voc.get("organisations")["dreal-35238-01"].data["territory"]
        == territories["region-bre"].uri
    )


def test_every_protocol_names_a_format_that_exists():
    formats = voc.get("format")
    assert all(p.data["format"] in formats for p in voc.get("protocol") if p.data["format"])


def test_columns_are_typed():
    csv = voc.get("format")["CSV"].data
    assert csv["stars"] == 3
    assert csv["open"] is True
    assert csv["extensions"] == ("csv",)
    assert voc.get("frequency")["WEEKLY"].data["max_days"] == 7
    assert voc.get("frequency")["IRREG"].data["max_days"] is None


def test_nothing_handed_out_can_be_changed():
    concept = voc.get("territories")["departement-01"]
    with pytest.raises(AttributeError):
        concept.uri = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        concept.data["type"] = "other"  # type: ignore[index]
    assert voc.get("territories") is voc.get("territories")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# note\nuri,id\nhttp://a,a\n", "no column"),
        (
            "uri,id,label_fr,label_en,broader,alt_labels\nu:1,a,A,A,,\nu:2,a,B,B,,\n",
            "id a comes twice",
        ),
        (
            "uri,id,label_fr,label_en,broader,alt_labels\nu:1,a,A,A,,\nu:1,b,B,B,,\n",
            "uri u:1 comes twice",
        ),
    ],
)
def test_a_broken_file_is_refused_with_its_fault(tmp_path: Path, content, message):
    path = tmp_path / "broken.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_vocabulary(path)
