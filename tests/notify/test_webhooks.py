"""Outgoing webhooks against a real receiver that verifies and keeps ids: told at least once, acted on once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest

from payonce.base.errors import Bug, Unavailable
from payonce.base.ids import ORDER, Ids, show
from payonce.domain.effect import OCCASIONS, Effect
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import SystemClock
from payonce.drivers.postgres_async import AsyncDatabase
from payonce.notify.sender import HttpSender
from payonce.notify.side_by_side import SideBySide
from payonce.notify.webhooks import WebhookHandler, operators_endpoint, webhook_effects, webhook_kinds
from payonce.store.database import inside
from payonce.usecases.deliver_effects import Delivered, deliver_effects
from payonce.usecases.effect_handlers import (
    Accepted,
    EffectCall,
    Handlers,
    NotAccepted,
    Outcome,
    OutcomeUnknown,
    one_by_one,
)
from payonce.usecases.list_effects import EffectShown, list_effects, show_effect
from payonce.usecases.retry_effect import retry_effect
from payonce.usecases.world import DEFAULT_MERCHANT, World
from tests.support.effects import free_order, paid_for
from tests.support.house import House
from tests.support.waiting import DEADLINE_SECONDS
from tests.support.webhook_receiver import Endpoint, hang_up, receiver

T = TypeVar("T")
SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgc2hvcCBpbiB0ZXN0cw=="
OTHER = "whsec_dGhlIHNlY3JldCB0aGF0IHdhcyBpbiBmb3JjZSBiZWZvcmU="


@pytest.fixture
def shop() -> Iterator[Endpoint]:
    """An application's endpoint."""
    with receiver(SECRET) as endpoint:
        yield endpoint


def call_of(order: Mapping[str, Any] | None = None, **more: Any) -> EffectCall:
    given: dict[str, Any] = {
        "id": "eff_01jd0000000000000000000000", "key": "0:paid:webhook.order.paid", "kind": "webhook.order.paid",
        "occasion": "order.paid", "cause": "paid", "merchant_id": "default", "order_id": uuid4(), "try_number": 1,
        "owed_at": datetime(2026, 11, 20, 12, 0, 0, 5000, tzinfo=UTC), "order": order or {"id": "ord_1"},
    }  # fmt: skip
    return EffectCall(**(given | more))


def send(url: str, effect: EffectCall | None = None, secrets: str | list[str] = SECRET) -> Outcome:
    """Deliver one effect outside of everything else."""

    async def deliver() -> Outcome:
        async with HttpSender(allow_private=True) as sender:
            handler = WebhookHandler(operators_endpoint(url, secrets), sender, SystemClock())
            return await handler.deliver(effect or call_of())

    return asyncio.run(deliver())


def test_what_is_sent_is_a_standard_webhook(shop: Endpoint) -> None:
    order = {"id": "ord_1", "state": "paid", "reference": "Phí tháng 5 – 45 €", "counters": {"charged": 1}}
    assert send(shop.url, call_of(order)) == Accepted("204")
    [got] = shop.got
    assert got.payload == {"type": "order.paid", "timestamp": "2026-11-20T12:00:00.005Z", "data": order}
    assert got.headers["content-type"] == "application/json"
    assert got.id == "eff_01jd0000000000000000000000"


def test_every_message_carries_its_cause(shop: Endpoint) -> None:
    """A20: every message carries the id and the cause that produced it."""
    send(shop.url, call_of(cause="surplus:stripe:main:payment_intent:pi_1:500\r\nevil: 1", try_number=3))
    [got] = shop.got
    assert got.headers["payonce-cause"] == "surplus:stripe:main:payment_intent:pi_1:500??evil: 1"
    assert got.headers["payonce-try"] == "3"
    assert "payonce-run" not in got.headers


def test_every_message_carries_the_run_that_produced_it_and_what_that_followed_from(shop: Endpoint) -> None:
    """A20: of a run of a job its id, and what it read or heard; nothing in it can begin another header."""
    send(shop.url, call_of(run_id="run_01k8", caused_by="read:0192\r\nevil: 1"))
    [got] = shop.got
    assert (got.headers["payonce-run"], got.headers["payonce-caused-by"]) == ("run_01k8", "read:0192??evil: 1")
    assert "evil" not in got.headers


