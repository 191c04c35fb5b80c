"""Refunds: asked for once by name, never more than was paid, and decided later."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from payonce.providers.simulator.wire import Refusal
from payonce.providers.simulator.zalopay import ZaloPaySimulator
from tests.providers.simulator.zalopay.merchant import REFUND, Merchant
from tests.providers.simulator.zalopay.test_orders import codes

SECOND = UUID("019a9b1c-0000-7000-8000-0000000000f2")


def test_a_refund_is_accepted_now_and_decided_later(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    transaction = merchant.paid()
    asked = merchant.refund(transaction, 20_000)
    assert codes(asked) == (3, 2) and isinstance(asked["refund_id"], int)
    assert codes(merchant.query_refund()) == (3, 2)
    [back] = sim.truth.refunds_by_id()[REFUND]
    assert (back.capture, back.amount_minor, back.currency) == (str(transaction), 20_000, "VND")
    assert back.status == "pending"
    assert sim.bank.end_refund(merchant.refund_name()) == "succeeded"
    assert codes(merchant.query_refund()) == (1, 1)
    assert sim.bank.end_refund(merchant.refund_name(), success=False) == "succeeded"
    assert sim.truth.refunds_by_id()[REFUND][0].status == "succeeded"


def test_the_same_name_sends_money_back_once(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    """A second refund with the same name makes nothing."""
    transaction = merchant.paid()
    merchant.refund(transaction, 10_000)
    again = merchant.refund(transaction, 10_000)
    assert codes(again) == (2, -23) and "refund_id" not in again
    assert sim.truth.refunded_total(merchant.name()) == 10_000
    assert len(sim.truth.refunds_by_id()[REFUND]) == 1


def test_more_than_was_paid_never_goes_back(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    transaction = merchant.paid()
    assert codes(merchant.refund(transaction, 50_001)) == (2, -14)
    assert codes(merchant.refund(transaction, 30_000)) == (3, 2)
    assert codes(merchant.refund(transaction, 20_001, SECOND)) == (2, -14)
    assert sim.truth.refunded_total(merchant.name()) == 30_000
    # A refund that failed gives its part free again.
    sim.bank.end_refund(merchant.refund_name(), success=False)
    assert codes(merchant.query_refund()) == (2, 0)
    assert codes(merchant.refund(transaction, 50_000, SECOND)) == (3, 2)
    assert sim.truth.refunded_total(merchant.name()) == 50_000


def test_a_transaction_may_be_text_or_a_number_and_must_exist(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    transaction = merchant.paid()
    assert codes(merchant.refund(str(transaction), 1_000)) == (3, 2)
    assert codes(merchant.refund(transaction, 1_000, SECOND)) == (3, 2)
    assert codes(merchant.refund(999, 1_000, UUID(int=3))) == (2, -101)
    assert sim.truth.refunded_total(merchant.name()) == 2_000


def test_a_refund_with_a_fee_has_a_code_of_its_own(merchant: Merchant) -> None:
    transaction = merchant.paid()
    assert codes(merchant.refund(transaction, 1_000, refund_fee_amount=100)) == (3, 2)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"m_refund_id": "261119_2553_x"}, (2, -401)),
        ({"m_refund_id": "261120_2554_x"}, (2, -401)),
        ({"m_refund_id": "261120_2553_"}, (2, -401)),
        ({"m_refund_id": "261120_2553_" + "x" * 34}, (2, -401)),
        ({"amount": 0}, (2, -401)),
        ({"amount": "1000"}, (2, -401)),
        ({"description": ""}, (2, -401)),
        ({"description": "x" * 101}, (2, -401)),
        ({"zp_trans_id": "9" * 16}, (2, -401)),
        ({"zp_trans_id": None}, (2, -401)),
        ({"timestamp": 1}, (2, -13)),
        ({"mac": "0" * 64}, (2, -402)),
        ({"app_id": 2554}, (2, -402)),
    ],
)
def test_a_refund_that_is_asked_for_wrongly_moves_nothing(
    sim: ZaloPaySimulator, merchant: Merchant, changes: dict[str, Any], wanted: tuple[int, int]
) -> None:
    transaction = merchant.paid()
    assert codes(merchant.refund(transaction, **({"amount": 1_000} | changes))) == wanted
    assert sim.truth.refunds_by_id() == {}


def test_what_nobody_asked_for_is_not_found(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    assert codes(merchant.query_refund()) == (2, -101)
    with pytest.raises(Refusal):
        sim.bank.end_refund(merchant.refund_name())


@pytest.mark.parametrize(("after", "first", "later"), [(0.0, (1, 1), (1, 1)), (30.0, (3, 2), (1, 1))])
def test_refunds_can_end_by_the_clock(
    sim: ZaloPaySimulator, merchant: Merchant, after: float, first: tuple[int, int], later: tuple[int, int]
) -> None:
    sim.settings.refund_settles_after = after
    assert codes(merchant.refund(merchant.paid(), 1_000)) == first
    sim.advance(30)
    assert codes(merchant.query_refund()) == later


def test_a_refund_by_hand_is_nobody_elses(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    transaction = merchant.paid()
    sim.bank.refund(merchant.name(), 45_000)
    assert sim.truth.refunds_by_id() == {} and sim.truth.refunded_total(merchant.name()) == 45_000
    assert codes(merchant.refund(transaction, 5_001)) == (2, -14)
    sim.bank.refund(merchant.name())
    assert sim.truth.refunded_total(merchant.name()) == 50_000


def test_an_order_that_nobody_paid_has_nothing_to_send_back(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    merchant.create()
    with pytest.raises(Refusal):
        sim.bank.refund(merchant.name(), 1)
    assert sim.truth.refunded_total(merchant.name()) == 0
