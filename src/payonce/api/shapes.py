"""How answers look as JSON: ids as TypeID text, times as RFC 3339 in UTC, money as minor units, links complete.

What a payer may see is a shape of its own (`status_json`): no names, no references, no reasons meant for operators.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from payonce.api.money_told import notes_of
from payonce.api.times import when
from payonce.base import ids
from payonce.base.errors import Conflict, PayonceError, Refused, Unavailable
from payonce.domain.effect import PAYOUT_DUE, Effect
from payonce.domain.order import SOLD_OUT
from payonce.usecases.answers import (
    AlreadyPaid,
    AttemptView,
    Checkout,
    CheckoutAnswer,
    EffectView,
    Gone,
    InProgress,
    OrderView,
    PaymentView,
    RefundView,
    Silent,
)
from payonce.usecases.approve_refunds import RefundPlan
from payonce.usecases.explain_money import plain_decimal
from payonce.usecases.list_events import EventView
from payonce.usecases.read_order import link_token
from payonce.usecases.set_stock import StockView

EXPANDABLE: Final = ("attempts", "findings", "payments")
# What a page tells its payer, in one sentence.
MESSAGES: Final = {
    "none": "Not paid yet.",
    "open": "Waiting for the payment.",
    "requires_action": "Your bank asks you to confirm the payment.",
    "processing": "The payment is on its way. It is being confirmed, which can take a while; there is nothing you need "
    "to do.",
    "paid": "Paid. Thank you.",
    "failed": "The payment was declined. You can try again.",
    "closed": "This order is closed and cannot be paid.",
}
PART_MESSAGE: Final = "A part is paid. The rest can be paid now."
EXPIRED_MESSAGE: Final = "This order has expired. Its payment link opens it again."
# Made once: `json.dumps` with separators of its own makes an encoder for every call.
compact: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
# Nothing more will happen to such an effect without a person.
_SETTLED: Final = frozenset({"done", "suppressed", "dead", "held", "unknown"})


def shown(prefix: str, value: UUID | None) -> str | None:
    """The id's text, or None."""
    return ids.show(prefix, value) if value else None


def order_json(order: OrderView, base_url: str, expand: Collection[str] = ()) -> dict[str, Any]:
    """An order as the API gives it."""
    token = link_token(order)
    shape: dict[str, Any] = {
        "id": ids.show(ids.ORDER, order.id),
        "object": "order",
        "state": order.state,
        "payment": order.payment,
        "reference": order.reference,
        "purpose": order.purpose,
        "amount_minor": order.amount_minor,
        "currency": order.currency,
        "payer": {"reference": order.payer_reference},
        "counters": _counters(order),
        "pay_url": f"{base_url}/pay/{token}",
        "status_url": f"{base_url}/status/{token}",
        "amounts": {
            "received_minor": order.received_minor,
            "allocated_minor": order.allocated_minor,
            "refunded_minor": order.refunded_minor,
            "disputed_minor": order.disputed_minor,
        },
        "items": [{"sku": item.sku, "quantity": item.quantity, "state": item.state} for item in order.items],
        "metadata": dict(order.metadata),
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "created_at": when(order.created_at),
        "opened_at": when(order.opened_at),
        "paid_at": when(order.paid_at),
        "paid_by": order.paid_by,
        "closed_at": when(order.closed_at),
        "closed_reason": order.closed_reason,
        "released_at": when(order.released_at),
        "under_review": order.under_review,
        "version": order.version,
        "effects": [_effect_of_order(effect) | {"reason": effect.reason} for effect in order.effects],
        "payouts": [
            {
                "payee": share.payee,
                "amount_minor": share.amount_minor,
                "state": share.state,
                "held_because": share.held_because,
                "left_minor": share.left_minor,
                "payout_number": share.payout_number,
            }
            for share in order.payouts
        ],
        "refunds": [refund_json(refund) for refund in order.refunds],
    }
    if "attempts" in expand:
        shape["attempts"] = [_attempt(attempt) for attempt in order.attempts]
    if "findings" in expand:
        shape["findings"] = list(order.findings)
    if "payments" in expand:
        shape["payments"] = [_payment(payment) for payment in order.payments]
    return shape


