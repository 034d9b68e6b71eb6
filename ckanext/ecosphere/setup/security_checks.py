"""Security checks of `ckan ecosphere check`: cookies, CSRF, secrets, https, repairs of CKAN, storage, debugging."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import ckan.plugins as p
import ckan.plugins.toolkit as tk

from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.setup import secret_options

_ = tk._
OK, WARNING, ERROR = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.ERROR
LEAST_SECRET = 20
LONGEST_SESSION_DAYS = 30
DAY = 86_400
SECRETS = ("SECRET_KEY", "WTF_CSRF_SECRET_KEY")
SAMESITE = ("SESSION_COOKIE_SAMESITE", "REMEMBER_COOKIE_SAMESITE")
SECURE = ("SESSION_COOKIE_SECURE", "REMEMBER_COOKIE_SECURE")
HTTPONLY = ("SESSION_COOKIE_HTTPONLY", "REMEMBER_COOKIE_HTTPONLY")
HTTPS = "https://"
HARDENING = "ecosphere_hardening"
LOCAL = ("localhost", "127.0.0.1", "::1")
OTHERS_WRITE, OTHERS_READ = 0o002, 0o004


def cookie_settings() -> list[Check]:
    """Check that cookies are protected from other sites, scripts and plain connections."""
    name = _("Cookies")
    found = [
        Check(name, ERROR, _("{option} is not Lax or Strict: other sites send the cookie along").format(option=option))
        for option in SAMESITE
        if tk.config.get(option) not in ("Lax", "Strict")
    ]
    found += [
        Check(name, ERROR, _("{option} is off: scripts can read the cookie").format(option=option))
        for option in HTTPONLY
        if not tk.config.get(option)
    ]
    if is_https():
        found += [
            Check(name, ERROR, _("{option} is off: the cookie travels over plain connections").format(option=option))
            for option in SECURE
            if not tk.config.get(option)
        ]
    days = int(tk.config["PERMANENT_SESSION_LIFETIME"]) // DAY
    if days > LONGEST_SESSION_DAYS:
        message = _("A session lasts {days} days").format(days=days)
        found.append(Check(name, WARNING, message, _("Set PERMANENT_SESSION_LIFETIME to a few days, in seconds")))
    return found or [Check(name, OK, _("Kept from other sites, scripts and plain connections"))]


def forged_requests() -> list[Check]:
    """Check that CSRF protection is on."""
    name = _("Forged requests")
    if not tk.config["WTF_CSRF_ENABLED"]:
        return [Check(name, ERROR, _("WTF_CSRF_ENABLED is off: other sites act for people who are logged in"))]
    return [Check(name, OK, _("Requests with a session are checked"))]


def secrets() -> list[Check]:
    """Check that the secrets that sign sessions and tokens are long enough."""
    name = _("Secrets")
    short = [key for key in SECRETS if len(str(tk.config.get(key) or "")) < LEAST_SECRET]
    if short:
        message = _("{options}: shorter than {number} characters, sessions can be forged")
        remedy = _("Run: {command}").format(command='python -c "import secrets; print(secrets.token_urlsafe(32))"')
        return [Check(name, ERROR, message.format(options=", ".join(short), number=LEAST_SECRET), remedy)]
    return [Check(name, OK, _("Long enough"))]


def secret_files() -> list[Check]:
    """Check that the configuration file holds no secrets, and above all none that everybody on the machine can read."""
    name = _("Secrets in files")
    file = Path(tk.config["__file__"])
    options = secret_options.written_in(file)
    if not options:
        return [Check(name, OK, _("The configuration file holds none"))]
    if file.stat().st_mode & OTHERS_READ:
        message = _("Everybody on the machine can read {path}, which holds secrets: {options}")
        remedy = _("Run: {command}").format(command=f"chmod o-rwx {file}")
        return [Check(name, ERROR, message.format(path=file, options=", ".join(options)), remedy)]
    message = _("Whoever reads {path} knows secrets: {options}")
    remedy = _("Move them to an environment file: docs/security.md, “Secrets”")
    return [Check(name, WARNING, message.format(path=file, options=", ".join(options)), remedy)]


def address() -> list[Check]:
    """Check that the portal uses https."""
    host = urlsplit(tk.config["ckan.site_url"]).hostname or ""
    if is_https() or host in LOCAL:
        return []
    message = _("ckan.site_url begins with http: passwords and cookies travel in the clear")
    return [Check("HTTPS", ERROR, message, _("See docs/security.md, “What the proxy must add”"))]


def hardening() -> list[Check]:
    """Check that the repairs of CKAN are enabled."""
    name = _("Repairs of CKAN")
    if p.plugin_loaded(HARDENING):
        return [Check(name, OK, _("Enabled"))]
    message = _("The plugin {plugin} is not enabled: known defects of CKAN stay open").format(plugin=HARDENING)
    remedy = _("Add it to ckan.plugins, before the plugin ecosphere; docs/upstream.md lists the defects")
    return [Check(name, ERROR, message, remedy)]


def storage() -> list[Check]:
    """Check that uploaded files are in a folder that only the portal can write to."""
    name = _("Storage")
    path = tk.config.get("ckan.storage_path")
    if not path:
        return [Check(name, WARNING, _("ckan.storage_path is not set: no file can be uploaded"))]
    folder = Path(path)
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return [Check(name, ERROR, _("{path} is no folder that the portal can write to").format(path=path))]
    if folder.stat().st_mode & OTHERS_WRITE:
        return [Check(name, ERROR, _("Everybody on the machine can write to {path}").format(path=path))]
    return [Check(name, OK, _("Only the portal writes to {path}").format(path=path))]


def debugging() -> list[Check]:
    """Check that debug mode is off."""
    name = _("Debugging")
    if tk.config["debug"]:
        return [Check(name, ERROR, _("debug is on: anybody can run code on the server"), _("Set debug = false"))]
    return [Check(name, OK, _("Off"))]


CHECKS = (cookie_settings, forged_requests, secrets, secret_files, address, hardening, storage, debugging)


def is_https() -> bool:
    """Return whether the portal's own address uses https."""
    return str(tk.config["ckan.site_url"]).lower().startswith(HTTPS)
