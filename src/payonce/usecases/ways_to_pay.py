"""Which ways there are to pay an amount: the merchant's accounts that take it, each by the flow that is configured.

Other flows of an account are no choice for its payers: which one is used, and with which coin, the merchant decided.
"""

from __future__ import annotations

from dataclasses import dataclass

from payonce.domain.attempt import LIVE
from payonce.domain.order import EXPIRED
from payonce.usecases.answers import AttemptView, OrderView
from payonce.usecases.world import World


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay."""

    provider: str
    account: str
    flow: str


def ways_to_pay(world: World, merchant_id: str, amount_minor: int, currency: str) -> list[Way]:
    """Every way that takes the amount, in the order of configuration: the first is what a plain click leads to."""
    found = []
    for key in world.accounts_of(merchant_id):
        capabilities = world.looker(*key).capabilities
        if capabilities.why_not(amount_minor, currency) is None:
            found.append(Way(*key, world.flows.get(key, capabilities.flows[0])))
    return found


def live_attempt(order: OrderView) -> AttemptView | None:
    """The order's attempt that may be payable."""
    return next((attempt for attempt in reversed(order.attempts) if attempt.state in LIVE), None)


def left_behind(order: OrderView) -> AttemptView | None:
    """The attempt that stays payable although its order is closed for good, because its provider cannot cancel it. It
    holds the purpose until its payer says that nothing was sent.
    """
    live = live_attempt(order)
    is_over = order.state == "closed" and order.closed_reason != EXPIRED
    return live if is_over and live is not None and live.can_leave else None


def other_ways(world: World, order: OrderView) -> list[Way]:
    """The ways that the order's payer could choose beside the one that a click leads to; none while money is looked at,
    and none for what is paid or closed for good.
    """
    live = live_attempt(order)
    is_busy = order.payment in ("paid", "processing") or order.under_review or (live and live.state != "open")
    if is_busy or (order.state == "closed" and order.closed_reason != EXPIRED):
        return []
    missing = order.amount_minor - order.allocated_minor
    found = ways_to_pay(world, order.merchant_id, missing, order.currency)
    if live is None:
        return found[1:]
    return [way for way in found if (way.provider, way.account) != (live.provider, live.account)]
