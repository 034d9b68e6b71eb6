"""Validation of URLs and of the IP addresses they resolve to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util.url import parse_url

from ckanext.ecosphere.shared.http_guard.errors import FetchRefusedError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_PORT = 65535

#: IPv6 prefixes with an IPv4 address in the last 32 bits: NAT64 (RFC 6052) and SIIT (RFC 2765).
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::ffff:0:0:0/96"))
#: Not public, although Python 3.11 says so: relays of 6to4 (RFC 7526), documentation (RFC 9637),
#: routing segments (RFC 9602), and the address at which machines of Azure find the host that they
#: run on.
_NOT_PUBLIC = tuple(
    map(ipaddress.ip_network, ("192.88.99.0/24", "3fff::/20", "5f00::/16", "168.63.129.16/32"))
)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Parse networks such as `10.0.0.0/8`, or single addresses.

    Raises:
        ValueError: a text is neither.
    """
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip())


def ports(texts: Iterable[str]) -> frozenset[int]:
    """Parse port numbers.

    Raises:
        ValueError: a text is not a number from 1 to 65535; the message quotes it.
    """
    numbers = []
    for text in filter(None, map(str.strip, texts)):
        # `int` also reads other digits than ours, signs and underscores, and takes long for long
        # texts.
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PORT))
        if not is_number or not 0 < int(text) <= MAX_PORT:
            raise ValueError(repr(text))
        numbers.append(int(text))
    return frozenset(numbers)


def permitted(address: str, allowed: Iterable[Network] = ()) -> bool:
    """Return whether connections to an IP address are allowed:
    public addresses and the allowed networks.
    """
    ip = _parsed(address)
    if any(ip.version == network.version and ip in network for network in allowed):
        return True
    # fec0::/10 (RFC 3879)
    is_site_local = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local
    if ip.is_multicast or is_site_local or any(ip in network for network in _NOT_PUBLIC):
        return False
    return ip.is_global


def _parsed(address: str) -> Address:
    """Parse an IP address, without the interface that the resolver may add ("fe80::1%eth0")."""
    return unwrapped(ipaddress.ip_address(address.partition("%")[0]))


def unwrapped(ip: Address) -> Address:
    """Return the IPv4 address embedded in an IPv6 one (mapped, 6to4, NAT64, SIIT),
    or the address itself.
    """
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip.sixtofour:
            return ip.sixtofour
        is_translated = any(ip in network for network in _TRANSLATED)
        # Deprecated but still parsed; 0 and 1 are the unspecified and the loopback address of IPv6.
        is_compatible = 1 < int(ip) < 1 << 32
        if is_translated or is_compatible:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def checked_url(url: str) -> str:
    """Validate a URL before anything is resolved, and return it normalised.

    Raises:
        FetchRefusedError: not a plain http or https URL.
    """
    if not url.isprintable() or any(character.isspace() for character in url):
        raise FetchRefusedError("bad-url", url=_shown(url))
    try:
        parts = parse_url(url)
    except LocationParseError as error:
        raise FetchRefusedError("bad-url", url=_shown(url)) from error
    if (parts.scheme or "").lower() not in {"http", "https"}:
        raise FetchRefusedError("scheme", url=_shown(url))
    if not parts.host or parts.auth:
        raise FetchRefusedError("bad-url", url=_shown(url))
    return parts.url


def joined(url: str, reference: str) -> str | None:
    """Resolve a reference against `url`; None if it is not a valid URL ("http://[")."""
    try:
        return urljoin(url, reference.strip())
    except ValueError:
        return None


def taken_apart(url: str) -> SplitResult:
    """Split a URL from outside; the whole text is the path if it is invalid."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", url, "", "")


def _shown(url: str) -> str:
    """Return the beginning of a URL for a message, with control characters escaped."""
    return repr(url[:200])[1:-1]


Service = tuple[str, int]
"""Host (name or address) and port."""


def is_own_service(
    address: str, port: int, services: Iterable[Service], resolve: Callable[..., list[Any]]
) -> bool:
    """Return whether a connection would reach one of the portal's own services.

    All addresses of this machine are treated as one: what listens on 127.0.0.1 usually listens on
    the others, too.

    Args:
        address: the IP address to connect to.
        port: its port.
        services: services that must not be reached.
        resolve: same signature as `socket.getaddrinfo`.
    """
    names = {host for host, own_port in services if own_port == port}
    if not names:
        return False
    target = _parsed(address)
    here = _is_this_machine(target)
    for name in names:
        for own in _addresses_of(name, port, resolve):
            if own == target or (here and _is_this_machine(own)):
                return True
    return False


def _addresses_of(name: str, port: int, resolve: Callable[..., list[Any]]) -> list[Address]:
    try:
        addresses = resolve(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []  # the portal cannot reach it by this name either
    return [_parsed(str(socket_address[0])) for *_kind, socket_address in addresses]


def _is_this_machine(ip: Address) -> bool:
    if ip.is_loopback or ip.is_unspecified:
        return True
    family = {4: socket.AF_INET, 6: socket.AF_INET6}[ip.version]
    try:
        # Only an address of this machine can be bound; nothing is sent.
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(ip), 0))
    except OSError:
        return False
    return True
