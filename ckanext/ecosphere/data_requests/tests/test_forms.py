"""Conversion of submitted forms into the data of actions, or into error messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.datastructures import MultiDict

from ckanext.ecosphere.data_requests.domain import places, states, wording
from ckanext.ecosphere.data_requests.logic.schema import FIELDS
from ckanext.ecosphere.data_requests.views import forms
from ckanext.ecosphere.dataset import outlines
from ckanext.ecosphere.vocabularies import communes

WHERE = "territoire"
TEMPLATES = Path(forms.__file__).parents[2] / "templates"


def where(**typed: str):
    step = forms.step(WHERE)
    assert step is not None
    return forms.read_step(step, typed)


def test_communes_are_read_by_code_and_by_name_however_they_are_typed():
    codes, doubtful = places.read_communes("01034, lyon;  2a004\nSt Étienne du Bois (01350), Lyon")
    assert codes == ["01034", "69123", "2A004", "01350"]
    assert doubtful == []


def test_a_commune_that_has_namesakes_asks_which_one():
    data, errors = where(where="communes", communes="Saint-Denis")
    assert data == {}
    assert (
        "Saint-Denis – Seine-Saint-Denis (93066)" in errors["communes"][0]
        and "Saint-Denis – La Réunion (97411)" in errors["communes"][0]
    )


@pytest.mark.parametrize(
    ("typed", "codes", "doubtful"),
    [
        ("Villeurbanne, Rhône", ["69266"], []),
        ("Saint-Denis, Seine-Saint-Denis ; Lyon", ["93066", "69123"], []),
        ("Lyon, Paris", ["69123", "75056"], []),
        ("01300", [], ["01300"]),
        ("69100", [], ["69100"]),
        ("Irigny – Rhône (69100)", ["69100"], []),
        ("44300", ["44109"], []),
        ("Trifouillis, Rhône", [], ["Trifouillis", "Rhône"]),
    ],
)
def test_postal_codes_and_departements_are_read_as_well(typed, codes, doubtful):
    found, unsure = places.read_communes(typed)
    assert (found, [entry for entry, _communes in unsure]) == (codes, doubtful)


def test_a_commune_that_nobody_knows_is_named_in_the_error():
    _data, errors = where(where="communes", communes="Lyon, Trifouillis")
    assert len(errors["communes"]) == 1
    assert "Trifouillis" in errors["communes"][0]


def test_a_name_typed_in_full_comes_before_larger_communes_that_begin_alike():
    assert places.find_communes("Bourg")[0].name == "Bourg"
    assert places.find_communes("bourg-en-b")[0].code == "01053"
    assert places.find_communes("  ") == []


def test_communes_of_the_chosen_departement_come_first_and_show_theirs():
    assert [each.departement for each in places.find_communes("bourg", near="departement-01")][
        :2
    ] == ["01", "01"]
    assert places.commune_label("33067") == "Bourg – Gironde (33067)" and places.read_communes(
        "Bourg – Gironde (33067)"
    )[0] == ["33067"]
    assert places.commune_label("97411") == "Saint-Denis – La Réunion (97411)"
    around = {each.departement for each in places.find_communes("bourg", near="region-ara")}
    assert around <= {"01", "03", "07", "15", "26", "38", "42", "43", "63", "69", "73", "74"}


def test_communes_know_their_departement_overseas_too():
    known = {
        commune.code: commune.departement
        for code in ("01034", "2A004", "97411")
        if (commune := communes.of_code(code))
    }
    assert known == {"01034": "01", "2A004": "2A", "97411": "974"}


def test_a_rectangle_is_read_with_commas_or_points():
    data, errors = where(where="bbox", west="4,85", south="45.1", east="5", north="46")
    assert errors == {}
    assert data == {"territory": None, "communes": None, "bbox": [4.85, 45.1, 5.0, 46.0]}


@pytest.mark.parametrize(
    "sides",
    [
        ("", "45", "5", "46"),
        ("x", "45", "5", "46"),
        ("6", "45", "5", "46"),
        ("4", "47", "5", "46"),
        ("4", "45", "200", "46"),
        ("4", "45", "5", "91"),
        ("nan", "45", "5", "46"),
        ("4", "45", "inf", "46"),
    ],
)
def test_a_rectangle_that_is_none_is_refused(sides: tuple[str, ...]):
    data, errors = where(where="bbox", **dict(zip(forms.SIDES, sides, strict=True)))
    assert data == {}
    assert list(errors) == ["bbox"]


def test_only_the_chosen_way_to_tell_the_place_counts():
    data, errors = where(
        where="territory", territory="departement-01", communes="nonsense", west="x"
    )
    assert errors == {}
    assert data == {"territory": "departement-01", "communes": None, "bbox": None}


def test_a_place_must_be_told():
    assert list(where()[1]) == ["territory"]
    assert list(where(where="communes", communes=" , ")[1]) == ["communes"]


def test_datasets_are_read_from_pasted_addresses_and_names():
    text = "https://portail.example/fr/dataset/zones-humides?x=1\r\nppri-loire, ppri-loire https://example.org/autre"
    assert forms.dataset_names(text) == ["zones-humides", "ppri-loire"]


def test_an_address_that_is_none_names_no_dataset():
    assert forms.dataset_names("http://[/dataset/a ppri-loire") == ["a", "ppri-loire"]


def test_datasets_that_are_ticked_and_named_are_joined():
    typed: MultiDict[str, str] = MultiDict(
        [("dataset", "a"), ("dataset", "b"), ("datasets", "b\nc"), ("comment", "")]
    )
    assert forms.read_transition(["datasets"], typed) == {"datasets": ["a", "b", "c"]}


def test_emptied_fields_are_sent_so_that_they_can_be_taken_back():
    step = forms.step("usage")
    assert step is not None
    assert forms.read_step(step, {"use": "", "procedure_reference": "  "})[0] == {
        "use": None,
        "procedure_reference": None,
        "show_procedure": False,
    }


def test_every_field_of_a_request_is_asked_for_once_and_has_a_label():
    asked = [name for step in forms.steps() for name in step.fields]
    assert sorted(asked) == sorted({*FIELDS, "title", "visibility", "show_name", "show_procedure"})
    assert all(name in wording.MESSAGES["fields"] for name in asked)


def test_every_field_of_a_transition_has_a_label_and_a_template():
    template = (TEMPLATES / "requests" / "ecosphere_requests" / "fields.html").read_text()
    needed = {name for line in states.TRANSITIONS.values() for name in line.fields} - {"comment"}
    assert {name for name in needed if f'field.name == "{name}"' not in template} == set()
    assert needed - set(wording.MESSAGES["fields"]) == {
        "spam"
    }  # a checkbox labelled by its own sentence


def test_the_maps_hold_their_territories():
    for frame in outlines.frames():
        west, south, east, north = frame.box
        assert west < east and south < north and frame.path.startswith("M")
        assert all(
            0 <= town.x <= frame.width and 0 <= town.y <= frame.height for town in frame.towns
        )
