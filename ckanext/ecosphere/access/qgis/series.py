"""Members of a series, whose layers are included in its layer definition."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError

SERIES = "/series"
#: Index field with the series of a dataset, and the fields of a series that it may refer to.
FIELD, NAMES = "vocab_ecosphere_in_series", ("name", "id", "metadata_identifier", "identifier", "uri")


def is_series(pkg: dict[str, Any]) -> bool:
    """Return whether a dataset is a series."""
    return str(pkg.get("dcat_type") or "").endswith(SERIES)


def members(context: Any, pkg: dict[str, Any], most: int) -> list[dict[str, Any]]:
    """Return the first members of a series that the user may see."""
    names = [str(pkg[name]) for name in NAMES if pkg.get(name)]
    either = " OR ".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names)
    query = {"fq": f"+dataset_type:dataset +{FIELD}:({either})", "rows": most, "sort": "title_string asc"}
    try:
        return tk.get_action("package_search")(context, {**query, "include_private": True, "facet": "false"})["results"]
    except SearchError:
        return []
