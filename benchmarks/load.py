"""The load generator: callers that keep their connections, in a process of its own, on raw HTTP/1.1.

    python -m benchmarks.load < plan.json > result.json

`closed`: so many callers, each sends its next request when the last one is answered. `open`: requests come at a fixed
rate whatever the service does, and a late answer counts from when its request was due. Every answer is looked at: one
that is not as it must be ends the run. Requests are made and signed before the clock starts.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import uvloop

from benchmarks.letters import SECRET, Letters

# What the first answers show is the making of connections, caches and plans.
_BLANK: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send. `kind`: webhooks, or lines: ready ones in `requests`. Callers are dealt out to `ports`."""

    ports: list[int]
    path: str = "/webhooks/stripe"
    kind: str = "webhooks"
    secret: str = SECRET
    first: int = 1
    count: int = 10_000
    callers: int = 64
    seconds: float = 3.0
    warm: float = 0.5
    # Requests a second in all; 0: closed.
    rate: float = 0.0
    # What every answer must hold.
    wants: str = '"accepted"'
    statuses: list[int] = field(default_factory=lambda: [200])
    requests: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Result:
    """Answers a second and latencies in milliseconds, of the time after the warming; `answered` counts all."""

    answered: int
    rate: float
    p50: float
    p90: float
    p99: float
    longest: float
    mean: float


class _Caller(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, answered: Callable[[_Caller, int, bytes], None], lost: Callable[[], None]) -> None:
        self._answered = answered
        self._lost = lost
        self._buffer = b""
        self.since = 0.0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self, request: bytes, since: float) -> None:
        """Send one request; its time counts from `since`."""
        self.since = since
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_BLANK)
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + size:
            return
        status, body = int(self._buffer[9:12]), self._buffer[end + 4 : end + 4 + size]
        self._buffer = b""
        self._answered(self, status, body)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost()


class Run:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._waiting: deque[bytes] = deque(_requests(plan))
        self._free: deque[_Caller] = deque()
        self._due: deque[float] = deque()
        self._taken: list[tuple[float, float]] = []
        self._under_way = 0
        self._answered_in_all = 0
        self._wants = plan.wants.encode()
        self._end = 0.0
        self._done = asyncio.Event()
        self._wrong: str | None = None

    async def play(self) -> Result:
        """Send until the time is over or nothing is left. Raises RuntimeError at an answer that must not be."""
        loop, plan = asyncio.get_running_loop(), self._plan
        callers: list[_Caller] = []
        for number in range(plan.callers):
            port = plan.ports[number % len(plan.ports)]
            _, caller = await loop.create_connection(lambda: _Caller(self._on_answer, self._on_loss), "127.0.0.1", port)
            callers.append(caller)
        gc.collect()
        gc.freeze()
        began = time.perf_counter()
        self._end = began + plan.warm + plan.seconds
        if plan.rate:
            self._free.extend(callers)
            await self._arrive(began)
        else:
            for caller in callers:
                self._next(caller)
        await self._done.wait()
        if self._wrong:
            raise RuntimeError(self._wrong)
        stopped = min(self._end, max((at for at, _ in self._taken), default=self._end))
        return _result(self._taken, began + plan.warm, stopped, self._answered_in_all)

    async def _arrive(self, began: float) -> None:
        number, rate = 0, self._plan.rate
        while self._waiting and (now := time.perf_counter()) < self._end and self._wrong is None:
            due = began + number / rate
            while due <= now:
                self._due.append(due)
                number += 1
                due = began + number / rate
            self._give()
            await asyncio.sleep(0.001)
        self._due.clear()
        self._waiting.clear()
        if self._under_way == 0:
            self._done.set()

    def _give(self) -> None:
        while self._due and self._free and self._waiting:
            self._under_way += 1
            self._free.popleft().send(self._waiting.popleft(), self._due.popleft())

    def _next(self, caller: _Caller) -> None:
        now = time.perf_counter()
        if self._waiting and now < self._end and self._wrong is None:
            self._under_way += 1
            caller.send(self._waiting.popleft(), now)
        elif self._under_way == 0:
            self._done.set()

    def _on_answer(self, caller: _Caller, status: int, body: bytes) -> None:
        now = time.perf_counter()
        self._under_way -= 1
        self._answered_in_all += 1
        self._taken.append((now, now - caller.since))
        if status not in self._plan.statuses or self._wants not in body:
            self._wrong = f"answered {status}: {body[:300]!r}"
        if not self._plan.rate:
            self._next(caller)
            return
        self._free.append(caller)
        self._give()
        if self._under_way == 0 and (not self._waiting or self._wrong):
            self._done.set()

    def _on_loss(self) -> None:
        if not self._done.is_set():
            self._wrong = self._wrong or "a connection was closed"
            self._done.set()


def _requests(plan: Plan) -> Iterator[bytes]:
    if plan.kind == "webhooks":
        letters = Letters(plan.secret)
        return (letters.request(number, plan.path) for number in range(plan.first, plan.first + plan.count))
    return (line.encode() for line in plan.requests)


def _result(taken: list[tuple[float, float]], begin: float, end: float, answered: int) -> Result:
    within = sorted(spent for at, spent in taken if begin < at <= end)
    if not within:
        raise RuntimeError(f"nothing was answered in time; {answered} in all")

    def at(share: float) -> float:
        return round(within[min(len(within) - 1, int(len(within) * share))] * 1000, 3)

    mean = sum(within) / len(within) * 1000
    return Result(answered, len(within) / (end - begin), at(0.5), at(0.9), at(0.99), at(1.0), round(mean, 3))


async def _play(plan: Plan) -> Result:
    return await Run(plan).play()


def main() -> None:
    """Read a plan, print its result."""
    plan = Plan(**json.load(sys.stdin))
    print(json.dumps(asdict(uvloop.run(_play(plan)))))


if __name__ == "__main__":
    main()
