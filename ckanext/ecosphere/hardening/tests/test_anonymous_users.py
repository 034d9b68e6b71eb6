"""Anonymous users are refused by auth functions that leave this to CKAN, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from ckan.tests import factories

from ckanext.ecosphere.hardening.anonymous_users import AnonymousUser

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")


def test_nobody_is_false():
    assert not AnonymousUser()
    assert AnonymousUser().is_anonymous


def test_actions_for_people_with_an_account_refuse_anonymous_calls(app: Any):
    dataset = factories.Dataset(owner_org=factories.Organization()["id"])
    for action in (
        "package_collaborator_list",
        "dashboard_new_activities_count",
        "am_following_dataset",
    ):
        answer = app.post(f"/api/3/action/{action}", json={"id": dataset["id"]})
        assert answer.status_code == 403, action
