"""A generator of load in a process of its own: many times what a service can answer, for a while, and what came of it.

`python -m tests.attacks.overload URL` reads what to do as JSON from stdin and writes what came of it to stdout: the
status of every answer, those that broke the rule, and the ids of all that was acknowledged. Everything is sent over
kept connections, one request at a time on each, at the times that the rate asks for, whatever became of the others.

It shares its processors with the service, so that it does as little as it can for a request: protocols on uvloop, and
requests from patterns.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import stripe
import uvloop

from tests.attacks.corpora.doors import STRIPE_SECRET
from tests.support.raw_http import request
from tests.support.service import API_KEY

# Of ten requests so many are each of these; webhooks are what a flood mostly is.
MIX: Final = ("webhook", "webhook", "webhook", "webhook", "webhook", "order", "order", "order", "read", "read")
ANSWER_SECONDS: Final = 120.0
# What is longer than this is held up by something else: then what was due is sent as fast as the rest, not at once.
_LONGEST_DEBT_SECONDS: Final = 0.1
_KEY: Final = ("Authorization", f"Bearer {API_KEY}")


@dataclass
class Came:
    """What came of it. `events` and `orders` are the ids and references of all that was answered with 2xx; `in_time`
    counts those by their kind that were before the end of the sending, and `cpu_seconds` is the processor time of the
    generator.
    """

    sent: int = 0
    seconds: float = 0.0
    in_time: dict[str, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)

    @property
    def goodput(self) -> float:
        """How many were answered with 2xx in a second of the sending."""
        return sum(self.in_time.values()) / self.seconds

    @property
    def answered_well(self) -> int:
        """How many were answered with 2xx."""
        return sum(number for status, number in self.statuses.items() if status.startswith("2"))


def generate(base_url: str, *, rate: float, seconds: float, connections: int, name: str) -> Came:
    """Send at that rate (requests a second; 0: as fast as answers come) from a process of its own."""
    asked = {"rate": rate, "seconds": seconds, "connections": connections, "name": name}
    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.overload", base_url], input=json.dumps(asked), text=True,
        stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return Came(**json.loads(done.stdout))


class _Line(asyncio.Protocol):
    """One kept connection; `kind` is what it is asking for, empty while it asks for nothing."""

    def __init__(self, flood: _Flood) -> None:
        self._flood = flood
        self._transport: Any = None
        self._connecting: asyncio.Task[None] | None = None
        self._buffer = b""
        self._data = b""
        self._is_kept = False
        self.kind = self.own = ""
        self.since = 0.0

    def ask(self, kind: str, own: str, data: bytes) -> None:
        """Send one request. A kept connection that was ended meanwhile is made anew, once."""
        self.kind, self.own, self._data = kind, own, data
        self.since = time.perf_counter()
        self._is_kept = self._transport is not None
        if self._is_kept:
            self._transport.write(data)
        else:
            self._connecting = asyncio.ensure_future(self._connect())

    def close(self) -> None:
        """End the connection."""
        transport, self._transport, self._buffer = self._transport, None, b""
        if transport is not None:
            transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._data)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = buffer[:end].lower()
        size = _number(head, b"content-length")
        if len(buffer) < end + 4 + size:
            return
        self._buffer = b""
        status, again = int(head[9:12]), _number(head, b"retry-after")
        if b"\r\nconnection: close" in head:
            self.close()
        self._flood.answered(self, status, again, head)

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is None:
            # It was ended here, or its answer said that it would be.
            return
        self._transport, self._buffer = None, b""
        if not self.kind:
            return
        if self._is_kept:
            self.ask(self.kind, self.own, self._data)
        else:
            self._flood.lost(self, error or ConnectionResetError("the connection was ended without an answer"))

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, *self._flood.place)
        except OSError as error:
            self._flood.lost(self, error)


def _number(head: bytes, name: bytes) -> int:
    at = head.find(b"\r\n" + name + b":")
    return int(head[at + len(name) + 3 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


class _Flood:
    """One run."""

    def __init__(self, base_url: str, name: str, connections: int) -> None:
        parts = urlsplit(base_url)
        self.place = (parts.hostname or "", parts.port or 80)
        self.came = Came()
        self._name = name
        self._statuses = Counter[str]()
        self._lines = [_Line(self) for _ in range(connections)]
        self._free = deque(self._lines)
        self._is_over = False
        self._came_back = asyncio.Event()

    async def play(self, rate: float, seconds: float) -> Came:
        """Send for so long, and wait for what is still to be answered."""
        came, began, due = self.came, time.perf_counter(), 0.0
        while (passed := time.perf_counter() - began) < seconds:
            if rate:
                # A generator has its own pace, which is what a flood is; nothing is waited for here.
                due = max(due, (passed - _LONGEST_DEBT_SECONDS) * rate)
                while self._free and due < rate * passed:
                    self._send()
                    due += 1
                await asyncio.sleep(0.001)
            else:
                while self._free:
                    self._send()
                self._came_back.clear()
                await self._came_back.wait()
        came.seconds, self._is_over = time.perf_counter() - began, True
        while any(line.kind for line in self._lines):
            for line in self._lines:
                if line.kind and time.perf_counter() - line.since > ANSWER_SECONDS:
                    line.close()
                    self.lost(line, TimeoutError())
            await asyncio.sleep(0.02)
        for line in self._lines:
            line.close()
        came.statuses, came.cpu_seconds = dict(self._statuses), time.process_time()
        return came

    def answered(self, line: _Line, status: int, again: int, head: bytes) -> None:
        """Note what an answer says."""
        came, kind = self.came, line.kind
        self._statuses[str(status)] += 1
        if 200 <= status < 300:
            if not self._is_over:
                came.in_time[kind] = came.in_time.get(kind, 0) + 1
            if kind != "read":
                (came.events if kind == "event" else came.orders).append(line.own)
        elif status not in (429, 503) or again <= 0:
            came.wrong.append(f"{kind}: {head!r}"[:200])
        self._give_back(line)

    def lost(self, line: _Line, error: Exception) -> None:
        """Note that a request had no answer."""
        self.came.wrong.append(f"{line.kind}: {type(error).__name__} {error}"[:200])
        self._give_back(line)

    def _give_back(self, line: _Line) -> None:
        line.kind = ""
        self._free.append(line)
        self._came_back.set()

    def _send(self) -> None:
        self._free.popleft().ask(*_made(self.came.sent, self._name))
        self.came.sent += 1


def _made(number: int, name: str) -> tuple[str, str, bytes]:
    """The kind of a request, its id, and its bytes."""
    kind, own = MIX[number % len(MIX)], f"{name}-{number}"
    if kind == "webhook":
        at = int(time.time())
        body = (
            f'{{"id": "evt_{own}", "object": "event", "type": "customer.updated", "created": {at}, "livemode": false, '
            f'"data": {{"object": {{"id": "cus_{own}", "object": "customer"}}}}}}'
        )
        signature = str(stripe.WebhookSignature.generate_signature_header(body, STRIPE_SECRET, at))
        sent = request("POST", "/webhooks/stripe", [("Stripe-Signature", signature)], body.encode())
        return "event", f"evt_{own}", sent
    if kind == "order":
        wish = (
            f'{{"reference": "{own}", "purpose": "{own}", "amount_minor": 4500, "currency": "USD", '
            f'"payer": {{"reference": "{own}"}}, "success_url": "https://shop.example/thanks"}}'
        )
        headers = [_KEY, ("Idempotency-Key", own), ("Content-Type", "application/json")]
        return "order", own, request("POST", "/v1/orders", headers, wish.encode())
    return "read", own, request("GET", "/v1/orders?limit=1", [_KEY])


async def _generate(base_url: str, rate: float, seconds: float, connections: int, name: str) -> Came:
    gc.freeze()
    return await _Flood(base_url, name, connections).play(rate, seconds)


def main() -> int:
    """Do what stdin asks for."""
    asked: dict[str, Any] = json.loads(sys.stdin.read())
    came = uvloop.run(_generate(sys.argv[1], **asked))
    print(json.dumps(asdict(came)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
