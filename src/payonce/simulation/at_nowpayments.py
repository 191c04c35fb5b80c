"""NOWPayments in the simulation: coins that come late, in parts, too many or twice, and nothing that can be undone.

An invoice and an address take coins for ever, so what its payer was given is never ended by anybody; a payer may say
that he leaves it. Notices prove nothing, and money goes back by hand alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import ClassVar, Final
from uuid import UUID

from payonce.base import ids
from payonce.providers.simulator.letters import Outgoing
from payonce.providers.simulator.nowpayments import decimals
from payonce.providers.simulator.nowpayments.errors import NowError
from payonce.providers.simulator.nowpayments.invoice import Invoice
from payonce.providers.simulator.nowpayments.notices import signature
from payonce.providers.simulator.nowpayments.payer import USUAL_COIN
from payonce.providers.simulator.nowpayments.payment import ON_THE_WAY, Payment
from payonce.providers.simulator.nowpayments.settings import Settings
from payonce.providers.simulator.nowpayments.simulator import NowPaymentsSimulator
from payonce.providers.simulator.nowpayments.truth import value_minor
from payonce.providers.transport import Answer, Request
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

EMAIL: Final = "merchant@shop.invalid"
# From one status of coins on their way to the next, of which there are three.
STEP_SECONDS: Final = (2.0, 240.0)
# When an address that got nothing is said to have expired; it takes coins all the same.
EXPIRES_AFTER: Final = {2 * HOUR: 1.0, 7 * 24 * HOUR: 2.0}
# What comes who sends less, a little less (the fee of his exchange), or more than he was asked for.
SHARES: Final = {"less": Decimal("0.4"), "a little less": Decimal("0.97"), "more": Decimal("1.25")}
_MARKED: Final = re.compile(r"att_[0-9a-z]{26}")
_SHOWN: Final = re.compile(r'"payment_id":"?([0-9]+)')
_NAMED: Final = re.compile(r"(?:payment/|invoiceId=)([0-9]{10,12})")


class AtNowPayments(Provider):
    """One simulated account of NOWPayments."""

    name: ClassVar = "nowpayments"
    takes: ClassVar = frozenset({"USD", "EUR"})
    least_minor: ClassVar = 4500
    flows: ClassVar[Mapping[str, float]] = {"invoice": 3.0, "payment": 2.0}
    place_of_flow: ClassVar = ("flow", "nowpayments")
    asked_flows: ClassVar[Mapping[str, float]] = {"invoice": 1.0, "payment": 1.0}
    uses: ClassVar[Mapping[str, float]] = {
        "sends": 10.0, "less": 1.0, "a little less": 1.0, "more": 1.5, "in two parts": 1.0, "twice": 0.7,
        "much later": 1.0, "leaves": 3.0, "reloads": 2.0,
    }  # fmt: skip
    simply: ClassVar = "sends"
    content: ClassVar = frozenset({"succeeded", "processing"})
    sends_money_back: ClassVar = False
    comes_last: ClassVar = True
    can_cancel: ClassVar = False
    pace: ClassVar = 4.0
    # No create is recognised when it comes again, so none is ever sent again.
    creates = frozenset({"POST payment", "POST invoice"})
    key_life = 0.0

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        draw = around.draw
        self._payments = ByStory[Payment]()
        self._invoices = ByStory[Invoice]()
        # Attempts that brought less than was asked, or whose address expired.
        self._over: set[UUID | None] = set()
        settings = Settings(
            api_key=SECRET,
            email=EMAIL,
            password=SECRET,
            ipn_secret=SECRET,
            expires_after=draw.choose(EXPIRES_AFTER, "coins", "expire"),
            step_seconds=draw.between(*STEP_SECONDS, "coins", "step"),
            repeated_ends="finished" if draw.happens(0.3, "coins", "repeated end as finished") else "partially_paid",
            repeated_has_order_id=draw.happens(0.5, "coins", "repeated are marked"),
            signed_arrays="object" if draw.happens(0.5, "coins", "signed arrays") else "array",
            list_lag=draw.between(0.0, 20.0, "coins", "list lag") if around.faults.rates["P5"] else 0.0,
        )
        self.now_payments = NowPaymentsSimulator(
            clock=self.clock, chance=NoChance(), ids=self, settings=settings, faults=self, delivery_faults=self
        )
        self.party, self.lists = self.now_payments, settings

    # Whose business something is.

    def story_of_text(self, text: str) -> str | None:
        """Whose business a call is: by our attempt in it, or by the payment or invoice that it names."""
        marked, named = _MARKED.search(text), _NAMED.search(text)
        if marked:
            return self._story_of_mark(marked[0])
        books = self.now_payments.books
        number = int(named[1]) if named else 0
        if number in books.payments:
            return self._story_of_payment(books.payments[number])
        return self._story_of_mark(books.invoices[number].order_id) if number in books.invoices else None

    def story_of_news(self, event_id: str, object_id: str) -> str:
        """Whose business a notice is: that of its payment, or of the payment that it followed."""
        return self._story_of_payment(self.now_payments.books.payments[int(object_id)]) or NOBODY

    def letter(self, outgoing: Outgoing) -> Letter:
        """A notice has no name, so it is kept by its payment, its status and its content."""
        told = decimals.read(outgoing.body)
        digest = hashlib.sha256(decimals.write(told, ordered=True).encode()).hexdigest()
        story = self.story_of_news("", outgoing.object_id)
        return Letter(story, outgoing.kind, f"{told['payment_id']}:{told['payment_status']}:{digest[:32]}")

    def hear(self, story: str, event_type: str, object_id: str) -> None:
        """An attempt is over with less than was asked, or with the end of its address; an invoice has none."""
        payment = self.now_payments.books.payments[int(object_id)]
        has_ended = payment.status in ("expired", "failed") and payment.invoice is None
        if payment.parent is None and (has_ended or payment.status == "partially_paid"):
            self._over.add(self._attempt_of(payment))

    def _story_of_mark(self, mark: str | None) -> str | None:
        return self.story_of_attempt(ids.read_or_none(ids.ATTEMPT, mark)) if mark else None

    def _story_of_payment(self, payment: Payment) -> str | None:
        return self.story_of_attempt(self._attempt_of(payment))

    def _attempt_of(self, payment: Payment) -> UUID | None:
        """The attempt of a payment, or of the one whose address it went to."""
        first = payment if payment.parent is None else self.now_payments.books.payments[payment.parent]
        return ids.read_or_none(ids.ATTEMPT, first.order_id or "")

    def poison(self, name: str, *, is_only_strange: bool) -> tuple[tuple[tuple[str, str], ...], bytes, str | None]:
        """A signed notice of a withdrawal, or one that nobody can read."""
        strange = {"batch_withdrawal_id": name, "status": "FINISHED"}
        poison = {"payment_id": [name], "payment_status": {"is": 7}}
        told = strange if is_only_strange else poison
        return (("x-nowpayments-sig", signature(SECRET, told)),), json.dumps(told).encode(), None

    # Calls.

    def what(self, request: Request) -> str:
        """The call in two words, without ids: `GET payment/*`."""
        path, _, query = request.url.partition("/v1/")[2].partition("?")
        kind = " of an invoice" if "invoiceId=" in query else ""
        return f"{request.method} {re.sub('[0-9]+', '*', path)}{kind}"

    def key_of(self, request: Request) -> str | None:
        """The attempt whose object a call makes: it must not be sent twice."""
        path = request.url.partition("/v1/")[2]
        marked = _MARKED.search(request.body.decode()) if path in ("payment", "invoice") else None
        return f"{path}:{marked[0]}" if marked and request.method == "POST" else None

    def read_in(self, request: Request, answer: Answer) -> Iterable[str]:
        """The payments that an answer shows; what was paid elsewhere may go back once these are known."""
        return _SHOWN.findall(answer.body.decode("utf-8", "replace")) if request.method == "GET" else ()

    def sends_back(self, request: Request) -> bool:
        """Nothing sends money back."""
        return False

    # What it knows.

    def payments_of(self, story: str) -> Sequence[Payment]:
        """The payments of a story, repeated deposits among them."""
        self._payments.look(self.now_payments.books.payments, self._story_of_payment)
        return self._payments.of(story)

    def invoices_of(self, story: str) -> Sequence[Invoice]:
        """The invoices of a story."""
        self._invoices.look(self.now_payments.books.invoices, lambda row: self._story_of_mark(row.order_id))
        return self._invoices.of(story)

    def attempts_of(self, story: str) -> list[UUID]:
        """The attempts that the story's invoices and payments carry."""
        marks = [row.order_id for row in self.payments_of(story)] + [row.order_id for row in self.invoices_of(story)]
        found = [ids.read_or_none(ids.ATTEMPT, mark) for mark in dict.fromkeys(marks) if mark]
        return [attempt_id for attempt_id in found if attempt_id is not None]

    def captured(self) -> Iterable[Money]:
        """Payments that the merchant has the coins of."""
        return [self._money(row) for row in self.now_payments.books.payments.values() if row.settled]

    def captured_of(self, story: str) -> Sequence[Money]:
        """The same of one story."""
        return [self._money(row) for row in self.payments_of(story) if row.settled]

    def _money(self, row: Payment) -> Money:
        return Money(str(row.id), value_minor(row), row.fiat.code.upper(), self._attempt_of(row))

    def able_to_bring_money(self, story: str) -> list[tuple[str, UUID | None]]:
        """Attempts that can still be paid, or whose coins came in full or are on their way. What was over, by less than
        was asked or by the end of an address, takes coins all the same: nobody here can prevent that.
        """
        alive: dict[UUID | None, str] = {}
        for row in self.payments_of(story):
            if row.parent is None and row.status in ("waiting", "finished", *ON_THE_WAY):
                alive[self._attempt_of(row)] = str(row.id)
        for invoice in self.invoices_of(story):
            alive.setdefault(ids.read_or_none(ids.ATTEMPT, invoice.order_id or ""), str(invoice.id))
        return [(object_id, attempt_id) for attempt_id, object_id in alive.items() if attempt_id not in self._over]

    def under_way(self) -> set[str]:
        """Stories whose coins were seen and are not with the merchant yet."""
        found = {self._story_of_payment(row) for row in self.now_payments.truth.under_way()}
        return {story for story in found if story is not None}

    def was_processing(self, story: str) -> bool:
        """Whether anybody ever sent coins."""
        return any(row.paid is not None for row in self.payments_of(story))

    def ended(self, ref: str) -> float | None:
        """When an address expired; an invoice never does."""
        books = self.now_payments.books
        if int(ref) in books.invoices:
            return None
        payment = books.payments[int(ref)]
        return payment.updated if payment.status in ("expired", "failed") else None

    def returns_seen(self, before: float) -> Iterable[SeenReturn]:
        """Payments that were sent back by hand, all of each."""
        for row in self.now_payments.books.payments.values():
            if row.status == "refunded" and row.settled and row.updated <= before and self._story_of_payment(row):
                yield SeenReturn("refund", str(row.id), "succeeded", f"{row.id}:refunded")

    def went_back(self) -> Counter[str]:
        """What was sent back by hand, which is always the whole."""
        rows = [row for row in self.now_payments.books.payments.values() if row.status == "refunded"]
        return Counter({str(row.id): value_minor(row) for row in rows})

    # What people do.

    def pay(self, ref: str, method: str = "") -> str:
        """Send coins: what was asked, a share of it, or some once more."""
        payer = self.now_payments.payer
        send = partial(payer.pay_again, ref) if method == "again" else partial(self._send, ref, method)
        seen = self._try(send)
        self.now_payments.on_news()
        return seen

    def _send(self, ref: str, method: str) -> str:
        payer, books = self.now_payments.payer, self.now_payments.books
        if method not in SHARES:
            return payer.pay(ref)
        # On the page of an invoice its payer chooses a coin first.
        payment_id = payer.choose(ref, USUAL_COIN) if int(ref) in books.invoices else ref
        return payer.pay(payment_id, decimals.product(books.payment(payment_id).amount, SHARES[method]))

    def _try(self, act: Callable[[], str]) -> str:
        try:
            return act()
        except NowError:
            # Too little to be taken, or nothing had come before: nobody sends anything then.
            return "refused"

    async def use(self, payer: Payer, page: Checkout, how: str) -> bool:
        """Send the coins, in one way or another; or none."""
        if how in ("leaves", "reloads"):
            return False
        if how == "much later":
            # His exchange takes longer than the price is good for.
            await payer.rests(payer.between(HOUR / 6, 2 * HOUR / 3, "the exchange"))
        first = "less" if how == "in two parts" else how
        seen = payer.pay(page, first if first in SHARES else "")
        if how in ("in two parts", "twice") and seen in self.content:
            await payer.rests(payer.between(1.0, HOUR / 2, "once more"))
            payer.pay(page, "again")
        return seen in self.content

    def give_back(self, who: str, ref: str) -> None:
        """Send the coins back by hand, all of them."""
        payment = self.now_payments.books.payments[int(ref)]
        if payment.status in ("finished", "partially_paid"):
            self.now_payments.dashboard.refund(ref)
            self.around.scheduler.note("gave back", who, "coins")
            self.now_payments.on_news()
