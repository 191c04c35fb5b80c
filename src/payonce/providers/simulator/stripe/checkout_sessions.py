"""The calls on `/v1/checkout/sessions`, and the two ways a session ends: told to expire, or by its own clock."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from payonce.providers.simulator.stripe import intent_outcomes
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.checkout_session import (
    LONGEST_LIFE,
    SHORTEST_LIFE,
    CheckoutSession,
    LineItem,
)
from payonce.providers.simulator.stripe.errors import StripeError, no_such
from payonce.providers.simulator.stripe.lists import page
from payonce.providers.simulator.stripe.money import check_amount, read_currency
from payonce.providers.simulator.stripe.params import Params
from payonce.providers.simulator.stripe.payment_intent import CANCELABLE, PaymentIntent
from payonce.providers.simulator.stripe.payment_intents import CAPTURES, enter, present
from payonce.providers.simulator.stripe.payment_methods import find_method

STATUSES: Final = ("open", "complete", "expired")
# Known to Stripe, without meaning here.
NO_MEANING: Final = (
    "adaptive_pricing", "allow_promotion_codes", "allowed_payment_method_types", "automatic_tax",
    "billing_address_collection", "branding_settings", "consent_collection", "custom_text", "customer_creation",
    "excluded_payment_method_types", "integration_identifier", "invoice_creation", "origin_context",
    "payment_method_options", "phone_number_collection", "submit_type", "tax_id_collection",
)  # fmt: skip


def create(books: Books, params: Params, _: str) -> dict[str, Any]:
    """POST /v1/checkout/sessions. No intent is made: that happens when the payer confirms."""
    params.text("mode", required=True, choices=("payment",))
    success_url, cancel_url = params.url("success_url", required=True), params.url("cancel_url")
    items = [_line_item(books, section) for section in params.sections("line_items")]
    if not items:
        raise params.missing("line_items")
    object_id = books.new_id("cs_test", 58)
    session = CheckoutSession(
        id=object_id,
        created=books.second(),
        expires_at=_expires_at(books, params.integer("expires_at")),
        line_items=items,
        currency=items[0].currency,
        success_url=success_url or "",
        cancel_url=cancel_url,
        page_url=f"{books.base_url}/c/pay/{object_id}",
        client_reference_id=params.text("client_reference_id", longest=200),
        customer=params.text("customer"),
        customer_email=params.text("customer_email"),
        locale=params.text("locale"),
        metadata=present(params.metadata()),
        intent_data=_intent_data(params.section("payment_intent_data")),
    )
    session.ui_mode = params.text("ui_mode", choices=("hosted", "hosted_page")) or session.ui_mode
    session.payment_method_types = params.texts("payment_method_types") or session.payment_method_types
    params.ignore(*NO_MEANING)
    params.finish()
    if any(item.currency != session.currency for item in items):
        raise StripeError("All line items must have the same currency.", param="line_items")
    check_amount(session.amount_total, session.currency, "line_items")
    books.sessions[session.id] = session
    books.plan(session.expires_at, lambda: _reach_expiry(books, session))
    return session.shown()


def retrieve(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """GET /v1/checkout/sessions/{id}"""
    params.finish()
    return find_session(books, object_id).shown()


def update(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """POST /v1/checkout/sessions/{id}"""
    metadata = params.metadata()
    params.finish()
    session = find_session(books, object_id)
    session.metadata = present(session.metadata | metadata)
    return session.shown()


def line_items(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """GET /v1/checkout/sessions/{id}/line_items"""
    params.ignore("limit")
    params.finish()
    return find_session(books, object_id).items_shown()


def expire(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """POST /v1/checkout/sessions/{id}/expire. Only an open one; the second call is refused."""
    session = find_session(books, object_id)
    params.finish()
    if session.status != "open":
        text = (
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"`{session.status}`."
        )
        raise StripeError(text, executed=True)
    _expire(books, session)
    return session.shown()


def confirm(books: Books, session: CheckoutSession, method_name: str) -> PaymentIntent:
    """The payer presses Pay. Raises StripeError when the session is not open or the bank says no."""
    if session.status != "open":
        raise StripeError(f"This Checkout Session has a status of `{session.status}`.", executed=True)
    method = find_method(books, method_name)
    intent = books.intents.get(session.payment_intent or "")
    if intent is None:
        intent = _new_intent(books, session)
    return_url = f"{books.base_url}/c/pay/{session.id}"
    intent_outcomes.confirm(books, intent, method, return_url)
    return intent


def listed(books: Books, params: Params, _: str) -> dict[str, Any]:
    """GET /v1/checkout/sessions"""
    status, intent = params.text("status", choices=STATUSES), params.text("payment_intent")
    customer = params.text("customer")

    def fits(row: CheckoutSession) -> bool:
        return (
            status in (None, row.status) and intent in (None, row.payment_intent) and customer in (None, row.customer)
        )

    return page(books, params, books.sessions, "/v1/checkout/sessions", fits)


def find_session(books: Books, object_id: str) -> CheckoutSession:
    """The session, or 404."""
    if object_id not in books.sessions:
        raise no_such("checkout.session", object_id, param="session")
    return books.sessions[object_id]


def _new_intent(books: Books, session: CheckoutSession) -> PaymentIntent:
    """Only what `payment_intent_data` says reaches the intent: neither metadata nor reference of the session do."""
    intent = PaymentIntent(
        id=books.new_id("pi"),
        created=books.second(),
        amount=session.amount_total,
        currency=session.currency,
        session=session.id,
        customer=session.customer,
        payment_method_types=list(session.payment_method_types),
        **session.intent_data,
    )
    session.payment_intent = intent.id
    enter(books, intent)
    return intent


def _reach_expiry(books: Books, session: CheckoutSession) -> None:
    if session.status != "open":
        return
    if session.pays_at_expiry is not None:
        with suppress(StripeError):
            confirm(books, session, session.pays_at_expiry)
    if session.status == "open":
        _expire(books, session)


def _expire(books: Books, session: CheckoutSession) -> None:
    session.status = "expired"
    books.write("checkout.session.expired", session)
    intent = books.intents.get(session.payment_intent or "")
    if intent is not None and intent.status in CANCELABLE:
        intent_outcomes.cancel(books, intent, "expired")


def _expires_at(books: Books, wanted: int | None) -> int:
    now = books.second()
    if wanted is None:
        return now + LONGEST_LIFE
    if wanted < now + SHORTEST_LIFE:
        text = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise StripeError(text, param="expires_at")
    if wanted > now + LONGEST_LIFE:
        text = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise StripeError(text, param="expires_at")
    return wanted


def _line_item(books: Books, section: Params) -> LineItem:
    price = section.section("price_data")
    if price is None:
        raise section.missing("price_data")
    product = price.section("product_data")
    if product is None:
        raise price.missing("product_data")
    item = LineItem(
        id=books.new_id("li"),
        name=product.text("name", required=True),
        description=product.text("description"),
        unit_amount=price.integer("unit_amount", required=True),
        quantity=section.integer("quantity", smallest=1) or 1,
        currency=read_currency(price),
    )
    product.ignore("images", "metadata", "tax_code")
    price.ignore("tax_behavior")
    section.ignore("metadata")
    return item


def _intent_data(section: Params | None) -> dict[str, Any]:
    if section is None:
        return {}
    names = ("description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix")
    found: dict[str, Any] = {name: section.text(name) for name in names}
    section.ignore("setup_future_usage", "shipping")
    capture = section.text("capture_method", choices=CAPTURES) or "automatic_async"
    return found | {"metadata": present(section.metadata()), "capture_method": capture}
