"""Datasets of the demonstration created through the API: quality of the organisations, and working OGC services."""

from __future__ import annotations

import json
from pathlib import Path

from . import ckan
from .portal import ActionError, Portal
from .settings import DEV
from .shell import say

DATASET = DEV / "demo" / "quality.json"
WITH_SERVICES = DEV / "demo" / "services.json"
#: Name of the dataset with working services.
SERVICES = json.loads(WITH_SERVICES.read_text())["name"]
#: Title of the organisation that publishes them.
OWNER = "CGDD"


def publish(portal: Portal) -> None:
    """Publish `dev/demo/quality.json` and `services.json` if missing, and check the links of the former.

    Args:
        portal: the portal, with the sysadmin's token.
    """
    name = _published(portal, DATASET, ckan.site_url())
    _published(portal, WITH_SERVICES, ckan.ogc_url())
    if name:
        ckan.command("ecosphere", "quality", "links", "--dataset", name, "--background")


def _published(portal: Portal, file: Path, home: str) -> str:
    """Publish a dataset whose links start with `home`; return its name, or "" if it could not be published."""
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
