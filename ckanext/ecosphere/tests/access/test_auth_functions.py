"""Each auth function of the suite refuses anonymous users by itself,
whatever CKAN passes as the anonymous user.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import pytest
from ckan import model

from ckanext.ecosphere.shared import action_input

#: Functions that may allow anonymous users: they show public data.
PUBLIC = {
    "ecosphere_access_extract_create",
    "ecosphere_access_extract_show",
    "ecosphere_access_service_show",
    "ecosphere_collection_list",
    "ecosphere_collection_show",
    "ecosphere_contact_sheet_show",
    "ecosphere_harvest_catalogues_show",
    "ecosphere_harvest_edits_list",
    "ecosphere_harvest_statements_show",
    "ecosphere_opinion_list",
    "ecosphere_quality_links",
    "ecosphere_quality_overview",
    "ecosphere_quality_show",
    "ecosphere_request_attachment_show",
    "ecosphere_request_batch_show",
    "ecosphere_request_dataset_list",
    "ecosphere_request_delivery_show",
    "ecosphere_request_list",
    "ecosphere_request_route",
    "ecosphere_request_show",
    "ecosphere_request_signal",
    "ecosphere_request_similar",
    "ecosphere_request_stats",
    "ecosphere_reuse_list",
    "ecosphere_search_suggest",
    "ecosphere_study_frame_list",
    "ecosphere_study_frame_show",
    "harvest_object_show",
    "harvest_source_show",
    "harvest_source_show_status",
}


def auth_functions() -> dict[str, Any]:
    """Return the auth functions that the plugins of the suite register."""
    plugins = [
        each
        for each in p.PluginImplementations(p.IAuthFunctions)
        if each.name.startswith("ecosphere")
    ]
    return {
        name: function
        for plugin in plugins
        for name, function in plugin.get_auth_functions().items()
    }


def test_only_what_is_public_is_open_to_anonymous_people(loaded: None):
    marked = {
        name
        for name, each in auth_functions().items()
        if getattr(each, "auth_allow_anonymous_access", False)
    }
    assert marked == PUBLIC


def test_each_action_of_the_suite_has_an_auth_function(loaded: None):
    own = {name for plugin in p.PluginImplementations(p.IActions) for name in plugin.get_actions()}
    assert {name for name in own if name.startswith("ecosphere_")} <= set(auth_functions())


def test_the_others_refuse_the_object_that_stands_for_nobody(loaded: None):
    let_in = []
    for name, function in auth_functions().items():
        context = {
            "user": "",
            "auth_user_obj": model.AnonymousUser(),
            "model": model,
            "session": model.Session,
        }
        before = (
            (lambda *_: {"success": True},)
            if getattr(function, "chained_auth_function", False)
            else ()
        )
        if name not in PUBLIC and function(*before, context, {"id": "x"})["success"]:
            let_in.append(name)
    assert not let_in


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"id": ["a"]}, "id"),
        ({"id": -1}, "id"),
        ({"id": True}, "id"),
        ({"owner_org": {"a": 1}}, "owner_org"),
        ({"source_id": "a" * 3_000}, "source_id"),
        ({"q": "a\x00"}, "q"),
        ({"q": {"a": ["\ud800"]}}, "q"),
        ({"rows": 2**63}, "rows"),
        ({"rows": float("nan")}, "rows"),
        ({"a\x00b": 1}, "ab"),
        ([], "message"),
    ],
)
def test_what_no_action_takes_is_told_by_field(data: Any, field: str):
    with pytest.raises(tk.ValidationError) as refused:
        action_input.check(data)
    assert list(refused.value.error_dict) == [field]


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"id": "a", "tags": [{"name": "é😀"}], "x": 2**62, "y": 1.5, "z": True},
        {"source": model.User()},
    ],
)
def test_what_actions_take_is_let_through(data: Any):
    action_input.check(data)
