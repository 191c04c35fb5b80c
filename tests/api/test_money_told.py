"""What payers and operators are told of money that is not simply the price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from payonce.api.money_told import notes_of
from payonce.base import ids
from payonce.usecases.answers import Counters, OrderView, PaymentView, RefundView
from payonce.usecases.explain_money import payment_in_words, plain_decimal
from payonce.usecases.explain_order import explain_order
from tests.support.bazaar import Bazaar
from tests.support.house import House
from tests.support.site import PERSON

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ID = UUID(int=1)
ORDER = OrderView(
    id=ID, merchant_id="default", reference="R-1", purpose="fee:1", payer_reference="p", state="paid", payment="paid",
    amount_minor=4500, currency="USD", received_minor=4500, allocated_minor=4500, refunded_minor=0, disputed_minor=0,
    counters=Counters(1, 1, 0), token="t", success_url="", cancel_url="", metadata={}, created_at=NOON, opened_at=NOON,
    paid_at=NOON, closed_at=None, closed_reason=None, released_at=None, paid_by="stripe", under_review=False, version=1,
)  # fmt: skip
SERVES = PaymentView("stripe", "main", "payment_intent", "pi_1", "USD", 4500, 4500, 0, True, NOON, None, None, None)
SECOND = replace(SERVES, ref="pi_2", allocated_minor=0, surplus_minor=4500)
REFUND = RefundView(
    ID, ID, ID, "stripe", "main", "payment_intent", "pi_2", "surplus", "due", 4500, "USD", "second_charge", "policy",
    None, None, NOON, NOON, None, None,
)  # fmt: skip
BACK_TO_YOU = "It goes back to you."
DECIDES = "The shop was told and decides what becomes of it."


@pytest.fixture
def bazaar(house: House) -> Iterator[Bazaar]:
    """One merchant with Stripe, ZaloPay and NOWPayments."""
    opened = Bazaar(house)
    yield opened
    opened.close()


def begun(bazaar: Bazaar) -> dict[str, Any]:
    """An order whose payer was given an address."""
    order = bazaar.place()
    bazaar.press(order, "way=nowpayments%2Fmain")
    return order


def told(bazaar: Bazaar, order: dict[str, Any]) -> list[str]:
    """The notes of its status; the page says the same."""
    bazaar.clock.move(5)
    notes: list[str] = bazaar.ask("GET", order["status_url"]).json()["notes"]
    page = bazaar.ask("GET", order["status_url"], headers=PERSON).text
    assert [note for note in notes if f"<li>{note}</li>" not in page] == []
    return notes


def test_an_order_without_trouble_has_nothing_to_tell(bazaar: Bazaar) -> None:
    order = bazaar.place()
    bazaar.open_link(order)
    bazaar.pay_last(order)
    assert bazaar.see(order)["state"] == "paid"
    assert told(bazaar, order) == []


def test_a_part_is_told_with_what_is_still_to_be_paid(bazaar: Bazaar) -> None:
    order = begun(bazaar)
    bazaar.pay_last(order, "less")
    assert told(bazaar, order) == [
        "You sent 18 USDT TRC20, which count as 18.00 USD.", "18.00 USD came; 27.00 USD is still to be paid.",
    ]  # fmt: skip
    page = bazaar.press(order, "way=nowpayments%2Fmain")
    assert page.status_code == 303
    assert "<h1>Pay 27.00 USD</h1>" in bazaar.open_link(order).text


def test_too_many_coins_are_told_and_what_becomes_of_them(bazaar: Bazaar) -> None:
    order = begun(bazaar)
    bazaar.pay_last(order, "more")
    assert told(bazaar, order) == [
        "You sent 56.25 USDT TRC20, which count as 56.25 USD.", f"You paid 11.25 USD more than was asked. {DECIDES}",
    ]  # fmt: skip


def test_an_operator_sees_the_coins_beside_the_money(bazaar: Bazaar) -> None:
    order = begun(bazaar)
    bazaar.pay_last(order, "more")
    shape = bazaar.api("GET", f"/orders/{order['id']}?expand[]=payments").json()
    [payment] = shape["payments"]
    assert payment["paid_in"] == {"asset": "usdttrc20", "amount": "56.25", "rule": "over_in_proportion"}
    assert (payment["captured_minor"], payment["allocated_minor"], payment["surplus_minor"]) == (5625, 4500, 1125)
    story = bazaar.house.run(explain_order(bazaar.house.world, "default", ids.read(ids.ORDER, order["id"])))
    [line] = [line.says for line in story.lines if line.lane == "money"]
    assert line == (
        f"56.25 USD came by nowpayments payment {payment['ref']} as 56.25 usdttrc20 (over_in_proportion): "
        "45.00 USD serves the order, 11.25 USD is surplus"
    )


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("planned", DECIDES), ("due", BACK_TO_YOU), ("sending", BACK_TO_YOU), ("in_doubt", BACK_TO_YOU),
        ("sent", BACK_TO_YOU), ("succeeded", "It was sent back to you on 20 November 2026, 12:00 UTC."),
        ("failed", "Sending it back has not worked yet; the shop takes care of it."), ("cancelled", DECIDES),
    ],
)  # fmt: skip
def test_a_second_payment_is_told_with_how_far_its_refund_is(state: str, says: str) -> None:
    refund = replace(REFUND, state=state, ended_at=NOON if state == "succeeded" else None)
    order = replace(ORDER, payments=(SERVES, SECOND), refunds=(refund,))
    assert notes_of(order) == [f"A second payment of 45.00 USD came. {says}"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"refunded_minor": 4500}, "A second payment of 45.00 USD came. It was sent back to you."),
        ({"state": "closed", "closed_at": NOON - timedelta(hours=1), "payments": (SECOND,)},
         f"45.00 USD came after this order was closed. {DECIDES}"),
        ({"state": "closed", "closed_at": NOON + timedelta(hours=1), "payments": (SECOND,)},
         f"45.00 USD came, and this order was not finished. {DECIDES}"),
        ({"state": "open", "payments": (replace(SECOND, currency="VND"),)}, f"4500 VND came. {DECIDES}"),
        ({"state": "closed", "payments": (replace(SECOND, surplus_minor=0),)},
         "A payment of 45.00 USD came and is being looked at."),
        ({"payments": (SERVES,), "refunded_minor": 500}, "5.00 USD was sent back to you."),
    ],
)  # fmt: skip
def test_money_that_fits_nowhere_is_told_by_what_it_is(change: dict[str, Any], says: str) -> None:
    assert notes_of(replace(ORDER, **{"payments": (SERVES, SECOND)} | change)) == [says]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("planned", []), ("due", ["A refund of 5.00 USD is on its way to you."]),
        ("sent", ["A refund of 5.00 USD is on its way to you."]),
        ("succeeded", ["5.00 USD was sent back to you on 20 November 2026, 12:00 UTC."]),
        ("failed", ["A refund of 5.00 USD has not worked yet; the shop takes care of it."]), ("cancelled", []),
    ],
)  # fmt: skip
def test_a_refund_of_the_orders_money_is_told(state: str, says: list[str]) -> None:
    refund = replace(REFUND, serves="order", capture_ref="pi_1", amount_minor=500, state=state, ended_at=NOON)
    assert notes_of(replace(ORDER, payments=(SERVES,), refunds=(refund,))) == says


def test_nothing_of_operators_is_told_to_payers() -> None:
    refund = replace(REFUND, state="failed", decline="insufficient funds at bank 7", reason="said no: fraud")
    said = " ".join(notes_of(replace(ORDER, payments=(SERVES, SECOND), refunds=(refund,))))
    assert [word for word in ("bank 7", "fraud", "pi_2", "policy", "stripe") if word in said] == []


def test_numbers_are_written_in_plain_digits() -> None:
    texts = [plain_decimal(Decimal(text)) for text in ("45.210", "1E+2", "1E-8", "0", "100")]
    assert texts == ["45.21", "100", "0.00000001", "0", "100"]
    assert payment_in_words(SERVES) == "45.00 USD came by stripe payment_intent pi_1: all of it serves the order"
    waiting = replace(SECOND, surplus_minor=0, is_confirmed=False)
    assert payment_in_words(waiting).endswith("all of it awaits a read at the provider")
