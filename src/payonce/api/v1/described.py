"""What the API answers, as it is described in OpenAPI. Answers are made by `shapes`; a test holds both to each
other."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict

from payonce.api.v1.described_base import Described as Described
from payonce.api.v1.described_events import Event as Event
from payonce.api.v1.described_events import EventPage as EventPage
from payonce.api.v1.described_events import Replayed as Replayed
from payonce.api.v1.described_events import UnhandledType as UnhandledType
from payonce.api.v1.described_findings import Finding as Finding
from payonce.api.v1.described_findings import FindingKinds as FindingKinds
from payonce.api.v1.described_findings import FindingPage as FindingPage
from payonce.api.v1.described_jobs import Job as Job
from payonce.api.v1.described_jobs import JobList as JobList
from payonce.api.v1.described_jobs import Run as Run
from payonce.api.v1.described_jobs import RunPage as RunPage
from payonce.api.v1.described_jobs import ShownJob as ShownJob
from payonce.api.v1.described_jobs import Switch as Switch
from payonce.api.v1.described_jobs import SwitchList as SwitchList
from payonce.api.v1.described_refunds import Refund as Refund
from payonce.api.v1.described_refunds import RefundList as RefundList
from payonce.api.v1.described_refunds import RefundPage as RefundPage
from payonce.api.v1.described_refunds import RefundPlan as RefundPlan

Payment = Literal["none", "open", "requires_action", "processing", "paid", "failed", "closed"]


class Problem(Described):
    """RFC 9457. `code` is stable; `instance` is the request's id; `next_action` says what a program may do."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    param: str | None
    retryable: bool
    next_action: str


class Counters(Described):
    """Captured provider payments, settlements, accepted deliveries: each 0 or 1 for an order without trouble."""

    charged: int
    recorded: int
    fulfilled: int


class EffectOfOrder(Described):
    """What is owed for an order, and how far it is."""

    id: str
    kind: str
    occasion: str
    nature: Literal["fulfilment", "notification"]
    state: str
    tries: int
    done_at: str | None


class Amounts(Described):
    """What came in, what serves the order, what went back; minor units."""

    received_minor: int
    allocated_minor: int
    refunded_minor: int
    disputed_minor: int


class PayerShown(Described):
    """Whose order it is, in the merchant's words."""

    reference: str


class ItemOfOrder(Described):
    """What an order takes from stock. `held` while it can be paid, `sold` once it is paid."""

    sku: str
    quantity: int
    state: Literal["wanted", "held", "sold", "returned"]


class PayoutOfOrder(Described):
    """What a payee is to get of an order. `state` is null until the order is paid; `left_minor` is what is left of it
    after what went back."""

    payee: str
    amount_minor: int
    state: Literal["accrued", "held", "paid_out", "reversed"] | None
    held_because: str | None
    left_minor: int
    payout_number: int | None


class Order(Described):
    """An order. `state` is its own; `payment` is what a page shows next to it."""

    id: str
    object: Literal["order"]
    state: Literal["waiting", "open", "paid", "closed"]
    payment: Payment
    reference: str
    purpose: str
    amount_minor: int
    currency: str
    payer: PayerShown
    counters: Counters
    pay_url: str
    status_url: str
    amounts: Amounts
    items: list[ItemOfOrder]
    metadata: dict[str, Any]
    success_url: str
    cancel_url: str
    created_at: str
    opened_at: str | None
    paid_at: str | None
    paid_by: str | None
    closed_at: str | None
    closed_reason: str | None
    released_at: str | None
    under_review: bool
    version: int
    effects: list[EffectOfOrder]
    payouts: list[PayoutOfOrder]
    refunds: list[Refund]


class PlacedOrder(Order):
    """An order that was placed, found (`existing`) or opened again (`reopened`)."""

    existing: bool
    reopened: bool


class OrderStatus(Described):
    """What a payer may know. `notes`: money that came late, twice or in part, and what becomes of it. `retry_after`:
    seconds until the next answer is certain; null once `final`."""

    id: str
    object: Literal["order_status"]
    state: Literal["waiting", "open", "paid", "closed"]
    payment: Payment
    message: str
    notes: list[str]
    amount_minor: int
    currency: str
    final: bool
    counters: Counters
    effects: list[EffectOfOrder]
    under_review: bool
    paid_at: str | None
    closed_reason: str | None
    retry_after: int | None
    cached: bool
    as_of: str


