"""How a Checkout Session follows its intent. Whether a session may be expired is decided where it is expired."""

from __future__ import annotations

from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.payment_intent import PaymentIntent


def follow(books: Books, intent: PaymentIntent) -> None:
    """Bring the session of `intent`, if it has one, to where the intent is."""
    session = books.sessions.get(intent.session or "")
    if session is None:
        return
    if session.status == "open":
        # The page is left when money has moved, is held, or is on its way; a decline keeps the payer on it.
        if intent.status in ("succeeded", "requires_capture", "processing"):
            session.status = "complete"
            session.payment_status = "paid" if intent.status == "succeeded" else "unpaid"
            books.write("checkout.session.completed", session)
    elif session.payment_status == "unpaid" and session.status == "complete":
        late = books.charges[intent.latest_charge or ""].behaviour.delayed
        if intent.status == "succeeded":
            session.payment_status = "paid"
            if late:
                books.write("checkout.session.async_payment_succeeded", session)
        elif intent.status == "requires_payment_method":
            books.write("checkout.session.async_payment_failed", session)
