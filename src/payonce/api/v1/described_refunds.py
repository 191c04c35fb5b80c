"""What the API answers about refunds, as it is described in OpenAPI."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from payonce.api.v1.described_base import Described


class Refund(Described):
    """A refund of ours. `of` says whose money: the order's, or surplus; `why` is the reason of its end, or of waiting.

    `planned` waits for approval, `due` is sent soon, `sending` and `in_doubt` wait for the provider's word, `sent` is
    taken on and followed, and `succeeded` can still become `failed` when a bank sends it back.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "id": "rfd_01kah3x9fre80b2tvp4n5c7wq2",
                    "object": "refund",
                    "order_id": "ord_01kah3v2y9f5q8tkx6c1m4d7sz",
                    "attempt_id": "att_01kah3w6m2e0b9rjz7p8n3v5tc",
                    "provider": "stripe",
                    "account": "main",
                    "payment_ref": "pi_3Q9kM2",
                    "provider_ref": "re_3Q9kM2",
                    "of": "surplus",
                    "state": "succeeded",
                    "amount_minor": 4500,
                    "currency": "USD",
                    "reason": "second_charge",
                    "asked_by": "policy",
                    "why": None,
                    "created_at": "2026-11-20T18:32:04Z",
                    "due_at": None,
                    "sent_at": "2026-11-20T18:32:06Z",
                    "ended_at": "2026-11-20T18:32:07Z",
                }
            ]
        },
    )

    id: str
    object: Literal["refund"]
    order_id: str
    attempt_id: str
    provider: str
    account: str
    payment_ref: str
    provider_ref: str | None
    of: Literal["order", "surplus"]
    state: Literal["planned", "due", "sending", "in_doubt", "sent", "succeeded", "failed", "cancelled"]
    amount_minor: int
    currency: str
    reason: str
    asked_by: str
    why: str | None
    created_at: str
    due_at: str | None
    sent_at: str | None
    ended_at: str | None


class RefundPage(Described):
    """One page of refunds, the newest first."""

    object: Literal["list"]
    data: list[Refund]
    has_more: bool


class RefundList(Described):
    """The refunds that were written or approved, all of them, the oldest first."""

    object: Literal["list"]
    data: list[Refund]
    has_more: Literal[False]


class RefundPlan(Described):
    """What waits for approval, with its sums by currency. `id` names exactly this content."""

    id: str
    object: Literal["refund_plan"]
    totals_minor: dict[str, int]
    refunds: list[Refund]
