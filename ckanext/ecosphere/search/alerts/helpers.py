"""Template helpers of alerts and feeds; their names begin with `ecosphere_search_`."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.search import config
from ckanext.ecosphere.search.alerts import searches
from ckanext.ecosphere.search.relevance import search as relevance
from ckanext.ecosphere.shared import dates, organisations
from ckanext.ecosphere.shared.mailing import sending

#: Alias for templates.
ecosphere_search_month = dates.month


def ecosphere_search_saved() -> str | None:
    """Return the search of the current page, with corrected spelling; None if it cannot be saved."""
    try:
        pairs = [*tk.request.args.items(multi=True), *organisations.filter_of_page().items()]
        search = searches.canonical(pairs)
    except tk.ValidationError:
        return None
    summary = getattr(tk.g, relevance.KEY, {}).get(tk.request.args.get("q", ""))
    if summary and summary["corrected"]:
        return searches.with_words(search, summary["corrected"])
    return search


def ecosphere_search_alerts() -> bool:
    """Return whether alerts are available."""
    return config.alerts() and sending.is_configured()


def ecosphere_search_unfound() -> dict[str, Any] | None:
    """Return the searches without results, None for users who may not see them."""
    try:
        return tk.get_action("ecosphere_search_unfound_list")({"user": tk.current_user.name}, {})
    except tk.NotAuthorized:
        return None
