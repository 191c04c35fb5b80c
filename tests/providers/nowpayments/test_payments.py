"""What payments say: every status, and what coins are worth in the order's currency."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from payonce.base.money import LARGEST_MINOR
from payonce.domain.observation import PAYMENT_STATUSES, PaidIn, Ref, RefundSeen
from payonce.providers.nowpayments.events import HANDLED
from payonce.providers.nowpayments.payments import PAYMENT_STATUS
from tests.providers.nowpayments.samples import ATTEMPT, Object, adapter, backs, heard, invoice, payment, raw, seen

# The statuses of the official documentation; `cancelled` is the dashboard's.
DOCUMENTED = {
    "waiting", "confirming", "confirmed", "sending", "partially_paid", "finished", "failed", "refunded", "expired",
    "cancelled",
}  # fmt: skip
USD = {"outcome_currency": "usd", "price_currency": "usd"}


@pytest.mark.parametrize(
    ("status", "came", "ours", "captured", "rule"),
    [
        ("waiting", 0, "open", 0, None),
        ("confirming", 15, "pending", 0, "not_counted"),
        ("confirmed", 15, "pending", 0, "not_counted"),
        ("sending", 15, "pending", 0, "not_counted"),
        ("partially_paid", 5, "paid", 45, "under_in_proportion"),
        ("finished", 15, "paid", 135, "as_asked"),
        ("failed", 0.1, "failed", 0, "not_counted"),
        ("refunded", 15, "paid", 135, "as_asked"),
        ("expired", 0, "closed", 0, None),
        ("cancelled", 5, "closed", 0, "not_counted"),
        ("a_new_one", 15, "unknown", 0, "not_counted"),
        ("FINISHED", 15, "unknown", 0, "not_counted"),
        (None, 15, "unknown", 0, "not_counted"),
    ],
)
def test_every_status_has_a_row_and_another_one_is_unknown(
    status: Any, came: float, ours: str, captured: int, rule: str | None
) -> None:
    """B8: `confirmed` brings no money, and a status that nobody told us of is never taken for failed."""
    found = seen(payment("waiting", payment_status=status, actually_paid=came))
    assert (found.status, found.captured_minor, found.attempt_id) == (ours, captured, ATTEMPT)
    assert (found.paid_in.rule if found.paid_in else None) == rule
    assert found.reason == (status or "")


def test_the_table_holds_every_documented_status_and_no_other() -> None:
    """B8: and each is a notice that is handled."""
    assert set(PAYMENT_STATUS) == DOCUMENTED
    assert set(PAYMENT_STATUS.values()) <= set(PAYMENT_STATUSES)
    assert HANDLED == tuple(f"payment.{status}" for status in PAYMENT_STATUS) == adapter().capabilities.handled_events


@pytest.mark.parametrize(
    ("changes", "captured", "amount", "rule"),
    [
        ({}, 135, "15", "as_asked"),
        ({"actually_paid": 15.0}, 135, "15.0", "as_asked"),
        ({"actually_paid": "15", "pay_amount": "15.000"}, 135, "15", "as_asked"),
        ({"price_amount": "1.35"}, 135, "15", "as_asked"),
        # Over: the price in full and the excess in proportion, rounded down.
        ({"actually_paid": 16}, 144, "16", "over_in_proportion"),
        ({"actually_paid": 15.01}, 135, "15.01", "over_in_proportion"),
        ({"actually_paid": 45}, 405, "45", "over_in_proportion"),
        # Under: `finished` is no proof of the full price.
        ({"actually_paid": 14.99}, 134, "14.99", "under_in_proportion"),
        ({"actually_paid": 7.5}, 67, "7.5", "under_in_proportion"),
        ({"actually_paid": 0}, 0, None, "under_in_proportion"),
        # Small numbers, as JavaScript writes them.
        ({"pay_amount": 1e-7, "actually_paid": 1e-7}, 135, "0.0000001", "as_asked"),
        ({"pay_amount": 2e-7, "actually_paid": 1e-7}, 67, "0.0000001", "under_in_proportion"),
        ({"pay_amount": "0.00001234", "actually_paid": "1.234e-5"}, 135, "0.00001234", "as_asked"),
        # Eighteen decimals, exactly.
        (
            {"pay_amount": "0.123456789012345678", "actually_paid": "0.123456789012345677"},
            134,
            "0.123456789012345677",
            "under_in_proportion",
        ),
        # Other currencies, with their own decimals.
        ({"price_amount": 35000, "price_currency": "vnd"}, 35000, "15", "as_asked"),
        ({"price_amount": "1.234", "price_currency": "KWD"}, 1234, "15", "as_asked"),
        (
            {"price_amount": 100, "price_currency": "jpy", "actually_paid": 14.9999},
            99,
            "14.9999",
            "under_in_proportion",
        ),
    ],
)
def test_coins_are_counted_at_the_payment_s_own_rate_and_rounded_down(
    changes: Object, captured: int, amount: str | None, rule: str
) -> None:
    """B17: exact decimals, whichever way they were written."""
    found = seen(payment("finished", **changes))
    assert found.captured_minor == captured
    assert (found.capture, found.status) == (Ref("payment", "5524759814"), "paid")
    assert found.paid_in == (PaidIn("trx", amount, rule) if amount else None)


@pytest.mark.parametrize(
    ("changes", "captured", "rule"),
    [
        (USD | {"outcome_amount": 1.35}, 135, "as_asked"),
        (USD | {"outcome_amount": 1.30}, 130, "capped_by_payout"),
        (USD | {"outcome_amount": "1.309"}, 130, "capped_by_payout"),
        (USD | {"outcome_amount": 0}, 0, "capped_by_payout"),
        (USD | {"outcome_amount": 9.99}, 135, "as_asked"),
        (USD | {"outcome_amount": 1.30, "outcome_currency": "USD"}, 130, "capped_by_payout"),
        # What the provider kept is what the merchant paid for its service, and came all the same.
        (
            USD | {"outcome_amount": 1.3, "fee": {"currency": "usd", "depositFee": 0.03, "serviceFee": "0.02"}},
            135,
            "as_asked",
        ),
        (
            USD | {"outcome_amount": 1.3, "fee": {"currency": "usd", "withdrawalFee": 0.01}},
            131,
            "capped_by_payout",
        ),
        # Fees in a coin cannot be added to money.
        (
            USD | {"outcome_amount": 1.3, "fee": {"currency": "btc", "depositFee": 100}},
            130,
            "capped_by_payout",
        ),
        (USD | {"outcome_amount": 1.2, "fee": None}, 120, "capped_by_payout"),
        (USD | {"outcome_amount": None}, 135, "as_asked"),
        ({"outcome_amount": 0.01, "outcome_currency": "trx"}, 135, "as_asked"),
        ({"outcome_amount": 0.01, "outcome_currency": None}, 135, "as_asked"),
        # Another coin than was asked for, taken by itself: `finished`, and worth less.
        (USD | {"pay_currency": "usdterc20", "outcome_amount": 0.2}, 20, "capped_by_payout"),
    ],
)
def test_a_payout_in_the_price_s_currency_is_the_most_that_a_payment_is_worth(
    changes: Object, captured: int, rule: str
) -> None:
    """C22: the provider's own rule is to compare the outcome with the price."""
    found = seen(payment("finished", **changes))
    assert found.captured_minor == captured
    assert found.paid_in is not None
    assert found.paid_in.rule == rule


