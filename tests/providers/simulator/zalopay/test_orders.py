"""Orders: made once by name, asked for while that is possible, cancelled while nobody has paid."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest

from payonce.providers.simulator.zalopay import ZaloPaySimulator
from tests.providers.simulator.zalopay.merchant import APP, ATTEMPT, KEY1, Merchant, code

OTHER = UUID("019a9b1c-0000-7000-8000-000000000002")


def codes(answer: dict[str, Any]) -> tuple[int, int]:
    return answer["return_code"], answer["sub_return_code"]


def test_the_published_code_of_a_create_is_the_one_that_is_wanted(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    """Only what was signed with the merchant's key makes an order."""
    text = "2553|261120_order-1|user-1|10000|1795185144000|{}|[]"
    assert code(KEY1, text) == "605dee6919314ae5e7f14afc3b063d6a5399bd6a372afac7408fa51a8800a9ac"
    told: dict[str, Any] = {"app_trans_id": "261120_order-1", "app_user": "user-1", "amount": 10000, "embed_data": "{}"}
    moment = 1795185144000
    sim.advance(moment / 1000 - sim.books.now())
    made = merchant.create(**told, app_time=moment, mac=code(KEY1, text))
    assert codes(made) == (1, 1)
    again = merchant.query("261120_order-1")
    assert codes(again) == (3, 3) and again["is_processing"] is False


def test_an_order_is_made_once_by_its_name_and_its_address_is_told_once(
    sim: ZaloPaySimulator, merchant: Merchant
) -> None:
    """A second create with the same name makes nothing."""
    made = merchant.create()
    assert codes(made) == (1, 1) and made["order_url"].startswith("http://zalopay.simulator.invalid/openinapp?order=")
    again = merchant.create()
    assert codes(again) == (2, -68) and "order_url" not in again and "zp_trans_token" not in again
    assert len(sim.truth.orders()) == 1
    assert codes(merchant.create(OTHER)) == (1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"app_trans_id": "261119_x"},
        {"app_trans_id": "261121_x"},
        {"app_trans_id": "261120_"},
        {"app_trans_id": "261120_" + "x" * 34},
        {"app_trans_id": 7},
        {"amount": 0},
        {"amount": -1},
        {"amount": 1.5},
        {"amount": True},
        {"amount": 1 << 63},
        {"amount": None},
        {"app_user": ""},
        {"app_user": "x" * 51},
        {"description": ""},
        {"description": "x" * 257},
        {"item": "{}"},
        {"item": "nonsense"},
        {"embed_data": "[]"},
        {"embed_data": '{"a": "' + "x" * 2048 + '"}'},
        {"expire_duration_seconds": 299},
        {"expire_duration_seconds": 2_592_001},
        {"callback_url": "javascript:alert(1)"},
        {"mac": 7},
    ],
)
def test_a_field_that_is_wrong_makes_nothing(
    sim: ZaloPaySimulator, merchant: Merchant, changes: dict[str, Any]
) -> None:
    assert codes(merchant.create(**changes)) == (2, -401)
    assert sim.truth.orders() == []


@pytest.mark.parametrize("changes", [{"mac": "0" * 64}, {"mac": "é"}, {"app_id": 2554}])
def test_a_wrong_code_or_application_makes_nothing(
    sim: ZaloPaySimulator, merchant: Merchant, changes: dict[str, Any]
) -> None:
    assert codes(merchant.create(**changes)) == (2, -402)
    assert sim.truth.orders() == []


@pytest.mark.parametrize("name", ["amount", "app_time", "app_trans_id", "app_user", "embed_data", "item", "app_id"])
def test_every_signed_field_is_covered(sim: ZaloPaySimulator, merchant: Merchant, name: str) -> None:
    told = merchant.order()
    told[name] = {"amount": 40_000, "app_time": told["app_time"] + 1, "item": '["x"]', "embed_data": "{ }"}.get(
        name, 1 if name == "app_id" else f"{told[name]}0"
    )
    assert codes(merchant.ask("/v2/create", told)) == (2, -402)
    assert sim.truth.orders() == []


