"""How many e-mails with a link strangers can have sent: to one address, and from one address of the network."""

from __future__ import annotations

import hashlib

import ckan.plugins.toolkit as tk
from flask import request

from ckanext.ecosphere.search.alerts import config
from ckanext.ecosphere.shared.web_guard import rate_limits

#: From one address of the network, which a whole office may share.
NETWORK_FACTOR = 10
_WHAT = "search-alert-link"


def link_asked(email: str) -> None:
    """Count an e-mail with a link.

    Args:
        email: address to which it goes; counted by its digest, so that Redis does not keep it.

    Raises:
        ValidationError: the address was sent, or the network has asked for, too many today; or nothing can be counted.
    """
    most = config.links_per_day()
    person = f"email:{hashlib.sha256(email.lower().encode()).hexdigest()}"
    network = f"address:{rate_limits.network(request.remote_addr)}"
    try:
        rate_limits.probe(_WHAT, f"{most} per day", person)
        rate_limits.hit(_WHAT, f"{most * NETWORK_FACTOR} per day", network)
        rate_limits.hit(_WHAT, f"{most} per day", person)
    except rate_limits.TooMany as error:
        message = tk._("You have sent too much in a short time.") + " " + rate_limits.try_again(error.seconds)
        raise tk.ValidationError({"email": [message]}) from None
    except rate_limits.CountingUnavailable:
        raise tk.ValidationError({"email": [rate_limits.unavailable()]}) from None
