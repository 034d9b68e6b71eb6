"""Attribute descriptions (Table Schema, ISO 19110) rendered as tables,
including malicious documents.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ckanext.ecosphere.access.preview import documentation
from ckanext.ecosphere.access.preview.kinds import PreviewError
from ckanext.ecosphere.access.tests.test_previews import sample
from ckanext.ecosphere.vocabularies import tables

SCHEMA = (Path(__file__).parents[4] / "dev/ogc/data/zones-humides-schema.json").read_bytes()
CATALOGUE = """<?xml version="1.0" encoding="UTF-8"?>
<gfc:FC_FeatureCatalogue xmlns:gfc="http://www.isotc211.org/2005/gfc" xmlns:gco="http://www.isotc211.org/2005/gco"
    xmlns:gml="http://www.opengis.net/gml/3.2">
  <gfc:featureType><gfc:FC_FeatureType><gfc:typeName><gco:LocalName>ZONE_ALEA</gco:LocalName></gfc:typeName>
    <gfc:carrierOfCharacteristics><gfc:FC_FeatureAttribute>
      <gfc:memberName><gco:LocalName>NIVALEA</gco:LocalName></gfc:memberName>
      <gfc:definition><gco:CharacterString>Niveau de l'aléa &lt;b&gt;fort&lt;/b&gt;</gco:CharacterString>
      </gfc:definition>
      <gfc:valueType><gco:TypeName><gco:aName><gco:CharacterString>texte</gco:CharacterString></gco:aName></gco:TypeName>
      </gfc:valueType>
      <gfc:listedValue><gfc:FC_ListedValue><gfc:label><gco:CharacterString>Faible</gco:CharacterString></gfc:label>
        <gfc:code><gco:CharacterString>01</gco:CharacterString></gfc:code></gfc:FC_ListedValue></gfc:listedValue>
    </gfc:FC_FeatureAttribute></gfc:carrierOfCharacteristics>
    <gfc:carrierOfCharacteristics><gfc:FC_FeatureAttribute>
      <gfc:memberName><gco:LocalName>HAUTEUR</gco:LocalName></gfc:memberName>
      <gfc:valueMeasurementUnit><gml:BaseUnit gml:id="m"><gml:identifier codeSpace="x">m</gml:identifier></gml:BaseUnit>
      </gfc:valueMeasurementUnit>
    </gfc:FC_FeatureAttribute></gfc:carrierOfCharacteristics>
  </gfc:FC_FeatureType></gfc:featureType>