@pytest.mark.parametrize(
    "changes",
    [
        {"actually_paid": None},
        {"pay_amount": None},
        {"pay_amount": 0},
        {"price_amount": None},
        {"price_currency": "trx"},
        {"price_currency": None},
    ],
)
@pytest.mark.parametrize("status", ["finished", "partially_paid", "refunded"])
def test_money_that_cannot_be_counted_is_unknown_and_kept_beside(status: str, changes: Object) -> None:
    """B11: neither lost nor guessed; a person must look."""
    found = seen(payment(status, **({"actually_paid": 15} | changes)))
    assert (found.status, found.captured_minor) == ("unknown", 0)
    assert (found.paid_in is None) == ("actually_paid" in changes)
    assert found.paid_in is None or found.paid_in.rule == "not_countable"


@given(
    some.integers(1, 10**9), some.decimals("1e-8", "1e6", places=8), some.decimals("0", "1e6", places=8),
)  # fmt: skip
def test_nobody_is_credited_with_a_minor_unit_that_did_not_come(price: int, asked: Any, came: Any) -> None:
    """B17: the worth is the whole units below the exact proportion; the price itself is worth the price."""
    digits = f"{price // 100}.{price % 100:02d}"
    exact = price * Fraction(came) / Fraction(asked)
    # More than any order may ask for is not read at all.
    assume(exact < LARGEST_MINOR)
    found = seen(payment("finished", price_amount=digits, pay_amount=f"{asked:f}", actually_paid=f"{came:f}"))
    assert found.captured_minor <= exact < found.captured_minor + 1
    assert (found.captured_minor >= price) == (came >= asked)


