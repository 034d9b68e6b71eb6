"""What is made of a dataset once for a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from flask import g, has_request_context

Dataset = Mapping[str, Any]


def once(what: str, dataset: Dataset, make: Callable[[Dataset], Any]) -> Any:
    """Make something of a dataset once for a page.

    Args:
        what: names it.
        dataset: of which it is made; two of one id are the same.
        make: makes it.
    """
    if not has_request_context():
        return make(dataset)
    kept = g.setdefault("ecosphere_page", {})
    key = (what, dataset.get("id"), tk.h.lang())
    if key not in kept:
        kept[key] = make(dataset)
    return kept[key]
