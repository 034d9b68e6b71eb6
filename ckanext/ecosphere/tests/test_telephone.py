"""Telephone numbers as people write them; overseas ones have plans of their own."""

from __future__ import annotations

import pytest

from ckanext.ecosphere.shared.contact_details import telephone


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
    assert telephone.normalise(written) == kept == telephone.normalise(kept)
    assert telephone.uri(kept) == uri


@pytest.mark.parametrize("written", ["", "standard", "12", "04 74 45 62 37 " * 20, "javascript:alert(1)"])
def test_what_is_no_number_is_refused(written):
    with pytest.raises(ValueError):
        telephone.normalise(written)
