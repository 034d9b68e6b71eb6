"""Page about the portal's interfaces for programs, with examples to follow."""

from __future__ import annotations

from collections.abc import Callable

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchError
from flask import Blueprint

from ckanext.ecosphere.shared import web_guard


def blueprint(csw_url: Callable[[], str]) -> Blueprint:
    """Return the blueprint of the page.

    Args:
        csw_url: returns the address of the catalogue's CSW; "" if there is none.
    """
    made = Blueprint("ecosphere_api", __name__)
    web_guard.protect(made)

    @made.route("/api", strict_slashes=False)
    def page() -> str:
        return tk.render("ecosphere/api.html", {"name": _example(), "csw": csw_url()})

    return made


def _example() -> str:
    """Return the name of the latest public dataset, "" if there is none."""
    query = {"rows": 1, "sort": "metadata_modified desc", "fq": "+dataset_type:dataset", "facet": "false"}
    try:
        found = tk.get_action("package_search")({"user": ""}, query)["results"]
    except SearchError:
        return ""
    return found[0]["name"] if found else ""
