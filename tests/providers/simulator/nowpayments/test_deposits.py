"""Coins arrive: in time and late, too few and too many, once and again; and people change what was an end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from payonce.providers.simulator.nowpayments import Settings
from payonce.providers.simulator.nowpayments.errors import NowError
from tests.providers.simulator.nowpayments.merchant import Merchant

DAY = 24 * 3600


def status(merchant: Merchant, payment_id: object) -> str:
    found: str = merchant.see(payment_id)["payment_status"]
    return found


@pytest.mark.parametrize(
    ("amount", "seen", "ends", "came_in"),
    [
        ("exact", "succeeded", "finished", 4500),
        ("less", "partially_paid", "partially_paid", 1800),
        ("more", "succeeded", "finished", 5625),
        (Decimal("44.999999"), "partially_paid", "partially_paid", 4499),
        (Decimal("0.5"), "declined", "failed", None),
    ],
)
def test_what_comes_in_decides_how_it_ends(
    merchant: Merchant, amount: Any, seen: str, ends: str, came_in: int | None
) -> None:
    made = merchant.make()
    assert merchant.sim.payer.pay(made["payment_id"], amount) == seen
    assert status(merchant, made["payment_id"]) == ends
    assert merchant.sim.truth.came_in().get("order-1") == came_in
    (deposit,) = merchant.sim.truth.deposits()
    assert merchant.see(made["payment_id"])["actually_paid"] == deposit.amount


def test_an_exact_payment_of_any_coin_is_worth_the_price(merchant: Merchant) -> None:
    for number, coin in enumerate(("usdttrc20", "btc", "eth", "trx", "xrp", "wbtc")):
        for price, currency, minor in (("9.99", "usd", 999), ("33.33", "eur", 3333), ("1235", "jpy", 1235)):
            order = f"{number}-{currency}"
            made = merchant.make(price, coin, price_currency=currency, order_id=order)
            assert merchant.sim.payer.pay(made["payment_id"]) == "succeeded"
            assert merchant.sim.truth.came_in()[order] == minor


def test_a_deposit_passes_through_every_status_in_its_time() -> None:
    merchant = Merchant(Settings(step_seconds=60))
    made = merchant.make()
    assert merchant.sim.payer.pay(made["pay_address"]) == "processing"
    seen = []
    for _ in range(4):
        seen.append(status(merchant, made["payment_id"]))
        assert (merchant.sim.truth.came_in() == {}) is (seen[-1] != "finished")
        merchant.sim.advance(60)
    assert seen == ["confirming", "confirmed", "sending", "finished"]
    assert merchant.told() == [(int(made["payment_id"]), word) for word in ("waiting", *seen)]


def test_nothing_for_seven_days_expires_and_coins_still_arrive_after_it(merchant: Merchant) -> None:
    made = merchant.make()
    merchant.sim.advance(7 * DAY - 1)
    assert status(merchant, made["payment_id"]) == "waiting"
    merchant.sim.advance(1)
    assert status(merchant, made["payment_id"]) == "expired"
    merchant.sim.advance(30 * DAY)
    assert merchant.sim.payer.pay(made["pay_address"]) == "succeeded"
    assert merchant.sim.truth.came_in() == {"order-1": 4500}
    assert [word for _, word in merchant.told()][-4:] == ["confirming", "confirmed", "sending", "finished"]


def test_what_was_paid_does_not_expire(merchant: Merchant) -> None:
    made = merchant.make()
    merchant.sim.payer.pay(made["payment_id"], "less")
    merchant.sim.advance(8 * DAY)
    assert status(merchant, made["payment_id"]) == "partially_paid"


def test_a_further_deposit_is_a_payment_of_its_own_with_a_parent(merchant: Merchant) -> None:
    made = merchant.make("45", "btc")
    merchant.sim.payer.pay(made["payment_id"], "less")
    assert merchant.sim.payer.pay(made["payment_id"]) == "refused"
    assert merchant.sim.payer.pay_again(made["pay_address"], Decimal("0.0005")) == "succeeded"
    first, again = merchant.sim.truth.payments()
    shown = merchant.see(again.id)
    assert shown["parent_payment_id"] == first.id == int(made["payment_id"])
    assert (shown["payment_status"], shown["pay_address"]) == ("finished", made["pay_address"])
    assert (shown["price_amount"], shown["pay_amount"], shown["actually_paid"]) == (
        32,
        Decimal("0.0005"),
        Decimal("0.0005"),
    )
    assert status(merchant, first.id) == "partially_paid"
    assert merchant.see(first.id)["payment_extra_ids"] == [again.id]
    assert merchant.sim.truth.came_in() == {"order-1": 1800 + 3200}


def test_a_deposit_after_a_repeated_one_belongs_to_the_first(merchant: Merchant) -> None:
    made = merchant.make()
    merchant.sim.payer.pay(made["payment_id"])
    for _ in range(2):
        merchant.sim.payer.pay_again(str(merchant.sim.truth.payments()[-1].id))
    parents = [row.parent for row in merchant.sim.truth.payments()]
    assert parents == [None, int(made["payment_id"]), int(made["payment_id"])]


def test_a_repeated_deposit_may_come_without_the_order_and_still_counts_for_it() -> None:
    settings = Settings(repeated_has_order_id=False, repeated_ends="partially_paid", parent_in_reads=False)
    merchant = Merchant(settings)
    made = merchant.make()
    merchant.sim.payer.pay(made["payment_id"])
    assert merchant.sim.payer.pay_again(made["payment_id"], "less") == "partially_paid"
    shown = merchant.see(merchant.sim.truth.payments()[-1].id)
    assert shown["order_id"] is None and "parent_payment_id" not in shown
    assert merchant.sim.truth.came_in() == {"order-1": 4500 + 4500 * 4 // 10}


def test_nothing_can_be_paid_again_that_has_not_been_paid(merchant: Merchant) -> None:
    made = merchant.make()
    assert merchant.sim.payer.pay_again(made["payment_id"]) == "refused"
    assert merchant.sim.truth.deposits() == []
    with pytest.raises(NowError):
        merchant.sim.payer.pay("nowhere")
    with pytest.raises(NowError):
        merchant.sim.payer.pay(made["payment_id"], Decimal(0))
    assert merchant.sim.truth.deposits() == []


def test_a_part_that_the_merchant_covers_is_no_underpayment() -> None:
    merchant = Merchant(Settings(covering_percent=Decimal(1)))
    made = merchant.make("100")
    assert merchant.sim.payer.pay(made["payment_id"], Decimal(99)) == "succeeded"
    assert merchant.sim.truth.came_in() == {"order-1": 9900}


def test_what_was_an_end_can_be_changed_by_hand(merchant: Merchant) -> None:
    made = merchant.make()["payment_id"]
    merchant.sim.payer.pay(made, "less")
    merchant.sim.dashboard.finish(made)
    assert status(merchant, made) == "finished"
    assert merchant.sim.truth.came_in() == {"order-1": 1800}
    merchant.sim.dashboard.refund(made)
    assert status(merchant, made) == "refunded"
    assert [word for _, word in merchant.told()][-3:] == ["partially_paid", "finished", "refunded"]


def test_what_is_called_off_moves_no_money_and_its_address_still_takes_coins(merchant: Merchant) -> None:
    made = merchant.make()["payment_id"]
    merchant.sim.dashboard.cancel(made)
    assert status(merchant, made) == "cancelled" and merchant.sim.truth.came_in() == {}
    merchant.sim.advance(8 * DAY)
    assert status(merchant, made) == "cancelled"
    assert merchant.sim.payer.pay(made) == "succeeded" and merchant.sim.truth.came_in() == {"order-1": 4500}


def test_a_change_by_hand_that_makes_no_sense_is_refused(merchant: Merchant) -> None:
    made = merchant.make()["payment_id"]
    for act in (merchant.sim.dashboard.finish, merchant.sim.dashboard.refund):
        with pytest.raises(NowError):
            act(made)
    assert status(merchant, made) == "waiting" and [word for _, word in merchant.told()] == ["waiting"]


def test_one_invoice_can_be_paid_by_several_payments(merchant: Merchant) -> None:
    url = merchant.invoice()["invoice_url"]
    first = merchant.sim.payer.choose(url, "btc")
    second = merchant.sim.payer.choose(url, "eth")
    assert merchant.sim.payer.choose(url, "btc") == first != second
    assert [merchant.sim.payer.pay(made) for made in (first, second)] == ["succeeded"] * 2
    assert merchant.sim.truth.came_in() == {"order-1": 9000}
    assert merchant.sim.payer.pay(url) == "refused"


def test_an_invoice_is_paid_in_the_coin_that_the_payer_chooses_unless_it_says_one(merchant: Merchant) -> None:
    assert merchant.sim.payer.pay(merchant.invoice()["invoice_url"], coin="eth") == "succeeded"
    fixed = merchant.invoice(pay_currency="btc", order_id="order-2")
    with pytest.raises(NowError):
        merchant.sim.payer.pay(fixed["id"], coin="eth")
    assert merchant.sim.payer.pay(fixed["id"]) == "succeeded"
    assert [row.coin.code for row in merchant.sim.truth.payments()] == ["eth", "btc"]


def test_an_invoice_that_was_paid_in_part_takes_another_payment(merchant: Merchant) -> None:
    url = merchant.invoice()["invoice_url"]
    assert merchant.sim.payer.pay(url, "less", coin="btc") == "partially_paid"
    assert merchant.sim.payer.pay(url, Decimal("27"), coin="usdttrc20") == "partially_paid"
    assert merchant.sim.payer.pay_again(url, "exact") == "succeeded"
    assert merchant.sim.truth.came_in() == {"order-1": 1800 + 2700 + 4500}


def test_money_is_known_by_the_attempt_in_the_order_id(merchant: Merchant) -> None:
    mark = "att_01jd3z0000e008000000000001"
    made = merchant.make(order_id=mark)
    merchant.make(order_id="of somebody else")
    (attempt_id,) = merchant.sim.truth.payable_attempts()
    merchant.sim.payer.pay(made["payment_id"], "more")
    assert merchant.sim.truth.payable_attempts() == set()
    merchant.sim.payer.pay_again(made["payment_id"], "less")
    captured = merchant.sim.truth.captures_by_attempt()
    assert list(captured) == [attempt_id]
    assert [(row.amount_minor, row.currency) for row in captured[attempt_id]] == [(5625, "USD"), (1800, "USD")]
    assert merchant.sim.truth.refunds_by_id() == {}


def test_what_is_paid_out_is_less_than_what_came_in(merchant: Merchant) -> None:
    made = merchant.make("100", "trx")
    merchant.sim.payer.pay(made["payment_id"])
    shown = merchant.see(made["payment_id"])
    assert (shown["outcome_amount"], shown["outcome_currency"]) == (Decimal("99.5"), "usdttrc20")
