"""Rate limits of e-mails with a link, per recipient and per network address."""

from __future__ import annotations

import hashlib

import ckan.plugins.toolkit as tk
from flask import request

from ckanext.ecosphere.search.alerts import config
from ckanext.ecosphere.shared.contact_details import email_addresses
from ckanext.ecosphere.shared.web_guard import rate_limits

#: Factor of the limit per network address, which a whole office may share.
NETWORK_FACTOR = 10
_WHAT = "search-alert-link"


def link_asked(email: str) -> None:
    """Count an e-mail with a link.

    Args:
        email: recipient; counted by a digest of the mailbox, so that Redis does not store the address.

    Raises:
        ValidationError: the limit of the recipient or of the network is exceeded, or nothing can be counted.
    """
    most = config.links_per_day()
    person = f"email:{hashlib.sha256(email_addresses.mailbox(email).encode()).hexdigest()}"
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
