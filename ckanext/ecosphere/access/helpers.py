"""Template helpers of the room."""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere.access.services import presentation, storage


def ecosphere_access_of_resource(pkg: dict[str, Any], res: dict[str, Any]) -> dict[str, Any] | None:
    """Return what is known of the service behind a resource, None when it leads to none that is known.

    Args:
        pkg: the dataset as `package_show` gives it.
        res: one of its resources.
    """
    return of_dataset(pkg).get(str(res.get("id") or ""))


def of_dataset(pkg: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is known of the services of a dataset, by resource; read once for a page."""
    kept = pkg.setdefault("_ecosphere_access", {})
    if "services" not in kept:
        names = {str(each.get("id") or ""): str(each.get("name") or "") for each in pkg.get("resources") or []}
        found = storage.of_resources(list(names)) if names else {}
        kept["services"] = {
            resource: presentation.shown(service, layer, (names[resource], str(pkg.get("title") or "")))
            for resource, (service, layer) in found.items()
        }
    return kept["services"]
