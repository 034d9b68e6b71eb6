"""The accessibility statement that French law asks of public sites (law 2005-102, article 47; RGAA 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint

from ckanext.ecosphere.shared import dates, web_guard


def blueprint(audit: Callable[[], dict[str, Any]], contact: Callable[[], str]) -> Blueprint:
    """Return the page.

    Args:
        audit: gives what an audit found (`config.accessibility`).
        contact: gives the address of the portal's team, "" without one.
    """
    made = Blueprint("ecosphere_accessibility", __name__)
    web_guard.protect(made)

    @made.route("/accessibilite")
    def statement() -> str:
        found = audit()
        variables = {"audit": {**found, "date": dates.day(found["date"])}, "contact": contact()}
        return tk.render("ecosphere/accessibility.html", variables)

    return made
