"""Territories by name, code, URI, file name and locality, without CKAN."""

from __future__ import annotations

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import places


@pytest.mark.parametrize(
    ("find", "text", "territory"),
    [
        (places.from_uri, "http://id.insee.fr/geo/commune/80021", "departement-80"),
        (places.from_uri, "https://example.org/geo/commune/80021", None),
        (places.from_code, "FR-74", "departement-74"),
        (places.from_code, "97411", "outre-mer-reu"),
        (places.from_code, "9" * 400, None),
        (places.from_name, "Champagne-Ardenne", "region-ges"),
        (places.with_its_code, "80 - Somme", "departement-80"),
        (places.with_its_code, "Somme (81)", None),
        (places.in_file_name, "22358_PLU_20190101", "departement-22"),
        (places.in_file_name, "N_ZONE_BRUIT_S_087", "departement-87"),
        (places.in_file_name, "rapport_2019", None),
    ],
)
def test_a_territory_is_known_by_name_code_address_or_file(find, text: str, territory: str | None):
    concept = find(text)
    assert (concept.id if concept else None) == territory


@pytest.mark.parametrize(
    ("text", "territories"),
    [
        ("Bruit en Côte-d'Or et dans le Jura", ["departement-21", "departement-39"]),
        ("France hors Île-de-France", ["pays-fra"]),
        ("Le nord de la forêt", []),
    ],
)
def test_names_in_a_text_count_unless_they_are_left_out_or_common_words(
    text: str, territories: list
):
    assert [concept.id for concept in places.in_text(text)] == territories


def test_communes_and_intercommunalities_tell_their_departement():
    assert [c.id for c in places.of_localities("Ville de Vanves")] == ["departement-92"]
    assert [c.id for c in places.of_localities("PCAET de Nantes Métropole")] == ["departement-44"]
    assert places.of_localities("Vanves") == []


def test_all_parts_are_the_whole_and_a_country_yields_to_its_parts():
    territories = voc.get("territories")
    regions = list(places.of_type("region"))
    overseas = places.overseas_departements()
    assert [c.id for c in places.simplified(regions)] == ["pays-fxx"]
    assert [c.id for c in places.simplified([*regions, *overseas])] == ["pays-fra"]
    ain = territories["departement-01"]
    assert places.simplified([territories["pays-fra"], ain]) == [ain]
    assert places.simplified([territories["pays-fxx"], overseas[0]]) == [
        territories["pays-fxx"],
        overseas[0],
    ]


def test_swapped_axes_are_seen_where_the_box_would_lie_in_france():
    assert places.has_swapped_axes((45.0, 4.0, 46.0, 5.0))
    assert not places.has_swapped_axes((4.0, 45.0, 5.0, 46.0))
