"""`ecosphere_harvest_read`: read one record for the form, without saving anything."""

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.tests import factories, helpers

from ckanext.ecosphere.harvest.tests.csw_server import iso_record

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db")


def context_of(name: str) -> dict[str, Any]:
    return {"user": name, "ignore_auth": False, "model": model}


def test_reads_a_record_and_tells_what_is_wrong_with_others(sysadmin_context):
    read = helpers.call_action(
        "ecosphere_harvest_read", dict(sysadmin_context), content=iso_record(1)
    )
    assert read["dataset"]["title"]
    for content in ("<html/>", "<a", "no xml"):
        with pytest.raises(tk.ValidationError) as caught:
            helpers.call_action("ecosphere_harvest_read", dict(sysadmin_context), content=content)
        assert list(caught.value.error_dict) == ["content"]
    assert model.Session.query(model.Package).count() == 0


def test_only_those_who_may_describe_a_dataset_may_ask():
    editor, user = factories.User(), factories.User()
    organisation = factories.Organization()
    helpers.call_action(
        "organization_member_create", id=organisation["id"], username=editor["name"], role="editor"
    )
    assert helpers.call_auth("ecosphere_harvest_read", context_of(editor["name"]), content="x")
    for name in (user["name"], ""):
        with pytest.raises(tk.NotAuthorized):
            helpers.call_auth("ecosphere_harvest_read", context_of(name), content="x")
