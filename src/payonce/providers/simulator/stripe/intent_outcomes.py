"""What can become of a PaymentIntent: each change of its state is one function here, with the events it causes."""

from __future__ import annotations

from typing import Any

from payonce.providers.simulator.stripe import session_outcomes
from payonce.providers.simulator.stripe.balance import post
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.charge import Charge
from payonce.providers.simulator.stripe.disputes import open_dispute
from payonce.providers.simulator.stripe.errors import StripeError, unexpected_state
from payonce.providers.simulator.stripe.payment_intent import CONFIRMABLE, PaymentIntent
from payonce.providers.simulator.stripe.payment_method import PaymentMethod

AUTHENTICATION_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod "
    "to attempt to fulfill this PaymentIntent again."
)


def confirm(books: Books, intent: PaymentIntent, method: PaymentMethod | None, return_url: str | None = None) -> None:
    """Try to collect with `method`. Raises StripeError 402 when the bank says no; the intent can be tried again."""
    if intent.status not in CONFIRMABLE:
        done = "it has already succeeded after being previously confirmed."
        why = done if intent.status == "succeeded" else f"it has a status of {intent.status}."
        raise unexpected_state(f"You cannot confirm this PaymentIntent because {why}", intent.shown())
    if method is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            intent.shown(),
        )
    intent.payment_method, intent.last_payment_error, intent.next_action = method.id, None, None
    if method.behaviour.asks_payer:
        _ask_payer(books, intent, return_url)
    else:
        _charge(books, intent, method)


def authenticate(books: Books, intent: PaymentIntent, success: bool) -> None:
    """The payer answers the bank's question. Raises StripeError when nobody asked, or when the bank then declines."""
    if intent.status != "requires_action" or intent.payment_method is None:
        raise unexpected_state(f"Nothing to authenticate: the status is {intent.status}.", intent.shown())
    intent.next_action = None
    method = books.methods[intent.payment_method]
    if success:
        _charge(books, intent, method)
        return
    intent.last_payment_error = {
        "code": "payment_intent_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
        "message": AUTHENTICATION_FAILED,
        "payment_method": method.shown(),
        "type": "invalid_request_error",
    }
    _ask_method_again(books, intent)


def settle_debit(books: Books, intent: PaymentIntent, success: bool | None = None) -> None:
    """A bank debit ends, days later; without `success` as its method says. Raises StripeError when none runs."""
    if intent.status != "processing" or intent.latest_charge is None:
        raise unexpected_state(f"No debit is running: the status is {intent.status}.", intent.shown())
    charge = books.charges[intent.latest_charge]
    if charge.behaviour.decline is None if success is None else success:
        _succeed(books, intent, charge)
    else:
        _fail(books, intent, charge)


def capture(books: Books, intent: PaymentIntent, amount: int) -> None:
    """Take `amount` of what was authorised; the rest is released."""
    charge = books.charges[intent.latest_charge or ""]
    _take(books, intent, charge, amount)
    books.write("charge.captured", charge)
    books.write("payment_intent.succeeded", intent)
    session_outcomes.follow(books, intent)


def cancel(books: Books, intent: PaymentIntent, reason: str | None) -> None:
    """End the intent; whether that is allowed is the caller's question."""
    intent.status, intent.cancellation_reason, intent.canceled_at = "canceled", reason, books.second()
    intent.next_action, intent.amount_capturable = None, 0
    books.write("payment_intent.canceled", intent)


def _ask_payer(books: Books, intent: PaymentIntent, return_url: str | None) -> None:
    page = f"{books.base_url}/3ds/{intent.id}"
    if return_url is None:
        intent.next_action = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page},
        }
    else:
        target = {"url": page, "return_url": return_url}
        intent.next_action = {"type": "redirect_to_url", "redirect_to_url": target}
    intent.status = "requires_action"
    books.write("payment_intent.requires_action", intent)


def _charge(books: Books, intent: PaymentIntent, method: PaymentMethod) -> None:
    charge = Charge(
        id=books.new_id("py" if method.behaviour.delayed else "ch"),
        created=books.second(),
        amount=intent.amount,
        currency=intent.currency,
        payment_intent=intent.id,
        payment_method=method.id,
        behaviour=method.behaviour,
        customer=intent.customer,
        description=intent.description,
        metadata=dict(intent.metadata),
    )
    books.charges[charge.id] = charge
    intent.latest_charge = charge.id
    if method.behaviour.delayed:
        _start_debit(books, intent, charge)
    elif method.behaviour.decline is not None:
        _fail(books, intent, charge)
        raise StripeError(
            charge.failure_message or "",
            status=402,
            kind="card_error",
            executed=True,
            **_decline_members(intent),
        )
    elif intent.capture_method == "manual":
        charge.status, intent.status, intent.amount_capturable = "succeeded", "requires_capture", intent.amount
        books.write("charge.succeeded", charge)
        books.write("payment_intent.amount_capturable_updated", intent)
        session_outcomes.follow(books, intent)
    else:
        _succeed(books, intent, charge)


def _start_debit(books: Books, intent: PaymentIntent, charge: Charge) -> None:
    intent.status = "processing"
    books.write("charge.pending", charge)
    books.write("payment_intent.processing", intent)
    session_outcomes.follow(books, intent)
    if books.settings.debit_settles_after is not None:
        books.plan(books.now() + books.settings.debit_settles_after, lambda: _settle_if_running(books, intent))


def _settle_if_running(books: Books, intent: PaymentIntent) -> None:
    if intent.status == "processing":
        settle_debit(books, intent)


def _succeed(books: Books, intent: PaymentIntent, charge: Charge) -> None:
    charge.status = "succeeded"
    _take(books, intent, charge, charge.amount)
    books.write("charge.succeeded", charge)
    books.write("payment_intent.succeeded", intent)
    session_outcomes.follow(books, intent)
    if charge.behaviour.disputed:
        open_dispute(books, charge, charge.amount, "fraudulent", "needs_response")


def _take(books: Books, intent: PaymentIntent, charge: Charge, amount: int) -> None:
    charge.captured, charge.amount_captured = True, amount
    charge.balance_transaction = post(books, amount, charge.currency, "charge", charge.id, charged=True).id
    intent.status, intent.amount_received, intent.amount_capturable = "succeeded", amount, 0


def _fail(books: Books, intent: PaymentIntent, charge: Charge) -> None:
    decline = charge.behaviour.decline or ("payment_method_provider_decline", None, "The bank returned the debit.")
    code, decline_code, message = decline
    charge.status, charge.failure_code, charge.failure_message = "failed", code, message
    error: dict[str, Any] = {"charge": charge.id, "code": code}
    if decline_code is not None:
        error["decline_code"] = decline_code
    error |= {
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "payment_method": books.methods[charge.payment_method].shown(),
        "type": "card_error" if charge.behaviour.type == "card" else "invalid_request_error",
    }
    intent.last_payment_error = error
    books.write("charge.failed", charge)
    _ask_method_again(books, intent)


def _ask_method_again(books: Books, intent: PaymentIntent) -> None:
    """A decline is not the end: the same intent waits for another method."""
    intent.status, intent.payment_method = "requires_payment_method", None
    books.write("payment_intent.payment_failed", intent)
    session_outcomes.follow(books, intent)


def _decline_members(intent: PaymentIntent) -> dict[str, Any]:
    error = dict(intent.last_payment_error or {})
    extra = {name: error[name] for name in ("charge", "decline_code", "payment_method") if name in error}
    return {"code": error["code"], "extra": extra | {"payment_intent": intent.shown()}}
