"""Checkouts through the guard, and reads of a status, by two processes; and what two of them answer that do nothing."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks import service
from benchmarks.load import Plan
from benchmarks.place import Place
from benchmarks.service import KEY, Process, environment, free_port, payonce, play
from benchmarks.settling import Side
from payonce.base.ids import ORDER, show

PROCESSES: Final = 2
# Five answers a minute are allowed for each order and caller; four leave room.
_READS_OF_ONE = 4


def bare(place: Place, *, seconds: float, callers: int = 64, most: int = 400_000) -> Side:
    """The floor: answers to the requests of `statuses` by an application that does nothing."""
    requests = [_status("x" * 26)] * most
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="payonce-bench-bare-")))
        running = []
        for _ in range(PROCESSES):
            port = free_port()
            words = [sys.executable, "-m", "benchmarks.bare", str(port)]
            running.append(stack.enter_context(service.running(words, folder, environment(), port, "/")))
        plan = Plan(
            ports=[each.port for each in running], kind="lines", requests=requests, callers=callers, seconds=seconds,
            wants='"payment"',
        )  # fmt: skip
        return _played("an application that does nothing", place, running, plan)


def checkouts(place: Place, *, seconds: float, callers: int = 64, most: int = 20_000) -> Side:
    """First checkouts a second, each of an order of its own and with a payable object that the provider made."""
    place.fresh()
    place.execute("TRUNCATE provider_refs, attempts CASCADE", database="bench")
    orders = place.rows("SELECT order_id FROM orders ORDER BY order_id LIMIT %s", most)
    requests = [_checkout(show(ORDER, order_id), number) for number, (order_id,) in enumerate(orders)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="payonce-bench-provider-")))
        port = free_port()
        words = [sys.executable, "-m", "benchmarks.provider", str(port)]
        stack.enter_context(service.running(words, folder, environment(), port, "/v1/balance"))
        told = {"PAYONCE_STRIPE_API_BASE": f"http://127.0.0.1:{port}"}
        running = stack.enter_context(payonce(place.dsn(), PROCESSES, **told))
        plan = Plan(
            ports=[each.port for each in running], kind="lines", requests=requests, callers=callers, seconds=seconds,
            wants="client_secret", statuses=[200, 201],
        )  # fmt: skip
        side = _played("checkouts", place, running, plan)
    [(opened,)] = place.rows("SELECT count(*) FROM attempts WHERE state = 'open' AND disclosed_at IS NOT NULL")
    if opened != side.events:
        raise RuntimeError(f"{side.events} checkouts were answered, and {opened} attempts are open")
    return side


def statuses(place: Place, *, seconds: float, callers: int = 64, most: int = 60_000) -> Side:
    """Answers a second to pages that wait, each order asked by four of them."""
    place.fresh()
    tokens = place.rows("SELECT token FROM orders ORDER BY order_id LIMIT %s", most // _READS_OF_ONE)
    requests = [_status(token) for _ in range(_READS_OF_ONE) for (token,) in tokens]
    with payonce(place.dsn(), PROCESSES) as running:
        plan = Plan(
            ports=[each.port for each in running], kind="lines", requests=requests, callers=callers, seconds=seconds,
            wants='"payment"',
        )  # fmt: skip
        return _played("status reads", place, running, plan)


def _played(name: str, place: Place, running: Sequence[Process], plan: Plan) -> Side:
    """The load, with the processor time for an answer of the server's and of the service's processes."""
    server, spent = place.written(), sum(each.cpu_seconds() for each in running)
    result = play(plan)
    server, spent = place.written() - server, sum(each.cpu_seconds() for each in running) - spent
    return Side(
        name, result.rate, result.p50, result.p99, result.mean, result.answered,
        server_cpu_us=round(server.cpu_seconds / result.answered * 1e6),
        service_cpu_us=round(spent / result.answered * 1e6),
    )  # fmt: skip


def _checkout(order: str, number: int) -> str:
    body = '{"flow": "payment_intent"}'
    return (
        f"POST /v1/orders/{order}/checkout HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
        f"Idempotency-Key: bench-{number}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


def _status(token: str) -> str:
    return f"GET /status/{token} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n"
