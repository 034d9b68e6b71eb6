"""Bulk validation, saving and indexing give the same results as CKAN's,
for all kinds of datasets.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import ckan.plugins as p
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.plugins import lookup_package_plugin, plugin_validate
from ckan.lib.search.common import SearchIndexError
from ckan.tests import factories
from ckan.tests.helpers import call_action
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.documents import Documents, KeptDocuments
from ckanext.ecosphere.fast_save.validation import Validation
from ckanext.ecosphere.harvest.write import portal
from ckanext.ecosphere.harvest.write.portal import without_activity
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.test_roundtrip_property import TEXT, datasets

Act = Callable[..., Any]
NUMBERS = itertools.count()
VARIED = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
OWN = {"id", "package_id", "table_id", "tag_id", "name", "resource_id"}


@pytest.fixture(scope="module")
def services(loaded: None, request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """An empty portal with two organisations."""
    request.getfixturevalue("empty_db")()
    request.getfixturevalue("reset_index")()
    return [
        factories.Organization(name=name, title=name.upper(), image_url="")
        for name in ("ddt-01", "ddt-42")
    ]


@pytest.fixture
def act(services: Any, sysadmin_context: dict[str, Any]) -> Act:
    return lambda action, **data: call_action(action, dict(sysadmin_context), **data)


def odd_datasets(act: Act, services: list[dict[str, Any]]) -> dict[str, str]:
    """Create a dataset of each kind that CKAN treats specially; return their ids by kind."""
    first, second = (each["id"] for each in services)
    made: dict[str, str] = {}

    def create(kind: str, **values: Any) -> str:
        name = kind.replace(" ", "-")
        dataset = {"name": name, "title": kind.title(), "owner_org": first, **values}
        made[kind] = act("package_create", **dataset)["id"]
        return made[kind]

    create("full", **{**samples.full(), "name": "full", "owner_org": first})
    create("bare")
    create("private", private=True)
    create("draft", state="draft")
    act("package_delete", id=create("deleted"))
    create(
        "free fields",
        extras=[{"key": "Numéro de lot", "value": "12"}, {"key": "b_date", "value": "2024-01-02"}],
    )
    create("people", author="A", author_email="a@example.org", maintainer="M", version="2")
    create("unknown licence", license_id="notspecified")
    group = factories.Group(name="littoral", image_url="")
    create("in a group", groups=[{"id": group["id"]}])
    vocabulary = act("vocabulary_create", name="milieux", tags=[{"name": "mer"}])
    create("vocabulary", tags=[{"name": "eau"}, {"name": "mer", "vocabulary_id": vocabulary["id"]}])
    create("lost keyword", tags=[{"name": "eau"}, {"name": "air"}])
    act("package_patch", id=made["lost keyword"], tags=[{"name": "air"}])
    act("package_patch", id=create("renamed"), name="renamed-since")
    act("package_owner_org_update", id=create("moved"), organization_id=second)
    model.Session.commit()
    friend = factories.User(image_url="")
    p.toolkit.config["ckan.auth.allow_dataset_collaborators"] = True
    act(
        "package_collaborator_create",
        id=create("shared", private=True),
        user_id=friend["id"],
        capacity="editor",
    )
    files = [{"url": f"https://a.example/{name}.csv", "name": name} for name in "abc"]
    act(
        "resource_delete",
        id=act("package_show", id=create("files", resources=files))["resources"][1]["id"],
    )
    order = [each["id"] for each in act("package_show", id=made["files"])["resources"]][::-1]
    act("package_resource_reorder", id=made["files"], order=order)
    act(
        "resource_view_create", resource_id=order[0], view_type="image_view", title="Vue"
    ) if _has_views() else None
    act("package_owner_org_update", id=create("of no service"), organization_id=None)
    create("restored")
    act("package_delete", id=made["restored"])
    act("package_patch", id=made["restored"], state="active")
    made["source"] = act(
        "harvest_source_create",
        name="csw",
        title="CSW",
        url="https://a.example/csw",
        source_type="ecosphere_csw",
        owner_org=first,
    )["id"]
    model.Session.remove()
    return made


def _has_views() -> bool:
    return p.plugin_loaded("image_view")


def read(document: Any) -> Any:
    """Return an index document with its JSON parsed, and its unordered lists sorted."""
    if document is None:
        return None
    found = {
        key: json.loads(value) if key.endswith("data_dict") else value
        for key, value in document.items()
    }
    for shown in (found["data_dict"], found["validated_data_dict"]):
        if "extras" in shown:
            shown["extras"] = sorted(shown["extras"], key=lambda each: each["key"])
    return found


@pytest.mark.slow("values")
def test_the_documents_of_odd_datasets_are_those_of_ckan(act: Act, services: list[dict[str, Any]]):
    made = odd_datasets(act, services)
    failed: list[Any] = []

    def fail(id_: str, error: Exception) -> None:
        failed.append((id_, error))

    expected = {kind: read(solr.document(id_)) for kind, id_ in made.items()}
    model.Session.remove()
    together = {each["id"]: read(each) for each in Documents().make(list(made.values()), fail)}
    model.Session.remove()
    kept = {each["id"]: read(each) for each in KeptDocuments().make(list(made.values()), fail)}

    assert failed == []
    differences = {
        (kind, way): apart("", found.get(id_), expected[kind])
        for kind, id_ in made.items()
        for way, found in (("together", together), ("kept", kept))
        if (kind, way)
        != (
            "source",
            "kept",
        )  # its jobs have been counted since, and sources are never saved this way
    }
    assert {case: each for case, each in differences.items() if each} == {}


def test_a_dataset_that_moves_is_found_by_its_new_members_alone(
    act: Act, services: list[dict[str, Any]]
):
    people = {}
    for each in services:
        people[each["name"]] = factories.User(image_url="")["name"]
        act(
            "organization_member_create",
            id=each["id"],
            username=people[each["name"]],
            role="member",
        )
    moved = act(
        "package_create",
        name="en-route",
        title="En route",
        owner_org=services[0]["id"],
        private=True,
    )["id"]

    def found() -> dict[str, int]:
        asked = {"fq": "name:en-route", "include_private": True}
        return {
            name: call_action("package_search", {"user": user, "ignore_auth": False}, **asked)[
                "count"
            ]
            for name, user in people.items()
        }

    assert found() == {"ddt-01": 1, "ddt-42": 0}
    act("package_owner_org_update", id="en-route", organization_id=services[1]["id"])
    assert found() == {"ddt-01": 0, "ddt-42": 1}
    assert act("package_show", id=moved)["organization"]["name"] == "ddt-42"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        recent = abs(datetime.now(value.tzinfo) - value) < timedelta(hours=30)
        return "now" if recent else value.isoformat()
    if isinstance(value, dict) and "ecosphere_adopted" in value:  # the time of adoption
        return {**value, "ecosphere_adopted": "now"}
    return value


def rows(package_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of a dataset, without identifiers."""
    package, resource, use, tag = (
        model.package_table,
        model.resource_table,
        model.package_tag_table,
        model.tag_table,
    )
    queries = {
        "package": sa.select(package).where(package.c.id == package_id),
        "resource": sa.select(resource)
        .where(resource.c.package_id == package_id)
        .order_by(resource.c.position),
        "tag": sa.select(tag.c.name.label("word"), tag.c.vocabulary_id, use.c.state)
        .join(use, use.c.tag_id == tag.c.id)
        .where(use.c.package_id == package_id)
        .order_by(tag.c.name),
        "member": sa.select(model.member_table).where(model.member_table.c.table_id == package_id),
        "view": sa.select(model.ResourceView.__table__)
        .join(resource, resource.c.id == model.ResourceView.resource_id)
        .where(resource.c.package_id == package_id),
        "quality": sa.text("SELECT * FROM ecosphere_quality WHERE package_id = :id").bindparams(
            id=package_id
        ),
        "activity": sa.text("SELECT activity_type FROM activity WHERE object_id = :id").bindparams(
            id=package_id
        ),
    }
    found = {name: model.Session.execute(query).mappings().all() for name, query in queries.items()}
    bare = {
        name: [
            {str(key): _plain(value) for key, value in row.items() if str(key) not in OWN}
            for row in each
        ]
        for name, each in found.items()
    }
    for row in bare["quality"]:
        row["facts"] = copy.deepcopy(row["facts"])
        row["facts"]["distributions"].pop("targets", None)  # ids of resources
        for part in (row, row["facts"]):
            part["known_as"] = (part.get("known_as") or [])[2:]  # without name and id
    return bare


