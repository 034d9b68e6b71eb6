"""Any dataset, any sequence of savings: the stored score is the one computed from scratch, and all show the same."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.logic import ValidationError
from ckan.tests import factories
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckanext.ecosphere.quality import rescore

from .cases import CASES
from .conftest import act, from_scratch, saved, stored

FIELDS = [changes for _criterion, _state, changes, _links in CASES]
#: Changes that a schema may refuse (free licences, odd types) leave the dataset as it was, which is a path too.
STEPS = st.one_of(
    st.tuples(st.just("patch"), st.sampled_from(FIELDS)),
    st.tuples(st.just("update"), st.sampled_from(FIELDS)),
    st.tuples(st.just("add resource"), st.sampled_from(["CSV", "PDF", "SHP", "WFS"])),
    st.tuples(st.just("change resource"), st.sampled_from(["CSV", "PDF", ""])),
    st.tuples(st.just("remove resource"), st.none()),
    st.tuples(st.just("private"), st.booleans()),
    st.tuples(st.just("owner"), st.sampled_from(["ddt-42", "ddt-43"])),
    st.tuples(st.just("delete and restore"), st.none()),
    st.tuples(st.just("rescore"), st.none()),
)


def fields(changes: dict[str, Any]) -> dict[str, Any]:
    """Changes as an action takes them here: None becomes empty, and resources lose their ids."""
    data = saved(**changes)
    return {name: data.get(name, "") for name in (*changes, "extras") if name in data or name in changes}


def apply(step: str, value: Any, package_id: str) -> None:
    current = act("package_show", id=package_id)
    resources = current["resources"]
    if step == "patch":
        act("package_patch", id=package_id, **fields(value))
    elif step == "update":
        act("package_update", **{**saved(**value), "id": package_id, "name": current["name"]})
    elif step == "add resource":
        act("resource_create", package_id=package_id, url="https://x.org/f", format=value, name="F")
    elif step == "change resource" and resources:
        act("resource_patch", id=resources[0]["id"], format=value)
    elif step == "remove resource" and resources:
        act("resource_delete", id=resources[-1]["id"])
    elif step == "private":
        act(
            "bulk_update_private" if value else "bulk_update_public", datasets=[package_id], org_id=current["owner_org"]
        )
    elif step == "owner":
        act("package_owner_org_update", id=package_id, organization_id=value)
    elif step == "delete and restore":
        act("package_delete", id=package_id)
        act("package_patch", id=package_id, state="active")
    elif step == "rescore":
        rescore.reindex(rescore.everything().changed)


@pytest.fixture
def organisations(with_plugins: None, clean_db: None, clean_index: None) -> None:
    for name in ("ddt-42", "ddt-43"):
        factories.Organization(name=name)


counter = iter(range(1_000_000))


@pytest.mark.usefixtures("organisations")
class TestPaths:
    @settings(
        max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    )
    @given(st.sampled_from(FIELDS), st.lists(STEPS, min_size=1, max_size=5))
    def test_stored_index_action_and_search_agree(self, start: dict[str, Any], steps: list[tuple[str, Any]]):
        try:
            made = act("package_create", **{**saved(**start), "name": f"zone-{next(counter)}", "owner_org": "ddt-42"})
        except ValidationError:
            model.Session.rollback()
            made = act("package_create", **{**saved(), "name": f"zone-{next(counter)}"})
        for step, value in steps:
            try:
                apply(step, value, made["id"])
            except ValidationError:
                model.Session.rollback()
            self.agree(made["id"], (step, value))

    def agree(self, package_id: str, after: Any) -> None:
        expected, row = from_scratch(package_id), stored(package_id)
        assert (row.score, row.level, row.results) == (expected.score, expected.level, expected.states), after
        shown = act("ecosphere_quality_show", id=package_id)
        assert (shown["score"], shown["level"]) == (row.score, row.level), after
        in_index = f"+id:{package_id} +vocab_ecosphere_quality:{row.level} +ecosphere_quality_score:{row.score:03d}"
        [found] = act("package_search", fq=in_index, include_private=True)["results"]
        assert (found["ecosphere_quality_score"], found["ecosphere_quality_level"]) == (row.score, row.level), after
