"""Accessibility statement required of French public websites (law 2005-102, article 47; RGAA 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint

from ckanext.ecosphere.shared import dates, web_guard


def blueprint(audit: Callable[[], dict[str, Any]], contact: Callable[[], str]) -> Blueprint:
    """Return the blueprint of the page.

    Args:
        audit: returns the results of the audit (`config.accessibility`).
        contact: returns the contact address of the portal's team; "" if there is none.
    """
    made = Blueprint("ecosphere_accessibility", __name__)
    web_guard.protect(made)

    @made.route("/accessibilite")
    def statement() -> str:
        found = audit()
        variables = {"audit": {**found, "date": dates.day(found["date"])}, "contact": contact()}
        return tk.render("ecosphere/accessibility.html", variables)

    return made
