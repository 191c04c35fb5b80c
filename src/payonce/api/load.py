"""How much the process takes upon itself at once; what is beyond is told to come back, before it costs anything.

Without a bound a flood makes everybody wait until all of them give up, and nothing that was done is of use to anyone.
Webhooks are counted by the gatherer, which answers each provider in its own words; health is always answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias

from payonce.base.errors import Unavailable

# At the rate of one process two seconds of work. Clicks that wait for a silent provider are among them.
MOST_REQUESTS: Final = 1024
# Sixty-four of the largest bodies, or tens of thousands of usual ones.
MOST_BODY_BYTES: Final = 64 * 1024 * 1024
BUSY_RETRY_SECONDS: Final = 2.0
# Who would wait longer than whoever is told to come back, is told to come back: begun and given up would be worse.
LONGEST_WAIT_SECONDS: Final = 2.0
# The paths whose requests are not counted.
UNCOUNTED: Final = ("/webhooks/", "/livez", "/readyz", "/metrics")
# What there can be too much of: two are counted here, the others by the gatherers.
TooMuch: TypeAlias = Literal["requests", "bodies", "deliveries", "reads", "keys", "checkouts"]


class Load:
    """What is under way in this process. `on_full` is told what there was too much of: requests or bodies.
    `wait_seconds` says how long requests wait for the database at present."""

    def __init__(
        self,
        *,
        most_requests: int = MOST_REQUESTS,
        most_body_bytes: int = MOST_BODY_BYTES,
        on_full: Callable[[TooMuch], object] = lambda what: None,
        wait_seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._on_full = on_full
        self._wait_seconds = wait_seconds
        self._most_requests = most_requests
        self._most_body_bytes = most_body_bytes
        self.requests = 0
        self.body_bytes = 0

    def is_full_for(self, path: str) -> bool:
        """Whether a request of this path would be told to come back."""
        return self._is_full() and not path.startswith(UNCOUNTED)

    def too_many(self) -> Unavailable:
        """What whoever comes beyond the bound of requests is told."""
        return _overloaded("too many requests are under way")

    @contextmanager
    def one(self, path: str) -> Iterator[Held]:
        """One request, as long as it is being answered. Raises Unavailable `overloaded` (503)."""
        counted = not path.startswith(UNCOUNTED)
        if counted and self._is_full():
            self._on_full("requests")
            raise self.too_many()
        self.requests += counted
        held = Held(self)
        try:
            yield held
        finally:
            self.requests -= counted
            self.body_bytes -= held.bytes

    def _is_full(self) -> bool:
        return self.requests >= self._most_requests or self._wait_seconds() > LONGEST_WAIT_SECONDS

    def hold(self, size: int) -> None:
        """Count that many more bytes of bodies. Raises Unavailable `overloaded` (503)."""
        if self.body_bytes + size > self._most_body_bytes:
            self._on_full("bodies")
            raise _overloaded("too many bytes of bodies are held")
        self.body_bytes += size


class Held:
    """What one request holds."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.bytes = 0

    def add(self, size: int) -> None:
        """That many bytes came. Raises Unavailable `overloaded` (503)."""
        self._load.hold(size)
        self.bytes += size


def _overloaded(message: str) -> Unavailable:
    return Unavailable(message, code="overloaded", retry_after_seconds=BUSY_RETRY_SECONDS)
