"""Stripe in the simulation: cards, 3-D Secure and debits, a dashboard at which people charge by hand, and a log of
events.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final
from urllib.parse import urlencode
from uuid import UUID

from payonce.base import ids
from payonce.providers.simulator.faults import Fault
from payonce.providers.simulator.signing import stripe_signature
from payonce.providers.simulator.stripe.checkout_session import CheckoutSession
from payonce.providers.simulator.stripe.deliveries import Outgoing
from payonce.providers.simulator.stripe.event import Event
from payonce.providers.simulator.stripe.money_back import DISPUTE_ENDS
from payonce.providers.simulator.stripe.payment_intent import PAYABLE, PaymentIntent
from payonce.providers.simulator.stripe.settings import Settings
from payonce.providers.simulator.stripe.simulator import StripeSimulator
from payonce.providers.transport import Answer, Request
from payonce.simulation.banks_of_stripe import HURRIED, Banks
from payonce.simulation.by_story import ByStory
from payonce.simulation.provider import (
    HOUR,
    NOBODY,
    SECRET,
    Around,
    Letter,
    Money,
    NoChance,
    Payer,
    Provider,
    SeenReturn,
)
from payonce.usecases.answers import Checkout

ATTEMPT_MARK: Final = "payonce_attempt"
# What a person makes at the dashboard is not payonce's doing, and is marked so that the checks can tell.
BY_HAND: Final = "by_hand"
OK: Final = 200
# What a bank debit takes at the simulated bank: so long that people come back before and after its end.
DEBIT_SECONDS: Final = (20.0, 3000.0)
# Stripe's three days of tries, pressed into one, so that a run ends.
RETRIES: Final = (5.0, 30.0, 120.0, 600.0, 3600.0, 4 * HOUR, 8 * HOUR)
# Cards by what becomes of their money when it goes back; the last one's bank disputes at once.
CARDS: Final = {
    "pm_card_visa": 16.0, "pm_card_pendingRefund": 2.0, "pm_card_refundFail": 1.0, "pm_card_createDispute": 0.4,
}  # fmt: skip
# How its words for a refund are ranked; a dispute is only asked for by its reference.
STATUS: Final = {
    "pending": "pending", "requires_action": "pending", "succeeded": "succeeded", "failed": "failed",
    "canceled": "failed",
}  # fmt: skip
_MARKED: Final = re.compile(r"att_[0-9a-z]{26}")
_NAMED: Final = re.compile(r"(?:pi|cs_test)_[0-9A-Za-z]+")


class AtStripe(Provider):
    """One simulated account of Stripe."""

    name: ClassVar = "stripe"
    creates = frozenset({"POST checkout/sessions", "POST payment_intents"})
    flows: ClassVar[Mapping[str, float]] = {"checkout_session": 3.0, "payment_intent": 2.0}
    place_of_flow: ClassVar = ("flow",)
    asked_flows: ClassVar[Mapping[str, float]] = {"payment_intent": 1.0, "checkout_session": 1.0}
    uses: ClassVar[Mapping[str, float]] = {
        "card": 10.0, "declined": 2.0, "declined, leaves": 1.0, "3-D Secure": 2.0, "3-D Secure fails": 0.7,
        "3-D Secure, leaves": 0.7, "debit": 1.0, "debit fails": 2.0, "leaves": 3.0, "reloads": 2.0,
    }  # fmt: skip
    simply: ClassVar = "card"
    refuses_old: ClassVar = True
    tells_twice: ClassVar = True
    charges_by_hand: ClassVar = True
    by_hand: ClassVar[Mapping[str, float]] = CARDS

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self._intents = ByStory[PaymentIntent]()
        self._sessions = ByStory[CheckoutSession]()
        self._lost: dict[tuple[str, str, int], bool] = {}
        self._is_by_hand = False
        draw = around.draw
        settings = Settings(
            pretty=False,
            list_lag=draw.between(0.0, 120.0, "list lag") if around.faults.rates["P5"] else 0.0,
            debit_settles_after=draw.between(*DEBIT_SECONDS, "debits"),
            webhook_retries=RETRIES,
        )
        self.stripe = StripeSimulator(
            clock=self.clock, chance=NoChance(), ids=self, settings=settings, faults=self, delivery_faults=self
        )
        self.party, self.lists = self.stripe, settings
        self.key_life = settings.key_life
        self.stripe.add_endpoint("http://shop.invalid/webhooks/stripe", SECRET)
        self.banks = Banks(self.stripe, draw, around.faults, around.scheduler)

    def _place_of_ids(self) -> tuple[str, ...]:
        return ()

    def pick(self, operation: str, text: str) -> Fault | None:
        """How this call goes wrong, if it does."""
        return None if self._is_by_hand else super().pick(operation, text)

    # Whose business something is.

    def story_of_text(self, text: str) -> str | None:
        """Whose business a request is: by the mark in it, or in the object that its path names."""
        marked = _MARKED.search(text)
        if marked:
            return self._story_of_mark(marked[0])
        named = _NAMED.search(text)
        found = self._object(named[0]) if named else None
        return self._story_of_mark(found.metadata.get(ATTEMPT_MARK)) if found else None

    def story_of_news(self, event_id: str, object_id: str) -> str:
        """Whose business an event is."""
        return self._story_of_event(self.stripe.books.events[event_id])

    def _story_of_event(self, event: Event) -> str:
        shown = event.object
        mark = (shown.get("metadata") or {}).get(ATTEMPT_MARK)
        paid = self._object(shown.get("payment_intent") or "")
        return self._story_of_mark(mark or (paid.metadata.get(ATTEMPT_MARK) if paid else None)) or NOBODY

    def letter(self, outgoing: Outgoing) -> Letter:
        """An event has a name of its own."""
        event = self.stripe.books.events.get(outgoing.event_id)
        story = self._story_of_event(event) if event is not None else NOBODY
        return Letter(story, outgoing.event_type, outgoing.event_id)

    def _object(self, object_id: str) -> PaymentIntent | CheckoutSession | None:
        books = self.stripe.books
        return books.intents.get(object_id) or books.sessions.get(object_id)

    def _story_of_mark(self, mark: str | None) -> str | None:
        return self.story_of_attempt(ids.read_or_none(ids.ATTEMPT, mark)) if mark else None

    def _story_of_row(self, row: PaymentIntent | CheckoutSession) -> str | None:
        return self._story_of_mark(row.metadata.get(ATTEMPT_MARK))

    # Letters.

    def hear(self, story: str, event_type: str, object_id: str) -> None:
        """A refund is in the hands of banks from its first event on."""
        if event_type == "refund.created":
            self.banks.take_up(story, object_id)

    def is_lost(self, story: str, place: str, event_id: str) -> bool:
        """Whether a letter is lost. Those that tell one change of a refund or a dispute are lost together."""
        event = self.stripe.books.events[event_id]
        if event.object.get("object") not in ("refund", "dispute"):
            return super().is_lost(story, place, event_id)
        moment = (event.object["id"], event.object["status"], event.created)
        if moment not in self._lost:
            self._lost[moment] = super().is_lost(story, place, event_id)
        return self._lost[moment]

    def twin(self, outgoing: Outgoing) -> None:
        """Write another event of its own id that tells the same change."""
        self.stripe.webhooks.twin(outgoing.event_id)

    def change(self, outgoing: Outgoing) -> None:
        """Send the event once more with a changed object."""
        self.stripe.webhooks.resend(outgoing.event_id, {"description": "changed on its way"})

    def poison(self, name: str, *, is_only_strange: bool) -> tuple[tuple[tuple[str, str], ...], bytes, str | None]:
        """A signed event that is about something else, or that nobody can read."""
        strange = {"type": "customer.created", "livemode": False, "data": {"object": {"object": "customer"}}}
        poison = {"type": 7, "data": None}
        body = json.dumps({"object": "event", "id": f"evt_{name}", **(strange if is_only_strange else poison)}).encode()
        now = int(self.clock.now().timestamp())
        return (
            (("Stripe-Signature", stripe_signature((SECRET,), now, body)),),
            body,
            f"evt_{name}" if is_only_strange else None,
        )

    # Calls.

    def what(self, request: Request) -> str:
        """The call in two words, without ids: `POST checkout/sessions/*/expire`."""
        path = request.url.partition("/v1/")[2].partition("?")[0]
        return f"{request.method} {_NAMED.sub('*', path)}"

    def key_of(self, request: Request) -> str | None:
        """The idempotency key."""
        return next((value for name, value in request.headers if name == "idempotency-key"), None)

    def read_in(self, request: Request, answer: Answer) -> Iterable[str]:
        """What a GET names was read by it."""
        return _NAMED.findall(request.url) if request.method == "GET" and answer.status == OK else ()

    def sends_back(self, request: Request) -> bool:
        """Whoever sends money back posts nothing else."""
        return request.method == "POST"

    def names_object(self, text: str) -> bool:
        """Whether the call names an intent or a session."""
        return _NAMED.search(text) is not None

    def has_money(self, text: str) -> bool:
        """Whether the call names an intent."""
        named = _NAMED.search(text)
        return named is not None and named[0] in self.stripe.books.intents

    def meddle(self, who: str, text: str) -> None:
        """Refund or dispute the intent that a call names."""
        named = _NAMED.search(text)
        if named is not None:
            self.banks.give_back(who, self.stripe.books.intents[named[0]], HURRIED)

    # What it knows.

    def intents_of(self, story: str) -> Sequence[PaymentIntent]:
        """The intents that carry a mark of the story."""
        self._intents.look(self.stripe.books.intents, self._story_of_row)
        return self._intents.of(story)

    def sessions_of(self, story: str) -> Sequence[CheckoutSession]:
        """The sessions that carry a mark of the story."""
        self._sessions.look(self.stripe.books.sessions, self._story_of_row)
        return self._sessions.of(story)

    def attempts_of(self, story: str) -> list[UUID]:
        """The attempts that the story's objects carry, as somebody at the dashboard sees them."""
        rows: list[PaymentIntent | CheckoutSession] = [*self.intents_of(story), *self.sessions_of(story)]
        found = [_attempt_of(row) for row in rows]
        return list(dict.fromkeys(attempt_id for attempt_id in found if attempt_id is not None))

    def captured(self) -> Iterable[Money]:
        """Intents with an attempt that brought money."""
        return [_money(row) for row in self.stripe.books.intents.values() if row.amount_received and _attempt_of(row)]

    def captured_of(self, story: str) -> Sequence[Money]:
        """The story's intents that brought money."""
        return [_money(intent) for intent in self.intents_of(story) if intent.amount_received]

    def able_to_bring_money(self, story: str) -> list[tuple[str, UUID | None]]:
        """Sessions, and intents without one, that are open, processing or paid."""
        books = self.stripe.books
        found = []
        for session in self.sessions_of(story):
            intent = books.intents.get(session.payment_intent or "")
            is_alive = session.status == "open" or (
                intent is not None and intent.status in ("processing", "requires_capture", "succeeded")
            )
            if is_alive and ATTEMPT_MARK in session.metadata:
                found.append((session.id, _attempt_of(session)))
        for intent in self.intents_of(story):
            is_ours = intent.session is None and ATTEMPT_MARK in intent.metadata and BY_HAND not in intent.metadata
            if is_ours and intent.status in (*PAYABLE, "processing", "requires_capture", "succeeded"):
                found.append((intent.id, _attempt_of(intent)))
        return found

    def under_way(self) -> set[str]:
        """Stories with a running debit or an authorised card."""
        found = {self._story_of_row(intent) for intent in self.stripe.truth.under_way()}
        return {story for story in found if story is not None}

    def was_processing(self, story: str) -> bool:
        """Whether an event ever told so."""
        for event in self.stripe.books.events.values():
            mark = (event.object.get("metadata") or {}).get(ATTEMPT_MARK, "")
            if event.type == "payment_intent.processing" and self._story_of_mark(mark) == story:
                return True
        return False

    def ended(self, ref: str) -> float | None:
        """When a session or an intent was closed, or became complete with a debit that failed."""
        books = self.stripe.books
        found = books.sessions.get(ref) or books.intents[ref]
        if not self._has_ended(found):
            return None
        return max(event.created for event in books.events.values() if event.object.get("id") == ref)

    def _has_ended(self, found: PaymentIntent | CheckoutSession) -> bool:
        if isinstance(found, CheckoutSession) and found.status == "complete":
            intent = self.stripe.books.intents.get(found.payment_intent or "")
            return intent is not None and intent.status == "requires_payment_method"
        return found.status in ("expired", "canceled")

    def returns_seen(self, before: float) -> Iterable[SeenReturn]:
        """What events told of refunds and disputes."""
        intents = self.stripe.books.intents
        for event in self.stripe.books.events.values():
            shown = event.object
            paid = intents.get(shown.get("payment_intent") or "")
            is_return = shown.get("object") in ("refund", "dispute") and event.created <= before
            if is_return and paid is not None and paid.amount_received and self._story_of_row(paid) is not None:
                status = STATUS[shown["status"]] if shown["object"] == "refund" else None
                yield SeenReturn(shown["object"], shown["id"], status, event.id)

    def went_back(self) -> Counter[str]:
        """Refunds that did not fail, and disputes that were not won."""
        found: Counter[str] = Counter()
        for refund in self.stripe.books.refunds.values():
            found[refund.payment_intent] += refund.amount if STATUS[refund.status] != "failed" else 0
        for dispute in self.stripe.books.disputes.values():
            takes = dispute.status in ("needs_response", "under_review", "lost")
            found[dispute.payment_intent] += dispute.amount if takes else 0
        return found

    def is_going_back(self, ref: str) -> bool:
        """Whether a dispute of the intent is open, or a refund on its way."""
        books = self.stripe.books
        disputes = [one for one in books.disputes.values() if one.payment_intent == ref]
        return any(one.status not in DISPUTE_ENDS for one in disputes) or any(
            one.payment_intent == ref and STATUS[one.status] == "pending" for one in books.refunds.values()
        )

    # What people do.

    def pay(self, ref: str, method: str = "") -> str:
        """Press Pay with a card, or with a method by its name."""
        return self.stripe.payer.pay(ref, method or "pm_card_visa")

    async def use(self, payer: Payer, page: Checkout, how: str) -> bool:
        """Pay by card, in vain, with the bank's question, by debit, or not at all."""
        if how.startswith("declined"):
            if payer.pay(page, "pm_card_chargeDeclined") != "declined" or how.endswith("leaves"):
                return False
            await payer.rests(payer.between(3.0, 60.0, "another card"))
        elif how.startswith("3-D"):
            seen = payer.pay(page, "pm_card_threeDSecure2Required")
            if seen != "requires_action" or how.endswith("leaves"):
                return False
            await payer.rests(payer.between(3.0, 90.0, "the bank's question"))
            answered = self.stripe.payer.authenticate(page.provider_ref or "", not how.endswith("fails"))
            return payer.saw("authenticated", answered) == "succeeded"
        elif how.startswith("debit"):
            fails = how.endswith("fails")
            seen = payer.pay(page, "pm_usBankAccount_insufficientFunds" if fails else "pm_usBankAccount_success")
            return seen == "processing" and not fails
        elif how in ("leaves", "reloads"):
            return False
        return payer.pay(page, payer.chooses(CARDS, "card")) == "succeeded"

    def give_back(self, who: str, ref: str) -> None:
        """Refund at the dashboard, wholly or in part, or let the payer's bank dispute or inquire."""
        self.banks.give_back(who, self.stripe.books.intents[ref])

    def charge_by_hand(self, who: str, attempt_id: UUID | None, currency: str, amount: int, method: str = "") -> None:
        """Somebody charges a card at the dashboard: with our marks copied, or as a stranger who has none."""
        wish = {
            "amount": str(amount),
            "currency": currency.lower(),
            "confirm": "true",
            "payment_method": method or "pm_card_visa",
        }
        if attempt_id is not None:
            self.meddled.add(self.story_of_attempt(attempt_id) or NOBODY)
            wish[f"metadata[{ATTEMPT_MARK}]"] = ids.show(ids.ATTEMPT, attempt_id)
            wish[f"metadata[{BY_HAND}]"] = "yes"
        self._is_by_hand = True
        headers = (("authorization", "Bearer sk_test_the_dashboard"),)
        reply = self.stripe.handle("POST", "/v1/payment_intents", "", headers, urlencode(wish).encode())
        self._is_by_hand = False
        self.around.scheduler.note("charged by hand", who, reply.status)


def _attempt_of(row: PaymentIntent | CheckoutSession) -> UUID | None:
    return ids.read_or_none(ids.ATTEMPT, row.metadata.get(ATTEMPT_MARK, ""))


def _money(intent: PaymentIntent) -> Money:
    return Money(intent.id, intent.amount_received, intent.currency.upper(), _attempt_of(intent))
