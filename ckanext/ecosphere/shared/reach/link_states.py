"""Results of the link checks of a dataset, which the plugin `ecosphere_quality` makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.shared import once


def of_dataset(dataset: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the link checks of a dataset by URL (`ecosphere_quality_links`); empty without `ecosphere_quality`."""
    return once.of_dataset("links", dataset, _of_dataset)


def _of_dataset(dataset: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    if not dataset.get("id") or not tk.h.plugin_loaded("ecosphere_quality"):
        return {}
    try:
        links = tk.get_action("ecosphere_quality_links")({}, {"id": dataset["id"]})
    except (tk.ObjectNotFound, tk.NotAuthorized, tk.ValidationError):
        return {}
    return {link["url"]: link for link in links}
