"""Refuse connections to the portal's own database, index, queue and mail server, whatever networks are allowed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Any

from ckanext.ecosphere.shared.http_guard.addresses import Address, unwrapped

Service = tuple[str, int]
"""Host (name or address) and port."""


def is_own_service(
    address: str, port: int, services: Iterable[Service], resolve: Callable[..., list[Any]]
) -> bool:
    """Return whether a connection would reach one of the portal's own services.

    All addresses of this machine are treated as one: what listens on 127.0.0.1 usually listens on the others, too.

    Args:
        address: the IP address to connect to.
        port: its port.
        services: services that must not be reached.
        resolve: same signature as `socket.getaddrinfo`.
    """
    names = {host for host, own_port in services if own_port == port}
    if not names:
        return False
    target = unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    here = _is_this_machine(target)
    for name in names:
        for own in _addresses(name, port, resolve):
            if own == target or (here and _is_this_machine(own)):
                return True
    return False


def _addresses(name: str, port: int, resolve: Callable[..., list[Any]]) -> list[Address]:
    try:
        addresses = resolve(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []  # the portal cannot reach it by this name either
    return [
        unwrapped(ipaddress.ip_address(str(info[4][0]).partition("%")[0])) for info in addresses
    ]


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
