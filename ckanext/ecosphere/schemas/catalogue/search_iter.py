"""Iterate over all datasets of a search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk

PAGE = 200


def found(search: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all datasets of a search, fetched page by page."""
    start, total = 0, 1
    while start < total:
        asked = {**search, "rows": PAGE, "start": start, "sort": "id asc", "facet": "false"}
        page = tk.get_action("package_search")({}, asked)
        total = page["count"]
        yield from page["results"]
        start += PAGE