def status_json(order: OrderView) -> dict[str, Any]:
    """What a payer may know of an order: its states, its counters, and each effect's state."""
    return {
        "id": ids.show(ids.ORDER, order.id),
        "object": "order_status",
        "state": order.state,
        "payment": order.payment,
        "message": _message_of(order),
        "notes": notes_of(order),
        "amount_minor": order.amount_minor,
        "currency": order.currency,
        "final": is_final(order),
        "counters": _counters(order),
        # What others get of the money is none of the payer's business.
        "effects": [_effect_of_order(effect) for effect in order.effects if effect.occasion != PAYOUT_DUE],
        "under_review": order.under_review,
        "paid_at": when(order.paid_at),
        "closed_reason": order.closed_reason,
    }


def _message_of(order: OrderView) -> str:
    if order.closed_reason == "expired":
        return EXPIRED_MESSAGE
    is_part = order.state == "open" and order.allocated_minor > 0
    return PART_MESSAGE if is_part and order.payment == "open" else MESSAGES[order.payment]


def is_final(order: OrderView) -> bool:
    """Whether waiting is over: paid or closed, and nothing that is owed for it is still under way."""
    waiting = [effect for effect in order.effects if effect.state not in _SETTLED and effect.occasion != PAYOUT_DUE]
    return order.state in ("paid", "closed") and not waiting


def etag_of(text: str) -> str:
    """A weak tag of what a status says, whatever its age."""
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def checkout_json(checkout: Checkout) -> dict[str, Any]:
    """A payable attempt; `client_secret`, `url` or `instructions` says how it is paid."""
    told = dict(checkout.instructions) if checkout.instructions is not None else None
    return {
        "object": "checkout",
        "attempt_id": ids.show(ids.ATTEMPT, checkout.attempt_id),
        "order_id": ids.show(ids.ORDER, checkout.order_id),
        "number": checkout.number,
        "flow": checkout.flow,
        "client_secret": checkout.client_secret,
        "url": checkout.url,
        "instructions": told,
        "provider": checkout.provider,
        "account": checkout.account,
        "provider_ref": checkout.provider_ref,
        "reused": checkout.reused,
        "outcome": checkout.outcome,
        "can_leave": checkout.can_leave,
        "hint": checkout.hint or None,
        "expires_at": when(checkout.expires_at),
    }


def in_progress_json(answer: InProgress, retry_after: int) -> dict[str, Any]:
    """202: nothing may be started now."""
    return {
        "object": "checkout_in_progress",
        "order_id": ids.show(ids.ORDER, answer.order_id),
        "reason": answer.reason,
        "retry_after": retry_after,
    }


def refusal_of(answer: CheckoutAnswer) -> PayonceError:
    """The error that an answer without a payable attempt is: paid, gone, silent, or refused by the provider."""
    order: dict[str, Any] = {"order_id": ids.show(ids.ORDER, answer.order_id)}
    if isinstance(answer, AlreadyPaid):
        how = f" through {answer.paid_by}" if answer.paid_by else ""
        back = "; the money was returned" if answer.refunded else ""
        detail = order | {"paid_at": when(answer.paid_at), "paid_by": answer.paid_by, "refunded": answer.refunded}
        said = f"it was paid on {when(answer.paid_at)}{how}{back}"
        return Conflict(said, code="order_paid", detail=detail)
    if isinstance(answer, Gone):
        detail = order | {"reason": answer.reason}
        if answer.reason == SOLD_OUT:
            return Conflict("what it asks for is sold out", code="sold_out", status=410, detail=detail)
        return Conflict("it cannot be paid any more", code="order_gone", status=410, detail=detail)
    if isinstance(answer, Silent):
        said = "the provider does not answer" if answer.reason == "provider_silent" else "another click is being served"
        return Unavailable(said, code=answer.reason, retry_after_seconds=answer.retry_after_seconds, detail=order)
    if not isinstance(answer, Checkout | InProgress):
        detail = order | {"provider_code": answer.code}
        if answer.retry_after_seconds is not None:
            said, wait = "the provider cannot take it now", answer.retry_after_seconds
            return Unavailable(said, code="provider_busy", retry_after_seconds=wait, detail=detail)
        return Refused(f"the provider said no: {answer.message}", code="provider_refused", status=502, detail=detail)
    raise TypeError("a payable answer is no refusal")


def event_json(event: EventView) -> dict[str, Any]:
    """An event of the inbox, without its body."""
    return {
        "id": ids.show(ids.EVENT, event.id),
        "object": "event",
        "provider": event.provider,
        "account": event.account,
        "source": event.source,
        "key": event.key,
        "type": event.type,
        "state": event.state,
        "reason": event.reason,
        "order_id": shown(ids.ORDER, event.order_id),
        "attempt_id": shown(ids.ATTEMPT, event.attempt_id),
        "tries": event.tries,
        "next_try_at": when(event.next_try_at),
        "received_at": when(event.received_at),
        "occurred_at": when(event.occurred_at),
    }


