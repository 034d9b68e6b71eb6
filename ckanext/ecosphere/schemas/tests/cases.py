"""Cases of `relevant_when`, on which validation and the form's JavaScript must agree."""

from __future__ import annotations

RIGHT = "http://publications.europa.eu/resource/authority/access-right"

#: (conditions, values of the fields, whether the conditions hold).
CONDITION_CASES = (
    ([], {}, True),
    ([{"field": "kind", "is": ["dataset", ""]}], {}, True),
    ([{"field": "kind", "is": ["dataset"]}], {}, False),
    ([{"field": "kind", "is": ["dataset"]}], {"kind": ["http://example.org/dataset"]}, True),
    ([{"field": "kind", "is": ["dataset"]}], {"kind": ["http://example.org/series"]}, False),
    ([{"field": "right", "is_not": ["PUBLIC"]}], {}, False),
    ([{"field": "right", "is_not": ["PUBLIC"]}], {"right": [f"{RIGHT}/PUBLIC"]}, False),
    ([{"field": "right", "is_not": ["PUBLIC"]}], {"right": [f"{RIGHT}/RESTRICTED"]}, True),
    ([{"field": "hash", "filled": True}], {"hash": ["abc"]}, True),
    ([{"field": "hash", "filled": True}], {}, False),
    ([{"field": "hash", "filled": False}], {}, True),
    ([{"field": "kind", "is": ["a"]}, {"field": "hash", "filled": True}], {"kind": ["a"]}, False),
    (
        [{"field": "kind", "is": ["a"]}, {"field": "hash", "filled": True}],
        {"kind": ["a"], "hash": ["x"]},
        True,
    ),
)
