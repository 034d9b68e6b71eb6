"""Multilingual records: texts kept with their languages across harvests,
and reported where no field holds them.
"""

import pytest
from rdflib import Graph

from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.record import Link, Record
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.harvest.tests.making import codes, dataset, result
from ckanext.ecosphere.vocabularies import languages

TURTLE = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix ex: <https://a.example/> .
ex:1 a dcat:Dataset ; dct:title {title} ; dct:description "Bruit des routes"@fr, "Road noise"@en, "Strassenlärm"@de ;
  dcat:distribution [ a dcat:Distribution ; dcat:downloadURL <https://a.example/bruit.csv> ;
    dct:title "Le fichier"@fr, "The file"@en ; dct:description "Un point par relevé"@fr, "A point each"@en ] .
"""
LOCALES = """<gmd:locale><gmd:PT_Locale id="L1"><gmd:languageCode>
<gmd:LanguageCode codeList="x" codeListValue="eng"/></gmd:languageCode></gmd:PT_Locale></gmd:locale>
<gmd:locale><gmd:PT_Locale id="L2"><gmd:languageCode>
<gmd:LanguageCode codeList="x" codeListValue="ger"/></gmd:languageCode></gmd:PT_Locale></gmd:locale>"""


def of_one(graph: Graph) -> Record:
    [subject] = rdf.datasets(graph)
    return read_dataset(*rdf.from_text(rdf.as_text(rdf.around(graph, subject), subject)))


def of_graph(title: str) -> dict:
    graph = rdf.parse(TURTLE.format(title=title).encode(), "text/turtle", 2**20)
    return normalise(
        of_one(graph), Context(fallback_organisation="administration-centrale-ou-ministere_172120")
    ).dataset


def localised(text: str, **others: str) -> str:
    groups = "".join(
        f'<gmd:textGroup><gmd:LocalisedCharacterString locale="#{locale}">{each}</gmd:LocalisedCharacterString>'
        "</gmd:textGroup>"
        for locale, each in others.items()
    )
    return f"<gco:CharacterString>{text}</gco:CharacterString><gmd:PT_FreeText>{groups}</gmd:PT_FreeText>"


def iso_in_languages(**changes: str) -> str:
    """Return a French record with title, description and link in English and German."""
    link = (
        ("https://data.example.org/bruit.csv", "WWW:DOWNLOAD-1.0-http--download", "Le fichier"),
    )
    texts = {
        "title": "Jeu de données 1",
        "abstract": "Bruit des routes.",
        "english": "Dataset 1",
        **changes,
    }
    record = iso_record(1, links=link, abstract=texts["abstract"])
    pairs = (
        (texts["title"], localised(texts["title"], L1=texts["english"], L2="Datensatz 1")),
        (texts["abstract"], localised(texts["abstract"], L1="Road noise.", L2="Strassenlärm.")),
        ("Le fichier", localised("Le fichier", L1="The file")),
    )
    for text, replacement in pairs:
        record = record.replace(
            f"<gco:CharacterString>{text}</gco:CharacterString>", replacement, 1
        )
    return record.replace("<gmd:identificationInfo>", LOCALES + "<gmd:identificationInfo>", 1)


class TestGraphs:
    def test_texts_in_other_languages_are_kept_with_their_languages(self):
        made = of_graph('"Carte de bruit"@fr, "Noise map"@en, "Lärmkarte"@de')
        assert made["title"] == "Carte de bruit"
        assert made["title_translated"] == {
            "de": "Lärmkarte",
            "en": "Noise map",
            "fr": "Carte de bruit",
        }
        assert made["notes_translated"]["de"] == "Strassenlärm"
        [resource] = made["resources"]
        assert (resource["name"], resource["name_translated"]["en"]) == ("Le fichier", "The file")
        assert resource["description_translated"] == {
            "en": "A point each",
            "fr": "Un point par relevé",
        }
        assert "Noise map" not in str(made.get("other_information"))

    @pytest.mark.parametrize(
        ("title", "main", "translated"),
        [
            ('"Lärmkarte"@de, "Noise map"@en', "Noise map", {"de": "Lärmkarte", "en": "Noise map"}),
            ('"Carte", "Noise map"@en', "Carte", {"en": "Noise map", "fr": "Carte"}),
            ('"Carte"@fr-FR, "Map"@en-GB', "Carte", {"en": "Map", "fr": "Carte"}),
            ('"Mappa"@pt-BR, "Mapa"@pt-PT', "Mappa", {"pt-BR": "Mappa", "pt-PT": "Mapa"}),
            (
                '"Par une machine"@fr-t-de-t0-mtec, "Karte"@de',
                "Par une machine",
                {"de": "Karte", "fr": "Par une machine"},
            ),
            ('"CORINE"@fr, "CORINE"@en', "CORINE", None),
            ('"Carte"@fr', "Carte", None),
        ],
    )
    def test_french_comes_first_and_what_says_nothing_new_is_left_out(
        self, title, main, translated
    ):
        made = of_graph(title)
        assert (made["title"], made.get("title_translated")) == (main, translated)

    def test_a_language_that_nobody_knows_is_told(self):
        graph = rdf.parse(
            TURTLE.format(title='"Carte"@fr, "Qwerty"@qqq').encode(), "text/turtle", 2**20
        )
        assert "Qwerty" in str(of_one(graph).unread)


class TestIso:
    def test_localised_texts_are_kept_by_the_languages_of_their_locales(self):
        record = read_record(parse_xml(iso_in_languages().encode()))
        assert record.translations["title"] == {
            "fr": "Jeu de données 1",
            "en": "Dataset 1",
            "de": "Datensatz 1",
        }
        assert record.links[0].translations == {"name": {"fr": "Le fichier", "en": "The file"}}

    def test_keywords_are_taken_in_each_language_as_those_of_graphs_are(self):
        words = localised("bruit", L1="noise pollution", L2="bruit")
        record = iso_in_languages().replace(
            "</gmd:abstract>",
            f"</gmd:abstract><gmd:descriptiveKeywords><gmd:MD_Keywords><gmd:keyword>{words}</gmd:keyword>"
            "</gmd:MD_Keywords></gmd:descriptiveKeywords>",
            1,
        )
        found = [
            each.text
            for each in read_record(parse_xml(record.encode())).keywords
            if "bru" in each.text or "noi" in each.text
        ]
        assert found == ["bruit", "noise pollution"]

    def test_texts_that_no_field_holds_in_several_languages_are_told(self):
        purpose = f"<gmd:purpose>{localised('Informer', L1='To inform')}</gmd:purpose>"
        record = iso_in_languages().replace("</gmd:abstract>", f"</gmd:abstract>{purpose}", 1)
        made = normalise(
            read_record(parse_xml(record.encode())), Context(fallback_organisation="x")
        )
        assert "purpose[en]: To inform" in made.unread


class TestRules:
    def test_the_main_entry_follows_what_the_rules_make_of_the_text(self):
        texts = {"fr": "<p>Carte</p>", "en": "<p>Map</p>", "de": "Non renseigné"}
        made = dataset(abstract="<p>Carte</p>", translations={"abstract": texts})
        assert made["notes_translated"] == {"en": "Map", "fr": "Carte"}

    def test_long_texts_are_cut_and_told(self):
        made = result(title="Carte", translations={"title": {"fr": "Carte", "en": "m" * 600}})
        assert len(made.dataset["title_translated"]["en"]) <= 500
        assert "text-cut" in codes(made)

    def test_more_languages_than_the_portal_bears_are_told(self):
        known = [tag for tag in languages._names("en") if languages.tag(tag) == tag][
            : languages.MOST + 3
        ]
        made = result(title="Carte", translations={"title": {tag: f"text {tag}" for tag in known}})
        assert len(made.dataset["title_translated"]) == languages.MOST
        assert f"title[{known[-1]}]: text {known[-1]}" in made.unread

    def test_translations_of_a_name_that_is_not_used_are_told(self):
        layers = Link(
            "https://a.example/wms?",
            "OGC:WMS",
            "ms:bruit",
            translations={"name": {"en": "Noise layer"}},
        )
        made = result(links=[layers])
        assert not any("name_translated" in each for each in made.dataset["resources"])
        assert "Noise layer" in str(made.unread)

    def test_two_links_of_one_address_keep_the_translations_of_the_name_that_is_kept(self):
        one = Link(
            "https://a.example/x.csv", None, "Un", translations={"name": {"fr": "Un", "en": "One"}}
        )
        [resource] = dataset(links=[Link("https://a.example/x.csv", None, "Deux"), one])[
            "resources"
        ]
        assert resource["name"] == "Deux"
        assert "name_translated" not in resource


class TestThroughThePipeline:
    def test_translations_are_harvested_changed_and_harvested_again(self, portal):
        with catalogue([iso_in_languages()]) as server:
            source = portal.source(server.url)
            portal.harvest(source)
            [first] = portal.datasets().values()
            assert first["title_translated"] == {
                "de": "Datensatz 1",
                "en": "Dataset 1",
                "fr": "Jeu de données 1",
            }
            assert first["notes_translated"]["en"] == "Road noise."
            assert first["resources"][0]["name_translated"] == {
                "en": "The file",
                "fr": "Le fichier",
            }
            server.records[:] = [iso_in_languages(english="Noise dataset")]
            assert portal.harvest(source) == {"updated": 1}
            [after] = portal.datasets().values()
            assert after["title_translated"]["en"] == "Noise dataset"
            assert [each["id"] for each in after["resources"]] == [
                each["id"] for each in first["resources"]
            ]
            assert (after["id"], after["name"]) == (first["id"], first["name"])
            server.records[:] = [iso_record(1, abstract="Une langue.")]
            portal.harvest(source)
            [last] = portal.datasets().values()
            assert "title_translated" not in last
            assert "notes_translated" not in last
