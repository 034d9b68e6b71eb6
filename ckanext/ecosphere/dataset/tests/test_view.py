"""A dataset is read alike in whatever shape it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ckanext.ecosphere.dataset.view import View, flat_rows

DATASET: dict[str, Any] = {
    "title": "Zones humides",
    "dcat_type": "http://inspire.ec.europa.eu/metadata-codelist/ResourceType/dataset",
    "theme": ["eau", "biodiversite", "eau"],
    "tags": [{"name": "zone humide"}, {"name": "mare"}],
    "contact": [{"name": "DDT 42", "email": "ddt@loire.gouv.fr"}, {"name": "Mairie"}],
    "title_translated": {"en": "Wetlands"},
    "resources": [{"url": "https://x.org/a.gpkg", "format": "GeoPackage"}],
}
CORE = ("title", "tags", "resources")

#: As CKAN stores it, as a form posts it, and as CKAN's validation flattens it.
STORED = {name: DATASET[name] for name in CORE} | {
    "extras": [
        {"key": name, "value": value if isinstance(value, str) else json.dumps(value)}
        for name, value in DATASET.items()
        if name not in CORE
    ]
}
POSTED = {
    **DATASET,
    "tags": None,
    "tag_string": "zone humide, mare",
    "contact": None,
    "contact__1__name": "DDT 42",
    "contact__1__email": "ddt@loire.gouv.fr",
    "contact__2__name": "Mairie",
}
FLAT: dict[tuple[Any, ...], Any] = {
    ("title",): "Zones humides",
    ("dcat_type",): DATASET["dcat_type"],
    ("theme",): '["eau", "biodiversite", "eau"]',
    ("tags", 0, "name"): "zone humide",
    ("tags", 1, "name"): "mare",
    ("contact", 0, "name"): "DDT 42",
    ("contact", 0, "email"): "ddt@loire.gouv.fr",
    ("contact", 1, "name"): "Mairie",
    ("contact", 1, "email"): "",
    ("title_translated",): '{"en": "Wetlands"}',
    ("resources", 0, "url"): "https://x.org/a.gpkg",
    ("resources", 0, "format"): "GeoPackage",
    ("extras", 0, "key"): "title",
    ("extras", 0, "value"): "what the field itself says counts",
}
VIEWS = {
    "shown": View(DATASET),
    "stored": View(STORED),
    "posted": View(POSTED),
    "flat": View.of_flat(FLAT),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_shape_says_the_same(view: View):
    assert (view.title, view.kind) == ("Zones humides", "dataset")
    assert view.themes == ("eau", "biodiversite")
    assert view.keywords == ("zone humide", "mare")
    assert [row["name"] for row in view.rows("contact")] == ["DDT 42", "Mairie"]
    assert view.texts("title_translated") == ["Wetlands"]
    assert [resource.text("format") for resource in view.resources] == ["GeoPackage"]


@pytest.mark.parametrize("view", [VIEWS["shown"], VIEWS["stored"], VIEWS["flat"]])
def test_a_group_has_the_texts_of_all_its_parts(view: View):
    assert sorted(view.texts("contact")) == ["DDT 42", "Mairie", "ddt@loire.gouv.fr"]


@pytest.mark.parametrize("odd", [None, True, 3.5, "[", "{}", '["a"', [None], {"a": {}}, object()])
def test_odd_values_are_absent_rather_than_errors(odd: Any):
    view = View({"theme": odd, "contact": odd, "tags": odd, "resources": odd, "extras": odd})
    assert view.rows("contact") == () and view.resources == ()
    assert all(isinstance(text, str) for text in (*view.many("theme"), *view.texts("theme")))
    assert all(isinstance(name, str) for name in view.keywords)


def test_rows_of_a_flattened_dataset_keep_their_numbers():
    assert flat_rows({("a", 3, "x"): "1", ("a", 7, "x"): "", ("b", 0, "x"): "2"}, "a") == {
        3: {"x": "1"}
    }