def test_a_repeated_deposit_is_a_payment_of_its_own_that_names_the_one_before() -> None:
    """C3: counted by its own id, so that it is never added to the first one's, nor lost in it."""
    deposit = payment("finished", payment_id=77, parent_payment_id=5524759814, price_amount=0.45, pay_amount=5,
                      actually_paid=5)  # fmt: skip
    found = seen(deposit)
    assert (found.ref, found.capture, found.parent) == (
        Ref("payment", "77"), Ref("payment", "77"), Ref("payment", "5524759814"),
    )  # fmt: skip
    assert (found.captured_minor, found.attempt_id) == (45, ATTEMPT)
    bare = seen(deposit | {"order_id": None})
    assert (bare.captured_minor, bare.attempt_id, bare.parent) == (45, None, Ref("payment", "5524759814"))


def test_a_wrong_coin_is_told_beside_the_money_and_names_the_payment_before() -> None:
    found = seen(payment("finished", payment_id=78, parent_payment_id="5524759814", pay_currency="USDTERC20"))
    assert found.paid_in == PaidIn("usdterc20", "15", "as_asked")
    assert found.parent == Ref("payment", "5524759814")


@pytest.mark.parametrize("parent", [None, "", 5524759814, "5524759814"])
def test_a_payment_follows_nothing_where_no_other_is_named(parent: object) -> None:
    assert seen(payment("finished", parent_payment_id=parent)).parent is None


@pytest.mark.parametrize("order_id", [None, "", "RGDBP-21314", "att_x", 7, ["att"], "ord_01jf2a0000e00800000000000n"])
def test_what_does_not_carry_an_attempt_is_not_ours_by_its_own_word(order_id: object) -> None:
    assert seen(payment("finished", order_id=order_id)).attempt_id is None


def test_an_id_is_the_same_as_a_number_and_as_text() -> None:
    assert seen(payment(payment_id=5524759814)).ref == seen(payment(payment_id="5524759814")).ref
    first, second = seen(payment(invoice_id=4522625843)), seen(payment(invoice_id="4522625843"))
    assert first.related == second.related == (Ref("invoice", "4522625843"),)


def test_what_was_given_back_from_the_dashboard_came_and_went() -> None:
    """B10: both are told, so that the sums agree whichever was seen before."""
    (back,) = backs(payment("refunded", actually_paid=5))
    ref = Ref("payment", "5524759814")
    assert back == RefundSeen(Ref("refund", "5524759814"), "succeeded", ref, 45, "USD", ATTEMPT)
    assert seen(payment("refunded", actually_paid=5)).captured_minor == 45
    assert len(heard(payment("refunded")).observations) == 2


@pytest.mark.parametrize("status", sorted(DOCUMENTED - {"refunded"}))
def test_no_other_status_tells_of_money_that_went_back(status: str) -> None:
    assert backs(payment(status, actually_paid=15)) == []


@pytest.mark.parametrize("came", [None, 0])
def test_a_refund_of_nothing_is_none(came: object) -> None:
    assert backs(payment("refunded", actually_paid=came)) == []


def test_an_invoice_has_a_price_and_waits() -> None:
    found = seen(invoice())
    assert (found.ref, found.status, found.attempt_id) == (Ref("invoice", "4522625843"), "open", ATTEMPT)
    assert (found.amount_minor, found.currency, found.capture, found.captured_minor) == (135, "USD", None, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_id": None},
        {"payment_id": 1.5},
        {"payment_id": ""},
        {"payment_id": "../1"},
        {"payment_id": "1" * 65},
        {"payment_id": [1]},
        {"invoice_id": {}},
        {"parent_payment_id": -1},
        {"actually_paid": -15},
        {"actually_paid": True},
        {"actually_paid": "15 TRX"},
        {"actually_paid": "NaN"},
        {"actually_paid": "Infinity"},
        {"actually_paid": ""},
        {"actually_paid": "1e999"},
        {"actually_paid": "٣"},
        {"pay_amount": [15]},
        {"price_amount": "1,35"},
        {"price_amount": 1e30},
        {"outcome_amount": "much", "outcome_currency": "usd"},
        {"outcome_amount": 1, "outcome_currency": "usd", "fee": {"currency": "usd", "depositFee": "some"}},
    ],
)
def test_a_payment_that_is_not_as_documented_is_not_half_understood(changes: Object) -> None:
    """B11: kept as it came, under its own name."""
    body = raw(payment("finished", **changes))
    verdict = adapter().again(body, "poll")
    assert not hasattr(verdict, "observations"), verdict
