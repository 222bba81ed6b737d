"""Where messages may go: never into the house's own network unless the receiver says so.

What counts is the address that is connected to, looked at between resolving and connecting: a name that
resolves to something else the second time gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from fnmatch import fnmatchcase

from dashboard.notifying.senders.errors import DeliveryError

__all__ = ["connect", "is_allowed_host", "is_public"]

NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also of an IPv4 address within an IPv6 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is not None:
            return is_public(str(inner))
        if ip.teredo is not None or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast


def is_allowed_host(host: str, targets: Sequence[str]) -> bool:
    """Whether ``[alerts] targets`` names the host, as it is or by a glob."""
    return any(fnmatchcase(host.lower(), target.lower()) for target in targets)


def connect(
    host: str, port: int, *, private: bool, targets: Sequence[str], timeout: float
) -> socket.socket:
    """A connection to the first address of ``host`` that answers, all of them allowed. Raises `DeliveryError`."""
    if not is_allowed_host(host, targets):
        raise DeliveryError(f"{host} is none of [alerts] targets, so nothing is sent there.")
    addresses = _resolve(host, port)
    inside = [address for _, address in addresses if not is_public(address[0])]
    if inside and not private:
        raise DeliveryError(
            f"{host} is at {inside[0][0]}, a private address. Nothing is sent there unless the "
            "receiver says private = true."
        )
    return _first(addresses, timeout)


def _resolve(host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryError(f"{host} could not be resolved: {error}") from error
    return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


def _first(addresses: list[tuple[int, tuple[str, int]]], timeout: float) -> socket.socket:
    failure: OSError = OSError("it has no address")
    for family, address in addresses:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
            continue
        return connection
    raise DeliveryError(f"Could not connect: {failure.strerror or failure}") from failure