class Checkout(Described):
    """A payable attempt: pay with `client_secret` on your page, at `url`, or by `instructions`: so much of `asset` on
    `network` to `address`, with `memo` where there is one. `can_leave`: its provider cannot cancel it; to pay another
    way, send its `number` as `leave_attempt` once the payer says that nothing was sent. `hint` says in words why it is
    another way than the one that was asked for."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "object": "checkout",
                    "attempt_id": "att_01kb7w3z9sfwqtcqvnm4m3t6ge",
                    "order_id": "ord_01kb7w3yhqe4rrgx0yrr7ghy4c",
                    "number": 1,
                    "flow": "payment",
                    "instructions": {
                        "address": "TNDzfERDpxLDS2w1q6yaFC7pzqaSQ3Bg3r",
                        "amount": "45.21",
                        "asset": "usdttrc20",
                        "network": "trx",
                    },
                    "provider": "nowpayments",
                    "account": "main",
                    "provider_ref": "5745459419",
                    "reused": True,
                    "outcome": "reused",
                    "can_leave": True,
                    "hint": "The order is being paid through nowpayments already (payment, attempt 1), which cannot "
                    "cancel it. Once the payer says that nothing was sent, ask again with leave_attempt: 1.",
                    "expires_at": "2026-11-21T10:20:00Z",
                }
            ]
        },
    )

    object: Literal["checkout"]
    attempt_id: str
    order_id: str
    number: int
    flow: str
    client_secret: str | None
    url: str | None
    instructions: dict[str, str] | None
    provider: str
    account: str
    provider_ref: str | None
    reused: bool
    outcome: Literal["new", "reused", "replaced"]
    can_leave: bool
    hint: str | None
    expires_at: str | None


class CheckoutInProgress(Described):
    """Nothing may be started now; ask again after `retry_after` seconds."""

    object: Literal["checkout_in_progress"]
    order_id: str
    reason: Literal["processing", "payment_under_review", "closing_predecessor"]
    retry_after: int


class Effect(Described):
    """An effect as an operator sees it."""

    id: str
    object: Literal["effect"]
    kind: str
    occasion: str
    nature: Literal["fulfilment", "notification"]
    order_id: str
    state: str
    reason: str | None
    tries: int
    due_at: str | None
    owed_at: str
    done_at: str | None
    caused_by: str
    run: str | None


class StockItem(Described):
    """An item of stock. `on_hand` is all its pieces: free, held for orders that can be paid, and sold."""

    object: Literal["stock_item"]
    sku: str
    on_hand: int
    free: int
    held: int
    sold: int
    changed_at: str


class StockPage(Described):
    """One page of stock, by sku."""

    object: Literal["list"]
    data: list[StockItem]
    has_more: bool


class OrderPage(Described):
    """One page of orders, the newest first."""

    object: Literal["list"]
    data: list[Order]
    has_more: bool


class EffectPage(Described):
    """One page of effects, the newest first."""

    object: Literal["list"]
    data: list[Effect]
    has_more: bool


class Payout(Described):
    """A payout to a payee; `carried_minor` is what earlier ones paid too little, or too much (below zero)."""

    id: str
    object: Literal["payout"]
    payee: str
    number: int
    currency: str
    amount_minor: int
    gross_minor: int
    carried_minor: int
    order_id: str
    made_at: str
    effects: list[str]


class PayoutPage(Described):
    """One page of payouts, the newest first."""

    object: Literal["list"]
    data: list[Payout]
    has_more: bool


class Balance(Described):
    """What a payee is owed in one currency."""

    currency: str
    accrued_minor: int
    held_minor: int
    reversed_minor: int
    paid_out_minor: int
    carried_minor: int


class Payee(Described):
    """What a payee is owed, by currency."""

    object: Literal["payee"]
    payee: str
    balances: list[Balance]


Answers = dict[int | str, dict[str, Any]]


def answers(*problems: int, also: Answers | None = None) -> Answers:
    """What a route may answer besides its usual answer, for its description: problems, and what `also` says."""
    usual = (401, 403, 422, 500, 503)
    # By reference and not by model, which would describe them as plain JSON as well; `describe` adds the schema.
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    told: Answers = {status: {"description": _WORDS[status], "content": content} for status in (*problems, *usual)}
    return (also or {}) | told


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with the shape of a problem in it."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return document


_WORDS = {
    400: "not readable, or the Idempotency-Key is missing",
    401: "no valid API key",
    403: "the API key lacks the scope",
    404: "there is no such thing",
    409: "it does not fit what is there; `code` says why",
    410: "it will not be payable again",
    413: "the body is larger than 1 MiB",
    415: "the body is not JSON",
    422: "the request is wrong as it stands",
    429: "asked too often; `Retry-After` says when again",
    500: "something is broken here",
    501: "not configured",
    502: "the provider said no",
    503: "try again after `Retry-After`",
}
