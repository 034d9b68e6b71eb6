"""The language in which something is said now: that of the page, else the portal's own."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask import has_request_context


def current() -> str:
    """Return the language code of the page being answered ("fr", "en"…).

    In a command or a background job there is no page: the portal's default language applies.
    """
    return (has_request_context() and tk.h.lang()) or tk.config["ckan.locale_default"]
