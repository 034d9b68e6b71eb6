"""Datasets that the portal publishes itself: the quality of the services, and one whose services really answer."""

from __future__ import annotations

import json
from pathlib import Path

from . import ckan
from .portal import ActionError, Portal
from .settings import DEV
from .shell import say

DATASET = DEV / "demo" / "quality.json"
WITH_SERVICES = DEV / "demo" / "services.json"
#: Name of the dataset whose services answer.
SERVICES = json.loads(WITH_SERVICES.read_text())["name"]
#: Who publishes them, by the title of the organisation.
OWNER = "CGDD"


def publish(portal: Portal) -> None:
    """Publish `dev/demo/quality.json` and `services.json`, unless they are there, and have links checked.

    Args:
        portal: as its administrator uses it.
    """
    name = _published(portal, DATASET, ckan.site_url())
    _published(portal, WITH_SERVICES, ckan.ogc_url())
    if name:
        ckan.command("ecosphere", "quality", "links", "--dataset", name, "--background")


def _published(portal: Portal, file: Path, home: str) -> str:
    """Publish a dataset whose links begin at an address; return its name, "" when it is not there."""
    dataset = json.loads(file.read_text())
    if portal.find("package_show", id=dataset["name"]) is None:
        say(f"Publishing the dataset {dataset['name']}")
        owners = portal.call("organization_autocomplete", q=OWNER)
        if not owners:
            return ""
        resources = [{**each, "url": home + each.pop("path")} for each in dataset["resources"]]
        try:
            portal.call("package_create", **dataset | {"resources": resources, "owner_org": owners[0]["id"]})
        except ActionError as error:
            say(f"  {error}")
            return ""
    return dataset["name"]
