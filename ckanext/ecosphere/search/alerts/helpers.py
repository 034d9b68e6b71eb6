"""Template helpers of alerts and feeds; all begin with `ecosphere_search_`."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.search.alerts import config, searches
from ckanext.ecosphere.search.relevance import search as relevance
from ckanext.ecosphere.shared import dates, organisations
from ckanext.ecosphere.shared.mailing import sending

#: Functions that templates call under these names.
ecosphere_search_month = dates.month


def ecosphere_search_saved() -> str | None:
    """The search of the page being answered, with the words that were understood; None when it cannot be saved."""
    try:
        pairs = [*tk.request.args.items(multi=True), *organisations.filter_of_page().items()]
        search = searches.canonical(pairs)
    except tk.ValidationError:
        return None
    told = getattr(tk.g, relevance.KEY, {}).get(tk.request.args.get("q", ""))
    return searches.with_words(search, told["corrected"]) if told and told["corrected"] else search


def ecosphere_search_alerts() -> bool:
    """Whether people can have themselves told of what is new."""
    return config.alerts() and sending.is_configured()


def ecosphere_search_unfound() -> dict[str, Any] | None:
    """Which searches found nothing, None for people who may not know."""
    try:
        return tk.get_action("ecosphere_search_unfound_list")({"user": tk.current_user.name}, {})
    except tk.NotAuthorized:
        return None
