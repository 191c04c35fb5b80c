"""The calls on `/v1/payment_intents`: reads parameters and decides what is allowed; intent_outcomes changes."""

from __future__ import annotations

from typing import Any, Final

from payonce.providers.simulator.stripe import intent_outcomes
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.errors import StripeError, no_such, unexpected_state
from payonce.providers.simulator.stripe.lists import page
from payonce.providers.simulator.stripe.money import check_amount, read_currency
from payonce.providers.simulator.stripe.params import Params
from payonce.providers.simulator.stripe.payment_intent import CANCELABLE, CONFIRMABLE, PaymentIntent
from payonce.providers.simulator.stripe.payment_methods import find_method

CAPTURES: Final = ("automatic", "automatic_async", "manual")
CANCEL_REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
# Known to Stripe, without meaning here.
NO_MEANING: Final = (
    "allowed_payment_method_types", "confirmation_method", "error_on_requires_action", "excluded_payment_method_types",
    "mandate_data", "off_session", "payment_method_options", "radar_options", "shipping", "use_stripe_sdk",
)  # fmt: skip


def create(books: Books, params: Params, _: str) -> dict[str, Any]:
    """POST /v1/payment_intents. A declined confirmation answers 402, and the intent exists nevertheless."""
    amount, currency = params.integer("amount", required=True), read_currency(params)
    check_amount(amount, currency)
    confirm, return_url = params.boolean("confirm"), params.url("return_url")
    method_name, types = params.text("payment_method"), params.texts("payment_method_types")
    intent = PaymentIntent(
        id=books.new_id("pi"),
        created=books.second(),
        amount=amount,
        currency=currency,
        metadata=present(params.metadata()),
        capture_method=params.text("capture_method", choices=CAPTURES) or "automatic_async",
        automatic_payment_methods=_automatic(params) if not types else None,
        customer=params.text("customer"),
        description=params.text("description"),
        receipt_email=params.text("receipt_email"),
        statement_descriptor=params.text("statement_descriptor", longest=22),
        statement_descriptor_suffix=params.text("statement_descriptor_suffix", longest=22),
        setup_future_usage=params.text("setup_future_usage", choices=("off_session", "on_session")),
    )
    params.ignore(*NO_MEANING)
    params.finish()
    intent.payment_method_types = types or intent.payment_method_types
    method = None if method_name is None else find_method(books, method_name)
    if method is not None:
        intent.status, intent.payment_method = "requires_confirmation", method.id
    enter(books, intent)
    if confirm:
        intent_outcomes.confirm(books, intent, method, return_url)
    return intent.shown()


def enter(books: Books, intent: PaymentIntent) -> None:
    """Put a new intent into the books and say so."""
    intent.client_secret = f"{intent.id}_secret_{books.ids.make(25)}"
    books.intents[intent.id] = intent
    books.write("payment_intent.created", intent)


def retrieve(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """GET /v1/payment_intents/{id}"""
    secret = params.text("client_secret")
    params.finish()
    intent = find_intent(books, object_id)
    if secret not in (None, intent.client_secret):
        raise StripeError("The client_secret provided does not match the PaymentIntent.", param="client_secret")
    return intent.shown()


def update(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """POST /v1/payment_intents/{id}"""
    intent = find_intent(books, object_id)
    amount, method_name = params.integer("amount"), params.text("payment_method")
    metadata, description = params.metadata(), params.text("description")
    params.ignore(*NO_MEANING)
    params.finish()
    if (amount is not None or method_name is not None) and intent.status not in CONFIRMABLE:
        name = "amount" if amount is not None else "payment_method"
        raise unexpected_state(
            f"This PaymentIntent's {name} could not be updated because it has a status of {intent.status}. You may "
            f"only update the {name} of a PaymentIntent with one of the following statuses: {', '.join(CONFIRMABLE)}.",
            intent.shown(),
        )
    if amount is not None:
        check_amount(amount, intent.currency)
        intent.amount = amount
    if method_name is not None:
        intent.payment_method, intent.status = find_method(books, method_name).id, "requires_confirmation"
        intent.last_payment_error = None
    intent.metadata = present(intent.metadata | metadata)
    intent.description = description or intent.description
    return intent.shown()


def confirm(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """POST /v1/payment_intents/{id}/confirm"""
    intent = find_intent(books, object_id)
    name, return_url = params.text("payment_method"), params.url("return_url")
    params.ignore("client_secret", "receipt_email", "setup_future_usage", *NO_MEANING)
    params.finish()
    if intent.session is not None:
        raise unexpected_state("You cannot perform this action on PaymentIntents created by Checkout.", intent.shown())
    method = books.methods.get(intent.payment_method or "") if name is None else find_method(books, name)
    intent_outcomes.confirm(books, intent, method, return_url)
    return intent.shown()


def cancel(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """POST /v1/payment_intents/{id}/cancel"""
    intent = find_intent(books, object_id)
    reason = params.text("cancellation_reason", choices=CANCEL_REASONS)
    params.finish()
    if intent.status not in CANCELABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent.status}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(CANCELABLE)}, processing.",
            intent.shown(),
        )
    if intent.session is not None and intent.status != "requires_capture":
        raise unexpected_state(
            "You cannot perform this action on PaymentIntents created by Checkout. You must expire the Checkout "
            "Session instead.",
            intent.shown(),
        )
    intent_outcomes.cancel(books, intent, reason)
    return intent.shown()


def capture(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """POST /v1/payment_intents/{id}/capture"""
    intent = find_intent(books, object_id)
    amount = params.integer("amount_to_capture", smallest=1)
    params.finish()
    if intent.status != "requires_capture":
        raise unexpected_state(
            f"This PaymentIntent could not be captured because it has a status of {intent.status}. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture.",
            intent.shown(),
        )
    if amount is not None and amount > intent.amount_capturable:
        raise StripeError("The amount to capture is more than was authorized.", code="amount_too_large")
    intent_outcomes.capture(books, intent, amount or intent.amount_capturable)
    return intent.shown()


def listed(books: Books, params: Params, _: str) -> dict[str, Any]:
    """GET /v1/payment_intents"""
    customer = params.text("customer")
    fits = lambda row: customer in (None, row.customer)  # noqa: E731
    return page(books, params, books.intents, "/v1/payment_intents", fits)


def find_intent(books: Books, object_id: str) -> PaymentIntent:
    """The intent, or 404."""
    if object_id not in books.intents:
        raise no_such("payment_intent", object_id, param="intent")
    return books.intents[object_id]


def present(metadata: dict[str, str]) -> dict[str, str]:
    """Metadata without the keys whose value is empty: that is how Stripe is told to remove them."""
    return {name: value for name, value in metadata.items() if value}


def _automatic(params: Params) -> dict[str, Any]:
    """Dashboard-managed methods, which have been Stripe's default since 2023-08-16."""
    section = params.section("automatic_payment_methods")
    enabled = section.boolean("enabled") if section else None
    redirects = section.text("allow_redirects", choices=("always", "never")) if section else None
    return {"allow_redirects": redirects or "always", "enabled": enabled is not False}
