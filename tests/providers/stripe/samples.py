"""Stripe's objects as its documentation shows them, short of the fields that payonce never looks at."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import stripe

from payonce.base import ids
from payonce.domain.observation import DisputeSeen, Observation, PaymentSeen, RefundSeen
from payonce.providers.contract import Ask, Flow, Unreadable, Verified
from payonce.providers.stripe.adapter import StripeAdapter
from payonce.providers.transport import Answer

SECRET: Final = "whsec_test_secret"
KEY: Final = "sk_test_0123456789"
NOW: Final = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
ATTEMPT: Final = UUID("0193f2a0-0000-7000-8000-000000000001")
ORDER: Final = UUID("0193f2a0-0000-7000-8000-000000000002")
ATTEMPT_TEXT: Final = ids.show(ids.ATTEMPT, ATTEMPT)
ORDER_TEXT: Final = ids.show(ids.ORDER, ORDER)
MARKS: Final = {"payonce_attempt": ATTEMPT_TEXT, "payonce_order": ORDER_TEXT}

Object = dict[str, Any]


def adapter(**settings: Any) -> StripeAdapter:
    return StripeAdapter(KEY, [SECRET], **settings)


def ask(flow: Flow = "payment_intent", **changes: Any) -> Ask:
    fields: dict[str, Any] = {
        "attempt_id": ATTEMPT,
        "order_id": ORDER,
        "flow": flow,
        "amount_minor": 135,
        "currency": "USD",
        "description": "First fee of player 27",
        "success_url": "https://shop.example/thanks?o=1&s={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/basket",
        "payer_email": "ann@shop.example",
        "expires_at": datetime(2026, 11, 20, 12, 35, tzinfo=UTC),
        "asked_at": datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
    }
    return Ask(**(fields | changes))


def intent(status: str = "requires_payment_method", **changes: Any) -> Object:
    received = 135 if status == "succeeded" else 0
    return {
        "id": "pi_1", "object": "payment_intent", "amount": 135, "amount_received": received, "amount_capturable": 0,
        "currency": "usd", "status": status, "metadata": dict(MARKS), "latest_charge": None, "last_payment_error": None,
        "cancellation_reason": None, "client_secret": "pi_1_secret_x", "livemode": False, "created": 1795176000,
    } | changes  # fmt: skip


def session(status: str = "open", payment_status: str = "unpaid", **changes: Any) -> Object:
    return {
        "id": "cs_1", "object": "checkout.session", "status": status, "payment_status": payment_status,
        "mode": "payment", "amount_total": 135, "currency": "usd", "payment_intent": None,
        "client_reference_id": ATTEMPT_TEXT, "metadata": dict(MARKS),
        "url": "https://checkout.stripe.example/c/cs_1" if status == "open" else None,
        "expires_at": 1795178100, "livemode": False, "created": 1795176000,
    } | changes  # fmt: skip


def charge(status: str = "succeeded", **changes: Any) -> Object:
    return {
        "id": "ch_1", "object": "charge", "amount": 135, "amount_captured": 135 if status == "succeeded" else 0,
        "amount_refunded": 0, "captured": status == "succeeded", "currency": "usd", "status": status,
        "payment_intent": "pi_1", "metadata": dict(MARKS), "failure_code": None, "livemode": False,
    } | changes  # fmt: skip


def refund(status: str | None = "succeeded", **changes: Any) -> Object:
    return {
        "id": "re_1", "object": "refund", "amount": 100, "currency": "usd", "status": status, "payment_intent": "pi_1",
        "charge": "ch_1", "metadata": {},
    } | changes  # fmt: skip


def dispute(status: str = "needs_response", **changes: Any) -> Object:
    return {
        "id": "dp_1", "object": "dispute", "amount": 135, "currency": "usd", "status": status, "payment_intent": "pi_1",
        "charge": "ch_1", "metadata": {}, "balance_transactions": [], "livemode": False,
    } | changes  # fmt: skip


def event(kind: str, found: Object, **changes: Any) -> Object:
    return {
        "id": "evt_1", "object": "event", "type": kind, "created": 1795176000, "livemode": False,
        "api_version": "2026-10-28.endive", "data": {"object": found}, "pending_webhooks": 1,
    } | changes  # fmt: skip


def raw(found: object) -> bytes:
    return json.dumps(found).encode()


def ok(found: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, tuple((key.replace("_", "-"), value) for key, value in headers.items()), raw(found))


def signed(body: bytes, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    """The headers that the official SDK signs the body with."""
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, int(at.timestamp()))
    assert isinstance(header, str)
    return {"stripe-signature": header}


def heard(kind: str, found: Object, **changes: Any) -> Verified:
    """What the adapter makes of a signed event."""
    body = raw(event(kind, found, **changes))
    verdict = adapter().verify(signed(body), body, NOW)
    assert isinstance(verdict, Verified), verdict
    return verdict


def seen_again(found: Object) -> Observation:
    """What the adapter makes of an object that a read brought."""
    verdict = adapter().again(raw(found), "poll")
    assert isinstance(verdict, Verified), verdict
    (observation,) = verdict.observations
    return observation


def payment(observation: Observation) -> PaymentSeen:
    assert isinstance(observation.seen, PaymentSeen)
    return observation.seen


def back(observation: Observation) -> RefundSeen | DisputeSeen:
    assert isinstance(observation.seen, RefundSeen | DisputeSeen)
    return observation.seen


def unreadable(verdict: object) -> Unreadable:
    assert isinstance(verdict, Unreadable), verdict
    return verdict
