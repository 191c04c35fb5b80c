"""NOWPayments' objects as its documentation shows them, and a signer that shares nothing with the adapter."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from payonce.base import ids
from payonce.domain.observation import Observation, PaymentSeen, RefundSeen
from payonce.providers.contract import Ask, Flow, Unreadable, Verified
from payonce.providers.nowpayments.adapter import NowPaymentsAdapter
from payonce.providers.transport import Answer

KEY: Final = "ABCDEFG-1234567-HIJKLMN-7654321"
SECRET: Final = "test-ipn-secret"
EMAIL: Final = "owner@shop.example"
PASSWORD: Final = "correct horse"
NOW: Final = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
ATTEMPT: Final = UUID("0193f2a0-0000-7000-8000-000000000001")
ORDER: Final = UUID("0193f2a0-0000-7000-8000-000000000002")
ATTEMPT_TEXT: Final = ids.show(ids.ATTEMPT, ATTEMPT)

# A letter of nobody's (private use).
MARK: Final = "\ue000"

Object = dict[str, Any]


def adapter(**settings: Any) -> NowPaymentsAdapter:
    return NowPaymentsAdapter(KEY, SECRET, **settings)


def lister(**settings: Any) -> NowPaymentsAdapter:
    """An adapter that may list payments."""
    return adapter(email=EMAIL, password=PASSWORD, **settings)


def ask(flow: Flow = "invoice", **changes: Any) -> Ask:
    fields: dict[str, Any] = {
        "attempt_id": ATTEMPT,
        "order_id": ORDER,
        "flow": flow,
        "amount_minor": 135,
        "currency": "USD",
        "description": "First fee of player 27",
        "success_url": "https://shop.example/thanks",
        "cancel_url": "https://shop.example/basket",
        "payer_email": "ann@shop.example",
        "expires_at": None,
        "asked_at": NOW,
        "callback_url": "https://pay.shop.example/webhooks/nowpayments",
    }
    return Ask(**(fields | changes))


def payment(status: str = "waiting", **changes: Any) -> Object:
    came = 15 if status in ("finished", "refunded", "sending", "confirmed", "confirming") else 0
    return {
        "payment_id": 5524759814, "parent_payment_id": None, "invoice_id": None, "payment_status": status,
        "pay_address": "TNDFkiSmBQorNFacb3735q8MnT29sn8BLn", "payin_extra_id": None, "price_amount": 1.35,
        "price_currency": "usd", "pay_amount": 15, "actually_paid": came, "actually_paid_at_fiat": 0,
        "pay_currency": "trx", "order_id": ATTEMPT_TEXT, "order_description": "First fee of player 27",
        "purchase_id": "4944856743", "outcome_amount": 14.8106, "outcome_currency": "trx", "payment_extra_ids": None,
        "created_at": "2026-11-20T12:00:00.000Z", "updated_at": "2026-11-20T12:05:00.000Z",
        "fee": {"currency": "btc", "depositFee": 0.00001234, "withdrawalFee": 0, "serviceFee": 0},
    } | changes  # fmt: skip


def made_payment(**changes: Any) -> Object:
    """What the create of a payment answers with."""
    return payment(
        payment_id="5524759814", network="trx", expiration_estimate_date="2026-11-20T12:20:00.123Z", time_limit=None,
        valid_until="2026-11-27T12:00:00.000Z", type="crypto2crypto",
    ) | changes  # fmt: skip


def invoice(**changes: Any) -> Object:
    return {
        "id": "4522625843", "order_id": ATTEMPT_TEXT, "order_description": "First fee of player 27",
        "price_amount": "1.35", "price_currency": "usd", "pay_currency": None,
        "ipn_callback_url": "https://pay.shop.example/webhooks/nowpayments",
        "invoice_url": "https://nowpayments.io/payment/?iid=4522625843", "success_url": "https://shop.example/thanks",
        "cancel_url": "https://shop.example/basket", "created_at": "2026-11-20T12:00:00.000Z",
        "updated_at": "2026-11-20T12:00:00.000Z",
    } | changes  # fmt: skip


def page(*payments: Object, number: int = 0, pages: int = 1) -> Object:
    return {"data": list(payments), "limit": 500, "page": number, "pagesCount": pages, "total": len(payments)}


def raw(found: object) -> bytes:
    return json.dumps(found).encode()


def ok(found: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, tuple((key.replace("_", "-"), value) for key, value in headers.items()), raw(found))


def error(status: int, code: str = "INVALID_REQUEST_PARAMS", **headers: str) -> Answer:
    told = {"status": False, "statusCode": status, "code": code, "message": "In their words."}
    return ok(told, status, **headers)


def signed(body: bytes, secret: str = SECRET, *, indexed: bool = False) -> dict[str, str]:
    """The header of the notice, as an independent reading of the official samples makes it."""
    digest = hmac.new(secret.encode(), rewritten(body, indexed=indexed).encode(), hashlib.sha512)
    return {"x-nowpayments-sig": digest.hexdigest()}


def rewritten(body: bytes, *, indexed: bool = False) -> str:
    """The body with its keys sorted, by `json` alone: numbers pass through it as marked text, and are unmarked after.

    `MARK` stands in no body of these tests.
    """

    def prepared(value: Any) -> Any:
        if isinstance(value, list) and indexed:
            value = {str(place): inner for place, inner in enumerate(value)}
            return {place: prepared(inner) for place, inner in value.items()}
        if isinstance(value, list):
            return [prepared(inner) for inner in value]
        if isinstance(value, dict):
            return {key: prepared(value[key]) for key in sorted(value, key=_units)}
        return value

    found = json.loads(body, parse_float=_marked, parse_int=_marked)
    text = json.dumps(prepared(found), ensure_ascii=False, separators=(",", ":"))
    return re.sub(f'"{MARK}([^"]*)"', r"\1", text)


def _marked(digits: str) -> str:
    return MARK + digits


def _units(key: str) -> list[int]:
    """The units of UTF-16 that JavaScript compares."""
    raw = key.encode("utf-16-le")
    return [raw[at] + 256 * raw[at + 1] for at in range(0, len(raw), 2)]


def heard(found: Object, **settings: Any) -> Verified:
    """What the adapter makes of a signed notice."""
    body = raw(found)
    verdict = adapter(**settings).verify(signed(body), body, NOW)
    assert isinstance(verdict, Verified), verdict
    return verdict


def told(found: Object) -> tuple[Observation, ...]:
    """What the adapter makes of a payment that a read brought."""
    verdict = adapter().again(raw(found), "poll")
    assert isinstance(verdict, Verified), verdict
    return verdict.observations


def seen(found: Object) -> PaymentSeen:
    """The payment of an object that a read brought; of its refund nothing."""
    first = told(found)[0].seen
    assert isinstance(first, PaymentSeen)
    return first


def backs(found: Object) -> list[RefundSeen]:
    return [one.seen for one in told(found) if isinstance(one.seen, RefundSeen)]


def unreadable(verdict: object) -> Unreadable:
    assert isinstance(verdict, Unreadable), verdict
    return verdict
