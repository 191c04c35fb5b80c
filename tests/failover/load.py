"""Shoppers at the real service, who order and pay, and a provider whose signed webhooks tell it: a small, steady load.

Whatever is answered is written down. Whoever gets no answer asks again for the same, as an application does; the
provider sends a webhook again until it is answered.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg

from payonce.base import ids
from payonce.providers.simulator.serve import start_in_thread
from payonce.providers.simulator.stripe.deliveries import Sent
from payonce.providers.simulator.stripe.settings import Settings
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.testing.serving import free_port
from tests.failover.acknowledged import Acknowledged
from tests.support.receiver import WEBHOOK_SECRET, Receiver, receiving
from tests.support.service import STRIPE_KEY, STRIPE_SECRET, Caller, Service
from tests.support.waiting import DEADLINE_SECONDS, until

SHOPPERS: Final = 3
# A shopper's pause between two orders: enough load to be in the middle of something at any moment, on any machine.
PAUSE_SECONDS: Final = 0.2
# The provider asks again at once and for as long as the run takes, so that a gap is measured and not its own patience.
RETRIES: Final = (0.5,) * 10_000


class Load:
    """The service with everybody around it."""

    def __init__(self, service: Service, sim: StripeSimulator, receiver: Receiver) -> None:
        self.service, self.receiver = service, receiver
        self.answers = Acknowledged()
        self.failures: list[str] = []
        self._sim = sim
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._shop, args=(number,)) for number in range(SHOPPERS)]
        self._threads.append(threading.Thread(target=self._pass_by))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every shopper finish the order that is in hand."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)

    def moments(self) -> list[float]:
        """When something was acknowledged: an order, a checkout, an event."""
        return [*self.answers.moments(), *(sent.at for sent in self._accepted())]

    def count(self) -> int:
        """How many acknowledgements there were."""
        return len(self.moments())

    def acknowledged(self) -> dict[str, set[str]]:
        """By kind, what was acknowledged until now."""
        events = {sent.event_id for sent in self._accepted()}
        return {
            "orders": set(self.answers.ids("orders")),
            "free": set(self.answers.ids("free")),
            "attempts": set(self.answers.ids("attempts")),
            "events": events,
        }

    def captured(self) -> dict[str, int]:
        """How often the provider charged each order, by its own books."""
        return {name: len(found) for name, found in self._sim.truth.captures_by_metadata("payonce_order").items()}

    def _accepted(self) -> list[Sent]:
        return [sent for sent in list(self._sim.webhooks.sent) if sent.status is not None and sent.status < 300]

    def _shop(self, shopper: int) -> None:
        caller, number = Caller(self.service.base_url), 0
        while not self._is_over.is_set():
            try:
                self._buy(caller, f"{shopper}:{number}")
            except AssertionError as error:
                self.failures.append(str(error))
                return
            number += 1
            self._is_over.wait(PAUSE_SECONDS)

    def _pass_by(self) -> None:
        """Order something free, and something else where there was no answer: who repeats a request waits until its
        lease is over (409), who asks for something new does not."""
        caller, number = Caller(self.service.base_url), 0
        while not self._is_over.wait(PAUSE_SECONDS):
            number += 1
            wish = _wish(f"free:{number}") | {"amount_minor": 0}
            with suppress(httpx2.HTTPError):
                answer = caller.post("/v1/orders", wish, f"free-{number}")
                if answer.status_code == 201:
                    self.answers.note("free", answer.json()["id"])

    def _buy(self, caller: Caller, name: str) -> None:
        order = caller.post_until("/v1/orders", _wish(name), f"order-{name}", seconds=DEADLINE_SECONDS)
        self.answers.note("orders", order["id"])
        checkout = caller.post_until(
            f"/v1/orders/{order['id']}/checkout", {}, f"checkout-{name}", seconds=DEADLINE_SECONDS
        )
        if "client_secret" in checkout:
            self.answers.note("attempts", checkout["attempt_id"])
            self._sim.payer.pay(checkout["client_secret"])


def _wish(name: str) -> dict[str, Any]:
    return {
        "reference": name, "purpose": f"fee:{name}", "amount_minor": 4500, "currency": "USD",
        "payer": {"reference": name}, "success_url": "https://shop.example/ok",
        "cancel_url": "https://shop.example/no",
    }  # fmt: skip


def lost(dsn: str, acknowledged: dict[str, set[str]]) -> dict[str, list[str]]:
    """By kind, what was acknowledged and is not in the database."""
    with psycopg.connect(dsn, connect_timeout=round(DEADLINE_SECONDS)) as connection:
        orders = {ids.show(ids.ORDER, row[0]) for row in connection.execute("SELECT order_id FROM orders")}
        attempts = {ids.show(ids.ATTEMPT, row[0]) for row in connection.execute("SELECT attempt_id FROM attempts")}
        events = {row[0] for row in connection.execute("SELECT event_key FROM event_keys")}
    there = {"orders": orders, "free": orders, "attempts": attempts, "events": events}
    return {kind: sorted(names - there[kind]) for kind, names in acknowledged.items() if names - there[kind]}


def unfinished(dsn: str) -> list[tuple[str, str]]:
    """The orders that are not paid and told of, with what each lacks."""
    with psycopg.connect(dsn, connect_timeout=round(DEADLINE_SECONDS)) as connection:
        rows = connection.execute("""
            SELECT o.order_id, 'state ' || o.state FROM orders AS o WHERE o.state <> 'paid'
            UNION ALL
            SELECT e.order_id, 'effect ' || e.state FROM effects AS e WHERE e.state <> 'done'
        """).fetchall()
    return [(ids.show(ids.ORDER, order_id), lacking) for order_id, lacking in rows]


@contextmanager
def running_load(folder: Path, dsn: str) -> Iterator[Load]:
    """The service on the database at `dsn`, under load, until the end of the block."""
    port = free_port()
    sim = StripeSimulator(settings=Settings(webhook_retries=RETRIES, log_length=1_000_000))
    sim.add_endpoint(f"http://127.0.0.1:{port}/webhooks/stripe", STRIPE_SECRET)
    with receiving() as receiver:
        provider = start_in_thread(sim)
        service = Service(
            folder, port=port, DATABASE_URL=dsn, PAYONCE_STRIPE_API_KEY=STRIPE_KEY,
            PAYONCE_STRIPE_WEBHOOK_SECRET=STRIPE_SECRET, PAYONCE_STRIPE_API_BASE=provider.base_url,
            PAYONCE_STRIPE_FLOW="payment_intent", PAYONCE_WEBHOOK_URL=receiver.url,
            PAYONCE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        )  # fmt: skip
        load = None
        try:
            load = Load(service.start(), sim, receiver)
            yield load
        finally:
            if load is not None:
                load.stop()
            service.stop()
            provider.stop()


def finish(load: Load, dsn: str) -> None:
    """End the load and wait until nobody is owed anything."""
    load.stop()
    until(lambda: not unfinished(dsn), what=lambda: f"every order to be paid and told of: {unfinished(dsn)[:5]}")


def wrong_at_the_end(load: Load, dsn: str) -> list[str]:
    """What is not as it must be once nobody is owed anything: every order is charged and told of once, nothing that was
    acknowledged is missing, and every invariant holds."""
    captured, orders = load.captured(), load.answers.ids("orders")
    fulfilled = {order_id: len(found) for order_id, found in load.receiver.fulfilled.items()}
    proved = load.service.command("prove")
    wrong = list(load.failures)
    wrong += [f"charged {captured.get(name, 0)} times: {name}" for name in orders if captured.get(name) != 1]
    wrong += [f"fulfilled {fulfilled.get(name, 0)} times: {name}" for name in orders if fulfilled.get(name) != 1]
    wrong += [f"lost: {found}" for found in lost(dsn, load.acknowledged()).items()]
    wrong += [proved.stdout + proved.stderr] if proved.returncode else []
    return wrong
