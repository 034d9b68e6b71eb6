"""Adoption of datasets that existed before the schema: conversion of single datasets,
without a database.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from ckan import model

from ckanext.ecosphere.schemas import adopting, leaving, licences

pytestmark = pytest.mark.usefixtures("portal_of_the_class")


class TestLicences:
    @pytest.mark.parametrize(
        "stated",
        [
            "odc-odbl",
            "odc-by",
            "odc-pddl",
            "cc-zero",
            "other-open",
            "other-pd",
            "etalab-2.0",
            "mit",
        ],
    )
    def test_one_that_has_no_other_version_stays(self, stated: str):
        assert licences.licence(stated).becomes == stated

    @pytest.mark.parametrize("stated", ["uk-ogl", "gfdl", "licence-maison", "?"])
    def test_one_that_is_not_in_the_list_stays(self, stated: str):
        assert licences.licence(stated).becomes == stated

    @pytest.mark.parametrize("stated", ["cc-by", "cc-by-sa", "cc-nc", "fr-lo", "CC BY"])
    def test_a_version_is_never_guessed(self, stated: str):
        found = licences.licence(stated)
        assert found.becomes is None
        assert found.reason

    @pytest.mark.parametrize(
        ("stated", "becomes"),
        [
            ("lov2", "etalab-2.0"),
            ("CC-BY-4.0", "cc-by"),
            ("https://creativecommons.org/licenses/by/4.0/", "cc-by"),
            ("Licence Ouverte v2.0", "etalab-2.0"),
            ("Licence Ouverte", "etalab"),
        ],
    )
    def test_one_that_is_in_the_list_is_found(self, stated: str, becomes: str):
        assert licences.licence(stated).becomes == becomes

    def test_every_licence_of_ckan_is_decided(self):
        stock = {each.id for each in licences.stock_licences()}
        assert "cc-by" in stock
        undecided = {
            id_
            for id_ in stock
            if not licences.licence(id_).becomes and not licences.licence(id_).reason
        }
        assert not undecided


def changes(**columns: Any) -> adopting.Changes:
    return adopting._changes(model.Package(name="x", **columns), adopting.field_checks())


class TestFields:
    def test_a_free_field_that_fits_becomes_the_field(self):
        found = changes(
            extras={"frequency": "ANNUAL", "theme": json.dumps(["Risques"]), "Cote": "C1"}
        )
        assert found.rewritten["frequency"].endswith("/frequency/ANNUAL")
        assert json.loads(found.rewritten["theme"])[0].endswith("/risques")
        assert not found.renamed

    @pytest.mark.parametrize("contact", ["Jean", '"Jean"', '["Jean"]', "{", "3"])
    def test_one_that_does_not_fit_is_renamed(self, contact: str):
        found = changes(extras={"contact": contact, "previous_contact": "taken"}, author="Ana")
        assert found.renamed == {"contact": "previous_contact_2"}
        assert found.contact == [{"name": "Ana"}]

    def test_rows_that_are_there_stay(self):
        found = changes(extras={"contact": '[{"name": "Ana"}]'}, author="Jean")
        assert not found

    def test_an_address_that_is_none_is_told_and_not_taken(self):
        found = changes(
            maintainer="Ana", maintainer_email="ana at example", author_email="b@ain.example.org"
        )
        assert found.contact == [{"name": "Ana"}, {"email": "b@ain.example.org"}]
        assert found.bad_emails == ["ana at example"]


class TestLeaving:
    @pytest.mark.parametrize(
        ("tag", "plain"),
        [
            ("cours d'eau", "cours d eau"),
            ("L’eau : qualité", "L eau qualité"),
            ("eau-douce_1.0", "eau-douce_1.0"),
            ("€", ""),
        ],
    )
    def test_keywords_as_a_plain_ckan_takes_them(self, tag: str, plain: str):
        assert leaving.plain_tag(tag) == plain

    def test_lists_of_a_file_are_json_texts_and_its_translations_are_left_out(self):
        fields = {
            "conforms_to": ["https://example.org"],
            "rights": "Libre.",
            "name_translated": {"en": "Data"},
        }
        assert leaving._plain_fields(fields) == {
            "conforms_to": '["https://example.org"]',
            "rights": "Libre.",
        }


def test_a_text_of_a_file_that_begins_like_a_list_comes_back_as_a_text():
    fields = {"layer_name": '["zones"]', "rights": "[2024] Livraison provisoire"}
    assert leaving._with_rows(fields) == {
        "layer_name": ["zones"],
        "rights": "[2024] Livraison provisoire",
    }
