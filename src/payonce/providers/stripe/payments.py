"""What payment intents, sessions and charges say, in our words.

A status without a row is `unknown`, never failed. Money is what was received (`amount_received`, `amount_captured`),
never what was asked. An object that is not as documented raises Surprise, so that nothing is half understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from payonce.domain.observation import PaymentSeen, PaymentStatus, Ref, RefundSeen, Seen
from payonce.providers.stripe.marks import attempt_of, ref_of
from payonce.providers.stripe.returns import read_refund
from payonce.providers.stripe.sessions import session_status
from payonce.providers.stripe.wire import currency_of, from_wire, instant, mapping, name, word

INTENT_STATUS: Final[Mapping[str, PaymentStatus]] = {
    # Fresh; after a decline it is `asks_again` (see `intent_status`). In both cases it waits for a method.
    "requires_payment_method": "open",
    # A method is chosen and the payer has not confirmed it.
    "requires_confirmation": "open",
    # 3-D Secure, a voucher or a transfer: the payer has something to do.
    "requires_action": "action",
    # A bank debit and the like: the outcome takes days.
    "processing": "pending",
    # Authorised, nothing taken: not captured money. Somebody has to act (the merchant captures; or it is cancelled,
    # which releases it), and it can still be closed. `pending` would block the order for the week that the hold
    # lasts.
    "requires_capture": "action",
    "canceled": "closed",
    "succeeded": "paid",
}


def read_intent(intent: Mapping[str, Any]) -> PaymentSeen:
    """A payment intent. Its own id is what the money is counted by."""
    ref = Ref("payment_intent", name(intent.get("id"), "the id of a payment intent"))
    currency = currency_of(intent.get("currency"))
    charge = ref_of("charge", intent.get("latest_charge"))
    return PaymentSeen(
        ref=ref,
        status=intent_status(intent),
        attempt_id=attempt_of(intent),
        capture=ref,
        captured_minor=_received(intent, currency),
        amount_minor=from_wire(intent.get("amount"), currency),
        currency=currency,
        related=(charge,) if charge else (),
        reason=_decline(intent),
        # The charge is the try that succeeded, where it came expanded; of a slow method it is when that was begun.
        happened_at=instant(mapping(intent.get("latest_charge")).get("created")),
    )


def intent_status(intent: Mapping[str, Any]) -> PaymentStatus:
    """The row of the intent's status. A decline is not terminal: the same intent asks for another method."""
    if intent.get("status") == "requires_payment_method" and mapping(intent.get("last_payment_error")):
        return "asks_again"
    return INTENT_STATUS.get(str(intent.get("status")), "unknown")


def read_session(session: Mapping[str, Any]) -> PaymentSeen:
    """A Checkout Session; with its payment intent where that came expanded.

    It has no intent before it is confirmed, and brings nothing then. Without the expanded intent the money of a paid
    session is its `amount_total`; both are counted by the intent's id, so that they are never added.
    """
    ref = Ref("checkout_session", name(session.get("id"), "the id of a session"))
    attempt_id = attempt_of(session)
    found = session.get("payment_intent")
    if isinstance(found, dict):
        inner = read_intent(found)
        status = session_status(session, found)
        if status == "open" and inner.status == "asks_again":
            status = "asks_again"
        related = (inner.ref, *inner.related)
        return replace(inner, ref=ref, status=status, attempt_id=attempt_id or inner.attempt_id, related=related)
    capture = ref_of("payment_intent", found)
    status = session_status(session, None)
    currency = None if session.get("currency") is None else currency_of(session["currency"])
    # Sessions that only set up a method ask no amount.
    total = (
        from_wire(session["amount_total"], currency) if currency and session.get("amount_total") is not None else None
    )
    return PaymentSeen(
        ref=ref,
        status=status,
        attempt_id=attempt_id,
        capture=capture,
        captured_minor=total if status == "paid" and capture and total else 0,
        amount_minor=total,
        currency=currency,
        related=(capture,) if capture else (),
    )


def read_charge(charge: Mapping[str, Any]) -> tuple[Seen, ...]:
    """What a charge says of its payment intent, and the refunds that it lists; nothing where it has no intent."""
    capture = ref_of("payment_intent", charge.get("payment_intent"))
    if capture is None:
        # Made through the old Charges API, which payonce never uses: it cannot be ours.
        return ()
    currency = currency_of(charge.get("currency"))
    captured = _captured(charge, currency)
    seen = PaymentSeen(
        ref=capture,
        status=_charge_status(charge, captured),
        attempt_id=attempt_of(charge),
        capture=capture,
        captured_minor=captured,
        amount_minor=from_wire(charge.get("amount"), currency),
        currency=currency,
        related=(Ref("charge", name(charge.get("id"), "the id of a charge")),),
        reason=word(charge.get("failure_code")),
    )
    return (seen, *_listed_refunds(charge, capture))


def refunds_of_intent(intent: Mapping[str, Any]) -> tuple[RefundSeen, ...]:
    """The refunds of an intent, where its charge came expanded with them, as in a read; else nothing."""
    if not intent:
        return ()
    return _listed_refunds(
        mapping(intent.get("latest_charge")), Ref("payment_intent", name(intent.get("id"), "its id"))
    )


def _listed_refunds(charge: Mapping[str, Any], capture: Ref) -> tuple[RefundSeen, ...]:
    """Listed by old versions of the API, and where it was asked for; the events of refunds tell the rest."""
    listed = mapping(charge.get("refunds")).get("data")
    refunds = [mapping(one) | {"payment_intent": capture.id} for one in listed] if isinstance(listed, list) else []
    return tuple(map(read_refund, refunds))


def _charge_status(charge: Mapping[str, Any], captured: int) -> PaymentStatus:
    """A charge is one try of its intent: when it failed, the intent asks again; uncaptured, it is only authorised."""
    rows: Mapping[str, PaymentStatus] = {
        "pending": "pending",
        "failed": "asks_again",
        "succeeded": "paid" if captured else "action",
    }
    return rows.get(str(charge.get("status")), "unknown")


def _received(intent: Mapping[str, Any], currency: str) -> int:
    """What the intent has brought in. Stand-ins leave the field out; then `succeeded` means all of it."""
    if "amount_received" in intent:
        return from_wire(intent["amount_received"], currency)
    return from_wire(intent.get("amount"), currency) if intent.get("status") == "succeeded" else 0


def _captured(charge: Mapping[str, Any], currency: str) -> int:
    """What was captured of the charge, gross of refunds; nothing of one that failed or is only authorised."""
    if charge.get("status") != "succeeded" or charge.get("captured") is not True:
        return 0
    return from_wire(charge.get("amount_captured", charge.get("amount")), currency)


def _decline(intent: Mapping[str, Any]) -> str:
    """Why the last method failed or the intent was cancelled, as a code, or nothing."""
    error = mapping(intent.get("last_payment_error"))
    return word(error.get("decline_code")) or word(error.get("code")) or word(intent.get("cancellation_reason"))
