"""The pages that payers see: pay, answer the bank, be sent back. They need no scripts, and a GET changes nothing."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote, unquote, urlencode, urlsplit

from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.pages.pieces import BACK, buttons, frame, go, heading, link, note, rows, small
from payonce.providers.simulator.pages.reading import field, query, web_address
from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.checkout_session import CheckoutSession
from payonce.providers.simulator.stripe.errors import StripeError
from payonce.providers.simulator.stripe.money import show
from payonce.providers.simulator.stripe.payer import Payer
from payonce.providers.simulator.stripe.payment_intent import CONFIRMABLE, PaymentIntent
from payonce.providers.simulator.wire import Reply, Request

page = partial(frame, "Stripe simulator")
PAY = (
    ("pm_card_visa", "Pay with a good card"),
    ("pm_card_visa_chargeDeclined", "Try a card that is declined"),
    ("pm_card_authenticationRequired", "Pay with a card that asks for 3-D Secure"),
    ("pm_usBankAccount_success", "Pay by bank debit (processing at first)"),
)
ANSWERS = (("approve", "Yes, it is me"), ("fail", "No, fail the check"))
# Enough for a person to find what they just made.
OPEN_SHOWN = 5
ENDED = {
    "succeeded": ("good", "Paid. Nothing more to do here."),
    "requires_capture": ("good", "Authorised. Nothing more to do here."),
    "processing": ("", "The bank is working on it. This can take days."),
    "canceled": ("bad", "This payment was cancelled and cannot be paid any more."),
}


class Pages:
    """Answers everything that is neither API nor control."""

    def __init__(self, books: Books, payer: Payer) -> None:
        self.books = books
        self._payer = payer

    @alone
    def answer(self, request: Request) -> Reply:
        """The page of a path: `/c/pay/{session}`, `/pay/{client_secret}`, `/3ds/{intent}`; 404 for any other."""
        head, _, name = request.path.strip("/").rpartition("/")
        name = unquote(name)
        try:
            if request.method not in ("GET", "HEAD", "POST"):
                return page(405, "Not allowed", note("Only GET and POST.", "bad"))
            if not head and not name:
                return self._front()
            if head == "c/pay" and name in self.books.sessions:
                return self._session(request, self.books.sessions[name])
            if head == "pay" and "_secret_" in name:
                return self._intent(request, self._payer.intent(name))
            if head == "3ds":
                return self._question(request, self._payer.intent(name))
        except StripeError:
            pass
        return page(404, "Not found", note("There is no such page at this simulator.", "bad"))

    def _front(self) -> Reply:
        """The way in for a person: what there is, and what waits to be paid."""
        books = self.books
        found = [("Checkout Sessions", len(books.sessions)), ("Payment intents", len(books.intents))]
        found += [("Refunds", len(books.refunds)), ("Events", len(books.events))]
        open_ones = [row for row in books.sessions.values() if row.status == "open"][-OPEN_SHOWN:]
        links = "".join(link(f"/c/pay/{row.id}", f"Pay {row.line_items[0].name}") for row in open_ones)
        top = heading("A stand-in for Stripe", "Simulator") + rows((name, str(count)) for name, count in found)
        return page(200, "Front", top + links + link("/_sim/truth", "Everything, as JSON"))

    def _session(self, request: Request, session: CheckoutSession) -> Reply:
        if request.method == "POST":
            # Pressed on a page that was opened before the session ended: as at Stripe, one is told only now.
            seen = self._payer.pay(session.id, field(request, "method"))
            if seen in ("succeeded", "processing", "requires_capture"):
                return go(session.landing_url())
            if seen == "requires_action":
                return go(f"/3ds/{session.payment_intent}")
            return go(f"/c/pay/{quote(session.id)}")
        top = heading(session.line_items[0].name, show(session.amount_total, session.currency)) + rows(
            [(f"{item.name} × {item.quantity}", show(item.total, item.currency)) for item in session.line_items]
        )
        back = link(session.cancel_url, BACK) if session.cancel_url else ""
        if session.status == "expired":
            return page(200, "Expired", top + note("This page has expired and can no longer be paid.", "bad") + back)
        if session.status == "complete":
            on = link(session.landing_url(), "Go on to the shop")
            return page(
                200, "Done", top + note("You are done here: the payment was made or is on its way.", "good") + on
            )
        intent = self.books.intents.get(session.payment_intent or "")
        return page(
            200, "Pay", top + _trouble(intent) + buttons(request.path, "method", PAY) + back + small(session.id)
        )

    def _intent(self, request: Request, intent: PaymentIntent) -> Reply:
        back = web_address(query(request, "return_url"))
        here = f"{request.path}?{request.query}"
        if request.method == "POST":
            seen = self._payer.pay(intent.id, field(request, "method"), back)
            if seen == "requires_action":
                return go(f"/3ds/{intent.id}?{urlencode({'back': here})}")
            ended = seen in ("succeeded", "processing", "requires_capture")
            return go(_landing(intent, back) if ended and back else here)
        top = heading(intent.description or "Payment", show(intent.amount, intent.currency))
        on = link(_landing(intent, back), BACK if intent.status in CONFIRMABLE else "Go on to the shop") if back else ""
        if intent.session is not None or intent.status not in CONFIRMABLE:
            kind, text = ENDED.get(intent.status, ("bad", "This payment belongs to a Checkout Session: pay it there."))
            return page(200, "Pay", top + note(text, kind) + on)
        return page(200, "Pay", top + _trouble(intent) + buttons(here, "method", PAY) + on + small(intent.id))

    def _question(self, request: Request, intent: PaymentIntent) -> Reply:
        here = f"{request.path}?{request.query}"
        session = self.books.sessions.get(intent.session or "")
        # Where to go afterwards: the session's pages, the address given when confirming, or the page one came from.
        asked = ((intent.next_action or {}).get("redirect_to_url") or {}).get("return_url")
        retry = query(request, "back")
        if request.method == "POST":
            seen = self._payer.authenticate(intent.id, field(request, "answer") == "approve")
            if session is not None:
                return go(f"/c/pay/{quote(session.id)}" if session.status == "open" else session.landing_url())
            if seen in ("declined", "refused") and retry.startswith("/pay/"):
                return go(retry)
            return go(_landing(intent, asked) if asked else here)
        top = heading("Your bank asks", "Is it you who pays?") + rows(
            [("Amount", show(intent.amount, intent.currency))]
        )
        if intent.status != "requires_action":
            return page(200, "3-D Secure", top + note(f"Nothing to answer: the payment is {intent.status}."))
        return page(200, "3-D Secure", top + buttons(here, "answer", ANSWERS) + small(intent.id))


def _trouble(intent: PaymentIntent | None) -> str:
    error = None if intent is None else intent.last_payment_error
    return "" if error is None else note(f"{error['message']} Nothing was charged; please try another way.", "bad")


def _landing(intent: PaymentIntent, back: str) -> str:
    """The shop's address with what Stripe adds to it."""
    status = {"succeeded": "succeeded", "processing": "processing", "requires_capture": "succeeded"}
    added = {
        "payment_intent": intent.id,
        "payment_intent_client_secret": intent.client_secret,
        "redirect_status": status.get(intent.status, "failed"),
    }
    parts = urlsplit(back)
    query = "&".join(filter(None, (parts.query, urlencode(added))))
    return parts._replace(query=query).geturl()
