"""What payments and invoices of NOWPayments say, in our words.

A status without a row is `unknown`, never failed. Money came only with a status that says so, and it is what was sent,
never what was asked. A payment's own id is what its money is counted by; a repeated deposit is a payment of its own
that names the one before it. An object that is not as documented raises Surprise, so that nothing is half understood.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from payonce.base import ids
from payonce.domain.observation import PaymentSeen, PaymentStatus, Ref, RefundSeen, Seen
from payonce.providers.nowpayments.amounts import Worth, paid_in, price_of, worth_of
from payonce.providers.nowpayments.wire import name, name_or_none, word

PAYMENT_STATUS: Final[Mapping[str, PaymentStatus]] = {
    # Nothing was seen on the chain.
    "waiting": "open",
    # Seen, with too few confirmations; enough of them; on its way to the merchant. None of them is final, `confirmed`
    # least of all: official guides say to act on `finished`.
    "confirming": "pending",
    "confirmed": "pending",
    "sending": "pending",
    # Less than asked came and was passed on: completed for NOWPayments. More can still come, as another payment.
    "partially_paid": "paid",
    # Passed on. It is no proof of the full price: `amounts` counts what came.
    "finished": "paid",
    # Passed on, and given back from the dashboard: what came and what went back are both told.
    "refunded": "paid",
    # Mostly below the coin's minimum: not passed on.
    "failed": "failed",
    # Nothing came in seven days. Late deposits still arrive after it, and turn it into another status.
    "expired": "closed",
    # Set by hand in the dashboard; moves no money.
    "cancelled": "closed",
}


def read_payment(payment: Mapping[str, Any]) -> tuple[Seen, ...]:
    """A payment, and where it was given back its refund, which has the same id: there is no other."""
    ref = Ref("payment", name(payment.get("payment_id"), "the id of a payment"))
    status = PAYMENT_STATUS.get(str(payment.get("payment_status")), "unknown")
    worth = worth_of(payment) if status == "paid" else Worth(0, "not_counted")
    if worth.rule == "not_countable":
        # Money came, and how much nobody can tell from this: a person must look.
        status = "unknown"
    price, currency = price_of(payment)
    seen = PaymentSeen(
        ref=ref,
        status=status,
        attempt_id=attempt_of(payment),
        capture=ref,
        captured_minor=worth.minor,
        amount_minor=price,
        currency=currency,
        related=_invoice_of(payment),
        reason=word(payment.get("payment_status")),
        parent=_parent_of(payment, ref),
        paid_in=paid_in(payment, worth.rule),
    )
    return (seen, *_refund_of(payment, seen))


def read_invoice(invoice: Mapping[str, Any]) -> PaymentSeen:
    """An invoice as it was made. It has no status and no end of its own; what is paid by it are its payments."""
    price, currency = price_of(invoice)
    ref = Ref("invoice", name(invoice.get("id"), "the id of an invoice"))
    return PaymentSeen(ref, "open", attempt_of(invoice), amount_minor=price, currency=currency)


def invoice_by_its_payments(invoice: str, payments: Sequence[PaymentSeen]) -> PaymentSeen:
    """How an invoice is, by the payments that it has: waiting for one, for one to arrive, or paid.

    A failed or expired payment leaves it open, because the payer can choose another coin there; one that nobody can
    read leaves it unknown.
    """
    statuses = {payment.status for payment in payments}
    weighty: tuple[PaymentStatus, ...] = ("pending", "paid", "unknown")
    status: PaymentStatus = next((each for each in weighty if each in statuses), "open")
    attempts = {payment.attempt_id for payment in payments if payment.attempt_id is not None}
    return PaymentSeen(Ref("invoice", invoice), status, attempts.pop() if len(attempts) == 1 else None)


def attempt_of(found: Mapping[str, Any]) -> UUID | None:
    """The attempt that the object carries as its `order_id`, or None: then it is not ours by its own word."""
    order_id = found.get("order_id")
    return ids.read_or_none(ids.ATTEMPT, order_id) if isinstance(order_id, str) else None


def _invoice_of(payment: Mapping[str, Any]) -> tuple[Ref, ...]:
    invoice = name_or_none(payment.get("invoice_id"), "the id of an invoice")
    return (Ref("invoice", invoice),) if invoice else ()


def _parent_of(payment: Mapping[str, Any], ref: Ref) -> Ref | None:
    """The payment that a repeated deposit, or one in another coin, follows: often all that says whose it is."""
    parent = name_or_none(payment.get("parent_payment_id"), "the id of the payment before it")
    return Ref("payment", parent) if parent and parent != ref.id else None


def _refund_of(payment: Mapping[str, Any], seen: PaymentSeen) -> tuple[RefundSeen, ...]:
    """What went back of a payment: all that came, as far as its status says so and its worth can be told."""
    if payment.get("payment_status") != "refunded" or seen.captured_minor <= 0 or seen.currency is None:
        return ()
    back = Ref("refund", seen.ref.id)
    return (RefundSeen(back, "succeeded", seen.ref, seen.captured_minor, seen.currency, seen.attempt_id),)
