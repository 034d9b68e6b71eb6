"""A dataset that the portal publishes itself: the quality of the services. Its links can be checked without leaving."""

from __future__ import annotations

import json

from . import ckan
from .portal import ActionError, Portal
from .settings import DEV
from .shell import say

DATASET = DEV / "demo" / "quality.json"
#: Who publishes it, by the title of the organisation.
OWNER = "CGDD"


def publish(portal: Portal) -> None:
    """Publish `dev/demo/quality.json`, unless it is there, and have its links checked in the background.

    Args:
        portal: as its administrator uses it.
    """
    dataset = json.loads(DATASET.read_text())
    if portal.find("package_show", id=dataset["name"]) is None:
        say("Publishing the quality of the services as a dataset")
        owners = portal.call("organization_autocomplete", q=OWNER)
        if not owners:
            return
        resources = [{**each, "url": ckan.site_url() + each.pop("path")} for each in dataset["resources"]]
        try:
            portal.call("package_create", **dataset | {"resources": resources, "owner_org": owners[0]["id"]})
        except ActionError as error:
            say(f"  {error}")
            return
    ckan.command("ecosphere", "quality", "links", "--dataset", dataset["name"], "--background")
