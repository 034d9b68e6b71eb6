"""Give resources without a name the title of their service, or of the layer that they name.

Only resources of datasets that no harvest governs: in the others it would be a local edit.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.access.model import OK, ServiceUse
from ckanext.ecosphere.access.services import matching, storage

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
    """Name the resources of a dataset whose services were read (background job); return their number."""
    named = {} if _is_harvested(package_id) else _titles(nameless(package_id))
    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    for resource_id, title in named.items():
        try:
            tk.get_action("resource_patch")({"ignore_auth": True, "user": user}, {"id": resource_id, "name": title})
        except (tk.ValidationError, tk.ObjectNotFound) as error:
            log.warning("Resource %s could not be named: %s", resource_id, error)
    return len(named)


def _titles(resource_ids: Sequence[str]) -> dict[str, str]:
    titles = {}
    for resource_id, (service, asked) in storage.of_resources(resource_ids).items():
        layers = matching.named(service.description.get("layers", []), asked)
        layer = layers[0] if len(layers) == 1 else {}
        title = layer.get("title") or layer.get("name") or service.description.get("title")
        if service.state == OK and title:
            titles[resource_id] = title
    return titles


def _is_harvested(package_id: str) -> bool:
    try:
        asked = {"ids": [package_id]}
        governed = tk.get_action("ecosphere_harvest_governed_list")({"ignore_auth": True}, asked)
    except KeyError:
        return False  # without the harvest room
    return package_id in governed["datasets"]
