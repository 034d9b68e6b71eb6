"""Places suggested while the user types."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.search.suggest import places_typed


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("zones humides saint-naz", "zones humides Saint-Nazaire 44"),
        ("st malo", "Saint-Malo 35"),
        ("ppri st mal", "ppri Saint-Malo 35"),
        ("ste max", "Sainte-Maxime 83"),
        ("38185", "Grenoble 38"),
        ("38000", "Grenoble 38"),
        ("ile d'ol", "Île d'Oléron"),
        # After a subject, a département is suggested before the communes.
        ("natura 2000 loz", "natura 2000 Lozère"),
        ("natura 2000 lozère", "natura 2000 Lozère"),
    ],
)
def test_the_last_words_are_completed_to_a_place(typed, query):
    assert places_typed(typed)[0]["query"] == query


@pytest.mark.parametrize("typed", ["zones hum", "le", "", "l'", "st", "99999"])
def test_other_words_are_not(typed):
    assert places_typed(typed) == []


def test_a_territory_alone_is_proposed_with_its_datasets():
    assert all(each["kind"] == "commune" for each in places_typed("loz"))
