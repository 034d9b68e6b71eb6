"""Checks of `ckan ecosphere check`: proxies that are believed, security policy and rate limits of the pages."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from limits import parse_many

from ckanext.ecosphere.hardening import config
from ckanext.ecosphere.hardening.web import proxies
from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.setup.health import is_https
from ckanext.ecosphere.shared.mailing import labelled
from ckanext.ecosphere.shared.web_guard import headers

_ = tk._
OK, WARNING, ERROR = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.ERROR


def trusted_proxies() -> list[Check]:
    """Check that only known proxies are believed about the addresses of people."""
    name = _("Trusted proxies")
    try:
        trusted = config.trusted_proxies()
    except ValueError as error:
        message = _("{option}: neither a number nor networks: {error}")
        return [Check(name, ERROR, message.format(option=config.TRUSTED_PROXIES, error=error))]
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
        return [
            Check(name, WARNING, message, _("Set {option}").format(option=config.TRUSTED_PROXIES))
        ]
    return [
        Check(
            name,
            OK,
            _("Addresses of people are taken from: {source}").format(source=_source(trusted)),
        )
    ]


def web_options() -> list[Check]:
    """Check that policy and rate limits are valid."""
    return [*_policy(), *_limits()] or [
        Check(_("Web pages"), OK, _("Policy and limits are in force"))
    ]


def _policy() -> list[Check]:
    name, problems = _("Security policy of the pages"), []
    try:
        headers.read_extra(tk.config[config.CSP_SOURCES])
    except ValueError as error:
        problems.append(Check(name, ERROR, labelled(config.CSP_SOURCES, str(error))))
    if tk.config[config.CSP] != "enforce":
        message = _("The Content-Security-Policy is not enforced")
        problems.append(
            Check(name, WARNING, message, _("Write: {line}").format(line=f"{config.CSP} = enforce"))
        )
    return problems


def _limits() -> list[Check]:
    name, problems = _("Limits of requests"), []
    for option in config.LIMITS.values():
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
