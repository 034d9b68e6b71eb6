"""Why a field is empty: the record does not state it, states it wrongly,
or its value was not taken over.
"""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.record import (
    Constraint,
    Contact,
    Dated,
    Format,
    Identifier,
    Keyword,
    Link,
    Period,
    Record,
    Term,
)
from ckanext.ecosphere.harvest.source_evidence import MAX_LENGTH, MAX_TEXTS, Statement, statements


def told(field: str, dataset: dict[str, Any] | None = None, **fields: Any) -> Statement:
    """Return the statement about `field` for a record with some fields;
    `dataset` is the result of the rules.
    """
    record = Record(**{"title": "Zones humides", "file_identifier": "id-1", **fields})
    result = normalise(record, Context(default_organisation="ddt-01053-01"))
    return statements(
        record, result, dataset or {**result.dataset, "owner_org": "id-of-the-organisation"}
    )[field]


@pytest.mark.parametrize(
    "field", ["frequency", "provenance", "temporal_coverage", "resource:url", "modified"]
)
def test_a_record_that_says_nothing(field: str):
    assert told(field) == Statement()


def test_what_was_taken_is_no_loss():
    found = told("notes", abstract="Les <b>zones humides</b> du département.")
    assert found.said and not found.lost
    assert not told("frequency", frequency="annually").lost
    assert not told(
        "license_id", constraints=[Constraint(other=[Term("Licence Ouverte 2.0")])]
    ).lost
    assert not told("tag_string", keywords=[Keyword("eau"), Keyword("tourbière")]).lost
    assert not told("resource:url", links=[Link(url="https://x.org/a.zip")]).lost


def test_what_the_schema_has_no_place_for_is_a_loss():
    found = told(
        "notes",
        abstract="Les zones humides.",
        purpose="Aider à la décision des services instructeurs.",
    )
    assert found.said == ("Les zones humides.",)
    assert found.lost == ("Aider à la décision des services instructeurs.",)


def test_a_value_that_the_dataset_does_not_have_is_a_loss():
    assert told("frequency", dataset={"title": "Zones humides"}, frequency="annually").lost == (
        "annually",
    )
    assert told(
        "provenance", dataset={"title": "Zones humides"}, lineage=["Relevés de terrain."]
    ).lost
    periods = [Period(start="2019", end="2020")]
    assert told("temporal_coverage", dataset={"title": "x"}, periods=periods).lost == (
        "2019 – 2020",
    )


def test_a_reference_system_that_is_not_recognised_is_a_loss():
    found = told(
        "reference_system",
        reference_systems=[Identifier(code="Système de la commune de Trifouilly")],
    )
    assert found.lost == ("Système de la commune de Trifouilly",)
    assert [problem.code for problem in found.problems] == ["reference-system"]


def test_what_nobody_can_use_is_no_loss():
    dates = told("modified", dates=[Dated("vers 1950", "revision")])
    assert [problem.code for problem in dates.problems] == ["date"] and not dates.lost
    links = told("resource:url", links=[Link(url="file://serveur/partage/z.shp")])
    assert [problem.code for problem in links.problems] == ["link-scheme"] and not links.lost
    contact = told("contact", contacts=[Contact(organisation="DDT 01", email="sig chez ddt")])
    assert "email" in {problem.code for problem in contact.problems} and not contact.lost


def test_a_problem_counts_for_its_own_field_only():
    fields: dict[str, Any] = {
        "dates": [Dated("vers 1950", "revision")],
        "periods": [Period(start="2019")],
    }
    assert told("modified", **fields).problems
    assert not told("temporal_coverage", **fields).problems


def test_a_text_about_access_is_no_licence():
    constraints = [
        Constraint(kind="legal", other=[Term("Pas de restriction d'accès public selon INSPIRE")])
    ]
    assert told("license_id", constraints=constraints) == Statement()
    assert told("access_rights", constraints=constraints).said


def test_a_contact_without_an_address_is_stated_and_nothing_of_it_is_lost():
    contact = told("contact", contacts=[Contact(organisation="DDT 01")])
    assert (contact.said, contact.lost) == (("DDT 01",), ())


def test_a_mailbox_is_never_quoted():
    contact = Contact(
        organisation="DDT 01", individual="Jeanne Durand", email="jeanne.durand@example.org"
    )
    assert told("contact", dataset={"title": "x"}, contacts=[contact]).lost == ("DDT 01",)


def test_formats_that_found_no_resource_are_losses():
    found = told(
        "resource:format",
        links=[Link(url="https://x.org/carte.html")],
        formats=[Format("SDE Feature Class")],
    )
    assert "SDE Feature Class" in found.said


def test_quotations_are_few_and_short():
    found = told(
        "provenance", lineage=[f"Étape {n} : " + "relevés de terrain, " * 40 for n in range(6)]
    )
    assert len(found.said) == MAX_TEXTS
    assert all(len(text) <= MAX_LENGTH for text in found.said)
