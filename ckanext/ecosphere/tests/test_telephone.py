"""Telephone numbers in all their notations, including the numbering
plans of overseas territories.
"""

from __future__ import annotations

import pytest

from ckanext.ecosphere.shared import contact_details


@pytest.mark.parametrize(
    ("written", "kept", "uri"),
    [
        ("04 74 45 62 37", "+33 4 74 45 62 37", "tel:+33-4-74-45-62-37"),
        ("+33 (0)4.74.45.62.37", "+33 4 74 45 62 37", "tel:+33-4-74-45-62-37"),
        ("tel:+33-4-74-45-62-37", "+33 4 74 45 62 37", "tel:+33-4-74-45-62-37"),
        ("0262 40 26 26", "+262 262 40 26 26", "tel:+262-262-40-26-26"),
        ("+41 22 730 51 11", "+41 22 730 51 11", "tel:+41-22-730-51-11"),
    ],
)
def test_a_number_is_kept_in_international_form(written, kept, uri):
    assert contact_details.international(written) == kept == contact_details.international(kept)
    assert contact_details.telephone_uri(kept) == uri


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Tél. : 04 74 45 62 37 (standard)", "+33 4 74 45 62 37"),
        ("04.74.45.62.37 / 06 11 22 33 44", "+33 4 74 45 62 37"),
        ("04 74 45 62 37 poste 1234", "+33 4 74 45 62 37"),
        ("Accueil 0262 40 26 26", "+262 262 40 26 26"),
    ],
)
def test_the_first_number_of_a_text_is_found(written, kept):
    assert contact_details.first_number(written) == kept


@pytest.mark.parametrize("written", ["", "standard", "SIRET 12345678901234", "1 2 3-" * 5_000])
def test_a_text_without_a_number_has_none(written):
    assert contact_details.first_number(written) == ""


@pytest.mark.parametrize(
    "written", ["", "standard", "12", "04 74 45 62 37 " * 20, "javascript:alert(1)"]
)
def test_what_is_no_number_is_refused(written):
    with pytest.raises(ValueError):
        contact_details.international(written)