def test_while_a_secret_is_rotated_receivers_with_either_one_verify(shop: Endpoint) -> None:
    assert send(shop.url, secrets=[OTHER, SECRET]) == Accepted("204")
    assert send(shop.url, secrets=[OTHER]) == NotAccepted("401 not signed")
    assert len(shop.refused) == 1


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (200, Accepted("200")),
        (299, Accepted("299")),
        (410, NotAccepted("410", is_final=True)),
        (404, NotAccepted("404")),
        (500, NotAccepted("500")),
        ((503, {"retry-after": "120"}, b"busy"), NotAccepted("503 busy", 120.0)),
        ((429, {"retry-after": "Fri, 20 Nov 2026 12:00:00 GMT"}, b""), NotAccepted("429")),
        ((302, {"location": "http://127.0.0.1:1/"}, b""), NotAccepted("302: a redirect is not followed")),
        ((500, {}, b"\xff\x00" * 50_000), NotAccepted("500 " + "\ufffd\x00" * 100)),
    ],
)
def test_an_answer_means_what_its_status_says(shop: Endpoint, script: Any, outcome: Outcome) -> None:
    shop.script.append(script)
    assert send(shop.url) == outcome
    assert len(shop.got) == 1


def test_without_an_answer_the_outcome_is_unknown(shop: Endpoint) -> None:
    shop.script.append(hang_up)
    assert isinstance(send(shop.url), OutcomeUnknown)
    assert len(shop.got) == 1


def test_a_receiver_that_is_not_there_was_surely_not_told(shop: Endpoint) -> None:
    outcome = send("http://127.0.0.1:1/hooks")
    assert isinstance(outcome, NotAccepted) and not outcome.is_final


def test_an_answer_that_never_ends_is_left_after_its_beginning(shop: Endpoint) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            handler.close_connection = True

    shop.script.append(endless)
    assert send(shop.url) == Accepted("200")


