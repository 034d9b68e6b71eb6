"""Exceptions of failed and refused fetches, with translatable messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.language import N_

MESSAGES: dict[str, str] = {
    "bad-url": N_("The address {url} is not valid."),
    "scheme": N_("The address {url} does not start with http:// or https://."),
    "host": N_("The host {host} is not among those that may be asked."),
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

#: Reason for an answer shorter than announced.
BROKEN_OFF = N_("The answer broke off before its end")
#: Translatable reasons given by operating systems and urllib3 for most failed connections; others
#: stay untranslated.
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
    """Return the fields of a message in the reader's language: the reason of the failure, where it
    is a known one, and sizes, which are kept in bytes.

    Args:
        params: values of the message's placeholders.
        translate: translates a message into the reader's language.
    """
    detail, size = params.get("detail"), params.get("size")
    words = {**params, "detail": translate(detail)} if detail in REASONS else dict(params)
    if isinstance(size, int):
        return {**words, "size": language.size(size, translate)}
    return words


class FetchError(Exception):
    """The fetch failed; `code` is a key of `MESSAGES`, `params` fill its placeholders.

    Attributes:
        attempts: number of attempts.
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
    """The guard refused the fetch: a retry would be refused, too."""

    refused = True
