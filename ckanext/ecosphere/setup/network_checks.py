"""Checks of options that allow user-supplied URLs to reach private networks."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.shared.http_guard import networks, ports

_ = tk._


def check_networks(option: str, use: str) -> list[Check]:
    """Look at an option that names networks.

    Args:
        option: name of the option, a list of networks.
        use: what asks them, in the reader's language.
    """
    name = _("Private networks ({use})").format(use=use)
    try:
        found = networks(tk.config[option])
    except ValueError as error:
        message = _("{option} holds what is no network: {error}")
        return [Check(name, CheckStatus.ERROR, message.format(option=option, error=error))]
    local = [str(network) for network in found if network.is_loopback or _holds_loopback(network)]
    private = [str(network) for network in found if str(network) not in local and not network.is_global]
    if local:
        message = _("{option} lets people have this machine ask itself ({networks})")
        remedy = _("Leave it empty, but for a demonstration")
        return [Check(name, CheckStatus.WARNING, message.format(option=option, networks=" ".join(local)), remedy)]
    if private:
        message = _("{option} lets people have this machine ask private networks ({networks})")
        remedy = _("Name single addresses, and limit the ports")
        return [Check(name, CheckStatus.WARNING, message.format(option=option, networks=" ".join(private)), remedy)]
    return [Check(name, CheckStatus.OK, _("{option}: no private network may be asked").format(option=option))]


def check_ports(option: str, use: str) -> list[Check]:
    """Look at an option that names ports; one that is right needs no word.

    Args:
        option: name of the option, a list of ports.
        use: what asks them, in the reader's language.
    """
    try:
        ports(tk.config[option])
    except ValueError as error:
        message = _("{option} holds what is no port, so that no address can be asked: {error}")
        remedy = _("Write numbers from 1 to 65535, or leave it empty for all ports")
        name = _("Allowed ports ({use})").format(use=use)
        return [Check(name, CheckStatus.ERROR, message.format(option=option, error=error), remedy)]
    return []


def _holds_loopback(network: object) -> bool:
    """Return whether a network contains all loopback addresses, as 0.0.0.0/0 does."""
    return any(each.version == network.version and each.subnet_of(network) for each in networks(("127.0.0.0/8", "::1")))  # type: ignore[attr-defined]
