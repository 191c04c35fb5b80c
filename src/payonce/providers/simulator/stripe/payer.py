"""The payer: pays on the provider's pages, answers the bank's questions, comes at the worst moment."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.stripe import checkout_sessions, intent_outcomes
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.errors import StripeError, no_such
from payonce.providers.simulator.stripe.event import NOBODY
from payonce.providers.simulator.stripe.payment_intent import PaymentIntent
from payonce.providers.simulator.stripe.payment_methods import find_method

# What the payer sees: `refused` means that the page or the intent no longer takes a payment.
Seen = Literal["succeeded", "declined", "requires_action", "processing", "requires_capture", "refused"]


class Payer:
    """Acts as a person would, without any API key.

    A target is the id of a session or an intent, a client secret, or the address of a page.
    """

    def __init__(self, books: Books) -> None:
        self.books = books

    @alone
    def pay(self, target: str, method: str = "pm_card_visa", return_url: str | None = None) -> Seen:
        """Press Pay with a test method. Raises StripeError 404 when there is no such target."""
        target = urlsplit(target).path.rpartition("/")[2]
        with self.books.caused_by(NOBODY):
            session = self.books.sessions.get(target)
            intent = None if session is not None else self.intent(target)
            if intent is not None and intent.session is not None:
                return "refused"
            try:
                if session is not None:
                    intent = checkout_sessions.confirm(self.books, session, method)
                elif intent is not None:
                    intent_outcomes.confirm(self.books, intent, find_method(self.books, method), return_url)
            except StripeError as refusal:
                return "declined" if refusal.status == 402 else "refused"
            return _seen(intent)

    def try_paying(self, target: str, method: str) -> None:
        """Pay, if there is anything to pay by that name."""
        if target in self.books.sessions or target in self.books.intents:
            self.pay(target, method)

    @alone
    def authenticate(self, target: str, success: bool = True) -> Seen:
        """Answer the bank's question (3-D Secure) of an intent or of a session's intent."""
        with self.books.caused_by(NOBODY):
            intent = self.intent(target)
            try:
                intent_outcomes.authenticate(self.books, intent, success)
            except StripeError as refusal:
                return "declined" if refusal.status == 402 else "refused"
            return _seen(intent)

    @alone
    def pay_at_expiry(self, session_id: str, method: str = "pm_card_visa") -> None:
        """Let the payer press Pay in the very second in which the session would expire by its own clock."""
        checkout_sessions.find_session(self.books, session_id).pays_at_expiry = method

    def intent(self, target: str) -> PaymentIntent:
        """The intent behind an intent's id, a session's id or a client secret. Raises StripeError 404."""
        session = self.books.sessions.get(target)
        name = (session.payment_intent or "") if session is not None else target.partition("_secret_")[0]
        intent = self.books.intents.get(name)
        if intent is None or ("_secret_" in target and intent.client_secret != target):
            raise no_such("payment_intent", target, param="intent")
        return intent


def _seen(intent: PaymentIntent | None) -> Seen:
    if intent is None:
        return "refused"
    if intent.status in ("succeeded", "requires_action", "processing", "requires_capture"):
        return intent.status  # type: ignore[return-value]
    return "declined"