def test_the_date_is_that_of_vietnam(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    sim.advance(5 * 3600 - 1)
    assert merchant.today() == "261120" and codes(merchant.create()) == (1, 1)
    sim.advance(1)
    # Midnight there, and five in the afternoon in UTC.
    assert codes(merchant.create(OTHER, app_trans_id=f"261120_{OTHER.hex}")) == (2, -401)
    assert codes(merchant.create(OTHER, app_trans_id=f"261121_{OTHER.hex}")) == (1, 1)


def test_a_create_that_is_repeated_after_midnight_is_refused_although_its_order_exists(
    sim: ZaloPaySimulator, merchant: Merchant
) -> None:
    sim.advance(5 * 3600 - 1)
    told = merchant.order()
    assert codes(merchant.ask("/v2/create", told)) == (1, 1)
    sim.advance(2)
    assert codes(merchant.ask("/v2/create", told)) == (2, -401)
    assert codes(merchant.query(told["app_trans_id"])) == (3, 3)


@pytest.mark.parametrize(("seconds", "wanted"), [(900, 1), (901, 2), (-900, 1), (-901, 2)])
def test_the_time_of_a_create_is_within_a_quarter_of_an_hour(
    sim: ZaloPaySimulator, merchant: Merchant, seconds: int, wanted: int
) -> None:
    made = merchant.create(app_time=merchant.milliseconds() + seconds * 1000)
    assert made["return_code"] == wanted and len(sim.truth.orders()) == 2 - wanted


@pytest.mark.parametrize(("wish", "life"), [({}, 900), ({"expire_duration_seconds": 300}, 300)])
def test_an_order_ends_by_the_clock(sim: ZaloPaySimulator, merchant: Merchant, wish: dict[str, Any], life: int) -> None:
    merchant.create(**wish)
    sim.advance(life - 1)
    assert codes(merchant.query()) == (3, 3) and sim.truth.payable_attempts() == {ATTEMPT}
    sim.advance(1)
    assert codes(merchant.query()) == (2, -54) and sim.truth.payable_attempts() == set()
    assert sim.payer.pay(merchant.name()) == "refused"
    assert codes(merchant.query()) == (2, -54) and sim.truth.captures_by_attempt() == {}


def test_what_never_was_is_refused_with_a_code_of_its_own(merchant: Merchant) -> None:
    assert codes(merchant.query()) == (2, -101)
    assert codes(merchant.cancel()) == (2, -101)
    assert codes(merchant.query("nonsense")) == (2, -92)
    assert codes(merchant.ask("/v2/query", merchant.named() | {"mac": "0" * 64})) == (2, -402)
    assert codes(merchant.ask("/v2/cancel", merchant.named() | {"app_id": 1})) == (2, -402)


def test_after_two_days_even_a_paid_order_is_answered_like_one_that_never_was(
    sim: ZaloPaySimulator, merchant: Merchant
) -> None:
    merchant.paid()
    sim.advance(48 * 3600 - 61)
    name = sim.truth.orders()[0].app_trans_id
    assert codes(merchant.query(name)) == (1, 1)
    sim.advance(1)
    assert codes(merchant.query(name)) == (2, -101)
    assert sim.truth.captures_by_attempt()[ATTEMPT][0].amount_minor == 50_000


def test_a_cancelled_order_cannot_be_paid(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    merchant.create()
    assert codes(merchant.cancel()) == (1, 1)
    assert codes(merchant.query()) == (2, -54) and sim.truth.payable_attempts() == set()
    assert sim.payer.pay(merchant.name()) == "refused" and sim.truth.captures_by_attempt() == {}
    assert codes(merchant.cancel()) == (2, 0)


@pytest.mark.parametrize("state", ["paid", "processing", "expired"])
def test_only_what_waits_for_a_payer_can_be_cancelled(sim: ZaloPaySimulator, merchant: Merchant, state: str) -> None:
    merchant.create()
    if state == "paid":
        sim.payer.pay(merchant.name())
    elif state == "processing":
        sim.payer.pay_slowly(merchant.name())
    else:
        sim.advance(900)
    before = sim.truth.dump()
    assert codes(merchant.cancel())[0] == 2
    assert sim.truth.dump() == before


def test_a_query_tells_what_was_paid(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    merchant.create()
    assert sim.payer.pay(merchant.name(), discount=5_000) == "succeeded"
    sim.advance(60)
    found = merchant.query()
    assert codes(found) == (1, 1) and found["is_processing"] is False
    # What the merchant is owed is the whole amount: the discount is ZaloPay's.
    assert (found["amount"], found["discount_amount"]) == (50_000, 5_000)
    assert len(str(found["zp_trans_id"])) <= 15 and str(found["zp_trans_id"]).startswith("261120")
    assert found["server_time"] == merchant.milliseconds() - 60_000
    [captured] = sim.truth.captures_by_attempt()[ATTEMPT]
    assert (captured.id, captured.amount_minor, captured.currency) == (str(found["zp_trans_id"]), 50_000, "VND")


def test_a_try_that_failed_leaves_the_order_payable(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    merchant.create()
    assert sim.payer.decline(merchant.name()) == "declined"
    assert codes(merchant.query()) == (2, -63) and sim.truth.payable_attempts() == {ATTEMPT}
    assert sim.payer.pay(merchant.name()) == "succeeded"
    sim.advance(60)
    assert codes(merchant.query()) == (1, 1)


def test_money_that_is_on_its_way_arrives_after_the_time_is_over(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    merchant.create()
    assert sim.payer.pay_slowly(merchant.name()) == "processing"
    assert sim.payer.pay(merchant.name()) == "processing" and sim.truth.payable_attempts() == set()
    sim.advance(3600)
    waiting = merchant.query()
    assert codes(waiting) == (3, 3) and waiting["is_processing"] is True
    assert [row.app_trans_id for row in sim.truth.under_way()] == [merchant.name()]
    assert sim.payer.settle(merchant.name()) == "succeeded"
    assert sim.payer.settle(merchant.name()) == "refused"
    assert sim.payer.settle(merchant.name(), success=False) == "refused"
    sim.advance(60)
    assert codes(merchant.query()) == (1, 1) and len(sim.truth.captures_by_attempt()[ATTEMPT]) == 1


def test_money_on_its_way_that_does_not_come_leaves_the_order_as_it_was(
    sim: ZaloPaySimulator, merchant: Merchant
) -> None:
    merchant.create()
    sim.payer.pay_slowly(merchant.name())
    assert sim.payer.settle(merchant.name(), success=False, trouble=-217) == "declined"
    assert codes(merchant.query()) == (2, -217) and sim.truth.payable_attempts() == {ATTEMPT}
    sim.advance(900)
    assert codes(merchant.query()) == (2, -54) and sim.truth.captures_by_attempt() == {}


def test_slow_money_can_come_by_the_clock(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    sim.settings.payment_settles_after = 120.0
    merchant.create()
    sim.payer.pay_slowly(merchant.name())
    due = sim.next_due()
    assert due == sim.books.now() + 120
    sim.advance(120)
    assert sim.truth.captures_by_attempt()[ATTEMPT][0].amount_minor == 50_000


def test_a_form_is_as_good_as_json(sim: ZaloPaySimulator, merchant: Merchant) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = sim.handle("POST", "/v2/create", "", headers, urlencode(merchant.order()).encode())
    assert json.loads(reply.body)["return_code"] == 1 and sim.truth.orders()[0].amount == 50_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"{",
        b"[" * 100_000,
        b'{"app_id": NaN}',
        b'{"app_trans_id": {}}',
        b'{"app_trans_id": "261120_\\ud800", "app_id": 2553, "mac": "x"}',
        b'{"app_id": ' + b"9" * 5000 + b"}",
    ],
)
@pytest.mark.parametrize("path", ["create", "query", "cancel", "refund", "query_refund"])
def test_a_body_that_cannot_be_read_is_refused_and_never_an_error_of_ours(
    sim: ZaloPaySimulator, merchant: Merchant, path: str, body: bytes
) -> None:
    assert codes(merchant.ask(f"/v2/{path}", body)) == (2, -401)
    assert sim.truth.orders() == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/v2/create"), ("POST", "/v2/agreement/pay"), ("POST", "/v2/")])
def test_what_is_not_simulated_is_404(sim: ZaloPaySimulator, method: str, path: str) -> None:
    assert sim.handle(method, path, "", {}, b"{}").status == 404


def test_the_numbers_of_an_order_come_from_what_the_merchant_sent(merchant: Merchant, sim: ZaloPaySimulator) -> None:
    merchant.create(app_user="người chơi 27", description="Lệ phí đầu tiên")
    [order] = sim.truth.orders()
    assert (order.app_user, order.description) == ("người chơi 27", "Lệ phí đầu tiên")
    assert sim.settings.app_id == APP
