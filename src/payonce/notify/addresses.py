"""Which addresses may be called: those of the public internet, unless the operator's own settings say otherwise.

A name is resolved once, every address it has is looked at, and the connection goes to one that was looked at: a name
that answers differently the second time leads nowhere else. Whoever may register an endpoint could otherwise make
payonce call what only payonce can reach.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import httpcore2

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


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects for httpcore2: by name, to a checked address. TLS still asks for the name's certificate."""

    def __init__(self, *, allow_private: bool, resolve: Resolve = resolve) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first address of `host` that answers. Raises AddressRefused if one may not be called."""
        try:
            addresses = await self._resolve(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(f"{host}: {error}") from error
        refused = [] if self._allow_private else [address for address in addresses if not is_public(address)]
        if refused or not addresses:
            # Also where only one of several is private: which one is taken would be a matter of luck.
            raise AddressRefused(f"{host} leads to {', '.join(refused) or 'no address'}")
        failure: Exception = httpcore2.ConnectError(host)
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Never: a receiver is on the network. Raises AddressRefused."""
        raise AddressRefused("a receiver is not called through a file")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)
