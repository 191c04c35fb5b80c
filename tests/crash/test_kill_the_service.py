"""SIGKILL of the service at random moments, while orders are paid and webhooks come twice and out of order."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from payonce.drivers.chance import SystemChance
from payonce.providers.simulator.delivery_faults import DeliveryFaults
from payonce.providers.simulator.serve import start_in_thread
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.testing.serving import free_port
from tests.support.receiver import WEBHOOK_SECRET, receiving
from tests.support.service import STRIPE_KEY, STRIPE_SECRET, Caller, Service
from tests.support.waiting import DEADLINE_SECONDS, until

ORDERS = 200
KILLS = 6


def test_after_kills_every_order_is_charged_recorded_and_fulfilled_once(tmp_path: Path) -> None:
    """E16: a crash after the work, before the answer, repeats nothing; B1 holds for clicks that are retried."""
    faults, port = DeliveryFaults(SystemChance()), free_port()
    sim = StripeSimulator(delivery_faults=faults)
    sim.add_endpoint(f"http://127.0.0.1:{port}/webhooks/stripe", STRIPE_SECRET)
    faults.add("*", "duplicate", seconds=1.0, times=None, rate=0.3)
    faults.add("*", "shuffle", seconds=1.0, times=None, rate=0.3)
    with receiving() as receiver:
        provider = start_in_thread(sim)
        service = Service(
            tmp_path, port=port, PAYONCE_STRIPE_API_KEY=STRIPE_KEY, PAYONCE_STRIPE_WEBHOOK_SECRET=STRIPE_SECRET,
            PAYONCE_STRIPE_API_BASE=provider.base_url, PAYONCE_STRIPE_FLOW="payment_intent",
            PAYONCE_WEBHOOK_URL=receiver.url, PAYONCE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        )  # fmt: skip
        try:
            service.start()
            order_ids = _pay_while_killing(service, sim)
            _check(service, order_ids)
            assert {order_id: len(ids) for order_id, ids in receiver.fulfilled.items()} == dict.fromkeys(order_ids, 1)
            assert receiver.forged == 0
            captured = sim.truth.captures_by_metadata("payonce_order")
            assert {order_id: len(found) for order_id, found in captured.items()} == dict.fromkeys(order_ids, 1)
            proved = service.command("prove")
            assert proved.returncode == 0, proved.stdout + proved.stderr
        finally:
            service.stop()
            provider.stop()


def _pay_while_killing(service: Service, sim: StripeSimulator) -> list[str]:
    """Let eight payers work through the orders while the service is killed and started again; the ids of the orders."""
    chance, paid, ended = random.Random(7), threading.Semaphore(0), threading.Event()

    def kill() -> None:
        for _ in range(KILLS):
            # A moment is a number of payments, so that kills fall into work on a machine of any speed.
            for _ in range(chance.randint(5, ORDERS // KILLS - 5)):
                if not paid.acquire(timeout=DEADLINE_SECONDS):
                    return
            service.kill()
            service.start()
        ended.set()

    killer = threading.Thread(target=kill)
    killer.start()
    with ThreadPoolExecutor(8) as payers:
        order_ids = list(payers.map(lambda number: _order_and_pay(service.base_url, sim, number, paid), range(ORDERS)))
    killer.join()
    assert ended.is_set(), "not all kills happened"
    return order_ids


def _order_and_pay(base_url: str, sim: StripeSimulator, number: int, paid: threading.Semaphore) -> str:
    caller = Caller(base_url)
    wish = {
        "reference": f"R-{number}", "purpose": f"fee:{number}", "amount_minor": 4500, "currency": "USD",
        "payer": {"reference": f"payer-{number}"}, "success_url": "https://shop.example/thanks",
        "cancel_url": "https://shop.example/back",
    }  # fmt: skip
    order = caller.post_until("/v1/orders", wish, f"order-{number}")
    for click in range(1 + number % 2):
        checkout = caller.post_until(f"/v1/orders/{order['id']}/checkout", {}, f"checkout-{number}-{click}")
        if "client_secret" in checkout:
            sim.payer.pay(checkout["client_secret"])
    paid.release()
    return str(order["id"])


def _check(service: Service, order_ids: list[str]) -> None:
    caller, left = Caller(service.base_url), set(order_ids)

    def done() -> bool:
        for order_id in list(left):
            order = caller.get(f"/v1/orders/{order_id}")
            if order is not None and order["counters"] == {"charged": 1, "recorded": 1, "fulfilled": 1}:
                left.discard(order_id)
        return not left

    until(done, what="every order to be charged, recorded and fulfilled once")
