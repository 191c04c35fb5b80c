"""The calls: what is made, told, listed and refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from payonce.providers.simulator.nowpayments import Settings
from tests.providers.simulator.nowpayments.merchant import HOOK, Merchant, asked, read


def test_a_payment_is_an_address_that_waits(merchant: Merchant) -> None:
    made = merchant.make("45.10", "eth", order_description="Bàn trà")
    assert made["payment_status"] == "waiting" and made["pay_address"].startswith("0x")
    assert (made["price_amount"], made["pay_amount"]) == (Decimal("45.1"), Decimal("0.01409375"))
    assert (made["order_id"], made["order_description"], made["ipn_callback_url"]) == ("order-1", "Bàn trà", HOOK)
    assert made["created_at"] == "2026-11-20T12:00:00.000Z"
    assert made["expiration_estimate_date"] == "2026-11-20T12:20:00.000Z"
    assert made["valid_until"] == "2026-11-27T12:00:00.000Z"


def test_an_id_is_text_when_a_payment_is_made_and_a_number_when_it_is_read(merchant: Merchant) -> None:
    made = merchant.make()
    seen = merchant.see(made["payment_id"])
    assert isinstance(made["payment_id"], str) and seen["payment_id"] == int(made["payment_id"])
    assert seen["actually_paid"] == 0 and seen["parent_payment_id"] is None


def test_a_memo_belongs_to_the_address_of_some_coins(merchant: Merchant) -> None:
    assert merchant.make(coin="xrp")["payin_extra_id"] is not None
    assert merchant.make(coin="btc")["payin_extra_id"] is None


def test_the_same_request_twice_makes_two_addresses_and_both_can_be_paid(merchant: Merchant) -> None:
    first, second = merchant.make(), merchant.make()
    assert first["payment_id"] != second["payment_id"] and first["pay_address"] != second["pay_address"]
    assert [merchant.sim.payer.pay(made["pay_address"]) for made in (first, second)] == ["succeeded"] * 2
    assert merchant.sim.truth.came_in() == {"order-1": 9000}


def test_an_amount_in_the_coin_can_be_given_and_the_fee_can_be_the_payers(merchant: Merchant) -> None:
    assert merchant.make("45", pay_amount=44.5)["pay_amount"] == Decimal("44.5")
    made = merchant.make("45", is_fee_paid_by_user=True)
    assert made["pay_amount"] == Decimal("45.225")
    merchant.sim.payer.pay(made["payment_id"])
    assert merchant.sim.truth.came_in() == {"order-1": 4500}


def test_an_invoice_has_a_page_and_no_status(merchant: Merchant) -> None:
    made = merchant.invoice("1000", success_url="https://shop.example/thanks")
    assert made["invoice_url"] == f"{merchant.sim.base_url}/payment/?iid={made['id']}"
    assert (made["id"].isdigit(), made["price_amount"], made["price_currency"]) == (True, "1000", "USD")
    assert "payment_status" not in made and merchant.sim.truth.payments() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_REQUEST_PARAMS"),
        (b"[]", "INVALID_REQUEST_PARAMS"),
        (b"\xff", "INVALID_REQUEST_PARAMS"),
        (asked('"45"', pay_currency="btc"), "INVALID_REQUEST_PARAMS"),
        (asked("true", pay_currency="btc"), "INVALID_REQUEST_PARAMS"),
        (asked("0", pay_currency="btc"), "INVALID_REQUEST_PARAMS"),
        (asked("-1", pay_currency="btc"), "INVALID_REQUEST_PARAMS"),
        (asked("1e400", pay_currency="btc"), "INVALID_REQUEST_PARAMS"),
        (asked("1e-400", pay_currency="btc"), "INVALID_REQUEST_PARAMS"),
        (asked("45"), "INVALID_REQUEST_PARAMS"),
        (asked("45", pay_currency="nocoin"), "CURRENCY_NOT_FOUND"),
        (asked("45", pay_currency="btc", price_currency="xxx"), "CURRENCY_NOT_FOUND"),
        (asked("45", pay_currency="btc", order_id=7), "INVALID_REQUEST_PARAMS"),
        (asked("45", pay_currency="btc", order_description="\ud800"), "INVALID_REQUEST_PARAMS"),
        (asked("45", pay_currency="btc", ipn_callback_url="javascript:x"), "INVALID_REQUEST_PARAMS"),
        (asked("45", pay_currency="btc", ipn_callback_url="http://["), "INVALID_REQUEST_PARAMS"),
        (asked("45", pay_currency="btc", is_fixed_rate="yes"), "INVALID_REQUEST_PARAMS"),
        (asked("45", pay_currency="btc", idempotency_key="k"), "INVALID_REQUEST_PARAMS"),
        (asked("0.5", pay_currency="usdttrc20"), "AMOUNT_MINIMAL_ERROR"),
    ],
)
def test_what_is_refused_makes_nothing(merchant: Merchant, body: bytes, code: str) -> None:
    told = read(merchant.call("POST", "payment", body), 400)
    assert (told["code"], told["status"], told["statusCode"]) == (code, False, 400)
    assert merchant.sim.truth.payments() == [] and merchant.told() == []


def test_without_the_key_nothing_is_made_or_told(merchant: Merchant) -> None:
    made = merchant.make()
    for method, path in [
        ("POST", "/v1/payment"),
        ("POST", "/v1/invoice"),
        ("GET", f"/v1/payment/{made['payment_id']}"),
    ]:
        for headers in ({}, {"x-api-key": "another"}):
            assert read(merchant.sim.handle(method, path, "", headers, asked("45")), 403)["code"] == "INVALID_API_KEY"
    assert len(merchant.sim.truth.payments()) == 1 and merchant.sim.books.invoices == {}
    assert read(merchant.sim.handle("GET", "/v1/status"), 200) == {"message": "OK"}


@pytest.mark.parametrize("path", ["payment/1", "payment/%D9%A4", "payment/" + "9" * 30, "payments", "payment/1/2", ""])
def test_what_is_not_there_is_404(merchant: Merchant, path: str) -> None:
    assert read(merchant.call("GET", path), 404)["statusCode"] == 404


def test_a_list_needs_a_token_that_ends_after_five_minutes(merchant: Merchant) -> None:
    made = merchant.make()
    assert read(merchant.call("GET", "payment/"), 401)["code"] == "AUTH_REQUIRED"
    token = merchant.sign_in()
    merchant.sim.advance(299)
    assert [row["payment_id"] for row in merchant.listed(token)["data"]] == [int(made["payment_id"])]
    merchant.sim.advance(1)
    assert read(merchant.call("GET", "payment/", token=token), 401)["code"] == "INVALID_TOKEN"
    for forged in (token[:-2] + "AA", "x", "a.b.c", "é"):
        assert read(merchant.call("GET", "payment/", token=forged), 401)["code"] == "INVALID_TOKEN"


@pytest.mark.parametrize("body", [b"{}", b'{"email":"x","password":"y"}', b'{"email":"x"}'])
def test_nobody_signs_in_without_the_password(merchant: Merchant, body: bytes) -> None:
    reply = merchant.call("POST", "auth", body)
    assert reply.status in (400, 403) and b"token" not in reply.body


def test_the_log_of_calls_holds_no_password(merchant: Merchant) -> None:
    merchant.sign_in()
    (call,) = merchant.sim.calls
    assert (call.operation, call.status, call.body) == ("auth.create", 200, "")


def test_a_list_is_sorted_filtered_and_paged(merchant: Merchant) -> None:
    made = []
    for number in range(5):
        made.append(int(merchant.make(order_id=f"order-{number}")["payment_id"]))
        merchant.sim.advance(60)

    def found(**query: object) -> list[int]:
        return [row["payment_id"] for row in merchant.listed(**query)["data"]]

    assert found() == made
    assert found(sortBy="created_at", orderBy="desc", limit=2, page=1) == [made[2], made[1]]
    assert found(dateFrom="2026-11-20T12:01:00.000Z", dateTo="2026-11-20T12:03:00.000Z") == made[1:4]
    assert found(dateFrom="2026-11-21") == [] and found(dateTo="2026-11-20") == []
    whole = merchant.listed(limit=2, page=9)
    assert (whole["data"], whole["limit"], whole["page"], whole["pagesCount"], whole["total"]) == ([], 2, 9, 3, 5)


def test_a_list_can_be_that_of_one_invoice(merchant: Merchant) -> None:
    merchant.make()
    invoice = merchant.invoice()
    for coin in ("btc", "eth"):
        merchant.sim.payer.choose(invoice["invoice_url"], coin)
    rows = merchant.listed(invoiceId=invoice["id"])["data"]
    assert [row["pay_currency"] for row in rows] == ["btc", "eth"]
    assert {row["invoice_id"] for row in rows} == {int(invoice["id"])}


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=x", "page=-1", "dateFrom=yesterday", "sortBy=x", "orderBy=up", "order_id=1"],
)
def test_a_list_that_cannot_be_made_is_refused(merchant: Merchant, query: str) -> None:
    assert merchant.call("GET", "payment/", query=query, token=merchant.sign_in()).status == 400


def test_lists_can_lag_behind_and_reads_do_not() -> None:
    merchant = Merchant(Settings(list_lag=60))
    made = merchant.make()
    assert merchant.listed()["total"] == 0 and merchant.see(made["payment_id"])["payment_status"] == "waiting"
    merchant.sim.advance(60)
    assert merchant.listed()["total"] == 1


def test_the_least_amount_of_a_coin_is_told(merchant: Merchant) -> None:
    query = "currency_from=trx&currency_to=usdttrc20&fiat_equivalent=usd"
    told = read(merchant.call("GET", "min-amount", query=query), 200)
    assert (told["min_amount"], told["fiat_equivalent"]) == (8, 1)


def test_every_answer_is_json_with_exact_numbers(merchant: Merchant) -> None:
    made = merchant.make("0.01", "wbtc")
    reply = merchant.call("GET", f"payment/{made['payment_id']}")
    assert b'"pay_amount":1.5625e-7,' in reply.body
    assert json.loads(reply.body)["price_amount"] == 0.01
