"""What other rooms know of a service, asked through their actions; a room that is off is left out of the page."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk

MOST_SOURCES = 100


def _fresh(context: Any) -> Any:
    """Return a context of the same reader, since actions leave things in the one they get."""
    return {name: context[name] for name in ("user", "auth_user_obj", "ignore_auth") if name in context}


def pending_requests(context: Any, organization: str) -> dict[str, Any] | None:
    """Return how many data requests are on the desk of a service.

    Args:
        context: of the reader.
        organization: id of the service.

    Returns:
        `count`, of which `overdue` and `due_soon`; None when requests are off, or the desk is not for the reader.
    """
    if not p.plugin_loaded("ecosphere_requests"):
        return None
    try:
        asked = {"organization": organization, "requests": False}
        counts = tk.get_action("ecosphere_request_desk")(_fresh(context), asked)["counts"]
    except (tk.NotAuthorized, tk.ObjectNotFound, tk.ValidationError):
        return None
    return {"count": sum(counts.values()), "overdue": counts["overdue"], "due_soon": counts["due_soon"]}


def open_signals(context: Any, package_id: str) -> int | None:
    """Return how many problems reported about a dataset are public and open; None when requests are off.

    Args:
        context: of the reader.
        package_id: id of the dataset.
    """
    if not p.plugin_loaded("ecosphere_requests"):
        return None
    try:
        return tk.get_action("ecosphere_request_dataset_list")(_fresh(context), {"id": package_id})["open_signals"]
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return None


def harvest_sources(context: Any, organization: str) -> list[dict[str, Any]] | None:
    """Return the harvest sources of the organisation with the errors of their last job, None when harvest is off.

    Args:
        context: of the reader, who may see the dashboard of the organisation.
        organization: id of the organisation.

    Returns:
        for each source: name, title, finished (when its last job ended), errors, added, updated, deleted.
    """
    if not p.plugin_loaded("harvest"):
        return None
    if p.plugin_loaded("ecosphere_harvest"):
        # Members see the figures of the last harvest, as everyone does on the page of a source.
        trusted: Any = {**_fresh(context), "ignore_auth": True}
        asked = {"organization": organization, "counted": False}
        sources = tk.get_action("ecosphere_harvest_overview")(trusted, asked)
        sources.sort(key=lambda each: each["title"].casefold())
    else:
        query = {"fq": f'+dataset_type:harvest +owner_org:"{organization}"', "rows": MOST_SOURCES}
        sources = tk.get_action("package_search")(_fresh(context), {**query, "include_private": True})["results"]
    shown = (_last_harvest(context, each) for each in sources[:MOST_SOURCES])
    return [each for each in shown if each is not None]


def _last_harvest(context: Any, source: dict[str, Any]) -> dict[str, Any] | None:
    """What the last harvest of a source did: as its job says, or else as its objects are counted by ckanext-harvest."""
    common = {"name": source["name"], "title": source["title"]}
    if source.get("done") is not None or ("done" in source and not source["finished"]):
        finished = source["finished"].isoformat() if source["finished"] else None
        nothing = {"added": 0, "updated": 0, "deleted": 0}
        return {**common, "finished": finished, "errored": source["errors"], **(source["done"] or nothing)}
    try:
        status = tk.get_action("harvest_source_show_status")(_fresh(context), {"id": source["id"]})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return None
    job = status.get("last_job") or {}
    stats = job.get("stats") or {}
    counts = {name: stats.get(name, 0) for name in ("errored", "added", "updated", "deleted")}
    return {**common, "finished": job.get("finished"), **counts}


def governing_sources(context: Any, datasets: list[str]) -> dict[str, str]:
    """Return the titles of the harvest sources that put back what is changed on the portal, by dataset.

    Args:
        context: of the reader.
        datasets: their ids.

    Returns:
        nothing for what is described on the portal, without the harvest, and for readers who may not change anything.
    """
    if not datasets or not p.plugin_loaded("ecosphere_harvest"):
        return {}
    try:
        return tk.get_action("ecosphere_harvest_governed_list")(_fresh(context), {"ids": datasets})["datasets"]
    except tk.NotAuthorized:
        return {}


def source_statements(context: Any, dataset: str) -> dict[str, Any] | None:
    """Return what the source record of a harvested dataset says; None without the harvest, or when it does not know.

    Args:
        context: of the reader.
        dataset: id of the dataset.

    Returns:
        as the action `ecosphere_harvest_statements_show` gives it.
    """
    if not p.plugin_loaded("ecosphere_harvest"):
        return None
    try:
        return tk.get_action("ecosphere_harvest_statements_show")(_fresh(context), {"id": dataset})
    except (tk.NotAuthorized, tk.ObjectNotFound):
        return None
