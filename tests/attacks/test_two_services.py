"""Two services on one database, while one is frozen, the other killed, and the provider and its webhooks misbehave."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2

from payonce.providers.simulator.delivery_faults import DeliveryFaults
from payonce.providers.simulator.faults import Fault, Faults
from payonce.providers.simulator.serve import start_in_thread
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from tests.support.receiver import WEBHOOK_SECRET, Receiver, receiving
from tests.support.service import API_KEY, STRIPE_KEY, STRIPE_SECRET, Caller, Service
from tests.support.waiting import until

ORDERS = 16
# How many people click on each order at the same time, and pay whatever they are led to.
PEOPLE = 6


@dataclass
class Town:
    """A simulated provider, a receiver of what is fulfilled, and two services."""

    sim: StripeSimulator
    receiver: Receiver
    services: list[Service]

    @property
    def urls(self) -> list[str]:
        return [service.base_url for service in self.services]


@contextmanager
def town(folder: Path, **environment: str) -> Iterator[Town]:
    """Both services, started one after the other; everything is ended with the block."""
    sim = StripeSimulator()
    with receiving() as receiver:
        provider = start_in_thread(sim)
        common = {
            "PAYONCE_STRIPE_API_KEY": STRIPE_KEY, "PAYONCE_STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
            "PAYONCE_STRIPE_API_BASE": provider.base_url, "PAYONCE_STRIPE_FLOW": "payment_intent",
            "PAYONCE_WEBHOOK_URL": receiver.url, "PAYONCE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }  # fmt: skip
        services = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            services.append(Service(folder / name, port=None, **common | environment))
        try:
            for service in services:
                service.start()
                sim.add_endpoint(f"{service.base_url}/webhooks/stripe", STRIPE_SECRET)
            yield Town(sim, receiver, services)
        finally:
            for service in services:
                with suppress(Exception):
                    service.thaw()
                service.stop()
            provider.stop()


def misbehave(sim: StripeSimulator) -> None:
    """Let every fifth call go wrong, half of those after it took effect; webhooks come to both, twice, late."""
    faults, webhooks = sim.faults, sim.webhooks.faults
    assert isinstance(faults, Faults) and isinstance(webhooks, DeliveryFaults)
    for when in ("before", "after"):
        for kind in ("reset", "html", "bad_json", "error_500"):
            faults.add("*", Fault(kind, when), times=None, rate=0.03)
    faults.add("*", Fault("rate_limited", seconds=0.2), times=None, rate=0.05)
    webhooks.add("*", "duplicate", seconds=0.5, times=None, rate=0.5)
    webhooks.add("*", "shuffle", seconds=0.5, times=None, rate=0.5)
    webhooks.add("*", "drop", times=None, rate=0.2)


def buy(town: Town, number: int) -> str:
    """Place an order at one service, and let several people click at both and pay."""
    wish = {
        "reference": f"R-{number}", "purpose": f"fee:{number}", "amount_minor": 4500, "currency": "USD",
        "payer": {"reference": f"payer-{number}"}, "success_url": "https://shop.example/thanks",
    }  # fmt: skip
    order_id = str(somewhere(town, "/v1/orders", wish, f"order-{number}", number)["id"])

    def click(person: int) -> None:
        answer = somewhere(town, f"/v1/orders/{order_id}/checkout", {}, f"click-{number}-{person}", number + person)
        if "client_secret" in answer:
            town.sim.payer.pay(str(answer["client_secret"]))

    with ThreadPoolExecutor(PEOPLE) as people:
        list(people.map(click, range(PEOPLE)))
    return order_id


def somewhere(town: Town, path: str, body: dict[str, object], key: str, first: int) -> dict[str, object]:
    """POST to one service and then the other, as a balancer would, until one has an answer; with a key of its own each
    time, as a careless caller would.
    """
    found: list[dict[str, object]] = []
    tries = iter(range(first, first + 1000))

    def answered() -> bool:
        number = next(tries)
        url = town.urls[number % 2]
        with suppress(httpx2.HTTPError):
            answer = httpx2.post(
                url + path, json=body, timeout=5,
                headers={"Authorization": f"Bearer {API_KEY}", "Idempotency-Key": f"{key}-{number}"},
            )  # fmt: skip
            assert answer.status_code in (200, 201, 202, 409, 429, 502, 503), answer.text
            if answer.status_code in (200, 201) or answer.json().get("code") == "order_paid":
                found.append(answer.json())
        return bool(found)

    until(answered, what=path)
    return found[0]


def test_whatever_happens_to_either_service_every_order_is_paid_once(tmp_path: Path) -> None:
    """B1: any number of clicks at any service make one charge, one record and one fulfilment.

    Both run the embedded server in one data directory, so that it outlives whichever of them started it.
    """
    chance = random.Random(11)
    with town(tmp_path, PAYONCE_DATA_DIR=str(tmp_path / "data"), PAYONCE_LEASE="25s") as here:
        misbehave(here.sim)
        with ThreadPoolExecutor(8) as payers:
            buying = [payers.submit(buy, here, number) for number in range(ORDERS)]
            for _ in range(2):
                frozen, killed = chance.sample(here.services, 2)
                frozen.freeze()
                killed.kill()
                killed.start()
                frozen.thaw()
            order_ids = [each.result() for each in buying]
        here.sim.clear_faults()
        check(here, order_ids)


def check(here: Town, order_ids: list[str]) -> None:
    """Every order charged, recorded and fulfilled once, by the provider's books, ours and the receiver's."""
    caller, left = Caller(here.urls[0]), set(order_ids)

    def done() -> bool:
        for order_id in list(left):
            order = caller.get(f"/v1/orders/{order_id}")
            if order is not None and order["counters"] == {"charged": 1, "recorded": 1, "fulfilled": 1}:
                left.discard(order_id)
        return not left

    until(done, what=f"every order to be charged, recorded and fulfilled once: {left}")
    captured = here.sim.truth.captures_by_metadata("payonce_order")
    assert Counter(len(found) for found in captured.values()) == {1: len(order_ids)}
    assert {order_id: len(ids) for order_id, ids in here.receiver.fulfilled.items()} == dict.fromkeys(order_ids, 1)
    proved = here.services[0].command("prove")
    assert proved.returncode == 0, proved.stdout + proved.stderr