</gfc:FC_FeatureCatalogue>"""


def test_a_table_schema_becomes_a_table(loaded, tmp_path):
    facts, shown = sample(SCHEMA, tmp_path, "schema.json")
    assert (facts["kind"], facts["attributes"]) == ("table", True)
    assert [column["name"] for column in shown["columns"]] == [
        "name",
        "title",
        "type",
        "unit",
        "definition",
        "values",
    ]
    rows = {row[0]: row[1:] for row in shown["rows"]}
    assert rows["surface_ha"][:3] == ["Surface", "number", "ha"]
    assert rows["nature"][-1] == "Prairie humide ; Tourbière ; Marais ; Roselière"


def test_a_feature_catalogue_becomes_a_table(loaded, tmp_path):
    _facts, shown = sample(CATALOGUE.encode(), tmp_path, "catalogue.xml")
    assert [column["name"] for column in shown["columns"]] == [
        "name",
        "type",
        "unit",
        "definition",
        "values",
    ]
    assert shown["rows"] == [
        ["NIVALEA", "texte", "", "Niveau de l'aléa <b>fort</b>", "01 = Faible"],
        ["HAUTEUR", "", "m", "", ""],
    ]


@pytest.mark.parametrize(
    ("header", "standard", "explained"),
    [
        ("IDURBA;TYPEZONE;LIBELLE;COULEUR", "CNIG – PLU", {"IDURBA", "TYPEZONE", "LIBELLE"}),
        ("idSup;nomSupLitt;urlfic", "CNIG – SUP", {"idSup", "nomSupLitt", "urlfic"}),
        (
            "ID_ZONE;ID_GASPAR;NOM;TYPEREG",
            "COVADIS – PPR",
            {"ID_ZONE", "ID_GASPAR", "NOM", "TYPEREG"},
        ),
        ("LIBELLE;NOM;URLFIC;INSEE", "", set()),
        ("TYPEZONE;LIBELLE", "", set()),
    ],
    ids=["plu", "sup", "ppr", "nothing-of-its-own", "one-alone"],
)
def test_the_attributes_of_a_standard_are_explained(loaded, tmp_path, header, standard, explained):
    row = ";".join("x" for _name in header.split(";"))
    facts, shown = sample(f"{header}\n{row}\n".encode(), tmp_path, "zones.csv")
    assert facts["standard"] == standard
    meanings = {
        column["name"]: column["meaning"] for column in shown["columns"] if "meaning" in column
    }
    assert meanings.keys() == explained
    assert all(each["fr"] and each["en"] for each in meanings.values())


@pytest.mark.few(2, "formats")
@pytest.mark.parametrize(
    ("table", "column", "explained"),
    [
        (
            "IDURBA;TYPEZONE\n44109_PLU;AUc\n44109_PLU;n\n44109_PLU;XYZ\n44109_PLU;\n",
            "TYPEZONE",
            {"AUc": "zone à urbaniser, ouverte", "n": "zone naturelle et forestière"},
        ),
        (
            "IDURBA;TYPEPSC\n44109_PLU;05\n44109_PLU;1\n",
            "TYPEPSC",
            {"05": "emplacement réservé", "1": "espace boisé classé"},
        ),
        ("ID_GASPAR;ID_ZONE;TYPEREG\n44DDTM2010;1;04\n", "TYPEREG", {"04": "interdiction stricte"}),
        (
            "ID_GASPAR;CODERISQUE\n1;1120000\n1;123\n",
            "CODERISQUE",
            {"1120000": "inondation par une crue lente de cours d’eau"},
        ),
        ("ID_ZONE;NIVALEA_ST\n1;06\n2;9\n", "NIVALEA_ST", {"06": "très fort"}),
        ("idzonealea;typealea\n1;117\n", "typealea", {"117": "submersion marine"}),
        ("idass;suptype\n1;ac1\n", "suptype", {"ac1": "monuments historiques"}),
        ("TYPEZONE;LIBELLE\nU;centre\n", "TYPEZONE", {}),
    ],
    ids=["plu", "prescriptions", "ppr", "risk", "level", "hazard", "easement", "no-standard"],
)
def test_the_codes_of_a_standard_are_explained_where_they_stand(
    loaded, tmp_path, table, column, explained
):
    _facts, shown = sample(table.encode(), tmp_path, "zones.csv")
    found = next(each for each in shown["columns"] if each["name"] == column).get("codes", {})
    assert {code: words["fr"] for code, words in found.items()} == explained
    assert all(each["en"] for each in found.values())


def test_every_code_belongs_to_an_attribute_of_a_standard_and_is_told_once():
    _marks, meanings = documentation._standards()
    rows = list(tables.rows(documentation.DATA / "standard-values.csv"))
    assert {(row["standard"], row["attribute"]) for row in rows} <= {
        (standard, attribute)
        for standard, attributes in meanings.items()
        for attribute in attributes
    }
    told = {
        (row["standard"], row["attribute"], row["of"], documentation._key(row["code"]))
        for row in rows
    }
    assert len(told) == len(rows)
    assert all(row["fr"] and row["en"] for row in rows)
    types = {(row["attribute"], row["code"]) for row in rows}
    assert all(
        (documentation.TYPES[row["attribute"]], row["of"]) in types for row in rows if row["of"]
    )


def test_a_subtype_is_explained_by_the_type_beside_it(loaded, tmp_path):
    table = "IDURBA;STYPEPSC;TYPEPSC\nx;01;05\nx;1;7\nx;01;13\nx;77;05\n"
    _facts, shown = sample(table.encode(), tmp_path, "prescriptions.csv")
    subtype = next(each for each in shown["columns"] if each["name"] == "STYPEPSC")
    assert shown["columns"][subtype["of"]]["name"] == "TYPEPSC"
    told = {
        type_: {code: words["fr"] for code, words in codes.items()}
        for type_, codes in subtype["codes"].items()
    }
    assert told == {
        "05": {"01": "pour des voies publiques"},
        "7": {"1": "patrimoine bâti à protéger"},
    }
    _facts, alone = sample(b"IDURBA;DATAPPRO;STYPEPSC\nx;2020;01\n", tmp_path, "prescriptions.csv")
    assert not any("codes" in each for each in alone["columns"])


@pytest.mark.parametrize(
    "document",
    [
        {"openapi": "3.0.0"},
        {"openapi": "3.0.0", "paths": []},
        {"swagger": "2.0", "paths": {"/a": {"get": 1}}, "info": 3},
        {"paths": {"/a": {"get": {}}}},
    ],
)
def test_the_description_of_an_api_is_text_on_lines(loaded, tmp_path, document):
    _facts, shown = sample(json.dumps(document).encode(), tmp_path, "x.json")
    assert shown["kind"] == "text"
    assert json.loads(shown["text"]) == document
    assert shown["text"].startswith('{\n  "')


@pytest.mark.parametrize(
    "document",
    [
        "openapi: 3.0.0\npaths: {}\n",
        "openapi: 3.0.0\npaths: !!python/object/apply:os.system ['touch climbed']\n",
        "openapi: 3.0.0\npaths: [unclosed\n",
        "openapi: 3.0.0\npaths: " + "[" * 100_000,
    ],
    ids=["empty", "objects", "unclosed", "deep"],
)
def test_yaml_is_shown_as_text(loaded, tmp_path, document):
    _facts, shown = sample(document.encode(), tmp_path, "api.yaml")
    assert shown["text"] == document[:60_000]
    assert not list(tmp_path.rglob("climbed"))


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"fields": []}, "text"),
        ({"fields": [{"name": 3, "type": "x"}]}, "text"),
        ({"fields": "name"}, "text"),
        ({"fields": [{"name": "a"}, {"name": "b"}]}, "text"),
        (
            {
                "fields": [
                    {"name": "a", "constraints": [1], "categories": {"x": 1}, "type": {"y": 2}}
                ]
            },
            "table",
        ),
        ({"fields": [{"name": "a" * 1000, "type": "string"}] * 5000}, "table"),
    ],
    ids=["empty", "number", "text", "no-meaning", "odd", "many"],
)
def test_what_looks_like_a_table_schema(loaded, tmp_path, document, kind):
    _facts, shown = sample(json.dumps(document).encode(), tmp_path, "x.json")
    assert shown["kind"] == kind
    assert len(shown.get("rows", [])) <= 1000
    assert all(len(cell) <= 600 for row in shown.get("rows", []) for cell in row)


def test_entities_in_a_feature_catalogue_are_refused(loaded, tmp_path):
    bomb = CATALOGUE.replace(
        "?>", '?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>', 1
    )
    with pytest.raises(PreviewError):
        sample(bomb.replace("Faible", "&b;").encode(), tmp_path, "x.xml")
