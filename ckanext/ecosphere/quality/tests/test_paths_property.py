"""Property test: after any sequence of saves, stored score, index,
action and search agree with a fresh computation.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from ckan import logic, model
from ckan.logic import ValidationError
from ckan.tests import factories
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import html
from werkzeug.datastructures import MultiDict

from ckanext.ecosphere.quality import rescore
from ckanext.ecosphere.quality.model import QualityHistory, QualityRow
from ckanext.ecosphere.quality.tests.cases import CASES, dataset
from ckanext.ecosphere.quality.tests.conftest import (
    act,
    count,
    from_scratch,
    saved,
    site_context,
    stored,
)

pytestmark = pytest.mark.slow("random")

FIELDS = [changes for _criterion, _state, changes, _links in CASES]
#: A change that the schema refuses (free licences, odd types) leaves the dataset unchanged: a valid
#: step as well.
STEPS = st.one_of(
    st.tuples(st.just("patch"), st.sampled_from(FIELDS)),
    st.tuples(st.just("update"), st.sampled_from(FIELDS)),
    st.tuples(st.just("add resource"), st.sampled_from(["CSV", "PDF", "SHP", "WFS"])),
    st.tuples(st.just("change resource"), st.sampled_from(["CSV", "PDF", ""])),
    st.tuples(st.just("replace resource"), st.sampled_from(["GeoJSON", "PDF"])),
    st.tuples(st.just("form"), st.sampled_from(["Court", "Une description. " * 20])),
    st.tuples(st.just("private by itself"), st.booleans()),
    st.tuples(st.just("owner by itself"), st.sampled_from(["ddt-42", "ddt-43"])),
    st.tuples(st.just("remove resource"), st.none()),
    st.tuples(st.just("private"), st.booleans()),
    st.tuples(st.just("owner"), st.sampled_from(["ddt-42", "ddt-43"])),
    st.tuples(st.just("delete and restore"), st.none()),
    st.tuples(st.just("delete in bulk and restore"), st.none()),
    st.tuples(st.just("revise"), st.sampled_from(["Court", "Une description. " * 20])),
    st.tuples(st.just("reorder resources"), st.none()),
    st.tuples(st.just("delete keyword"), st.none()),
    st.tuples(st.just("rename organisation"), st.none()),
    st.tuples(st.just("batch"), st.sampled_from(["etalab-2.0", "notspecified"])),
    st.tuples(st.just("rescore"), st.none()),
)


def fields(changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes as input of an action: None becomes an empty value,
    and resources have no ids.
    """
    data, complete = saved(**changes), dataset()
    empty = {name: [] if isinstance(complete.get(name), list) else "" for name in changes}
    return {
        name: data.get(name, empty.get(name))
        for name in (*changes, "extras")
        if name in data or name in changes
    }


def change_resource(found: dict[str, Any], value: str) -> None:
    for first in found["resources"][:1]:
        act("resource_patch", id=first["id"], format=value)


def replace_resource(found: dict[str, Any], value: str) -> None:
    for first in found["resources"][:1]:
        act(
            "resource_update", id=first["id"], url="https://x.org/autre", format=value, name="Autre"
        )


def remove_resource(found: dict[str, Any], _value: None) -> None:
    for last in found["resources"][-1:]:
        act("resource_delete", id=last["id"])


def reorder_resources(found: dict[str, Any], _value: None) -> None:
    if found["resources"]:
        act(
            "package_resource_reorder",
            id=found["id"],
            order=[r["id"] for r in reversed(found["resources"])],
        )


def change_visibility(found: dict[str, Any], private: bool) -> None:
    action = "bulk_update_private" if private else "bulk_update_public"
    act(action, datasets=[found["id"]], org_id=found["owner_org"])


def restore(found: dict[str, Any]) -> None:
    act("package_patch", id=found["id"], state="active")


def delete_keyword(found: dict[str, Any], _value: None) -> None:
    for first in found["tags"][:1]:
        act("tag_delete", id=first["name"])


def save_in_a_batch(found: dict[str, Any], licence: str) -> None:
    """Save as the harvest does: commit and index at the end only."""
    act(
        "package_patch",
        {"defer_commit": True, "return_id_only": True},
        id=found["id"],
        license_id=licence,
    )
    model.repo.commit()
    logic.index_update_package(site_context(), found["id"])


def save_form(found: dict[str, Any], description: str) -> None:
    """Save as a person does: load the form, change the description,
    and submit all fields of the form.
    """
    headers = {"Authorization": Form.token}
    path = f"/fr/dataset/edit/{found['name']}"
    form: Any = html.fromstring(Form.app.get(path, headers=headers).body).get_element_by_id(
        "dataset-edit"
    )
    for inert in form.findall(".//template"):  # e.g. the template of one more contact
        inert.drop_tree()
    form.fields["notes"] = description
    answer = Form.app.post(
        path,
        data=MultiDict([*form.form_values(), ("save", "")]),
        headers=headers,
        follow_redirects=False,
    )
    assert answer.status_code == 302, html.fromstring(answer.body).text_content()


class Form:
    """The application and user with which forms are opened."""

    app: Any = None
    token = ""


