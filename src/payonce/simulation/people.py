"""People: payers with tabs and devices, merchants, bots. Each is a coroutine that asks our hosts and the provider.

They know only what they were answered. What they do is drawn by their own name, so that one more person, or one less,
changes nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final
from uuid import UUID

from payonce.base.errors import Conflict, PayonceError, Refused, Unavailable
from payonce.simulation.provider import Provider
from payonce.simulation.scene import Lost, Scene, Story
from payonce.simulation.scheduler import Actor, Join, give_way
from payonce.simulation.witness import witness_click
from payonce.usecases.answers import AlreadyPaid, Checkout, CheckoutAnswer, Gone, InProgress, OrderView, Placed
from payonce.usecases.close_orders import cancel_order
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.read_order import find_by_token, link_token, read_order
from payonce.usecases.refresh_order import refresh_order
from payonce.usecases.world import World

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
# How often somebody asks again who got no answer, or "later".
PERSISTENCE: Final = 6
CROWD: Final = 50

# When somebody pays once more by another way, and how much, as a share of the amount.
ONCE_MORE: Final = {5.0: 2.0, 40.0: 3.0, 10 * MINUTE: 2.0, 35 * MINUTE: 1.0, 3 * HOUR: 1.0, 26 * HOUR: 0.7}
SHARES: Final = {1.0: 5.0, 1.5: 2.0, 2.0: 1.0, 0.5: 1.0}
# When somebody comes back who left: at once, past the age of an attempt, past the age of an order, past that of a key.
GAPS: Final = {
    5.0: 3.0,
    MINUTE: 2.0,
    10 * MINUTE: 1.0,
    31 * MINUTE: 2.0,
    40 * MINUTE: 1.0,
    2 * HOUR: 0.7,
    25 * HOUR: 0.5,
}


class Person:
    """Somebody who acts in a story. `name` is his part in it."""

    def __init__(self, scene: Scene, story: Story, name: str) -> None:
        self.scene = scene
        self.story = story
        self.key = f"{story.key}/{name}"
        self.pages: list[Checkout] = []
        # Why his last order was refused.
        self.refusal = ""
        self._asked = 0

    # What he decides.

    def happens(self, probability: float, *name: object) -> bool:
        """Whether he does something of that probability."""
        return self.scene.draw.happens(probability, self.key, *name)

    def between(self, low: float, high: float, *name: object) -> float:
        """A number of his own."""
        return self.scene.draw.between(low, high, self.key, *name)

    # What he asks of us.

    def ask(self, what: str, use: Callable[[World], Coroutine[Any, Any, Any]]) -> Actor:
        """Send a request."""
        self._asked += 1
        return self.scene.start(f"{self.key}/{what}{self._asked}", self.story.key, use)

    async def insist(self, what: str, use: Callable[[World], Coroutine[Any, Any, Any]]) -> Any:
        """Ask until there is an answer; None when persistence is used up. Raises Refused and Conflict."""
        for again in range(PERSISTENCE):
            try:
                return await self.scene.answer(self.ask(what, use))
            except (Lost, Unavailable):
                await self.scene.rest(self.between(0.5, 8.0, what, "again", again))
        return None

    async def place(
        self, amount_minor: int | None = None, *, reference: str = "", payer: str | None = None
    ) -> OrderView | None:
        """Place the order of the story, or one of another amount; None where that cannot be."""
        amount = self.story.amount_minor if amount_minor is None else amount_minor
        wish = PlaceOrder(
            reference or f"{self.story.purpose}/{amount}", self.story.purpose, amount, self.story.currency,
            payer or self.story.payer, success_url="https://shop.invalid/thanks", cancel_url="https://shop.invalid/back",
            items=self.story.items, payouts=self.story.shares,
        )  # fmt: skip
        try:
            placed = await self.insist("place", lambda world: place_order(world, self.scene.merchant_id, wish))
        except (Conflict, Refused) as refusal:
            self.refusal = refusal.code
            return None
        if not isinstance(placed, Placed):
            return None
        how = "existing" if placed.existing else "reopened" if placed.reopened else "new"
        self.scene.counts[f"Placed.{how}.{placed.order.state}"] += 1
        if placed.order.id not in self.story.order_ids:
            self.story.order_ids.append(placed.order.id)
        return placed.order

    async def click(self, order_id: UUID, click: Click | None = None) -> CheckoutAnswer | None:
        """Click on Pay, perhaps twice at once; the first answer counts."""
        actors = [self._click(order_id, click)]
        if self.scene.faults.strikes("U2", self.story.key, f"{self.key} double click"):
            actors.append(self._click(order_id, click))
        answers = [await self._answer(actor) for actor in actors]
        return next((answer for answer in answers if answer is not None), None)

    def _click(self, order_id: UUID, click: Click | None) -> Actor:
        return self.ask("click", lambda world: ensure_checkout(world, self.scene.merchant_id, order_id, click))

    async def _answer(self, actor: Actor) -> CheckoutAnswer | None:
        try:
            answer: CheckoutAnswer = await self.scene.answer(actor)
        except (Lost, PayonceError):
            return None
        witness_click(self.scene, self.story, actor, answer)
        return answer

    async def reach_page(self, order_id: UUID, click: Click | None = None) -> Checkout | None:
        """Click until there is a page to pay on, or an answer that ends it."""
        for again in range(PERSISTENCE):
            answer = await self.click(order_id, click)
            if isinstance(answer, Checkout):
                self.pages.append(answer)
                return answer
            if isinstance(answer, AlreadyPaid | Gone):
                return None
            retry = getattr(answer, "retry_after_seconds", None)
            if isinstance(answer, InProgress) and self.happens(0.5, "gives up waiting", again):
                return None
            await self.scene.rest((retry or 2.0) * self.between(0.8, 1.5, "patience", again))
        return None

    async def look(self, order: OrderView) -> None:
        """Come back to the success page: one check at the provider, and some looks at the status."""
        for again in range(self.scene.draw.whole(0, self.scene.day.looks, self.key, "looks")):
            await self.scene.rest(self.between(0.2, 4.0, "look", again))
            work = refresh_order if again == 0 else read_order
            try:
                await self.scene.answer(
                    self.ask("look", lambda world, work=work: work(world, self.scene.merchant_id, order.id))  # type: ignore[misc]
                )
            except (Lost, PayonceError):
                continue

    # What he does at a provider.

    def pay(self, page: Checkout, method: str = "") -> str:
        """Press Pay at the provider; without a method in its most usual way."""
        seen = self.scene.providers.of(page.provider).pay(page.provider_ref or "", method)
        self.scene.scheduler.note("paid", self.key, method, seen)
        self.scene.counts[f"paying {seen}"] += 1
        self.scene.counts[f"paying at {page.provider}: {method or 'as asked'} {seen}"] += 1
        return seen

    def saw(self, what: str, seen: str) -> str:
        """Note what he saw of something that he did there."""
        self.scene.scheduler.note(what, self.key, seen)
        return seen

    def chooses(self, weights: Mapping[Any, float], *name: object) -> Any:
        """One of the keys, each as likely as its weight says."""
        return self.scene.draw.choose(weights, self.key, *name)

    async def rests(self, seconds: float) -> None:
        """Let time pass."""
        await self.scene.rest(seconds)

    async def use(self, page: Checkout, *name: object) -> tuple[str, bool]:
        """Use a page in a way of its provider's: which, and whether he is through. On some days most simply pay."""
        side = self.scene.providers.of(page.provider)
        ways = {**side.uses, side.simply: side.uses[side.simply] * self.scene.day.simply}
        how = self.scene.draw.choose(ways, self.key, "uses", *name)
        return how, await side.use(self, page, how)

    # Who he is.

    async def buyer(self) -> None:
        """Order and pay, in one visit or several, in one way or another; and perhaps once more on an old page."""
        order = await self.place()
        if order is None:
            return
        gaps = {gap: often for gap, often in GAPS.items() if gap <= self.scene.longest_gap}
        for visit in range(self.scene.draw.whole(1, 4, self.key, "visits")):
            if visit and self.happens(0.3, "orders again", visit):
                order = await self.place() or order
            page = await self.reach_page(order.id, self._wish(visit))
            if page is not None:
                await self.scene.rest(self.between(0.5, 45.0, "thinks", visit))
                how, is_through = await self.use(page, visit)
                if is_through:
                    await self.look(order)
                    break
                if how == "reloads":
                    continue
            await self.scene.rest(self.scene.draw.choose(gaps, self.key, "gap", visit))
        if self.pages and self.scene.faults.strikes("U5", self.story.key, self.key):
            await self.scene.rest(self.scene.draw.choose(gaps, self.key, "late"))
            for page in self.pages:
                self.pay(page)

    def _wish(self, visit: int) -> Click | None:
        """Mostly whatever is configured; sometimes another provider or flow, or a new try by its number."""
        sides = self.scene.providers.taking(self.story.currency)
        if len(sides) > 1 and self.happens(0.6, "chooses a provider", visit):
            names = {side.name: 1.0 for side in sides}
            return Click(provider=self.scene.draw.choose(names, self.key, "provider", visit))
        if self.pages and self.pages[-1].can_leave and self.happens(0.4, "says that he sent nothing", visit):
            return Click(leave_attempt=self.pages[-1].number)
        if self.happens(0.06, "other flow", visit):
            flows = {flow: often for side in sides for flow, often in side.asked_flows.items()}
            return Click(flow=self.scene.draw.choose(flows, self.key, visit))
        if self.happens(0.06, "new try", visit):
            return Click(after_attempt=self.scene.draw.whole(1, 2, self.key, "after", visit))
        return None

    async def second_tab(self) -> None:
        """Order the same from another device and pay there too."""
        await self.scene.rest(self.between(0.0, 20.0, "starts"))
        order = await self.place()
        page = await self.reach_page(order.id) if order is not None else None
        if page is not None:
            await self.scene.rest(self.between(0.0, 60.0, "thinks"))
            await self.use(page)

    async def changer(self) -> None:
        """The amount changes: another order of the same purpose, and its payment."""
        await self.scene.rest(
            self.scene.draw.choose({2.0: 2.0, 30.0: 2.0, 120.0: 2.0, 35 * MINUTE: 1.0}, self.key, "when")
        )
        order = await self.place(self.story.amount_minor + 100 * self.scene.draw.whole(1, 5, self.key, "more"))
        if order is None:
            return
        page = await self.reach_page(order.id)
        if page is not None:
            await self.scene.rest(self.between(0.5, 60.0, "thinks"))
            await self.use(page)

    async def canceller(self) -> None:
        """The merchant cancels the order while others pay it."""
        await self.scene.rest(
            self.scene.draw.choose({3.0: 2.0, 40.0: 2.0, 300.0: 1.0, 35 * MINUTE: 1.0}, self.key, "when")
        )
        if not self.story.order_ids:
            return
        order_id = self.story.order_ids[-1]
        try:
            await self.insist("cancel", lambda world: cancel_order(world, self.scene.merchant_id, order_id))
        except (Conflict, Refused):
            return
        self.story.is_cancelled = True

    async def other_payer(self) -> None:
        """Somebody else wants the same purpose: refused while it is held, and never shown the other's page."""
        await self.scene.rest(self.between(0.0, 200.0, "starts"))
        order = await self.place(reference=f"{self.key}/theirs", payer=f"{self.story.payer}, the other")
        if order is not None:
            page = await self.reach_page(order.id)
            if page is not None:
                self.pay(page)

    async def crowd(self) -> None:
        """Fifty clicks on one order in the same moment."""
        order = await self.place()
        if order is None:
            return
        actors = [self._click(order.id, None) for _ in range(CROWD)]
        for actor in actors:
            await self._answer(actor)

    async def bot(self) -> None:
        """Open links and read, again and again; a bot pays nothing and makes nothing."""
        for again in range(4):
            await self.scene.rest(self.between(1.0, 60.0, "comes", again))
            if not self.story.order_ids:
                continue
            order_id = self.story.order_ids[0]
            order = await self.insist("read", lambda world, o=order_id: read_order(world, self.scene.merchant_id, o))  # type: ignore[misc]
            if isinstance(order, OrderView):
                token = link_token(order)
                await self.insist("link", lambda world, t=token: find_by_token(world, t))  # type: ignore[misc]

    async def returner(self) -> None:
        """Money goes back, at the dashboard or by a dispute, and payonce hears of it, or not, in whatever order."""
        for again in range(4):
            await self.scene.rest(self.between(2.0, 60.0, "returns", again))
            paid = {money.ref: side for side, money in self.scene.providers.captured_of(self.story.key)}
            if paid:
                chosen = self.scene.draw.choose(dict.fromkeys(paid, 1.0), self.key, "which", again)
                paid[chosen].give_back(f"{self.key}/{again}", chosen)
                if self.happens(0.7, "is content", again):
                    return

    def _by_hand(self, *name: object) -> tuple[Provider, UUID] | None:
        """Where somebody can charge by hand, and an attempt of the story whose marks he copies there."""
        for side in self.scene.providers:
            marked = side.attempts_of(self.story.key) if side.charges_by_hand else []
            if marked:
                return side, self.scene.draw.choose(dict.fromkeys(marked, 1.0), self.key, "which", *name)
        return None

    async def once_more(self) -> None:
        """Pay by another way what is paid already, or more than is due: by telephone, at the desk, with our marks."""
        gaps = {gap: often for gap, often in ONCE_MORE.items() if gap <= max(self.scene.longest_gap, MINUTE)}
        for again in range(self.scene.draw.whole(1, 2, self.key, "times")):
            await self.scene.rest(self.scene.draw.choose(gaps, self.key, "when", again))
            found = self._by_hand(again)
            if found is None:
                continue
            side, attempt_id = found
            currency = "CHF" if self.happens(0.08, "other currency", again) else self.story.currency
            side.charge_by_hand(
                f"{self.key}/{again}", attempt_id, currency,
                int(self.story.amount_minor * self.scene.draw.choose(SHARES, self.key, "share", again)),
                self.scene.draw.choose(side.by_hand, self.key, "card", again),
            )  # fmt: skip

    async def support(self) -> None:
        """Charge by hand at the dashboard, and copy our marks from the payment that did not work."""
        await self.scene.rest(
            self.scene.draw.choose({30.0: 2.0, 200.0: 2.0, 45 * MINUTE: 2.0, 26 * HOUR: 1.0}, self.key, "when")
        )
        found = self._by_hand()
        if found is not None:
            side, attempt_id = found
            side.charge_by_hand(
                self.key, attempt_id, self.story.currency,
                self.story.amount_minor - (100 if self.happens(0.2, "too little") else 0),
            )  # fmt: skip


async def together(people: list[Actor]) -> None:
    """Return when all of them have ended."""
    for person in people:
        await give_way(Join(person, 100 * HOUR))
