"""Why a fetch failed, in plain words, and why the guard refused it."""

from __future__ import annotations

from typing import Any


def _N(message: str) -> str:
    """Mark a message for translation; it is translated when it is shown."""
    return message


MESSAGES: dict[str, str] = {
    "bad-url": _N("The address {url} is not valid."),
    "scheme": _N("The address {url} does not start with http:// or https://."),
    "address": _N("The address {host} leads into a private network ({ip}), which is refused."),
    "own-service": _N("The address {host} is a service of the portal itself, which is refused."),
    "port": _N("The port {port} of {host} is not among those that may be asked."),
    "unknown-host": _N("The host {host} is unknown."),
    "redirects": _N("The server redirects more than {limit} times."),
    "too-large": _N("The answer is larger than {limit} bytes once decompressed."),
    "compression": _N("The answer is compressed in a way that could not be read."),
    "timeout": _N("The server did not answer completely within {seconds} seconds."),
    "tls": _N("The certificate of {host} could not be verified: {detail}."),
    "connection": _N("The connection to {host} failed: {detail}."),
}


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
        return MESSAGES[self.code].format(**self.params)


class FetchRefusedError(FetchError):
    """The guard itself refused: trying again would change nothing."""

    refused = True
