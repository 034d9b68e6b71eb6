"""Rate limit of search pages that combine several filters, so that no program walks through all combinations.

Each combination is another page with its own counts, and there are more of them than any catalogue has datasets.
Programs find the datasets through the site map and the API; pages with one filter are never counted.
"""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask import request

from ckanext.ecosphere.search import config
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.shared.web_guard.incoming import refuse

PAGES = ("dataset.search", "organization.read", "group.read")
#: Parameters of these pages that are no filters, beside those that begin with "_" or "ext_"; CKAN takes all others.
NO_FILTERS = ("q", "page", "sort")
TOO_MANY = 429


def limit() -> None:
    """Count a page with several filters for the address of an anonymous visitor.

    Raises:
        HTTPException: too many of them in a short time.
    """
    if request.endpoint not in PAGES or tk.current_user.is_authenticated:
        return
    names = [name for name, value in request.args.items(multi=True) if value]
    filters = [
        name for name in names if name not in NO_FILTERS and not name.startswith(("_", "ext_"))
    ]
    if len(filters) <= 1:
        return
    try:
        rate_limits.hit(
            "search-combinations", config.combination_limits(), rate_limits.address(), fallback=True
        )
    except rate_limits.TooMany as error:
        sentence = tk._(
            "Many searches with several filters came from your address in a short time."
        )
        refuse(
            TOO_MANY,
            f"{sentence} {rate_limits.try_again(error.seconds)}",
            "Rate Limit Error",
            error.seconds,
        )