def differing(ours: dict[str, list[Any]], theirs: dict[str, list[Any]]) -> list[Any]:
    """Return the differences between the rows of two datasets: table, column, both values."""
    found: list[Any] = [name for name in ours if len(ours[name]) != len(theirs[name])]
    for name, own in ours.items():
        for one, other in zip(own, theirs[name], strict=False):
            found += apart(name, one, other)
    return found


def apart(name: str, ours: Any, theirs: Any) -> list[Any]:
    """Return where two values differ: path, and both values."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted({*ours, *theirs})
        return [
            each for key in keys for each in apart(f"{name}.{key}", ours.get(key), theirs.get(key))
        ]
    return [] if ours == theirs else [(name, ours, theirs)]


class Told:
    """Records the calls of plugin hooks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[Any] = []
        plugin: Any = type(p.get_plugin("ecosphere_quality"))
        original = plugin.after_dataset_create

        def listen(itself: Any, context: Any, data: dict[str, Any]) -> None:
            self.calls.append(("after_dataset_create", without_ids(data)))
            original(itself, context, data)

        monkeypatch.setattr(plugin, "after_dataset_create", listen)
        monkeypatch.setattr(
            plugin, "create", lambda _itself, package: self.calls.append(("create", package.title))
        )

    def since(self) -> list[Any]:
        found, self.calls = self.calls, []
        return found


