"""Configuration of a production portal, from the template `data/production.ini`."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ckanext.ecosphere.setup.security_checks import LEAST_SECRET, SECRETS
from ckanext.ecosphere.shared.config import declared

TEMPLATE = Path(__file__).parents[1] / "data" / "production.ini"
#: Options required for a complete portal → their meaning.
TO_FILL = {
    "ckan.site_url": "address of the portal, as people type it",
    "sqlalchemy.url": "address of the database, with its password",
    "solr_url": "address of Solr's core",
    "ckan.redis.url": "address of Redis",
    "ckan.storage_path": "folder of uploaded files",
    "smtp.server": "mail server; without it no e-mail is sent",
    "smtp.mail_from": "sender of e-mails",
    "ecosphere.portal.institution": "name of the institution in the header",
    "ecosphere.portal.contact": "where people write to the portal's team",
    "ecosphere.portal.accessibility_url": "accessibility statement",
    "ecosphere.portal.legal_url": "legal notice",
    "ecosphere.portal.privacy_url": "privacy notice",
    "ecosphere.trusted_proxies": "networks of the reverse proxies",
}
#: Replacements of CKAN's default values.
INSTEAD = {
    ("ckan.site_title", "CKAN"): "Guichet des données",
    ("ckan.site_id", "default"): "guichet",
    ("smtp.server", "localhost"): "",
}
_HOLE = re.compile(r"\$\{([^${}]{1,100})\}")
_OPTION = re.compile(r"^([\w.]+) =[ ]*(.*)$", re.MULTILINE)


def text(current: Mapping[str, Any]) -> str:
    """Return the configuration.

    Args:
        current: current options, whose values are taken over.
    """

    def fill(hole: re.Match[str]) -> str:
        option = hole[1]
        value = declared(option, None, current)
        if option in SECRETS:
            value = _secret(option, current)
        if isinstance(value, bool):
            value = str(value).lower()
        plain = " ".join(str(value or "").split())
        return INSTEAD.get((option, plain), plain).replace("%", "%%")

    filled = _HOLE.sub(fill, TEMPLATE.read_text(encoding="utf-8"))
    return "\n".join(line.rstrip() for line in filled.splitlines()) + "\n"


def write(file: Path, current: Mapping[str, Any]) -> dict[str, str]:
    """Write the configuration to a file that only its owner can read.

    Args:
        file: path of the file.
        current: current options.

    Returns:
        options that remain to be filled in, with their meaning.

    Raises:
        OSError: it cannot be written.
    """
    written = text(current)
    file.unlink(missing_ok=True)  # an existing file would keep its permissions
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(written)
    values = dict(_OPTION.findall(written))
    return {option: meaning for option, meaning in TO_FILL.items() if not values.get(option, "").strip()}


def _secret(option: str, current: Mapping[str, Any]) -> str:
    """Return the current secret if it is long enough and differs from `SECRET_KEY`, CKAN's fallback; else a new one."""
    value = str(declared(option, "", current))
    taken = option != SECRETS[0] and value == str(current.get(SECRETS[0]))
    return value if len(value) >= LEAST_SECRET and not taken else secrets.token_urlsafe(32)
