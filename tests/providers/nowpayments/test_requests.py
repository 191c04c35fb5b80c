"""The requests, held against the provider's documentation; and what it has no request for."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from payonce.base.errors import Bug, Refused
from payonce.base.money import EXPONENTS, LARGEST_MINOR
from payonce.domain.observation import Ref
from payonce.providers.contract import Call, NotDone
from payonce.providers.gateway import ProviderLooker
from payonce.providers.transport import Answer, Request
from tests.providers.nowpayments.samples import (
    ATTEMPT,
    ATTEMPT_TEXT,
    EMAIL,
    KEY,
    NOW,
    PASSWORD,
    adapter,
    ask,
    error,
    lister,
    ok,
    page,
    payment,
)  # fmt: skip

PAYMENT = Ref("payment", "5524759814")
INVOICE = Ref("invoice", "4522625843")


class Line:
    """A transport with its answers laid out beforehand, that keeps what was sent."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []

    async def send(self, request: Request) -> Answer:
        self.sent.append(request)
        return self.answers.pop(0)


def fields(call: Call) -> dict[str, Any]:
    found = json.loads(call.body, parse_float=Decimal)
    assert isinstance(found, dict)
    return found


def query(call: Call) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(call.path).query))


def asked(call: Call | NotDone) -> Call:
    assert isinstance(call, Call)
    return call


def test_an_invoice_is_asked_for_with_price_marks_and_ways_back_and_nothing_else() -> None:
    """X3: our attempt travels as `order_id`, so that whatever is paid is known by it."""
    call = adapter().create(ask())
    assert (call.operation, call.method, call.path, call.idempotency_key) == ("create", "POST", "/v1/invoice", None)
    assert fields(call) == {
        "price_amount": Decimal("1.35"), "price_currency": "usd", "order_id": ATTEMPT_TEXT,
        "order_description": "First fee of player 27", "success_url": "https://shop.example/thanks",
        "cancel_url": "https://shop.example/basket",
        "ipn_callback_url": "https://pay.shop.example/webhooks/nowpayments",
    }  # fmt: skip


def test_a_payment_is_asked_for_in_the_coin_of_the_account() -> None:
    call = adapter(pay_currency=" BTC ").create(ask("payment"))
    assert call.path == "/v1/payment"
    assert fields(call)["pay_currency"] == "btc"
    assert fields(adapter().create(ask("payment")))["pay_currency"] == "usdttrc20"
    assert fields(call).keys() == {
        "price_amount", "price_currency", "order_id", "order_description", "ipn_callback_url", "pay_currency",
    }  # fmt: skip


def test_the_same_ask_is_the_same_bytes_and_another_attempt_others() -> None:
    """X1: the bytes are stored before they are sent, and never made anew."""
    other = UUID("0193f2a0-0000-7000-8000-000000000009")
    assert adapter().create(ask()) == adapter().create(ask())
    assert adapter().create(ask()).body != adapter().create(ask(attempt_id=other)).body


def test_an_ask_without_words_or_places_still_has_what_is_needed() -> None:
    call = adapter().create(ask(description="  ", success_url="", cancel_url="", callback_url=""))
    assert fields(call).keys() == {"price_amount", "price_currency", "order_id", "order_description"}
    assert fields(call)["order_description"] == "Order"
    assert len(fields(adapter().create(ask(description="é" * 5000)))["order_description"]) == 200


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (135, "USD", b"1.35"),
        (5, "EUR", b"0.05"),
        (100, "USD", b"1.00"),
        (35000, "VND", b"35000"),
        (1234, "KWD", b"1.234"),
        (7, "BHD", b"0.007"),
        (10**15, "USD", b"10000000000000.00"),
    ],
)
def test_a_price_is_a_number_with_the_decimals_of_its_currency(minor: int, currency: str, text: bytes) -> None:
    """B17: never a float, and never text."""
    assert b'"price_amount":' + text + b"," in adapter().create(ask(amount_minor=minor, currency=currency)).body


@given(some.integers(1, LARGEST_MINOR), some.sampled_from(sorted(EXPONENTS)))
def test_every_price_comes_back_as_it_went(minor: int, currency: str) -> None:
    """B17: for every currency of ISO 4217."""
    price = fields(adapter().create(ask(amount_minor=minor, currency=currency)))["price_amount"]
    assert Decimal(price).scaleb(EXPONENTS[currency]) == minor


@pytest.mark.parametrize(("minor", "currency"), [(0, "USD"), (-1, "USD"), (1, "XYZ"), (1, "TRX"), (10**15 + 1, "USD")])
def test_an_amount_that_is_none_is_refused_before_anything_is_sent(minor: int, currency: str) -> None:
    """B17: nothing is rounded to fit."""
    for flow in ("invoice", "payment"):
        with pytest.raises(Refused) as refused:
            adapter().create(ask(flow, amount_minor=minor, currency=currency))
        assert refused.value.code == "amount_not_payable"


def test_a_payment_is_read_by_its_id_and_no_reference_leads_anywhere_else() -> None:
    assert asked(adapter().read(PAYMENT)).path == "/v1/payment/5524759814"
    assert asked(adapter().read(Ref("payment", "../payout?x=1#"))).path == "/v1/payment/..%2Fpayout%3Fx%3D1%23"


def test_an_invoice_is_read_as_the_list_of_its_payments() -> None:
    call = asked(lister().read(INVOICE))
    assert urlsplit(call.path).path == "/v1/payment/"
    assert query(call) == {"limit": "500", "page": "0", "invoiceId": "4522625843"}
    assert query(asked(lister().read(Ref("invoice", "1&page=7"))))["invoiceId"] == "1&page=7"


