"""Selection of datasets in forms: suggestions while typing, and titles of the selected ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.search import SearchError, SearchQueryError

from ckanext.ecosphere.data_requests.views import forms
from ckanext.ecosphere.data_requests.views.viewing import context

MOST = 8
#: Maximum number of datasets of a form that are shown by title.
MOST_CHOSEN = 20


def suggestions(reader: Any, text: str) -> list[dict[str, str]]:
    """Search for datasets as the portal does or, without results, by prefixes of words of titles.

    Args:
        reader: context of the user, whose permissions apply.
        text: what was typed, not empty.

    Returns:
        `value` (name) and `label` (title; with service and year where two datasets share it).
    """
    # Remove operators of the query language, which are not meant as such in a title.
    words = " ".join("".join(sign if sign.isalnum() else " " for sign in text).split())
    if not words:
        return []
    try:
        query = {"q": words, "rows": MOST, "fq": "dataset_type:dataset", "include_private": True}
        found = tk.get_action("package_search")(reader, query)["results"]
    except (SearchError, SearchQueryError, tk.ValidationError):
        found = []
    if not found:
        return [
            {"value": each["name"], "label": each["title"] or each["name"]}
            for each in tk.get_action("package_autocomplete")(reader, {"q": words, "limit": MOST})
        ]
    shared = Counter(each["title"] for each in found)
    return [{"value": each["name"], "label": _label(each, shared[each["title"]] > 1)} for each in found]


def _label(dataset: dict[str, Any], is_shared: bool) -> str:
    title = dataset["title"] or dataset["name"]
    if not is_shared:
        return title
    service = (dataset.get("organization") or {}).get("title") or ""
    year = str(dataset.get("metadata_created") or "")[:4]
    return ", ".join(each for each in (title, service, year) if each)


def titles(typed: Any) -> dict[str, str]:
    """Return the titles of the datasets in a field that the user may read: name → title."""
    names = forms.dataset_names(str(typed or ""))[:MOST_CHOSEN]
    found = {}
    for name in names:
        package = model.Package.get(name)
        if package is None or package.state != model.State.ACTIVE:
            continue
        try:
            tk.check_access("package_show", context(), {"id": package.id})
        except (tk.NotAuthorized, tk.ObjectNotFound):
            continue
        found[name] = package.title or package.name
    return found
