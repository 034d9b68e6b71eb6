"""Odd values in every field of datasets, resources and groups: a clear error message, and no server
error of ours.

CKAN's own fields fail on some JSON types within CKAN (`docs/upstream.md`, 16), which is told apart.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from ckanext.ecosphere.tests.internal_errors import InternalErrors, listen

pytestmark = pytest.mark.usefixtures("shared_db")
ODD: dict[str, Any] = {
    "null": None,
    "empty": "",
    "text": "abc",
    "text of an object": '{"a": {"b": [1]}}',
    "text of a list": '["a", {"a": 1}, null, 1]',
    "number": 3,
    "true": True,
    "texts": ["a", "b"],
    "numbers": [1, None, True],
    "lists": [["a"], []],
    "object": {"a": {"b": []}},
    "languages": {"en": ["a"], "fr": None, "de": 3},
    "objects": [{"a": 1}, {"name": ["a"]}, {"name": {"a": 1}}],
    "empty object": {},
    "empty list": [],
    "address": "javascript:alert(1)",
    "half an address": "http://[",
    "long": "a" * 20_000,
}
NUMBERS = itertools.count()
CLEAR = {200, 400, 403, 404, 409}
INTERNAL_ERROR = 500
OF_A_FILE = ("url", "format", "name", "description")
#: CKAN's own fields, some of which accept more than a text.
OF_CKAN = (
    "resources",
    "tags",
    "extras",
    "groups",
    "type",
    "id",
    "state",
    "owner_org",
    "private",
    "url",
)


@pytest.fixture
def internal_errors(app: Any, monkeypatch: pytest.MonkeyPatch) -> InternalErrors:
    """Tell internal errors of ours from those of CKAN."""
    return listen(app.flask_app, monkeypatch)


@pytest.fixture
def sent(app: Any, editor: dict[str, Any]) -> Callable[..., Any]:
    """Call an action over HTTP as the editor; return the response."""

    def send(action: str, **values: Any) -> Any:
        return app.post(
            f"/api/3/action/{action}", json=values, headers={"Authorization": editor["token"]}
        )

    return send


def fields(part: str) -> dict[str, list[str]]:
    """Return the fields of a part of the schema, each with its subfields."""
    schema = tk.h.scheming_get_dataset_schema("dataset")
    return {
        each["field_name"]: [sub["field_name"] for sub in each.get("repeating_subfields", ())]
        for each in schema[part]
    }


def tries(odd: Any) -> Iterator[dict[str, Any]]:
    """Yield changes to a dataset with an odd value: in all fields, rows of groups, resources,
    and CKAN's own fields.
    """
    dataset, resource = fields("dataset_fields"), fields("resource_fields")
    rows = {
        name: [dict.fromkeys(subfields, odd)] for name, subfields in dataset.items() if subfields
    }
    yield {**dict.fromkeys(dataset, odd), "title": "Sonde"}
    yield {**dict.fromkeys(dataset, odd), "title": "Sonde", "private": False}
    yield rows
    yield {"resources": [dict.fromkeys(resource, odd)]}
    yield {
        "resources": [{"url": "https://a.example/b", **dict.fromkeys(set(resource) - {"url"}, odd)}]
    }
    for name in OF_CKAN:
        yield {name: odd}
    for name in (*OF_A_FILE, "id"):
        yield {"resources": [{"url": "https://a.example/b", name: odd}]}


@pytest.mark.slow("values")
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_value_in_any_field_gets_a_clear_answer(
    sent: Callable[..., Any], service: dict[str, Any], internal_errors: InternalErrors, odd: str
):
    name = f"sonde-{odd.replace(' ', '-')}"
    good = {"title": "Sonde", "name": name, "owner_org": service["id"], "private": True}
    kept = sent("package_create", **good).json["result"]
    file = sent("resource_create", package_id=name, url="https://a.example/c").json["result"]
    calls = [
        ("package_create", {**good, "name": f"{name}-{n}", **each})
        for n, each in enumerate(tries(ODD[odd]))
    ]
    calls += [
        ("package_revise", {"match": {"id": kept["id"]}, "update": values})
        for values in tries(ODD[odd])
    ]
    of_file = [
        dict.fromkeys(fields("resource_fields"), ODD[odd]),
        *({each: ODD[odd]} for each in OF_A_FILE),
    ]
    for part in of_file:
        calls.append(("resource_patch", {**part, "id": file["id"]}))
        calls.append(
            ("resource_create", {"url": "https://a.example/d", **part, "package_id": kept["id"]})
        )
    calls += [
        ("package_patch", {each: ODD[odd], "id": kept["id"]})
        for each in ("resources", "groups", "state")
    ]

    faults = []
    for action, values in calls:
        status = sent(action, **values).status_code
        if status == INTERNAL_ERROR and not internal_errors.is_ours:
            print(f"{action} of CKAN: {json.dumps(values)[:200]}")
        elif status not in CLEAR:
            faults.append(f"{action} {json.dumps(values)[:200]}: {status}")

    assert not faults


def test_a_type_that_lists_could_not_show_is_told_at_its_field(
    sent: Callable[..., Any], service: dict[str, Any]
):
    good = {"title": "Sonde", "name": "sonde-dite", "owner_org": service["id"], "private": True}
    assert "dataset" in sent("package_create", **good, type=["dataset"]).json["error"]["type"][0]


def test_a_file_whose_address_nothing_can_read_is_told_in_the_form(
    app: Any, editor: dict[str, Any], service: dict[str, Any], sent: Callable[..., Any]
):
    sent("package_create", title="Sonde", name="sonde-forme", owner_org=service["id"], private=True)
    form = {
        "id": "",
        "save": "go-dataset-complete",
        "url": "http://[",
        "name": "Le fichier de la sonde",
    }

    page = app.post(
        "/fr/dataset/sonde-forme/resource/new",
        data=form,
        headers={"Authorization": editor["token"]},
    )

    assert page.status_code == 200
    assert "« http://[ » n’est pas une adresse" in page.get_data(as_text=True).replace(
        "\u00a0", " "
    )
    assert "Le fichier de la sonde" in page.get_data(as_text=True)


def test_a_file_that_was_deleted_is_not_there(sent: Callable[..., Any], service: dict[str, Any]):
    sent("package_create", title="Sonde", name="sonde-vide", owner_org=service["id"], private=True)
    file = sent("resource_create", package_id="sonde-vide", url="https://a.example/c").json[
        "result"
    ]
    sent("resource_delete", id=file["id"])

    assert sent("resource_patch", id=file["id"], name="Autre").status_code == 404


@pytest.mark.parametrize(
    "part",
    [
        {"update__state": ["a"]},
        {"update": '{"resources": 3}'},
    ],
)
def test_a_revision_is_told_what_ckan_fails_on(
    sent: Callable[..., Any], service: dict[str, Any], part: dict[str, Any]
):
    file = {"url": "https://a.example/b"}
    good = {"title": "Sonde", "owner_org": service["id"], "private": True, "resources": [file]}
    sent("package_create", name="sonde-revue", **good)

    answer = sent("package_revise", match={"name": "sonde-revue"}, **part)

    assert (answer.status_code, list(answer.json["error"])) == (409, ["update", "__type"])


@pytest.mark.few(3, "values")
@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("scale_denominator", 25000.0, "25000"),
        ("scale_denominator", "25000.0", "25000"),
        ("scale_denominator", "1:25.000", "25000"),
        ("spatial_resolution_in_meters", 0.00001, "0.00001"),
        ("alternate_title", ["ZI", None, 2023], ["ZI", "2023"]),
        ("notes", ["Un seul texte"], "Un seul texte"),
        ("title", 2024, "2024"),
    ],
)
def test_a_value_is_kept_as_it_is_meant(
    sent: Callable[..., Any], service: dict[str, Any], field: str, given: Any, kept
):
    good = {
        "title": "Sonde",
        "name": f"sonde-sens-{next(NUMBERS)}",
        "owner_org": service["id"],
        "private": True,
    }
    assert sent("package_create", **{**good, field: given}).json["result"][field] == kept


@pytest.mark.few(4, "values")
@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("title", ["a", "b"]),
        ("title", {"fr": "a"}),
        ("notes", {"a": 1}),
        ("notes", True),
        ("alternate_title", [["a", "c"], "b"]),
        ("alternate_title", {"a": 1}),
        ("scale_denominator", "2.5"),
        ("scale_denominator", "١٢"),
        ("spatial_resolution_in_meters", "١٢"),
        ("contact", [{"name": {"a": 1}}]),
        ("tag_string", [{"a": 1}]),
    ],
)
def test_what_is_no_text_and_no_number_is_refused_at_its_field(
    sent: Callable[..., Any], service: dict[str, Any], field: str, wrong: Any
):
    good = {
        "title": "Sonde",
        "name": f"sonde-refus-{next(NUMBERS)}",
        "owner_org": service["id"],
        "private": True,
    }
    answer = sent("package_create", **{**good, field: wrong})
    assert answer.status_code == 409
    assert [name for name in answer.json["error"] if name != "__type"] == [field]


def test_keywords_may_come_as_a_list(sent: Callable[..., Any], service: dict[str, Any]):
    good = {"title": "Sonde", "name": "sonde-mots", "owner_org": service["id"], "private": True}
    made = sent("package_create", **good, tag_string=["eau", "air, sol"]).json["result"]
    assert sorted(tag["name"] for tag in made["tags"]) == ["air", "eau", "sol"]
