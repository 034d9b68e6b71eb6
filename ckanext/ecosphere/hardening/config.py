"""Options of the plugin `ecosphere_hardening`, as typed functions,
and what `ckan ecosphere check` says of them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from limits import parse_many

from ckanext.ecosphere.hardening.web import proxies
from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.setup.health import is_https
from ckanext.ecosphere.shared import config as shared
from ckanext.ecosphere.shared.mailing import labelled
from ckanext.ecosphere.shared.web_guard import headers
from ckanext.ecosphere.shared.web_guard.incoming import MEGABYTE, Limits, Settings

_ = tk._
OK, WARNING, ERROR = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.ERROR
TRUSTED_PROXIES = "ecosphere.trusted_proxies"
CSP = "ecosphere.web.content_security_policy"
CSP_SOURCES = "ecosphere.web.content_security_policy_sources"
FRAME_ANCESTORS = "ecosphere.web.frame_ancestors"
FORM_MEGABYTES = "ecosphere.web.form_megabytes"
FORM_FIELDS = "ecosphere.web.form_fields"
SECURE_COOKIES = "ecosphere.web.secure_cookies"
LIMITS = {
    "login": "ecosphere.web.login_limits",
    "login_address": "ecosphere.web.login_address_limits",
    "login_account": "ecosphere.web.login_account_limits",
    "registration": "ecosphere.web.registration_limits",
    "reset": "ecosphere.web.reset_limits",
    "reset_address": "ecosphere.web.reset_address_limits",
    "token": "ecosphere.web.token_limits",
}
UPLOAD_SIZES = ("ckan.max_resource_size", "ckan.max_image_size")


def secure_cookies() -> bool:
    """Return whether cookies are marked Secure on a portal that uses https."""
    return tk.config[SECURE_COOKIES]


def trusted_proxies() -> proxies.Trusted:
    """Return the proxies whose forwarded client addresses are trusted.

    Raises:
        ValueError: the option is neither a number nor networks.
    """
    return proxies.parse_trusted(tk.config[TRUSTED_PROXIES])


def web_guard() -> Settings:
    """Return the settings of the web guard."""
    form_bytes = tk.config[FORM_MEGABYTES] * MEGABYTE
    largest = max(int(tk.config[option]) for option in UPLOAD_SIZES) * MEGABYTE
    sources = headers.read_extra(tk.config[CSP_SOURCES])
    tiles = urlsplit(shared.map_tiles())
    if tiles.netloc:
        sources.setdefault("img-src", []).append(f"{tiles.scheme}://{tiles.netloc}")
    return Settings(
        csp=tk.config[CSP],
        csp_extra=sources,
        frame_ancestors=tk.config[FRAME_ANCESTORS],
        form_bytes=form_bytes,
        form_fields=tk.config[FORM_FIELDS],
        upload_bytes=largest + form_bytes,
        limits=limits(),
    )


def limits() -> Limits:
    """Return the rate limits of log-in, registration, password reset and tokens."""
    return Limits(**{name: tk.config[option] for name, option in LIMITS.items()})


# --- checks ---


def check_proxies() -> list[Check]:
    """Check that only known proxies are believed about the addresses of people."""
    name = _("Trusted proxies")
    try:
        trusted = trusted_proxies()
    except ValueError as error:
        message = _("{option}: neither a number nor networks: {error}")
        return [Check(name, ERROR, message.format(option=TRUSTED_PROXIES, error=error))]
    if trusted.hops:
        message = _("{number} proxies in a row are believed, whoever they are").format(
            number=trusted.hops
        )
        return [Check(name, WARNING, message, _("Name their networks instead"))]
    if any(network.prefixlen == 0 for network in trusted.networks):
        return [
            Check(
                name,
                ERROR,
                _("Everybody is believed about addresses"),
                _("Name the networks of the proxies"),
            )
        ]
    if not trusted and is_https():
        message = _(
            "The portal is reached through a proxy, and none is named: everybody shares one "
            "address's limits"
        )
        return [Check(name, WARNING, message, _("Set {option}").format(option=TRUSTED_PROXIES))]
    return [
        Check(
            name,
            OK,
            _("Addresses of people are taken from: {source}").format(source=_source(trusted)),
        )
    ]


def check_pages() -> list[Check]:
    """Check that policy and rate limits are valid."""
    return [*_policy(), *_limits()] or [
        Check(_("Web pages"), OK, _("Policy and limits are in force"))
    ]


def _policy() -> list[Check]:
    name, problems = _("Security policy of the pages"), []
    try:
        headers.read_extra(tk.config[CSP_SOURCES])
    except ValueError as error:
        problems.append(Check(name, ERROR, labelled(CSP_SOURCES, str(error))))
    if tk.config[CSP] != "enforce":
        message = _("The Content-Security-Policy is not enforced")
        problems.append(
            Check(name, WARNING, message, _("Write: {line}").format(line=f"{CSP} = enforce"))
        )
    return problems


def _limits() -> list[Check]:
    name, problems = _("Limits of requests"), []
    for option in LIMITS.values():
        rates = tk.config[option].strip()
        if not rates:
            problems.append(Check(name, WARNING, labelled(option, _("There is no limit"))))
            continue
        try:
            parse_many(rates)
        except ValueError:
            message = _("These are no rates; write for instance: 5 per minute; 20 per hour")
            problems.append(Check(name, ERROR, labelled(option, message)))
    return problems


def _source(trusted: proxies.Trusted) -> str:
    if trusted:
        return ", ".join(map(str, trusted.networks))
    return _("the connection")