PATHS: dict[str, Callable[[dict[str, Any], Any], Any]] = {
    "patch": lambda d, value: act("package_patch", id=d["id"], **fields(value)),
    "update": lambda d, value: act(
        "package_update", **{**saved(**value), "id": d["id"], "name": d["name"]}
    ),
    "revise": lambda d, value: act(
        "package_revise", match={"id": d["id"]}, update={"notes": value}
    ),
    "add resource": lambda d, value: act(
        "resource_create", package_id=d["id"], url="https://x.org/f", format=value, name="F"
    ),
    "change resource": change_resource,
    "replace resource": replace_resource,
    "form": save_form,
    "private by itself": lambda d, value: act("package_patch", id=d["id"], private=value),
    "owner by itself": lambda d, value: act("package_patch", id=d["id"], owner_org=value),
    "remove resource": remove_resource,
    "reorder resources": reorder_resources,
    "private": change_visibility,
    "owner": lambda d, value: act("package_owner_org_update", id=d["id"], organization_id=value),
    "delete and restore": lambda d, _: (act("package_delete", id=d["id"]), restore(d)),
    "delete in bulk and restore": lambda d, _: (
        act("bulk_update_delete", datasets=[d["id"]], org_id=d["owner_org"]),
        restore(d),
    ),
    "delete keyword": delete_keyword,
    "rename organisation": lambda d, _: act("organization_patch", id="ddt-42", title="Autre nom"),
    "batch": save_in_a_batch,
    "rescore": lambda d, _: rescore.reindex(rescore.everything().changed),
}


#: Every step once, with a value that changes the dataset.
EVERY_PATH: list[tuple[str, Any]] = [
    ("patch", {"license_id": None}),
    ("update", {}),
    ("revise", "Court"),
    ("form", "Une description. " * 20),
    ("add resource", "PDF"),
    ("change resource", "PDF"),
    ("replace resource", "GeoJSON"),
    ("reorder resources", None),
    ("remove resource", None),
    ("private", True),
    ("private by itself", False),
    ("owner", "ddt-43"),
    ("owner by itself", "ddt-42"),
    ("delete keyword", None),
    ("rename organisation", None),
    ("delete and restore", None),
    ("delete in bulk and restore", None),
    ("batch", "notspecified"),
    ("rescore", None),
]


@pytest.fixture
def organisations(app: Any, portal: None) -> None:
    for name in ("ddt-42", "ddt-43"):
        factories.Organization(name=name)
    Form.app, Form.token = app, factories.SysadminWithToken()["token"]


def test_every_path_is_walked_at_least_once():
    assert {name for name, _value in EVERY_PATH} == PATHS.keys()


counter = itertools.count()


@pytest.mark.usefixtures("organisations")
class TestPaths:
    @settings(
        max_examples=6,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @example({}, [("patch", {"contact": None, "maintainer_email": "sig@example.org"})])
    @example({}, EVERY_PATH)
    @given(st.sampled_from(FIELDS), st.lists(STEPS, min_size=1, max_size=5))
    def test_stored_index_action_and_search_agree(
        self, start: dict[str, Any], steps: list[tuple[str, Any]]
    ):
        try:
            made = act(
                "package_create",
                **{**saved(**start), "name": f"zone-{next(counter)}", "owner_org": "ddt-42"},
            )
        except ValidationError:
            model.Session.rollback()
            made = act("package_create", **{**saved(), "name": f"zone-{next(counter)}"})
        for step, value in steps:
            try:
                PATHS[step](act("package_show", id=made["id"]), value)
            except ValidationError:
                model.Session.rollback()
            self.agree(made["id"], (step, value))
        self.pages_agree(made["id"], steps)
        act("dataset_purge", id=made["id"])
        assert (count(QualityRow), count(QualityHistory)) == (0, 0)
        assert act("package_search", fq=f"+id:{made['id']}", include_private=True)["count"] == 0

    def pages_agree(self, package_id: str, after: Any) -> None:
        row, dataset = stored(package_id), act("package_show", id=package_id)
        score = f'<span class="ecosphere-badge__score">{row.score}<'
        for path in (f"/fr/dataset/{dataset['name']}", f"/fr/dataset/{dataset['name']}/qualite"):
            page = Form.app.get(path, headers={"Authorization": Form.token}).body
            assert score in page and f"ecosphere-badge--{row.level}" in page, (path, after)

    def agree(self, package_id: str, after: Any) -> None:
        expected, row = from_scratch(package_id), stored(package_id)
        assert (row.score, row.level, row.results) == (
            expected.score,
            expected.level,
            expected.states,
        ), after
        shown = act("ecosphere_quality_show", id=package_id)
        assert (shown["score"], shown["level"]) == (row.score, row.level), after
        in_index = f"+id:{package_id} +ecosphere_quality_level:{row.level} +ecosphere_quality_score:{row.score:03d}"
        [found] = act("package_search", fq=in_index, include_private=True)["results"]
        assert (found["ecosphere_quality_score"], found["ecosphere_quality_level"]) == (
            row.score,
            row.level,
        ), after