def without_ids(value: Any) -> Any:
    """Return the data passed to hooks without identifiers and empty values."""
    if isinstance(value, dict):
        kept = {key: without_ids(part) for key, part in value.items() if key not in OWN}
        return {key: part for key, part in kept.items() if part not in (None, "", [], {})}
    return [without_ids(part) for part in value] if isinstance(value, list) else value


PARTS = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.lists(
            st.sampled_from(["eau", "air", "cours d'eau", "sol"]).map(lambda name: {"name": name})
        ),
        "extras": st.dictionaries(st.sampled_from(["Lot", "b_date", "c"]), TEXT, min_size=1).map(
            lambda found: [{"key": key, "value": value} for key, value in found.items()]
        ),
        "private": st.booleans(),
        "version": st.text("0123456789.", min_size=1, max_size=10),
        # No author or maintainer: `package_create` makes them the contact
        # (`schemas/logic/earlier_programs`).
        "url": st.just("https://a.example/page"),
        "notes": TEXT,
    },
)


@pytest.mark.slow("variants")
@settings(VARIED, max_examples=15)
@given(fields=datasets(), parts=PARTS)
def test_datasets_created_together_are_those_of_package_create(
    act: Act,
    services: list[dict[str, Any]],
    sysadmin_context: dict[str, Any],
    fields: Any,
    parts: Any,
):
    with pytest.MonkeyPatch.context() as monkeypatch, without_activity():
        assert portal.Bulk.possible()
        told = Told(monkeypatch)
        number = next(NUMBERS)
        wanted = {
            "title": "Même titre",
            "type": "dataset",
            "owner_org": services[0]["id"],
            **fields,
            **parts,
        }
        one = call_action(
            "package_create",
            {**sysadmin_context, "ignore_auth": True},
            **copy.deepcopy({**wanted, "name": f"one-{number}"}),
        )["id"]
        told_of_one = told.since()
        model.Session.remove()
        together = portal.Bulk(sysadmin_context["user"])
        data = together.valid(copy.deepcopy({**wanted, "name": f"other-{number}"}))
        assert data is not None
        (other,) = together.create([data])
        model.Session.commit()
        assert told.since() == told_of_one
        assert differing(rows(other), rows(one)) == []
        documents = [
            read(each)
            for each in Documents().make([other], lambda id_, error: pytest.fail(str(error)))
        ]
        assert documents == [read(solr.document(other))]
        model.Session.remove()


@pytest.mark.slow("values")
@settings(VARIED, max_examples=25)
@given(data=st.data())
def test_validation_of_right_and_wrong_values_is_that_of_ckan(
    services: list[dict[str, Any]], sysadmin_context: dict[str, Any], data: st.DataObject
):
    wanted = {
        "title": "T",
        "name": "t",
        "type": "dataset",
        **data.draw(datasets()),
        **data.draw(PARTS),
    }
    odd = st.sampled_from(
        ["", None, 3, True, "x", ["a"], [{"a": "b"}], {"a": 1}, [], "javascript:alert(1)"]
    )
    for name in data.draw(
        st.lists(
            st.sampled_from(sorted({*wanted, "dcat_type", "resources", "unknown"})), max_size=3
        )
    ):
        wanted[name] = data.draw(odd)
    form = lookup_package_plugin("dataset")
    context: Any = {"model": model, "session": model.Session, **sysadmin_context}
    for action, schema in (
        ("package_create", form.create_package_schema),
        ("package_show", form.show_package_schema),
    ):
        try:
            expected = plugin_validate(
                form, context.copy(), copy.deepcopy(wanted), schema(), action
            )
        except Exception as error:  # what fails in CKAN may fail here
            with pytest.raises(type(error)):
                Validation().validate(form, context.copy(), copy.deepcopy(wanted), schema(), action)
            continue
        found, errors = Validation().validate(
            form, context.copy(), copy.deepcopy(wanted), schema(), action
        )
        assert bool(errors) == bool(expected[1]), wanted
        if action == "package_show" or not errors:
            assert found == expected[0], wanted


def test_an_outage_while_documents_are_sent_one_by_one_is_no_refusal(
    monkeypatch: pytest.MonkeyPatch,
):
    errors = {"refused": SearchIndexError("HTTP 400"), "away": solr.SolrAwayError("timeout")}

    def add(documents: list[solr.Document], **_options: Any) -> None:
        if documents[0]["id"] in errors:
            raise errors[documents[0]["id"]]

    monkeypatch.setattr(solr, "add", add)
    refused: list[str] = []

    def note(id_: str, _error: Exception) -> None:
        refused.append(id_)

    with pytest.raises(solr.SolrAwayError):
        solr.add_one_by_one([{"id": "good"}, {"id": "refused"}, {"id": "away"}], note)
    assert refused == ["refused"]
