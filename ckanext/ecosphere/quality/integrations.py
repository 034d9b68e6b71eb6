"""Data from other rooms, obtained through their actions; None if a room is not enabled."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan.types import DataDict

from ckanext.ecosphere.shared.authorization import same_caller

MOST_SOURCES = 100
"""Maximum number of harvest sources returned, in the order of their titles."""


def _ask(plugin: str, action: str, context: Any, query: DataDict) -> Any:
    """Return the result of an action of another room.

    None if the room is not enabled, or the action refuses the reader or the query.
    """
    if not p.plugin_loaded(plugin):
        return None
    try:
        return tk.get_action(action)(same_caller(context), query)
    except (tk.NotAuthorized, tk.ObjectNotFound, tk.ValidationError):
        return None


def pending_requests(context: Any, organization: str) -> DataDict | None:
    """Return the number of data requests on the desk of a service.

    Args:
        context: context of the reader.
        organization: id of the service.

    Returns:
        `count`, of which `overdue` and `due_soon`; None if requests are not enabled or the reader
        may not see the desk.
    """
    query = {"organization": organization, "requests": False}
    desk = _ask("ecosphere_requests", "ecosphere_request_desk", context, query)
    if desk is None:
        return None
    counts = desk["counts"]
    return {
        "count": sum(counts.values()),
        "overdue": counts["overdue"],
        "due_soon": counts["due_soon"],
    }


def open_signals(context: Any, package_id: str) -> int | None:
    """Return the number of public open problems reported about a dataset; None if requests are not
    enabled.

    Args:
        context: context of the reader.
        package_id: id of the dataset.
    """
    query = {"id": package_id}
    requests = _ask("ecosphere_requests", "ecosphere_request_dataset_list", context, query)
    if requests is None:
        return None
    return requests["open_signals"]


def harvest_sources(context: Any, organization: str) -> list[DataDict] | None:
    """Return the harvest sources of an organisation with the results of their last job; None
    without the harvest room.

    Args:
        context: context of a reader who may see the dashboard of the organisation.
        organization: id of the organisation.

    Returns:
        for each source: name, title, finished (end of its last job), errored, added, updated,
            deleted.
    """
    if not p.plugin_loaded("ecosphere_harvest"):
        return None
    # These figures are public on the page of each source.
    trusted: Any = {**same_caller(context), "ignore_auth": True}
    query: Any = {"organization": organization, "counted": False}
    sources = tk.get_action("ecosphere_harvest_overview")(trusted, query)
    sources.sort(key=lambda source: source["title"].casefold())
    return [_last_harvest(source) for source in sources[:MOST_SOURCES]]


def _last_harvest(source: DataDict) -> DataDict:
    counts = source["done"] or {"added": 0, "updated": 0, "deleted": 0}
    return {
        "name": source["name"],
        "title": source["title"],
        "finished": source["finished"] and source["finished"].isoformat(),
        "errored": source["errors"],
        **counts,
    }


def governing_sources(context: Any, datasets: list[str]) -> dict[str, str]:
    """Return the titles of the harvest sources from which datasets come, by dataset id.

    Args:
        context: context of the reader.
        datasets: dataset ids.

    Returns:
        titles by id; empty without the harvest room, and for readers without edit rights. Datasets
        described on the portal itself are not included.
    """
    if not datasets:
        return {}
    query = {"ids": datasets}
    governed = _ask("ecosphere_harvest", "ecosphere_harvest_governed_list", context, query)
    if governed is None:
        return {}
    return governed["datasets"]


def source_statements(context: Any, dataset: str) -> DataDict | None:
    """Return the statements of a harvested dataset's source record; None without the harvest room,
    or if unavailable.

    Args:
        context: context of the reader.
        dataset: id of the dataset.

    Returns:
        the result of the action `ecosphere_harvest_statements_show`.
    """
    query = {"id": dataset}
    return _ask("ecosphere_harvest", "ecosphere_harvest_statements_show", context, query)
