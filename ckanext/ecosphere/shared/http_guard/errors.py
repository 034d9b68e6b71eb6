"""Why a fetch failed, in plain words, and why the guard refused it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ckanext.ecosphere.shared import messages
from ckanext.ecosphere.shared.messages import N_

MESSAGES: dict[str, str] = {
    "bad-url": N_("The address {url} is not valid."),
    "scheme": N_("The address {url} does not start with http:// or https://."),
    "address": N_("The address {host} leads into a private network ({ip}), which is refused."),
    "own-service": N_("The address {host} is a service of the portal itself, which is refused."),
    "port": N_("The port {port} of {host} is not among those that may be asked."),
    "unknown-host": N_("The host {host} is unknown."),
    "redirects": N_("The server redirects more than {limit} times."),
    "too-large": N_("The answer is larger than {size} once decompressed."),
    "compression": N_("The answer is compressed in a way that could not be read."),
    "timeout": N_("The server did not answer completely within {seconds} seconds."),
    "tls": N_("The certificate of {host} could not be verified: {detail}."),
    "connection": N_("The connection to {host} failed: {detail}."),
}

#: What is said of an answer of which less came than was announced.
BROKEN_OFF = N_("The answer broke off before its end")
#: What an operating system or the library says of most connections that fail; other words stay as they are.
REASONS = frozenset(
    {
        BROKEN_OFF,
        N_("Connection refused"),
        N_("Connection reset by peer"),
        N_("Connection timed out"),
        N_("Network is unreachable"),
        N_("No route to host"),
        N_("Remote end closed connection without response"),
    }
)


def in_language(params: Mapping[str, Any], translate: Callable[[str], str]) -> dict[str, Any]:
    """Return the fields of a message in the reader's language: the reason of the failure, where it is a known one, and
    sizes, which are kept in bytes.

    Args:
        params: values of the fields.
        translate: gives the text of a message in the reader's language.
    """
    detail, size = params.get("detail"), params.get("size")
    found = {**params, "detail": translate(detail)} if detail in REASONS else dict(params)
    return {**found, "size": messages.size(size, translate)} if isinstance(size, int) else found


class FetchError(Exception):
    """No answer was had; `code` is a key of `MESSAGES`, `params` fill its fields.

    Attributes:
        attempts: how many times it was tried.
    """

    refused = False

    def __init__(self, code: str, **params: Any):
        self.code = code
        self.params = params
        self.attempts = 1
        super().__init__(code)

    def __str__(self) -> str:
        return MESSAGES[self.code].format(**in_language(self.params, str))


class FetchRefusedError(FetchError):
    """The guard itself refused: trying again would change nothing."""

    refused = True
