"""Messages for errors in reading services."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.access.model import FAILED, Service
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.messages import N_

MESSAGES = {
    "closed": N_("The service asks who calls."),
    "status": N_("The server answers with an error."),
    "exception": N_("The service answers with an exception instead of its description."),
    "html": N_("The server answers with a web page instead of a description of the service."),
    "other-xml": N_("The answer is XML, but no description of such a service."),
    "other-json": N_("The answer is JSON, but no description of such a service."),
    "not-xml": N_("The answer is not well-formed XML."),
    "not-json": N_("The answer is not JSON."),
    "entities": N_("The answer declares entities, which is refused."),
    "too-large": N_("The answer is too large."),
    "unknown-host": N_("The host is unknown."),
    "timeout": N_("The server does not answer in time."),
    "tls": N_("The certificate of the server cannot be verified."),
    "connection": N_("The connection fails."),
    "refused": N_("The address cannot be reached from the internet, or is not valid."),
    "unreadable": N_("The description of the service could not be read."),
}
#: Errors without any response of the server.
SILENT = frozenset({"unknown-host", "timeout", "tls", "connection"})


def sentence(code: str) -> str:
    """Return the message of an error code."""
    return tk._(MESSAGES.get(code, MESSAGES["unreadable"]))


def trouble(service: Service) -> str:
    """Return what is wrong with a service, and since when; "" if nothing."""
    if service.state != FAILED:
        return sentence("closed") if service.error == "closed" else ""
    day = dates.day(service.failing_since)
    if service.error in SILENT:
        return tk._("The server has not answered since {day}.").format(day=day)
    return tk._("Since {day} the service cannot be used: {reason}").format(day=day, reason=sentence(service.error))
