"""Give resources without a name the title of their service, or of the layer that they name.

Only resources of datasets that no harvest governs: in the others it would be a local edit.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.access.model import OK, ServiceUse
from ckanext.ecosphere.access.services import storage
from ckanext.ecosphere.access.services.presentation import layers_named

log = logging.getLogger(__name__)


def nameless(package_id: str) -> list[str]:
    """Return the ids of the resources of a dataset that have a service and no name."""
    query = (
        sa.select(model.Resource.id)
        .join(ServiceUse, ServiceUse.resource_id == model.Resource.id)
        .where(ServiceUse.package_id == package_id, model.Resource.state == model.State.ACTIVE)
        .where(sa.func.coalesce(model.Resource.name, "") == "")
    )
    return list(model.Session.scalars(query))


def give(package_id: str) -> int:
    """Name the resources of a dataset whose services were read; return their number."""
    if _is_harvested(package_id):
        return 0
    titles = _titles(nameless(package_id))
    site_user = tk.get_action("get_site_user")({"ignore_auth": True}, {})
    for resource_id, title in titles.items():
        context: Any = {"ignore_auth": True, "user": site_user["name"]}
        try:
            tk.get_action("resource_patch")(context, {"id": resource_id, "name": title})
        except (tk.ValidationError, tk.ObjectNotFound) as error:
            log.warning("Resource %s could not be named: %s", resource_id, error)
    return len(titles)


def _titles(resource_ids: Sequence[str]) -> dict[str, str]:
    titles = {}
    for resource_id, (service, asked) in storage.of_resources(resource_ids).items():
        if service.state != OK:
            continue
        title = service.description.get("title")
        layers = layers_named(service.description.get("layers", []), asked)
        if len(layers) == 1:
            title = layers[0].get("title") or layers[0].get("name") or title
        if title:
            titles[resource_id] = title
    return titles


def _is_harvested(package_id: str) -> bool:
    try:
        list_governed = tk.get_action("ecosphere_harvest_governed_list")
    except KeyError:
        return False  # without the harvest room
    governed = list_governed({"ignore_auth": True}, {"ids": [package_id]})
    return package_id in governed["datasets"]
