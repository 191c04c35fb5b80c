"""ZaloPay in the simulation: a wallet that is paid by scanning, callbacks that tell of money alone, and no list."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final
from uuid import UUID

from payonce.providers.simulator.letters import Outgoing
from payonce.providers.simulator.zalopay.books import Order
from payonce.providers.simulator.zalopay.mac import mac
from payonce.providers.simulator.zalopay.settings import Settings
from payonce.providers.simulator.zalopay.simulator import ZaloPaySimulator
from payonce.providers.simulator.zalopay.truth import VND
from payonce.providers.transport import Answer, Request
from payonce.simulation.banks_of_zalopay import Banks
from payonce.simulation.by_story import ByStory
from payonce.simulation.provider import HOUR, NOBODY, SECRET, Around, Letter, Money, NoChance, Payer, Provider
from payonce.usecases.answers import Checkout

# What a slow way to pay takes at the simulated bank: so long that people come back before and after its end, and that
# an order expires meanwhile.
SLOW_SECONDS: Final = (20.0, 3000.0)
# How far the time in a request may be from now; the same call is not sent later than that.
LIFE_SECONDS: Final = 15 * 60.0
_NAMED: Final = re.compile(r"[0-9]{6}_([0-9a-f]{32})")
_TRANSACTION: Final = re.compile(r'"zp_trans_id":"?([0-9]+)')
_REFUND: Final = re.compile(r'"m_refund_id":"([0-9a-z_]+)"')


class AtZaloPay(Provider):
    """One simulated application of ZaloPay."""

    name: ClassVar = "zalopay"
    takes: ClassVar = frozenset({VND})
    flows: ClassVar[Mapping[str, float]] = {"order": 1.0}
    place_of_flow: ClassVar = ("flow", "zalopay")
    asked_flows: ClassVar[Mapping[str, float]] = {"order": 1.0}
    uses: ClassVar[Mapping[str, float]] = {
        "scans": 10.0, "with a discount": 1.0, "in vain": 2.0, "in vain, leaves": 1.0, "slowly": 1.5,
        "slowly, fails": 1.0, "expires": 1.0, "leaves": 3.0, "reloads": 2.0,
    }  # fmt: skip
    simply: ClassVar = "scans"
    creates = frozenset({"create"})
    key_life = LIFE_SECONDS

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self._orders = ByStory[Order]()
        # Stories of which a payment was once on its way.
        self._slow: set[str] = set()
        settings = Settings(key1=SECRET, key2=SECRET, cancelled_code=-54)
        self.zalopay = ZaloPaySimulator(
            clock=self.clock, chance=NoChance(), ids=self, settings=settings, faults=self, delivery_faults=self
        )
        self.party = self.zalopay
        self.banks = Banks(self.zalopay, around.draw, around.faults, around.scheduler)
        self.zalopay.books.on_refund = lambda made: self.banks.take_up(
            self._story_of(made.app_trans_id) or NOBODY, made.m_refund_id
        )

    def has_payer(self, text: str) -> bool:
        """Whether somebody was given the page: its address was in the first answer alone."""
        order = self._order_in(text)
        return order is not None and _attempt_of(order.app_trans_id) in self.around.disclosed

    # Whose business something is.

    def story_of_text(self, text: str) -> str | None:
        """Whose business a call is: by our attempt in a name, or by the transaction or refund that it names."""
        order = self._order_in(text)
        if order is not None:
            return self._story_of(order.app_trans_id)
        named = _NAMED.search(text)
        return self._story_of(named[0]) if named else None

    def _order_in(self, text: str) -> Order | None:
        books = self.zalopay.books
        named, refund, paid = _NAMED.search(text), _REFUND.search(text), _TRANSACTION.search(text)
        if named:
            return books.orders.get(named[0])
        if refund and refund[1] in books.refunds:
            return books.orders[books.refunds[refund[1]].app_trans_id]
        return books.orders.get(books.by_transaction.get(paid[1], "")) if paid else None

    def story_of_news(self, event_id: str, object_id: str) -> str:
        """Whose business a callback is: that of its order."""
        return self._story_of(object_id) or NOBODY

    def letter(self, outgoing: Outgoing) -> Letter:
        """A callback has no name, so it is kept by its order and its transaction."""
        order = self.zalopay.books.orders[outgoing.object_id]
        story = self._story_of(order.app_trans_id) or NOBODY
        return Letter(story, outgoing.kind, f"order:{order.app_trans_id}:{order.zp_trans_id}")

    def _story_of(self, app_trans_id: str) -> str | None:
        return self.story_of_attempt(_attempt_of(app_trans_id))

    def poison(self, name: str, *, is_only_strange: bool) -> tuple[tuple[tuple[str, str], ...], bytes, str | None]:
        """A signed callback that is about an agreement, or that nobody can read."""
        data = json.dumps({"name": name, "app_id": self.zalopay.settings.app_id})
        signed = {"data": data, "mac": mac(SECRET, data), "type": 2 if is_only_strange else 1}
        named = f"agreement:sha256:{hashlib.sha256(data.encode()).hexdigest()}" if is_only_strange else None
        return (("Content-Type", "application/json"),), json.dumps(signed).encode(), named

    # Calls.

    def what(self, request: Request) -> str:
        """The call in one word: `query`."""
        return request.url.partition("/v2/")[2]

    def key_of(self, request: Request) -> str | None:
        """The name of the order or of the refund that a call makes."""
        what, text = self.what(request), request.body.decode()
        found = _NAMED.search(text) if what == "create" else _REFUND.search(text) if what == "refund" else None
        return f"{what}:{found[0]}" if found else None

    def read_in(self, request: Request, answer: Answer) -> Iterable[str]:
        """The transaction of an order that a query told to be paid."""
        found = _TRANSACTION.search(answer.body.decode("utf-8", "replace")) if self.what(request) == "query" else None
        return (found[1],) if found else ()

    def sends_back(self, request: Request) -> bool:
        """Whether it is the call that refunds."""
        return self.what(request) == "refund"

    # What it knows.

    def orders_of(self, story: str) -> Sequence[Order]:
        """The orders of a story."""
        self._orders.look(self.zalopay.books.orders, lambda row: self._story_of(row.app_trans_id))
        return self._orders.of(story)

    def attempts_of(self, story: str) -> list[UUID]:
        """The attempts in the names of the story's orders."""
        found = [_attempt_of(row.app_trans_id) for row in self.orders_of(story)]
        return [attempt_id for attempt_id in found if attempt_id is not None]

    def captured(self) -> Iterable[Money]:
        """Orders that were paid."""
        return [_money(row) for row in self.zalopay.books.orders.values() if row.ended == "paid"]

    def captured_of(self, story: str) -> Sequence[Money]:
        """The story's orders that were paid."""
        return [_money(row) for row in self.orders_of(story) if row.ended == "paid"]

    def able_to_bring_money(self, story: str) -> list[tuple[str, UUID | None]]:
        """Orders that are open, processing or paid."""
        now = self.clock.now().timestamp()
        alive = [row for row in self.orders_of(story) if row.state(now) in ("open", "processing", "paid")]
        return [(row.app_trans_id, _attempt_of(row.app_trans_id)) for row in alive]

    def under_way(self) -> set[str]:
        """Stories whose money is on its way, or has come and is not told of yet."""
        now = self.clock.now().timestamp()
        rows = self.zalopay.books.orders.values()
        found = {
            self._story_of(row.app_trans_id)
            for row in rows
            if row.ended == "processing" or (row.ended == "paid" and now < row.visible_at)
        }
        return {story for story in found if story is not None}

    def was_processing(self, story: str) -> bool:
        """A query says so of what is on its way, and for a moment of what was just paid."""
        return story in self._slow or bool(self.captured_of(story))

    def ended(self, ref: str) -> float | None:
        """When an order was cancelled, or expired."""
        order = self.zalopay.books.orders[ref]
        state = order.state(self.clock.now().timestamp())
        return order.cancelled_at if state == "cancelled" else order.expires_at if state == "expired" else None

    def can_tell_of(self, ref: str) -> bool:
        """For 48 hours after the order was made; by a clock that jumped, for an hour less."""
        books = self.zalopay.books
        order = books.orders[books.by_transaction[ref]]
        return self.clock.now().timestamp() + HOUR < order.created + self.zalopay.settings.query_horizon

    def went_back(self) -> Counter[str]:
        """Refunds that did not fail."""
        found: Counter[str] = Counter()
        for refund in self.zalopay.books.refunds.values():
            found[str(refund.zp_trans_id)] += refund.amount if refund.state != "failed" else 0
        return found

    def is_going_back(self, ref: str) -> bool:
        """Whether a refund of the transaction is on its way."""
        refunds = self.zalopay.books.refunds.values()
        return any(str(row.zp_trans_id) == ref and row.state == "processing" for row in refunds)

    # What people do.

    def pay(self, ref: str, method: str = "") -> str:
        """Scan and pay; `slowly` by a bank that takes its time, `in vain` without enough money."""
        payer = self.zalopay.payer
        if method == "slowly":
            seen: str = payer.pay_slowly(ref)
        elif method == "in vain":
            seen = payer.decline(ref)
        else:
            seen = payer.pay(ref, self.zalopay.payer.order(ref).amount // 10 if method == "with a discount" else 0)
        self.zalopay.on_news()
        return seen

    async def use(self, payer: Payer, page: Checkout, how: str) -> bool:
        """Pay in the wallet, slowly, in vain, too late, or not at all."""
        if how in ("leaves", "reloads"):
            return False
        if how.startswith("in vain"):
            if payer.pay(page, "in vain") != "declined" or how.endswith("leaves"):
                return False
            await payer.rests(payer.between(3.0, 60.0, "another try"))
        elif how.startswith("slowly"):
            return payer.pay(page, "slowly") == "processing" and self._settle_later(payer, page, how)
        elif how == "expires":
            order = self.zalopay.payer.order(page.provider_ref or "")
            left = order.expires_at - self.clock.now().timestamp()
            await payer.rests(max(0.0, left + payer.between(-1.0, 1.0, "at the end")))
        return payer.pay(page, how if how == "with a discount" else "") == "succeeded"

    def _settle_later(self, payer: Payer, page: Checkout, how: str) -> bool:
        """Let the bank end what is on its way."""
        ref, scheduler = page.provider_ref or "", self.around.scheduler
        self._slow.add(self._story_of(ref) or NOBODY)
        after = payer.between(*SLOW_SECONDS, "the bank")

        def end() -> None:
            payer.saw("settled", self.zalopay.payer.settle(ref, not how.endswith("fails")))
            self.zalopay.on_news()

        scheduler.at(scheduler.now + int(after * 1_000_000), f"bank of {payer.key}", end)
        return not how.endswith("fails")


def _attempt_of(app_trans_id: str) -> UUID | None:
    found = _NAMED.fullmatch(app_trans_id)
    return UUID(hex=found[1]) if found else None


def _money(order: Order) -> Money:
    return Money(str(order.zp_trans_id), order.amount, VND, _attempt_of(order.app_trans_id))
