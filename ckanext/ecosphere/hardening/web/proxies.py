"""Defects 18 and 29: the address of a client behind reverse proxies is that which trusted proxies
give.

By default no header is trusted. CKAN itself trusts `X-Forwarded-For` from anyone (`g.remote_addr`),
so these headers are removed before CKAN sees the request. A `Host` that cannot be encoded is
refused. Not yet accepted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

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
MOST_HOPS = 10

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Trusted:
    """Trusted proxies: a number of hops, or networks; none when empty."""

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


def read(text: str) -> Trusted:
    """Parse the option: empty, a number of proxies, or networks ("10.0.0.0/8 fd00::/8").

    Raises:
        ValueError: neither a number from 0 to 10 nor networks; the message names the invalid part.
    """
    parts = text.replace(",", " ").split()
    if not parts:
        return Trusted()
    if len(parts) == 1 and parts[0].isdecimal():
        hops = int(parts[0])
        if not 0 <= hops <= MOST_HOPS:
            raise ValueError(parts[0])
        return Trusted(hops=hops)
    return Trusted(networks=tuple(ipaddress.ip_network(part, strict=False) for part in parts))


class ClientAddress:
    """WSGI middleware that sets the client's address and scheme in the environ
    and removes forwarded headers.
    """

    def __init__(self, application: Application, trusted: Trusted) -> None:
        self.application = application
        self.trusted = trusted
        if trusted.hops:
            self.fixed = ProxyFix(self._clean, x_for=trusted.hops, x_proto=trusted.hops, x_host=0)
        else:
            self.fixed = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        if self.fixed:
            return self.fixed(environ, start_response)
        if self.trusted.trusts(environ.get("REMOTE_ADDR", "")):
            self._believe(environ)
        return self._clean(environ, start_response)

    def _believe(self, environ: dict[str, Any]) -> None:
        """Use the last address of the chain that is not a trusted proxy,
        and the scheme given by the nearest proxy.
        """
        for address in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            candidate = address.strip()
            try:
                ipaddress.ip_address(candidate)
            except ValueError:
                break
            environ["REMOTE_ADDR"] = candidate
            if not self.trusted.trusts(candidate):
                break
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
        if scheme in SCHEMES:
            environ["wsgi.url_scheme"] = scheme

    def _clean(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        for name in FORWARDED:
            environ.pop(name, None)
        if not _is_host(environ.get("HTTP_HOST", "")):
            start_response("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"The header Host names no host."]
        return self.application(environ, start_response)


def _is_host(written: str) -> bool:
    """Return whether a host name can be encoded.

    Otherwise Flask cannot build URLs or even an error page.
    """
    try:
        written.partition(":")[0].encode("idna")
    except UnicodeError:
        return False
    return True