def effect_json(effect: Effect) -> dict[str, Any]:
    """An effect as an operator sees it."""
    return {
        "id": ids.show(ids.EFFECT, effect.id),
        "object": "effect",
        "kind": effect.kind,
        "occasion": effect.occasion,
        "nature": effect.nature,
        "order_id": ids.show(ids.ORDER, effect.order_id),
        "state": effect.state,
        "reason": effect.reason,
        "tries": effect.tries,
        "due_at": when(effect.due_at),
        "owed_at": when(effect.owed_at),
        "done_at": when(effect.done_at),
        "caused_by": effect.caused_by or effect.cause,
        "run": shown(ids.RUN, effect.run_id),
    }


def refund_json(refund: RefundView) -> dict[str, Any]:
    """A refund of ours: which money it sends back, who asked for it, and how far it is."""
    return {
        "id": ids.show(ids.REFUND, refund.id),
        "object": "refund",
        "order_id": ids.show(ids.ORDER, refund.order_id),
        "attempt_id": ids.show(ids.ATTEMPT, refund.attempt_id),
        "provider": refund.provider,
        "account": refund.account,
        "payment_ref": refund.capture_ref,
        "provider_ref": refund.provider_ref,
        "of": refund.serves,
        "state": refund.state,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "reason": refund.reason,
        "asked_by": refund.asked_by,
        "why": refund.decline,
        "created_at": when(refund.created_at),
        "due_at": when(refund.due_at),
        "sent_at": when(refund.sent_at),
        "ended_at": when(refund.ended_at),
    }


def plan_json(plan: RefundPlan) -> dict[str, Any]:
    """What waits for approval; `id` names exactly this content."""
    return {
        "id": plan.id,
        "object": "refund_plan",
        "totals_minor": plan.totals_minor,
        "refunds": [refund_json(refund) for refund in plan.refunds],
    }


def stock_json(item: StockView) -> dict[str, Any]:
    """An item of stock: its pieces, and of those free, held for open orders, and sold to paid ones."""
    return {
        "object": "stock_item",
        "sku": item.sku,
        "on_hand": item.on_hand,
        "free": item.free,
        "held": item.held,
        "sold": item.sold,
        "changed_at": when(item.changed_at),
    }


def page_json(data: list[dict[str, Any]], has_more: bool, **more: Any) -> dict[str, Any]:
    """One page of a list."""
    return {"object": "list", "data": data, "has_more": has_more, **more}


def _counters(order: OrderView) -> dict[str, int]:
    counters = order.counters
    return {"charged": counters.charged, "recorded": counters.recorded, "fulfilled": counters.fulfilled}


def _effect_of_order(effect: EffectView) -> dict[str, Any]:
    return {
        "id": ids.show(ids.EFFECT, effect.id),
        "kind": effect.kind,
        "occasion": effect.occasion,
        "nature": effect.nature,
        "state": effect.state,
        "tries": effect.tries,
        "done_at": when(effect.done_at),
    }


def _payment(payment: PaymentView) -> dict[str, Any]:
    paid_in = None
    if payment.paid_in_amount is not None:
        amount = plain_decimal(payment.paid_in_amount)
        paid_in = {"asset": payment.paid_in_asset, "amount": amount, "rule": payment.paid_in_rule}
    return {
        "object": "payment",
        "provider": payment.provider,
        "account": payment.account,
        "kind": payment.kind,
        "ref": payment.ref,
        "currency": payment.currency,
        "captured_minor": payment.captured_minor,
        "allocated_minor": payment.allocated_minor,
        "surplus_minor": payment.surplus_minor,
        "confirmed": payment.is_confirmed,
        "captured_at": when(payment.captured_at),
        "paid_in": paid_in,
    }


def _attempt(attempt: AttemptView) -> dict[str, Any]:
    return {
        "id": ids.show(ids.ATTEMPT, attempt.id),
        "object": "attempt",
        "number": attempt.number,
        "provider": attempt.provider,
        "account": attempt.account,
        "flow": attempt.flow,
        "state": attempt.state,
        "amount_minor": attempt.amount_minor,
        "provider_ref": attempt.provider_ref,
        "created_at": when(attempt.created_at),
        "expires_at": when(attempt.expires_at),
        "decline": attempt.decline,
        "can_leave": attempt.can_leave,
    }
