"""Defects 18 and 29: headers about the client and the host that CKAN cannot rely on.

29: CKAN trusts `X-Forwarded-For` from anyone (`g.remote_addr`). Here the client's address and
scheme come from trusted proxies only (by default there are none), and the headers are removed
before CKAN sees the request.

18: a `Host` that cannot be encoded is refused, since even CKAN's error page fails on it.

Not yet accepted by CKAN.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

#: Headers by which proxies forward what they know of a request, by their names in the environ.
FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)
SCHEMES = ("http", "https")
#: Maximum number of proxies in a row that the option may give.
MOST_HOPS = 10

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Trusted:
    """Trusted proxies: how many stand in a row, or their networks; false if there are none."""

    hops: int = 0
    networks: tuple[Network, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.hops or self.networks)

    def trusts(self, address: str) -> bool:
        """Return whether an address is that of a trusted proxy."""
        try:
            parsed = ipaddress.ip_address(address.strip().strip("[]"))
        except ValueError:
            return False
        return any(
            parsed.version == network.version and parsed in network for network in self.networks
        )


def parse_trusted(text: str) -> Trusted:
    """Return the trusted proxies that an option states.

    Args:
        text: empty, a number of proxies, or networks ("10.0.0.0/8 fd00::/8").

    Raises:
        ValueError: neither a number from 0 to 10 nor networks; the message names the invalid part.
    """
    parts = text.replace(",", " ").split()
    if not parts:
        return Trusted()
    if len(parts) == 1 and parts[0].isdecimal():
        hops = int(parts[0])
        if hops > MOST_HOPS:
            raise ValueError(parts[0])
        return Trusted(hops=hops)
    return Trusted(networks=tuple(ipaddress.ip_network(part, strict=False) for part in parts))


class ClientAddress:
    """WSGI middleware that sets the client's address and scheme, and removes forwarded headers."""

    def __init__(self, application: Application, trusted: Trusted) -> None:
        self.application = application
        self.trusted = trusted
        self.by_hops = None
        if trusted.hops:
            self.by_hops = ProxyFix(
                self._without_headers, x_for=trusted.hops, x_proto=trusted.hops, x_host=0
            )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        if self.by_hops:
            return self.by_hops(environ, start_response)
        if self.trusted.trusts(environ.get("REMOTE_ADDR", "")):
            self._apply_headers(environ)
        return self._without_headers(environ, start_response)

    def _apply_headers(self, environ: dict[str, Any]) -> None:
        """Take the address and the scheme from the headers of a trusted proxy.

        Each proxy adds an address at the end: the client's is the last one that is not that of a
        trusted proxy. The scheme is what the nearest proxy gives.
        """
        for part in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            address = part.strip()
            try:
                ipaddress.ip_address(address)
            except ValueError:
                break
            environ["REMOTE_ADDR"] = address
            if not self.trusted.trusts(address):
                break
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
        if scheme in SCHEMES:
            environ["wsgi.url_scheme"] = scheme

    def _without_headers(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request without its forwarded headers."""
        for name in FORWARDED:
            environ.pop(name, None)
        if not _can_be_encoded(environ.get("HTTP_HOST", "")):
            start_response("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"The header Host names no host."]
        return self.application(environ, start_response)


def _can_be_encoded(host: str) -> bool:
    """Return whether a host name can be encoded; otherwise Flask builds no URL and no error page.

    Args:
        host: the header `Host`, with or without a port.
    """
    try:
        host.partition(":")[0].encode("idna")
    except UnicodeError:
        return False
    return True
