"""Allow only targets on the portal itself as redirects after log-in, log-out and registration (no open redirects)."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask import request

from ckanext.ecosphere.shared.web_guard.answers import refuse

PARAMETERS = ("came_from", "next")
ENDPOINTS = ("user.login", "user.logout", "user.register")


def check() -> None:
    """Refuse a log-in, log-out or registration that would redirect to another site.

    Raises:
        BadRequest: `came_from` or `next` is not on the portal.
    """
    if request.endpoint in ENDPOINTS:
        for name in PARAMETERS:
            if not all(is_own(value) for value in request.args.getlist(name)):
                refuse(400, tk._("The address to go on to is not one of this portal."), "Bad Request")


def is_own(target: str) -> bool:
    """Return whether a redirect to `target` stays on the portal; an empty target does."""
    if any(ord(character) < ord(" ") for character in target) or "\\" in target:
        return False  # browsers drop control characters and read a backslash as a slash
    site = tk.config["ckan.site_url"].rstrip("/")
    if target.startswith((site + "/", site + "?")):
        return True
    return target in ("", site) or (target.startswith("/") and not target.startswith("//"))
