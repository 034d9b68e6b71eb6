"""Local changes to vocabularies by administrators: applied on top of the packaged lists,
and reversible.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.rdf import skos
from ckanext.ecosphere.vocabularies import local

AREA = "vocabulary:themes"
OWN: dict[str, Any] = {
    "uri": "urn:ecosphere:themes:sobriete",
    "label_fr": "Sobriété",
    "label_en": "Sobriety",
    "broader": "",
    "alt_labels": ["ZAN"],
    "withdrawn": False,
    "replaced_by": "",
}


@pytest.fixture(autouse=True)
def nothing_changed():
    local.follow(None)
    yield
    local.apply({})


def change(**values: Any) -> None:
    local.apply({AREA: {"sobriete": {**OWN, **values}}})


def test_a_term_of_the_portal_comes_last_with_the_columns_of_its_list():
    number = len(voc.get("themes"))
    change()
    own = voc.get("themes").concepts[-1]
    assert len(voc.get("themes")) == number + 1
    assert (own.id, own.uri, own.data["eurovoc"]) == ("sobriete", OWN["uri"], ())
    assert voc.get("themes").find("zan") == own
    assert voc.own_synonyms() == [("Sobriété", ("ZAN",))]


def test_a_change_that_is_taken_back_leaves_the_list_as_it_was():
    before = voc.get("themes").concepts
    change()
    local.apply({})
    assert voc.get("themes").concepts == before


def test_a_withdrawn_term_leads_to_the_one_in_its_place_by_name_and_stays_by_address():
    change(withdrawn=True, replaced_by="eau")
    themes = voc.get("themes")
    assert themes.find("Sobriété") == themes["eau"]
    assert themes[OWN["uri"]].label_fr == "Sobriété"
    assert "dcterms:isReplacedBy" in skos.graph(themes, "urn:list").serialize()


@pytest.mark.parametrize("broader", ["urn:gone", "urn:ecosphere:themes:sobriete"])
def test_what_a_new_edition_of_a_list_no_longer_has_is_above_nothing(broader):
    change(broader=broader)
    assert voc.get("themes")["sobriete"].broader is None


def test_a_term_that_the_package_brings_meanwhile_is_the_package_s():
    change(uri=voc.get("themes")["eau"].uri)
    assert "sobriete" not in voc.get("themes")


def test_what_rests_on_a_list_is_derived_again():
    asked = []

    @voc.derived
    @cache
    def labels() -> int:
        asked.append(1)
        return len(voc.get("themes"))

    before = labels()
    assert labels() == before and len(asked) == 1
    change()
    assert labels() == before + 1


def test_a_change_is_tried_and_leaves_nothing_behind():
    with local.tried(AREA, "sobriete", OWN):
        assert "sobriete" in voc.get("themes")
    assert "sobriete" not in voc.get("themes")


def test_changes_are_read_when_it_is_time_and_what_was_being_derived_then_once_more():
    given = [{AREA: {"sobriete": OWN}}, None]
    local.follow(lambda: given.pop(0))
    assert "sobriete" in voc.get("themes")
    stale = voc.get("themes")
    local.look(now=True)
    assert voc.get("themes") is not stale
    local.follow(None)
    assert "sobriete" not in voc.get("themes")


def test_every_list_that_can_be_changed_exists():
    assert set(local.editable()) <= set(voc.names())
