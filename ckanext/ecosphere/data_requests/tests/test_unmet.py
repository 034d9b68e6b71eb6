"""Most wanted data by département: a request about a région counts for each of its départements."""

from __future__ import annotations

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import stats
from ckanext.ecosphere.data_requests.stats import Ask
from ckanext.ecosphere.data_requests.tests.conftest import act, opened


def test_a_request_on_several_departements_counts_in_each_of_them():
    rows = stats.rank([Ask("eau", ("01", "42", "69"), people=5, count=2), Ask("eau", ("42",), people=3, count=1)])
    assert rows == [
        {"theme": "eau", "places": ["42"], "support": 8, "count": 3, "wide": 2},
        {"theme": "eau", "places": ["01", "69"], "support": 5, "count": 2, "wide": 2},
    ]


def test_themes_are_kept_apart_and_the_best_supported_come_first():
    rows = stats.rank([Ask("bruit", ("01",), 1, 1), Ask("eau", ("01",), 2, 1), Ask("sols", ("42",), 9, 1)], most=2)
    assert [row["theme"] for row in rows] == ["sols", "eau"]


@pytest.mark.parametrize(
    ("territory", "communes", "places"),
    [
        ("departement-42", (), ("departement-42",)),
        ("outre-mer-reu", (), ("outre-mer-reu",)),
        ("region-cor", (), ("departement-2a", "departement-2b")),
        ("region-ara", ("01034", "69123"), ("departement-01", "departement-69")),
        ("pays-fra", (), ("pays-fra",)),
        ("", (), ("pays-fra",)),
    ],
)
def test_places_are_those_of_the_communes_or_of_the_region(
    territory: str, communes: tuple[str, ...], places: tuple[str, ...]
):
    assert stats.places_of(territory, [{"code": each} for each in communes]) == places


@pytest.mark.usefixtures("portal")
def test_the_public_figures_name_departements_never_regions():
    regional = opened("other-editor", title="Réseau hydrographique", territory="region-ara", service="dreal-ara")
    opened(title="Zones humides de la Loire")
    opened(title="Forêts", theme="climat", territory="", communes=["01034", "69123"])
    act("support", "friend", id=regional["id"])
    found = act("stats", None)["unmet"]
    named = [{place["id"] for place in row["departements"]} for row in found]
    region = voc.get("territories")["region-ara"]
    others = {each.id for each in voc.get("territories").children(region.uri)} - {"departement-42"}
    assert named == [{"departement-42"}, others, {"departement-01", "departement-69"}]
    assert [(row["support"], row["count"], row["wide"]) for row in found] == [(3, 2, 1), (2, 1, 1), (1, 1, 1)]
