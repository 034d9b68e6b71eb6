"""Fields added to and removed from an index document."""

import json

from ckanext.ecosphere.search.index import (
    MAX_STRING_BYTES,
    TERRITORY_FIELD,
    THEME_FIELD,
    complete,
    tidy,
    with_ancestors,
)

AIN = "http://id.insee.fr/geo/departement/01"
EAU = "http://registre.data.developpement-durable.gouv.fr/ecospheres/themes-ecospheres/eau"


def test_a_dataset_of_a_departement_is_found_under_its_region_too():
    document = complete({}, {"territory": [AIN]})
    assert {"departement-01", "region-ara"} <= set(document[TERRITORY_FIELD])
    assert "Auvergne-Rhône-Alpes" in document["extras_ecosphere_territories"]


def test_a_dataset_of_a_commune_is_found_under_its_departement_by_its_name_and_by_its_code():
    document = complete({}, {"territory": ["http://id.insee.fr/geo/commune/01053"]})
    assert document[TERRITORY_FIELD][0] == "departement-01"
    assert "region-ara" in document[TERRITORY_FIELD]
    assert {"Bourg-en-Bresse", "01053", "Ain"} <= set(
        document["extras_ecosphere_territories"].split(" ; ")
    )


def test_a_dataset_is_found_by_the_synonyms_of_its_regulatory_uses():
    document = complete({}, {"regulatory_use": ["icpe"]})
    assert "installations classées" in document["extras_ecosphere_labels"]


def test_fields_kept_as_text_or_as_extras_count_too():
    as_text = complete({}, {"theme": json.dumps([EAU])})
    as_extra = complete({}, {"extras": [{"key": "theme", "value": json.dumps([EAU])}]})
    assert (
        as_text[THEME_FIELD]
        == as_extra[THEME_FIELD]
        == [concept.id for concept in with_ancestors("themes", [EAU])]
    )


def test_a_concept_that_the_vocabulary_does_not_know_is_left_out():
    assert complete({}, {"theme": ["https://example.org/theme"]})[THEME_FIELD] == []


def test_the_service_is_searched_by_its_short_and_its_full_name():
    document = complete({}, {"organization": {"name": "ddt-01053-01", "title": "DDT 01"}})
    assert document["extras_ecosphere_organization"].startswith("DDT 01 ; ")
    assert "territoires" in document["extras_ecosphere_organization"]


def test_addresses_mailboxes_and_geometries_are_taken_out_of_the_full_text_only():
    noise = 'voir https://example.org/eau ou sig@example.org {"type": "Point", "coordinates": [1, 2]} le plan'
    document = tidy(
        {
            "extras_lineage": noise,
            "extras_page": "https://example.org/a",
            "url": "https://example.org/a",
        }
    )
    assert document["extras_lineage"].split() == ["voir", "ou", "le", "plan"]
    assert "extras_page" not in document
    assert document["url"] == "https://example.org/a"


def test_a_string_that_solr_would_refuse_is_cut_between_letters():
    document = tidy({"author": "é" * MAX_STRING_BYTES})
    assert len(document["author"].encode()) <= MAX_STRING_BYTES
    assert set(document["author"]) == {"é"}


def test_the_title_sorts_without_accents():
    assert complete({}, {"title": "Éoliennes"})["title_string"] == "eoliennes"
