"""Outlines of intercommunalities: complete, and served per département."""

from __future__ import annotations

import json
import re

import pytest

from ckanext.ecosphere.vocabularies import epcis, gazetteer

MOST_BYTES = 60_000


def test_every_intercommunality_has_an_outline_within_its_box_near_its_departements():
    outlines = epcis.outlines()
    assert set(outlines) == set(epcis.epcis())
    for epci in epcis.epcis().values():
        west, south, east, north = outlines[epci.code].box
        assert west < east and south < north
        x, y = (west + east) / 2, (south + north) / 2
        around = [gazetteer.departements()[code].data["bbox"] for code in epci.departements]
        assert any(b[0] < x < b[2] and b[1] < y < b[3] for b in around), epci.name
        starts = re.findall(r"M(-?\d+)[ ]?(-?\d+)l", outlines[epci.code].path)
        for start in starts:
            longitude, latitude = (int(each) / 1000 for each in start)
            assert (
                west - 0.001 <= longitude <= east + 0.001
                and south - 0.001 <= latitude <= north + 0.001
            )


@pytest.mark.parametrize(
    ("code", "box"),
    [
        # From IGN ADMIN EXPRESS, as remembered by the author; the outlines deviate by a few
        # kilometres.
        ("243300316", (-0.89, 44.74, -0.46, 45.04)),  # Bordeaux Métropole
        ("244400404", (-1.78, 47.10, -1.37, 47.34)),  # Nantes Métropole
        ("249740119", (55.36, -21.00, 55.65, -20.86)),  # CINOR (La Réunion)
    ],
)
def test_the_box_is_that_of_the_intercommunality_by_a_few_kilometres(code, box):
    assert epcis.outlines()[code].box == pytest.approx(box, abs=0.06)


@pytest.mark.usefixtures("with_plugins")
class TestTheAddress:
    def test_gives_those_of_a_departement_and_is_cached(self, app):
        answer = app.get("/fr/ecosphere/territoires/intercommunalites/44")
        found = {each["name"]: each for each in json.loads(answer.body)}
        assert answer.headers["Cache-Control"] == "public, max-age=3600"
        assert "Nantes Métropole" in found and "Bordeaux Métropole" not in found
        assert found["Nantes Métropole"]["territories"][0]["label"] == "Loire-Atlantique"
        assert found["Nantes Métropole"]["path"].startswith("M")

    def test_is_small_for_every_departement(self, app):
        sizes = {
            code: len(app.get(f"/ecosphere/territoires/intercommunalites/{code}").data)
            for code in gazetteer.departements()
            if epcis.of_departement(code)
        }
        assert len(sizes) == 101
        assert max(sizes.values()) < MOST_BYTES

    @pytest.mark.parametrize("code", ["00", "44'", "x" * 300, "2a"])
    def test_knows_no_other_code(self, app, code):
        assert app.get(f"/ecosphere/territoires/intercommunalites/{code}").status_code == 404
