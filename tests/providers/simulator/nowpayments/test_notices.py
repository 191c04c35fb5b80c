"""Notices: one for each change, signed; tried again a few times, and then never; lost, late and twice on request."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from payonce.providers.simulator.nowpayments import NowPaymentsSimulator, Settings
from payonce.providers.simulator.nowpayments.notices import with_objects
from payonce.providers.simulator.nowpayments.simulator import PATIENCE_SECONDS
from payonce.providers.simulator.serve import Running
from tests.providers.simulator.nowpayments.merchant import Merchant
from tests.providers.simulator.receiver import Receiver

THROUGH = ["waiting", "confirming", "confirmed", "sending", "finished"]


def signed(secret: str, told: Any) -> str:
    """The signature of a body without small numbers, so that the standard library writes it as JavaScript does."""
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def test_every_change_is_told_over_http_with_a_signature(
    merchant: Merchant, running: Running[NowPaymentsSimulator], receiver: Receiver
) -> None:
    made = merchant.make(ipn_callback_url=receiver.url, order_description="Bàn trà")
    merchant.sim.payer.pay(made["payment_id"])
    running.sim.on_news()
    got = receiver.wait_for(lambda rows: len(rows) >= len(THROUGH))
    assert sorted(row.event["payment_status"] for row in got) == sorted(THROUGH)
    for row in got:
        assert row.headers["x-nowpayments-sig"] == signed(merchant.sim.settings.ipn_secret or "", row.event)
        assert row.event["payment_id"] == int(made["payment_id"]) and "payment_id" in row.event
        # Nothing in it tells one delivery from another, or an old one from a new one.
        assert not {"id", "event_id", "created_at", "updated_at"} & row.event.keys()
    running.wait_until_quiet()


def test_without_a_secret_or_an_address_nothing_is_told() -> None:
    silent = Merchant(Settings(ipn_secret=None))
    silent.sim.payer.pay(silent.make()["payment_id"])
    assert silent.told() == []
    nowhere = Merchant()
    nowhere.sim.payer.pay(nowhere.make(ipn_callback_url=None)["payment_id"])
    assert nowhere.told() == [] and nowhere.sim.truth.came_in() == {"order-1": 4500}


def test_an_invoice_tells_of_the_payments_that_come_of_it(merchant: Merchant) -> None:
    invoice = merchant.invoice()
    assert merchant.told() == []
    merchant.sim.payer.pay(invoice["invoice_url"])
    (made,) = merchant.sim.truth.payments()
    assert merchant.told() == [(made.id, word) for word in THROUGH]


@pytest.mark.parametrize("status", [None, 301, 400, 500])
def test_an_error_brings_it_again_three_times_a_minute_apart_and_then_never(
    merchant: Merchant, status: int | None
) -> None:
    merchant.make()
    bodies = []
    for _ in range(4):
        (leaving,) = merchant.sim.due_deliveries()
        bodies.append((leaving.body, leaving.headers))
        merchant.sim.delivered(leaving.delivery_id, status)
        assert merchant.sim.due_deliveries() == []
        merchant.sim.advance(60)
    assert merchant.sim.due_deliveries() == [] and merchant.sim.quiet()
    assert len(set(bodies)) == 1 and [row.tries for row in merchant.sim.webhooks.sent] == [1, 2, 3, 4]


def test_the_number_of_tries_and_the_time_between_them_are_settings() -> None:
    merchant = Merchant(Settings(ipn_retries=1, ipn_interval=600))
    merchant.make()
    (leaving,) = merchant.sim.due_deliveries()
    merchant.sim.delivered(leaving.delivery_id, None)
    assert merchant.sim.next_due() == merchant.sim.books.now() + 600
    merchant.sim.advance(600)
    (again,) = merchant.sim.due_deliveries()
    merchant.sim.delivered(again.delivery_id, 200)
    merchant.sim.advance(3600)
    assert merchant.sim.due_deliveries() == []


def test_a_receiver_has_three_seconds(merchant: Merchant) -> None:
    merchant.make()
    (leaving,) = merchant.sim.due_deliveries()
    assert leaving.timeout_seconds == PATIENCE_SECONDS == 3.0


def test_a_lost_notice_never_comes_and_a_dropped_one_comes_with_the_next_try(merchant: Merchant) -> None:
    merchant.delivery_faults.add("payment.finished", "lose")
    merchant.delivery_faults.add("payment.sending", "drop")
    merchant.sim.payer.pay(merchant.make()["payment_id"])
    assert [word for _, word in merchant.told()] == ["waiting", "confirming", "confirmed"]
    merchant.sim.advance(60)
    assert [word for _, word in merchant.told()] == ["sending"]
    merchant.sim.advance(3600)
    assert merchant.told() == []


def test_a_doubled_notice_is_the_same_bytes_and_a_delayed_one_is_overtaken(merchant: Merchant) -> None:
    merchant.delivery_faults.add("payment.waiting", "duplicate")
    merchant.delivery_faults.add("payment.confirming", "delay", seconds=30)
    merchant.sim.payer.pay(merchant.make()["payment_id"])
    first, second = merchant.sim.webhooks.due()[:2]
    assert (first.body, first.headers) == (second.body, second.headers) and first.delivery_id != second.delivery_id
    merchant.sim.advance(30)
    assert [word for _, word in merchant.told()] == ["confirming"]


def test_an_old_notice_can_be_sent_again_for_ever(merchant: Merchant) -> None:
    merchant.sim.payer.pay(merchant.make()["payment_id"], "less")
    merchant.told()
    merchant.sim.advance(365 * 24 * 3600)
    letter_id = max(merchant.sim.webhooks.written)
    merchant.sim.webhooks.resend(letter_id)
    (leaving,) = merchant.sim.due_deliveries()
    assert leaving.body == merchant.sim.webhooks.written[letter_id].body
    with pytest.raises(KeyError):
        merchant.sim.webhooks.resend(10**6)


@pytest.mark.parametrize("form", ["array", "object"])
def test_a_list_in_a_notice_is_signed_in_the_chosen_form(form: Any) -> None:
    merchant = Merchant(Settings(signed_arrays=form))
    made = merchant.make()["payment_id"]
    merchant.sim.payer.pay(made, "less")
    merchant.sim.payer.pay_again(made)
    merchant.sim.dashboard.finish(made)
    last = merchant.sim.due_deliveries()[-1]
    told = json.loads(last.body)
    assert told["payment_extra_ids"] == [merchant.sim.truth.payments()[-1].id]
    wanted = told if form == "array" else with_objects(told)
    secret = merchant.sim.settings.ipn_secret or ""
    assert dict(last.headers)["x-nowpayments-sig"] == signed(secret, wanted)
