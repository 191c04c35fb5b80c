"""Callbacks: of money only, signed over a text, four times at most, and what a query says meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from payonce.providers.simulator.delivery_faults import DeliveryFaults
from payonce.providers.simulator.letters import Outgoing
from payonce.providers.simulator.serve import Running
from payonce.providers.simulator.zalopay import ZaloPaySimulator
from payonce.providers.simulator.zalopay.callbacks import received
from payonce.providers.simulator.zalopay.mac import mac
from tests.providers.simulator.receiver import Delivery, Receiver, receiving
from tests.providers.simulator.zalopay.merchant import KEY2, Merchant, code
from tests.providers.simulator.zalopay.test_orders import codes

VECTORS = Path(__file__).parents[3] / "vectors" / "zalopay.json"
TAKEN = b'{"return_code": 1, "return_message": "success"}'
AGAIN = b'{"return_code": 0}'


def first(sim: ZaloPaySimulator) -> Outgoing:
    """The only callback that is due."""
    [leaving] = sim.due_deliveries()
    return leaving


def test_the_published_callback_has_the_code_that_we_would_make() -> None:
    """The code is over the text as it stands."""
    vector = json.loads(VECTORS.read_text())
    assert mac(vector["key2"], vector["callback"]["data"]) == vector["callback"]["mac"]


def test_a_callback_tells_of_money_and_is_signed_over_its_text(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    merchant.create(app_user="người chơi", embed_data='{"note": "lệ phí <b>"}')
    assert sim.due_deliveries() == []
    sim.payer.pay(merchant.name(), discount=5_000)
    leaving = first(sim)
    assert (leaving.url, leaving.kind, leaving.tries) == ("https://shop.example/callbacks", "order.paid", 1)
    told = json.loads(leaving.body)
    assert told["mac"] == code(KEY2, told["data"]) and told["type"] == 1 and told.keys() == {"data", "mac", "type"}
    assert "người chơi" in told["data"] and "người chơi" in leaving.body.decode()
    data = json.loads(told["data"])
    [order] = sim.truth.orders()
    assert data == {
        "app_id": 2553,
        "app_trans_id": merchant.name(),
        "app_time": merchant.milliseconds(),
        "app_user": "người chơi",
        "amount": 50_000,
        "embed_data": '{"note": "lệ phí <b>"}',
        "item": "[]",
        "zp_trans_id": order.zp_trans_id,
        "server_time": merchant.milliseconds(),
        "channel": 38,
        "merchant_user_id": "simulated-payer",
        "user_fee_amount": 0,
        "discount_amount": 5_000,
    }
    # A merchant that writes the text anew and signs that has another code.
    assert code(KEY2, json.dumps(data)) != told["mac"]


@pytest.mark.parametrize("end", ["declined", "cancelled", "expired", "processing", "failed"])
def test_nothing_is_told_of_what_brings_no_money(sim: ZaloPaySimulator, merchant: Merchant, end: str) -> None:
    merchant.create()
    if end == "declined":
        sim.payer.decline(merchant.name())
    elif end == "cancelled":
        merchant.cancel()
    elif end == "expired":
        sim.advance(900)
    else:
        sim.payer.pay_slowly(merchant.name())
        if end == "failed":
            sim.payer.settle(merchant.name(), success=False)
    sim.advance(86_400)
    assert sim.due_deliveries() == [] and sim.webhooks.written == {}


def test_an_order_without_an_address_tells_nobody(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    merchant.create(callback_url="")
    sim.payer.pay(merchant.name())
    assert sim.due_deliveries() == [] and codes(merchant.query()) == (3, 3)
    sim.advance(1)
    assert codes(merchant.query()) == (1, 1)


@pytest.mark.parametrize("status", [None, 200])
def test_without_an_answer_or_with_zero_it_comes_four_times_and_never_again(
    sim: ZaloPaySimulator, merchant: Merchant, status: int | None
) -> None:
    merchant.create()
    sim.payer.pay(merchant.name())
    bodies, waits = [], []
    for _ in range(4):
        leaving = first(sim)
        bodies.append(leaving.body)
        sim.delivered(leaving.delivery_id, status, AGAIN if status else b"")
        due = sim.next_due()
        if due is not None:
            waits.append(due - sim.books.now())
            sim.advance(due - sim.books.now())
    assert tuple(waits) == sim.settings.callback_retries == (60.0, 180.0, 600.0)
    assert len(set(bodies)) == 1
    sim.advance(10 * 86_400)
    assert sim.due_deliveries() == [] and sim.quiet()


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (200, TAKEN, "taken"),
        (200, b'{"return_code": 2}', "taken"),
        (200, AGAIN, "again"),
        (None, b"", "again"),
        (200, b'{"return_code": -1, "return_message": "mac not equal"}', "never"),
        (200, b'{"return_code": 3}', "never"),
        (200, b'{"return_code": false}', "never"),
        (200, b'{"return_code": "0"}', "never"),
        (200, b"[]", "never"),
        (200, b"", "never"),
        (200, b"\xff", "never"),
        (500, b"", "never"),
        (500, AGAIN, "never"),
        (302, TAKEN, "never"),
    ],
)
def test_only_silence_and_zero_bring_it_again(status: int | None, body: bytes, wanted: str) -> None:
    assert received(status, body) == wanted


def test_an_answer_that_is_not_known_ends_the_tries(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    merchant.create()
    sim.payer.pay(merchant.name())
    sim.delivered(first(sim).delivery_id, 200, b'{"return_code": -1}')
    sim.advance(86_400)
    assert sim.due_deliveries() == [] and sim.next_due() is None
    # The money is there all the same; only asking tells of it.
    assert codes(merchant.query(sim.truth.orders()[0].app_trans_id)) == (1, 1)


def test_a_query_tells_of_the_money_only_a_moment_after_the_callback_was_answered(
    sim: ZaloPaySimulator, merchant: Merchant
) -> None:
    """What a callback told is still in progress for a query that is made because of it."""
    merchant.create()
    sim.payer.pay(merchant.name())
    leaving = first(sim)
    inside = merchant.query()
    assert codes(inside) == (3, 3) and inside["is_processing"] is True and inside["amount"] == 0
    sim.delivered(leaving.delivery_id, 200, TAKEN)
    assert codes(merchant.query()) == (3, 3)
    sim.advance(1)
    assert codes(merchant.query()) == (1, 1)


@pytest.mark.parametrize("kind", ["lose", "delay"])
def test_a_callback_that_does_not_come_holds_the_query_up_for_a_while_only(
    sim: ZaloPaySimulator, merchant: Merchant, kind: Any
) -> None:
    assert isinstance(sim.webhooks.faults, DeliveryFaults)
    sim.webhooks.faults.add("order.*", kind, seconds=3600)
    merchant.create()
    sim.payer.pay(merchant.name())
    assert sim.due_deliveries() == []
    sim.advance(14)
    assert codes(merchant.query()) == (3, 3)
    sim.advance(1)
    assert codes(merchant.query()) == (1, 1)
    sim.advance(3600)
    assert len(sim.due_deliveries()) == (kind == "delay")


def test_callbacks_can_come_twice_and_be_dropped(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    assert isinstance(sim.webhooks.faults, DeliveryFaults)
    sim.webhooks.faults.add("*", "duplicate")
    merchant.create()
    sim.payer.pay(merchant.name())
    one, two = sim.due_deliveries()
    assert one.body == two.body and one.delivery_id != two.delivery_id
    for leaving in (one, two):
        sim.delivered(leaving.delivery_id, 200, TAKEN)
    assert sim.resend(f"{merchant.name()}:1") == 1
    assert first(sim).body == one.body


def test_over_http_a_handler_that_asks_is_told_that_it_is_in_progress(
    running: Running[ZaloPaySimulator], merchant: Merchant
) -> None:
    asked: list[dict[str, Any]] = []
    with receiving() as receiver:
        receiver.inside, receiver.usual_body = lambda delivery: asked.append(merchant.query()), TAKEN
        merchant.create(callback_url=receiver.url)
        running.sim.payer.pay(merchant.name())
        [delivery] = _come(running, receiver, 1)
        running.wait_until_quiet()
    assert json.loads(delivery.body)["mac"] and codes(asked[0]) == (3, 3) and asked[0]["is_processing"] is True
    running.sim.advance(1)
    assert codes(merchant.query()) == (1, 1)
    assert [row.reception for row in running.sim.webhooks.sent] == ["taken"]


def test_over_http_the_body_of_the_answer_decides(running: Running[ZaloPaySimulator], merchant: Merchant) -> None:
    with receiving() as receiver:
        receiver.bodies, receiver.usual_body = [AGAIN], TAKEN
        merchant.create(callback_url=receiver.url)
        running.sim.payer.pay(merchant.name())
        _come(running, receiver, 1)
        running.wait_until_quiet()
        running.sim.advance(60)
        one, two = _come(running, receiver, 2)
        running.wait_until_quiet()
    assert one.body == two.body
    assert [row.reception for row in running.sim.webhooks.sent] == ["again", "taken"]


def _come(running: Running[ZaloPaySimulator], receiver: Receiver, count: int) -> list[Delivery]:
    running.sim.on_news()
    return receiver.wait_for(lambda got: len(got) >= count)