def test_what_cannot_be_asked_or_ended_is_answered_without_a_request() -> None:
    """X7: where a provider cannot cancel, that is said and nothing is pretended."""
    line = Line()
    till = ProviderLooker(adapter(), line)
    unread = asyncio.run(till.read(INVOICE))
    unclosed = [asyncio.run(till.close(ref, ATTEMPT)) for ref in (PAYMENT, INVOICE)]
    assert isinstance(unread, NotDone)
    assert unread.code == "not_readable"
    assert {one.code for one in unclosed if isinstance(one, NotDone)} == {"not_closable"}
    assert len([one for one in unclosed if isinstance(one, NotDone)]) == 2
    assert line.sent == []
    assert not till.capabilities.can_close


def test_what_was_made_is_listed_by_its_time_and_page_by_page() -> None:
    """B7: `order_id` is no filter of the list, so all are listed and ours are picked."""
    east = timezone(timedelta(hours=7))
    call = lister().find("payment", NOW - timedelta(hours=1), NOW.astimezone(east), None)
    assert urlsplit(call.path).path == "/v1/payment/"
    assert query(call) == {
        "limit": "500", "page": "0", "sortBy": "created_at", "orderBy": "desc",
        "dateFrom": "2026-11-20T11:00:00.000Z", "dateTo": "2026-11-20T12:00:00.001Z",
    }  # fmt: skip
    assert query(lister().find("invoice", NOW, NOW, "3"))["page"] == "3"


def test_only_the_list_needs_a_token() -> None:
    one = lister()
    lists = [one.find("payment", NOW, NOW, None), asked(one.read(INVOICE))]
    others = [one.create(ask()), one.create(ask("payment")), asked(one.read(PAYMENT)), one.sign_in()]
    assert [one.needs_token(call) for call in lists] == [True, True]
    assert [one.needs_token(call) for call in others] == [False] * 4


def test_a_list_is_asked_for_with_a_fresh_token_and_the_key() -> None:
    line = Line(ok({"token": "eyJ.a-b_c.d"}), ok(page(payment())))
    outcome = asyncio.run(ProviderLooker(lister(), line).find("payment", NOW, NOW))
    sign_in, listing = line.sent
    assert sign_in.url == "https://api.nowpayments.io/v1/auth"
    assert json.loads(sign_in.body) == {"email": EMAIL, "password": PASSWORD}
    assert dict(listing.headers)["authorization"] == "Bearer eyJ.a-b_c.d"
    assert dict(listing.headers)["x-api-key"] == KEY
    assert [one.seen.ref for one in getattr(outcome, "observations", ())] == [PAYMENT]


def test_a_refused_sign_in_leaves_the_list_unasked() -> None:
    line = Line(error(401, "AUTH_REQUIRED"))
    outcome = asyncio.run(ProviderLooker(lister(), line).find("payment", NOW, NOW))
    assert isinstance(outcome, NotDone)
    assert (outcome.code, len(line.sent)) == ("provider_auth", 1)


def test_neither_password_nor_key_stands_in_a_call() -> None:
    """B16: a call is what is stored, and a request is what is sent."""
    one = lister()
    for call in (one.sign_in(), one.create(ask()), one.find("payment", NOW, NOW, None)):
        for secret in (PASSWORD, EMAIL, KEY):
            assert secret.encode() not in call.path.encode() + call.body
            assert secret not in repr(one.request(call))


def test_requests_go_to_the_stand_in_where_one_is_given() -> None:
    for base in ("http://127.0.0.1:8421", "http://127.0.0.1:8421/v1/"):
        request = adapter(api_base=base).request(adapter().create(ask()))
        assert request.url == "http://127.0.0.1:8421/v1/invoice"
        headers = {"x-api-key": KEY, "user-agent": "payonce", "content-type": "application/json"}
        assert dict(request.headers) == headers
    assert "content-type" not in dict(adapter().request(asked(adapter().read(PAYMENT))).headers)


@pytest.mark.parametrize("kind", ["customer", "", "payments", "refund", "purchase"])
def test_an_object_that_is_not_there_to_read_or_make_is_a_bug_of_ours(kind: str) -> None:
    with pytest.raises(Bug):
        lister().read(Ref(kind, "1"))
    with pytest.raises(Bug):
        lister().create(ask(kind))


def test_a_list_or_a_sign_in_without_credentials_is_a_bug_of_ours() -> None:
    with pytest.raises(Bug):
        adapter().find("payment", NOW, NOW, None)
    with pytest.raises(Bug):
        adapter().request(adapter().sign_in())
    with pytest.raises(Bug):
        lister().find("payment", datetime(2026, 1, 1), NOW, None)  # noqa: DTZ001 - the mistake itself


def test_nowpayments_is_what_the_engine_is_told_it_is() -> None:
    """X7: no cancel, no refund, no key; late deposits count."""
    capabilities = adapter().capabilities
    assert capabilities.flows == ("invoice", "payment")
    assert (capabilities.idempotency, capabilities.idempotency_life_seconds) == ("none", 0)
    assert (capabilities.can_close, capabilities.refund, capabilities.also_read) == (False, "none", ("payment",))
    assert capabilities.confirm_by_read
    assert capabilities.pays_after_end
    assert capabilities.tells_failures
    assert capabilities.why_not(1, "USD") is None
    assert adapter().own_ref(adapter().create(ask())) is None


@pytest.mark.parametrize(("what", "status"), [("accepted", 200), ("duplicate", 200), ("retry", 503), ("forged", 400)])
def test_a_notice_is_answered_with_a_status(what: Any, status: int) -> None:
    assert adapter().acknowledge(what).status == status
