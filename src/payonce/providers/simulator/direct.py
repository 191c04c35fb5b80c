"""A simulator behind payonce's transport, without sockets: for simulations that own the clock.

A reply that would hang, or drip for longer than the caller waits, becomes Unreachable after that wait on the caller's
own clock. Webhooks are not sent here: the simulation asks `due_deliveries` and decides what becomes of each.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from payonce.base.clock import Clock
from payonce.providers.simulator.wire import Reply
from payonce.providers.transport import Answer, Request, Unreachable


class Handles(Protocol):
    """A simulator, as far as a transport needs it."""

    def handle(
        self, method: str, path: str, query: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> Reply: ...


class DirectTransport:
    """Hands requests to a simulator in the same process."""

    def __init__(self, sim: Handles, clock: Clock, *, seconds_per_byte: float = 1.0) -> None:
        self._sim = sim
        self._clock = clock
        self._seconds_per_byte = seconds_per_byte

    async def send(self, request: Request) -> Answer:
        """The answer, or Unreachable with `sent=True`: whatever fails here may have had its effect."""
        url = urlsplit(request.url)
        reply = self._sim.handle(request.method, url.path, url.query, request.headers, request.body)
        needed = reply.delay_seconds
        if reply.manner == "drip":
            needed += len(reply.body) * self._seconds_per_byte
        if reply.manner == "silence" or needed > request.timeout_seconds:
            await self._clock.sleep(request.timeout_seconds)
            raise Unreachable("no answer in time", sent=True)
        if needed:
            await self._clock.sleep(needed)
        if reply.manner == "reset":
            raise Unreachable("the connection was reset", sent=True)
        headers = tuple((name.lower(), value) for name, value in reply.headers)
        return Answer(reply.status, headers, reply.body)
