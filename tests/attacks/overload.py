"""A generator of load in a process of its own: many times what a service can answer, for a while, and what came of it.

`python -m tests.attacks.overload URL` reads what to do as JSON from stdin and writes what came of it to stdout: the
status of every answer, those that broke the rule, and the ids of all that was acknowledged. Everything is sent over
kept connections, one request at a time on each, at the times that the rate asks for, whatever became of the others.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import stripe

from tests.attacks.corpora.doors import STRIPE_SECRET
from tests.support.raw_http import request
from tests.support.service import API_KEY

# Of ten requests so many are each of these; webhooks are what a flood mostly is.
MIX: Final = ("webhook", "webhook", "webhook", "webhook", "webhook", "order", "order", "order", "read", "read")
ANSWER_SECONDS: Final = 120.0


@dataclass
class Came:
    """What came of it. `acknowledged` are the ids of events and references of orders that were answered with 2xx."""

    sent: int = 0
    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)

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


class _Line:
    """One kept connection."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._place = (parts.hostname or "", parts.port or 80)
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, data: bytes) -> tuple[int, dict[str, str]]:
        """The status and headers of the answer. A kept connection that was ended meanwhile is made anew, once."""
        was_kept = self._ends is not None
        try:
            return await self._ask(data)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            if not was_kept:
                raise
            return await self._ask(data)

    def close(self) -> None:
        if self._ends is not None:
            self._ends[1].close()
        self._ends = None

    async def _ask(self, data: bytes) -> tuple[int, dict[str, str]]:
        if self._ends is None:
            self._ends = await asyncio.open_connection(*self._place)
        reader, writer = self._ends
        writer.write(data)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return int(first.split(" ")[1]), headers


def _made(number: int, name: str) -> tuple[str, str, bytes]:
    """The kind of a request, its id, and its bytes."""
    kind, own = MIX[number % len(MIX)], f"{name}-{number}"
    key = ("Authorization", f"Bearer {API_KEY}")
    if kind == "webhook":
        told = {"id": f"evt_{own}", "object": "event", "type": "customer.updated", "created": int(time.time()),
                "livemode": False, "data": {"object": {"id": f"cus_{own}", "object": "customer"}}}  # fmt: skip
        body = json.dumps(told)
        at = int(time.time())
        signature = str(stripe.WebhookSignature.generate_signature_header(body, STRIPE_SECRET, at))
        sent = request("POST", "/webhooks/stripe", [("Stripe-Signature", signature)], body.encode())
        return "event", f"evt_{own}", sent
    if kind == "order":
        wish = {"reference": own, "purpose": own, "amount_minor": 4500, "currency": "USD",
                "payer": {"reference": own}, "success_url": "https://shop.example/thanks"}  # fmt: skip
        headers = [key, ("Idempotency-Key", own), ("Content-Type", "application/json")]
        return "order", own, request("POST", "/v1/orders", headers, json.dumps(wish).encode())
    return "read", own, request("GET", "/v1/orders?limit=1", [key])


async def _generate(base_url: str, rate: float, seconds: float, connections: int, name: str) -> Came:
    came, statuses = Came(), Counter[str]()
    free: asyncio.Queue[_Line] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(_Line(base_url))

    async def one(line: _Line, number: int) -> None:
        kind, own, data = _made(number, name)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, headers = await line.ask(data)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            line.close()
            came.wrong.append(f"{kind}: {type(error).__name__} {error}"[:200])
        else:
            statuses[str(status)] += 1
            is_sent_back = status in (429, 503) and int(headers.get("retry-after", "0")) > 0
            if not is_sent_back and not 200 <= status < 300:
                came.wrong.append(f"{kind}: {status} {headers}"[:200])
            if 200 <= status < 300 and kind != "read":
                (came.events if kind == "event" else came.orders).append(own)
        free.put_nowait(line)

    began, tasks = time.perf_counter(), set[asyncio.Task[None]]()
    while (passed := time.perf_counter() - began) < seconds:
        if rate and came.sent >= rate * passed:
            # A generator has its own pace, which is what a flood is; nothing is waited for here.
            await asyncio.sleep(0.001)
            continue
        line = await free.get()
        task = asyncio.create_task(one(line, came.sent))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        came.sent += 1
    came.seconds = time.perf_counter() - began
    await asyncio.gather(*tasks)
    while not free.empty():
        free.get_nowait().close()
    came.statuses = dict(statuses)
    return came


def main() -> int:
    """Do what stdin asks for."""
    asked: dict[str, Any] = json.loads(sys.stdin.read())
    came = asyncio.run(_generate(sys.argv[1], **asked))
    sys.stdout.write(json.dumps(asdict(came)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
