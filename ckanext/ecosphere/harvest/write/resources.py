"""Resources keep their ids when a record changes: matched by address and protocol, then by address alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ckan import model

from ckanext.ecosphere.harvest.write.local_changes import IS_ADDED, active_resources


@dataclass(frozen=True, slots=True)
class Present:
    """A resource that the dataset has.

    Attributes:
        local: whether it was added on the portal, and not by the source.
    """

    id: str
    url: str
    protocol: str
    name: str
    local: bool = False


def present_resources(package_ids: list[str]) -> dict[str, list[Present]]:
    """Resources of some datasets, in their order."""
    found: dict[str, list[Present]] = defaultdict(list)
    if not package_ids:
        return found
    resource = model.Resource
    query = active_resources(
        resource.package_id, resource.id, resource.url, model.resource_table.c.extras, resource.name, IS_ADDED
    )
    rows = model.Session.execute(query.where(resource.package_id.in_(package_ids)).order_by(resource.position))
    for package_id, id_, url, extras, name, is_added in rows:
        protocol = (extras or {}).get("protocol") or ""
        found[package_id].append(Present(id_, url or "", protocol, name or "", is_added))
    return found


_KEYS: tuple[Callable[[str, str, str], Any], ...] = (
    lambda url, protocol, name: (url, protocol, name),
    lambda url, protocol, name: (url, protocol),
    lambda url, protocol, name: url,
    # A link whose query changed: the same place, protocol and name.
    lambda url, protocol, name: (url.partition("?")[0], protocol, name),
)
"""Likenesses, the closest first."""


def keep_ids(resources: list[dict[str, Any]], present: list[Present]) -> None:
    """Give each resource the id of the one of the dataset that it continues, if there is one.

    Args:
        resources: resources of the new version; those that continue one receive its `id`.
        present: resources of the version before.
    """
    left = list(present)
    for key in _KEYS:
        places: dict[Any, list[Present]] = defaultdict(list)
        for each in left:
            likeness = key(each.url, each.protocol, each.name)
            if likeness is not None:
                places[likeness].append(each)
        for resource in resources:
            if "id" in resource:
                continue
            likeness = key(resource.get("url") or "", resource.get("protocol") or "", resource.get("name") or "")
            same = places.get(likeness) if likeness is not None else None
            if same:
                match = same.pop(0)
                resource["id"] = match.id
                left.remove(match)
