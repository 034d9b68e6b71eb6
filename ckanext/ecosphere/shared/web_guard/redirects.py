"""Targets on the portal itself, the only ones to which a log-in or a form may lead on (no open redirects)."""

from __future__ import annotations

import ckan.plugins.toolkit as tk


def is_own(target: str) -> bool:
    """Return whether a redirect to `target` stays on the portal; an empty target does."""
    if any(ord(character) < ord(" ") for character in target) or "\\" in target:
        return False  # browsers drop control characters and read a backslash as a slash
    site = tk.config["ckan.site_url"].rstrip("/")
    if target.startswith((site + "/", site + "?")):
        return True
    return target in ("", site) or (target.startswith("/") and not target.startswith("//"))
