"""What must come about once nothing goes wrong any more: settled, unstuck, delivered, and a way to pay.

L1 every provider success settled; L2 no order stuck; L3 no event left; L4 every effect done, or held or dead with a
finding; L6 who wants to pay can, within a minute.
"""

from __future__ import annotations

from typing import Any, Final

from payonce.domain.order import EXPIRED
from payonce.simulation.checks import check_payable
from payonce.simulation.people import Person
from payonce.simulation.scene import Scene, Story
from payonce.simulation.truth import captured_there, rows
from payonce.usecases.answers import Checkout, OrderView
from payonce.usecases.ensure_checkout import Click

# Money of these is held until a person decides: nobody may be let to pay meanwhile.
CONTESTED: Final = ("late_payment", "currency_differs")
WITHIN_SECONDS: Final = 60.0


def check_settled(scene: Scene) -> None:
    """L1: every success of the provider is recorded, whether or not its webhook ever came."""
    known = {(row.provider, row.ref) for row in rows(scene, "captures")}
    for key, money in captured_there(scene).items():
        if key not in known:
            story = scene.made.get(money.attempt_id) if money.attempt_id else None
            scene.break_promise(
                "L1", f"{story} {money.ref}", f"{money.amount_minor} were captured, and 15 minutes later nobody knows"
            )


def check_unstuck(scene: Scene) -> None:
    """L2, L3, L4: a day later nothing hangs."""
    processing = purposes_processing(scene)
    contested = purposes_contested(scene)
    for order in rows(scene, "orders"):
        held = order.purpose in processing or order.purpose in contested
        if not held and (order.state == "waiting" or (order.state == "open" and order.close_because)):
            scene.break_promise("L2", order.reference, f"{order.state}, to be closed because {order.close_because}")
    for attempt in rows(scene, "attempts"):
        if attempt.purpose not in processing and attempt.state in ("creating", "in_doubt", "closing"):
            scene.break_promise("L2", str(attempt.attempt_id), f"still {attempt.state} after a day")
    for event in rows(scene, "events"):
        if event.state in ("received", "failed"):
            scene.break_promise("L3", event.event_key, f"{event.state} {event.reason} after a day")
    check_delivered(scene)


def check_delivered(scene: Scene) -> None:
    """L4: every effect has come to an end, or to somebody's list."""
    for effect in rows(scene, "effects"):
        if effect.state in ("done", "suppressed"):
            continue
        if effect.state in ("unknown", "held", "dead") and (effect.has_finding or effect.nature == "notification"):
            continue
        scene.break_promise("L4", effect.key, f"{effect.state}, finding: {effect.has_finding}")


def purposes_processing(scene: Scene) -> set[str]:
    """Purposes for which a provider is still at work, by its own books."""
    return {scene.stories[story].purpose for story in scene.providers.under_way() if story in scene.stories}


def purposes_contested(scene: Scene) -> set[str]:
    """Purposes with money that waits for a decision."""
    return {row.purpose for row in rows(scene, "open_findings") if row.kind in CONTESTED}


class Willing(Person):
    """Somebody who comes when all is calm and wants nothing but to pay. He must be able to."""

    def __init__(self, scene: Scene, story: Story, name: str) -> None:
        super().__init__(scene, story, name)
        self.is_paid = False

    async def come(self) -> None:
        """Order, click, pay; and say what stood in the way."""
        began = self.scene.seconds
        if self._is_paid():
            return
        page = await self._by_old_link()
        if page is None:
            order = await self._place_again()
            page = await self.reach_page(order.id) if order is not None else None
        if page is None:
            self._explain(began)
            return
        waited = self.scene.seconds - began
        if waited > WITHIN_SECONDS:
            self.scene.break_promise("L6", self.key, f"the page came after {waited:.0f} s")
        content = self.scene.providers.of(page.provider).content
        if self.pay(page) not in content and not self._is_excused():
            self.scene.break_promise("L6", self.key, f"the page of {page.provider_ref} could not be paid")
        check_payable(self.scene, self.story.key)

    async def _place_again(self) -> OrderView | None:
        """Order anew; where a page that nobody can call back stands in the way, say that nothing was sent there."""
        reference = f"{self.key}/again"
        order = await self.place(self._amount(), reference=reference)
        if order is None and self.refusal == "purpose_held":
            for held in rows(self.scene, "attempts_of_purpose", purpose=self.story.purpose):
                if held.state == "open" and held.payer_reference == self.story.payer:
                    await self.click(held.order_id, Click(leave_attempt=held.number))
            order = await self.place(self._amount(), reference=reference)
        return order

    async def _by_old_link(self) -> Checkout | None:
        """Come back by the link that he was given: to an order that is open, or merely expired (D2)."""
        known = self._orders()
        if not known or known[-1].payer_reference != self.story.payer:
            return None
        newest = known[-1]
        # One that is closed, or being closed, for another reason leads nowhere any more.
        why = newest.closed_reason if newest.state == "closed" else newest.close_because
        if why not in (None, EXPIRED):
            return None
        began = self.scene.seconds
        page = await self.reach_page(newest.order_id)
        if page is None:
            self._explain(began)
        return page

    def _orders(self) -> list[Any]:
        """The orders of his purpose, the oldest first."""
        return rows(self.scene, "orders_of_purpose", purpose=self.story.purpose)

    def _is_paid(self) -> bool:
        return any(row.state == "paid" for row in self._orders())

    def _amount(self) -> int:
        """What the newest order of the purpose asks, so that nothing is superseded."""
        known = self._orders()
        return known[-1].amount_minor if known else self.story.amount_minor

    def _explain(self, began: float) -> None:
        if not self._is_paid() and not self._is_excused():
            waited = self.scene.seconds - began
            self.scene.break_promise("L6", self.key, f"no page within {waited:.0f} s, and nothing stands in the way")

    def _is_excused(self) -> bool:
        """Whether something is processing, contested, or held by another payer."""
        purpose = self.story.purpose
        if purpose in purposes_processing(self.scene) or purpose in purposes_contested(self.scene):
            return True
        holders = [row for row in self._orders() if row.state != "closed"]
        return any(row.payer_reference != self.story.payer for row in holders)
