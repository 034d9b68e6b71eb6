"""Security checks of `ckan ecosphere check`: cookies, CSRF, secrets, proxies, storage, debugging."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from limits import parse_many

from ckanext.ecosphere import config
from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.setup import secret_options
from ckanext.ecosphere.shared.mailing.texts import labelled
from ckanext.ecosphere.shared.web_guard import cookies, headers, proxies

_ = tk._
OK, WARNING, ERROR = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.ERROR
LEAST_SECRET = 20
LONGEST_SESSION_DAYS = 30
DAY = 86_400
SECRETS = ("SECRET_KEY", "WTF_CSRF_SECRET_KEY")
LOCAL = ("localhost", "127.0.0.1", "::1")
OTHERS_WRITE, OTHERS_READ = 0o002, 0o004


def cookie_settings() -> list[Check]:
    """Check that cookies are protected from other sites, scripts and plain connections."""
    name = _("Cookies")
    found = [
        Check(name, ERROR, _("{option} is not Lax or Strict: other sites send the cookie along").format(option=option))
        for option in cookies.SAMESITE
        if tk.config.get(option) not in ("Lax", "Strict")
    ]
    found += [
        Check(name, ERROR, _("{option} is off: scripts can read the cookie").format(option=option))
        for option in cookies.HTTPONLY
        if not tk.config.get(option)
    ]
    if _is_https():
        found += [
            Check(name, ERROR, _("{option} is off: the cookie travels over plain connections").format(option=option))
            for option in cookies.SECURE
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
    """Check that the portal uses https, and which proxies are trusted about client addresses."""
    found = []
    host = urlsplit(tk.config["ckan.site_url"]).hostname or ""
    if not _is_https() and host not in LOCAL:
        message = _("ckan.site_url begins with http: passwords and cookies travel in the clear")
        found.append(Check("HTTPS", ERROR, message, _("See docs/security.md, “What the proxy must add”")))
    name = _("Trusted proxies")
    try:
        trusted = config.trusted_proxies()
    except ValueError as error:
        message = _("{option}: neither a number nor networks: {error}")
        return [*found, Check(name, ERROR, message.format(option=config.TRUSTED_PROXIES, error=error))]
    if trusted.hops:
        message = _("{number} proxies in a row are believed, whoever they are").format(number=trusted.hops)
        found.append(Check(name, WARNING, message, _("Name their networks instead")))
    elif any(network.prefixlen == 0 for network in trusted.networks):
        found.append(
            Check(name, ERROR, _("Everybody is believed about addresses"), _("Name the networks of the proxies"))
        )
    elif not trusted and _is_https():
        message = _("The portal is reached through a proxy, and none is named: everybody shares one address's limits")
        remedy = _("Set {option}").format(option=config.TRUSTED_PROXIES)
        found.append(Check(name, WARNING, message, remedy))
    else:
        found.append(Check(name, OK, _("Addresses of people are taken from: {source}").format(source=_source(trusted))))
    return found


def web_options() -> list[Check]:
    """Check that policy and rate limits are valid."""
    if not p.plugin_loaded("ecosphere"):
        message = _("The plugin ecosphere is not enabled: there are no limits of log-ins, nor a list of services")
        remedy = _("Add it to ckan.plugins, after the other plugins of the suite")
        return [Check(_("Web pages"), WARNING, message, remedy)]
    found = []
    policy, limits = _("Security policy of the pages"), _("Limits of requests")
    try:
        headers.read_extra(tk.config[config.CSP_SOURCES])
    except ValueError as error:
        found.append(Check(policy, ERROR, labelled(config.CSP_SOURCES, str(error))))
    if tk.config[config.CSP] != "enforce":
        message = _("The Content-Security-Policy is not enforced")
        found.append(Check(policy, WARNING, message, _("Write: {line}").format(line=f"{config.CSP} = enforce")))
    for option in config.LIMITS.values():
        try:
            rates = parse_many(tk.config[option]) if tk.config[option].strip() else []
        except ValueError:
            message = _("These are no rates; write for instance: 5 per minute; 20 per hour")
            found.append(Check(limits, ERROR, labelled(option, message)))
            continue
        if not rates:
            found.append(Check(limits, WARNING, labelled(option, _("There is no limit"))))
    return found or [Check(_("Web pages"), OK, _("Policy and limits are in force"))]


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


CHECKS = (cookie_settings, forged_requests, secrets, secret_files, address, web_options, storage, debugging)


def _is_https() -> bool:
    return str(tk.config["ckan.site_url"]).lower().startswith(cookies.HTTPS)


def _source(trusted: proxies.Trusted) -> str:
    return ", ".join(map(str, trusted.networks)) if trusted else _("the connection")