def test_an_answer_of_one_byte_at_a_time_ends_with_the_deadline(
    shop: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while not stop.wait(0.05):
                handler.wfile.write(b"x")
        except OSError:
            pass
        handler.close_connection = True

    monkeypatch.setattr("payonce.notify.webhooks.CALL_SECONDS", 0.3)
    shop.script.append(drip)
    try:
        assert isinstance(send(shop.url), OutcomeUnknown)
    finally:
        stop.set()


def test_nothing_is_sent_inside_a_transaction(shop: Endpoint) -> None:
    with inside(object()), pytest.raises(Bug):
        send(shop.url)
    assert shop.got == []


def test_an_endpoint_hears_of_every_occasion_and_what_is_to_be_done_is_fulfilment() -> None:
    kinds = webhook_kinds("shop")
    assert [kind.on for kind in kinds] == list(OCCASIONS)
    assert [kind.name for kind in kinds if kind.nature == "fulfilment"] == ["shop.order.paid", "shop.payout.due"]
    assert {kind.on_unknown for kind in kinds} == {"resend"}


class Courier:
    """Workers on asyncio that deliver the house's webhooks to the shop."""

    def __init__(self, house: House, database_url: str, url: str, lanes: int = 16) -> None:
        self.house = house
        self._database_url = database_url
        self._url = url
        self._lanes = lanes
        house.world.kinds[:] = [kind for kind in webhook_kinds() if kind.on == "order.paid"]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    async def _with_world(self, workers: int, limit: int) -> list[Delivered]:
        chance = SystemChance()
        async with (
            AsyncDatabase(self._database_url, clock=self.house.clock, chance=chance) as database,
            HttpSender(allow_private=True) as sender,
        ):
            world = World(database, self.house.clock, Ids(self.house.clock, chance), chance, {}, {})
            handlers = Handlers(one_by_one(self._describe))
            for kind, handler in webhook_effects(operators_endpoint(self._url, SECRET), sender, SystemClock()):
                handlers.add(kind, handler)
            lanes = SideBySide(self._lanes)

            async def work() -> list[Delivered]:
                try:
                    return await deliver_effects(world, DEFAULT_MERCHANT, handlers, limit, together=lanes)
                except Unavailable:
                    # Under SERIALIZABLE rivals may use up the runs of a transaction; the worker comes back then.
                    return []

            rounds = (work() for _ in range(workers))
            return [found for delivered in await asyncio.gather(*rounds) for found in delivered]

    async def _describe(self, merchant_id: str, order_id: UUID) -> Mapping[str, Any]:
        return {"id": show(ORDER, order_id)}

    def deliver(self, workers: int = 1, limit: int = 100) -> list[Delivered]:
        return self.run(self._with_world(workers, limit))

    def only(self) -> EffectShown:
        [effect] = self.house.run(list_effects(self.house.world, DEFAULT_MERCHANT))
        return self.house.run(show_effect(self.house.world, DEFAULT_MERCHANT, effect.id))

    def retry(self, effect: Effect) -> Effect:
        return self.house.run(retry_effect(self.house.world, DEFAULT_MERCHANT, effect.id, "asked by the shop", "linh"))


def test_a_paid_order_is_told_to_the_shop_once(house: House, database_url: str, shop: Endpoint) -> None:
    """E1: one payment, one webhook that counts."""
    courier = Courier(house, database_url, shop.url)
    order_id = paid_for(house)
    for _ in range(3):
        courier.deliver(workers=4)
    [got] = shop.got
    assert (got.payload["type"], got.payload["data"]) == ("order.paid", {"id": show(ORDER, order_id)})
    assert house.see(order_id).counters.fulfilled == 1


def test_two_hundred_orders_and_four_workers_are_two_hundred_webhooks(
    house: House, database_url: str, shop: Endpoint
) -> None:
    courier = Courier(house, database_url, shop.url)
    for number in range(200):
        free_order(house, number)
    while house.rows("SELECT 1 FROM effects WHERE state <> 'done' LIMIT 1"):
        courier.deliver(workers=4, limit=200)
    assert set(Counter(got.id for got in shop.got).values()) == {1}
    assert len(shop.taken) == 200


def test_a_receiver_that_fails_is_told_again_under_the_same_id(house: House, database_url: str, shop: Endpoint) -> None:
    courier = Courier(house, database_url, shop.url)
    order_id = paid_for(house)
    shop.script += [500, hang_up, (429, {"retry-after": "30"}, b"")]
    for _ in range(6):
        courier.deliver()
        house.clock.move(60)
    assert len(shop.got) == 4
    assert len(shop.taken) == 1
    # One body for all tries, but each is signed for its own moment.
    assert len({got.body for got in shop.got}) == 1
    assert [row.outcome for row in courier.only().tries] == ["refused", "unknown", "refused", "accepted"]
    assert house.see(order_id).counters.fulfilled == 1


def test_a_redelivery_keeps_the_id(house: House, database_url: str, shop: Endpoint) -> None:
    courier = Courier(house, database_url, shop.url)
    paid_for(house)
    courier.deliver()
    courier.retry(courier.only().effect)
    courier.deliver()
    assert len(shop.got) == 2
    assert shop.taken == {shop.got[0].id}


def test_an_endpoint_that_is_gone_is_a_finding_at_once(house: House, database_url: str, shop: Endpoint) -> None:
    courier = Courier(house, database_url, shop.url)
    paid_for(house)
    shop.script += [410]
    assert [found.outcome for found in courier.deliver()] == ["dead"]
    assert house.rows("SELECT kind, state FROM findings") == [("dead_effect", "open")]


KILLED_WORKER = """
import asyncio, sys
from payonce.base.ids import Ids
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import SystemClock
from payonce.drivers.postgres_async import AsyncDatabase
from payonce.notify.sender import HttpSender
from payonce.notify.side_by_side import SideBySide
from payonce.notify.webhooks import operators_endpoint, webhook_effects
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.effect_handlers import Handlers
from payonce.usecases.world import World

dsn, url, secret = sys.argv[1:]

async def describe(merchant_id, order_ids):
    return {order_id: {"by": "the worker that dies"} for order_id in order_ids}

async def main():
    clock, chance = SystemClock(), SystemChance()
    async with AsyncDatabase(dsn, clock=clock, chance=chance) as database, HttpSender(allow_private=True) as sender:
        world = World(database, clock, Ids(clock, chance), chance, {}, {})
        handlers = Handlers(describe)
        for kind, handler in webhook_effects(operators_endpoint(url, secret), sender, clock):
            handlers.add(kind, handler)
        await deliver_effects(world, "default", handlers, together=SideBySide())

asyncio.run(main())
"""


def test_a_worker_killed_between_the_call_and_its_answer_costs_no_webhook(
    house: House, database_url: str, shop: Endpoint
) -> None:
    """E16: SIGKILL after the receiver acted and before we heard of it; it is told again, and knows the id."""
    courier = Courier(house, database_url, shop.url)
    orders = [free_order(house, number) for number in range(20)]
    started = threading.Event()
    worker: list[subprocess.Popen[bytes]] = []

    def kill_the_worker(handler: BaseHTTPRequestHandler) -> None:
        started.wait()
        os.kill(worker[0].pid, signal.SIGKILL)
        hang_up(handler)

    shop.script += [204, 204, 204, kill_the_worker]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-c", KILLED_WORKER, database_url, shop.url, SECRET]
    worker.append(subprocess.Popen(command, env=environment))
    started.set()
    assert worker[0].wait(DEADLINE_SECONDS) == -signal.SIGKILL
    [(lease_until,)] = house.rows("SELECT max(lease_until) FROM effects WHERE state = 'claimed'")
    house.clock.instant = lease_until
    for _ in range(3):
        courier.deliver()
        house.clock.move(60)
    assert len(shop.taken) == len(orders)
    assert {house.see(order_id).counters.fulfilled for order_id in orders} == {1}
    assert house.rows("SELECT DISTINCT state FROM effects") == [("done",)]
