"""Which addresses may be called: those of the public internet, unless the operator's own settings say otherwise.

A name is resolved once, every address it has is looked at, and the connection goes to one that was looked at: a name
that answers differently the second time leads nowhere else. Whoever may register an endpoint could otherwise make
payonce call what only payonce can reach.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType as AddrInfo

from payonce.drivers.http_calls import Connector

Resolve = Callable[[str, int], Awaitable[list[str]]]

# Networks that wrap an IPv4 address behind a public-looking IPv6 one, and how far from its end the address stands.
_WRAPPING: Final = ((IPv6Network("64:ff9b::/96"), 0), (IPv6Network("2002::/16"), 80))
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
# Public by number, but served to this machine alone by the cloud it runs in.
_METADATA: Final = frozenset({IPv4Address("168.63.129.16")})


class AddressRefused(Exception):
    """The name leads to an address that may not be called. Nothing was sent."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host`, in the resolver's order. Raises OSError when there are none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def is_public(text: str) -> bool:
    """Whether the address is one of the public internet: not private, loopback, link-local, reserved or metadata."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return _is_public(inner)
        # A scope names an interface of this machine; outside of 2000::/3 nothing is assigned to the public internet.
        if address.scope_id is not None or address.teredo is not None or address not in _GLOBAL_UNICAST:
            return False
    if address in _METADATA or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return address.is_global


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address is only another spelling of."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, shift in _WRAPPING:
        if address in network:
            return IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return None


def checked_connector(*, allow_private: bool, resolve: Resolve = resolve, **more: Any) -> Connector:
    """Connects to checked addresses only; `more` as a Connector takes it. TLS still asks for the name's certificate.
    Calls through it raise AddressRefused where one of the addresses of a name may not be called.
    """
    return Connector(
        resolver=_CheckedResolver(resolve, allow_private=allow_private),
        # Each call asks again, so that what a name leads to now is what counts.
        use_dns_cache=False,
        socket_factory=None if allow_private else _checked_socket,
        **more,
    )


class _CheckedResolver(AbstractResolver):
    """The addresses of a name, all of them or none."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises AddressRefused if one of them may not be called, OSError when there are none."""
        addresses = await self._resolve(host, port)
        refused = [] if self._allow_private else [address for address in addresses if not is_public(address)]
        if refused or not addresses:
            # Also where only one of several is private: which one is taken would be a matter of luck.
            raise AddressRefused(f"{host} leads to {', '.join(refused) or 'no address'}")
        return [_result(host, port, address) for address in addresses]

    async def close(self) -> None:
        """It holds nothing."""


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return {"hostname": host, "host": address, "port": port, "family": family, "proto": 0, "flags": flags}


def _checked_socket(info: AddrInfo) -> socket.socket:
    """A socket for an address that may be called. Asked for every connection, also where the address stood in the URL
    itself and no name was looked up. Raises AddressRefused."""
    family, kind, protocol, _, place = info
    address = str(place[0])
    if not is_public(address):
        raise AddressRefused(f"{address} may not be called")
    return socket.socket(family, kind, protocol)
