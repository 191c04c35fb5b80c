"""The cashier: approves refunds that wait, says no to some, asks for others, and says what became of those in doubt.

Like the operator he knows only what he can look up: our lists, and what the provider's dashboard shows.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Final

from payonce.base.errors import PayonceError
from payonce.simulation.hosts import BEGINNING
from payonce.simulation.scene import Lost, Scene
from payonce.simulation.truth import rows
from payonce.usecases.accept_payment import accept_payment
from payonce.usecases.approve_refunds import apply_plan, plan_refunds
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.decide_refund import cancel_refund, resolve_refund
from payonce.usecases.world import World

NAME: Final = "cashier"
ROUNDS: Final = 4
# A request may still be on its way to the provider; a person looks later than that.
SURE_AFTER: Final = timedelta(minutes=10)
# How often he does one of four things for one order, in each round.
ASKS: Final = 0.012
Act = Callable[[World], Coroutine[Any, Any, Any]]


def let_decide(scene: Scene, rounds: int = ROUNDS) -> None:
    """Let the cashier look so many times."""
    key = f"{NAME}/{scene.scheduler.now}"
    scene.scheduler.spawn(key, NAME, "", _work(scene, key, rounds))


async def _work(scene: Scene, key: str, rounds: int) -> None:
    for number in range(rounds):
        await scene.rest(scene.draw.between(20.0, 400.0, key, number))
        for who, act in _wishes(scene, f"{key}/{number}"):
            await _ask(scene, who, act)


def _wishes(scene: Scene, key: str) -> list[tuple[str, Act]]:
    """Everything that he wants in one round, by the names of stories, so that nothing depends on the order of ids."""
    merchant_id, draw, asks = scene.merchant_id, scene.draw, ASKS * scene.day.wishes
    wishes: list[tuple[str, Act]] = []
    refunds, in_doubt = rows(scene, "refunds"), {row.fingerprint for row in rows(scene, "refund_findings")}
    if any(row.state == "planned" for row in refunds) and draw.happens(0.6, key, "approves"):
        wishes.append((f"{key}/approve", lambda world: _approve(world, merchant_id)))
    for row in refunds:
        who = f"{key}/{scene.made.get(row.refund_id, '')}/{row.reason}"
        if row.state in ("planned", "due") and draw.happens(0.06, who, "says no"):
            wishes.append((f"{who}/cancel", lambda world, row=row: _cancel(world, merchant_id, row)))  # type: ignore[misc]
        if f"refund_in_doubt:{row.refund_id.hex}" in in_doubt and _is_old(scene, row):
            was_done = bool(scene.providers.refunds_by_id().get(row.refund_id))
            wishes.append((f"{who}/resolve", lambda world, r=row, d=was_done: _resolve(world, merchant_id, r, d)))  # type: ignore[misc]
    for order in rows(scene, "orders"):
        who = f"{key}/{scene.made.get(order.order_id, '')}/{order.state}"
        if order.received_minor:
            wishes += [(name, act) for name, act in _of_order(scene, who, order) if draw.happens(asks, name)]
    return wishes


def _of_order(scene: Scene, who: str, order: Any) -> list[tuple[str, Act]]:
    merchant_id, part = scene.merchant_id, max(1, order.amount_minor // 3)

    def give_back(amount: int | None, of: Any) -> Act:
        return lambda world: ask_refund(
            world, merchant_id, order.order_id, reason="the customer asked", actor=NAME, amount_minor=amount, of=of
        )

    return [
        (f"{who}/all back", give_back(None, "order")),
        (f"{who}/part back", give_back(part, "order")),
        (f"{who}/surplus back", give_back(None, "surplus")),
        (f"{who}/accept", lambda world: accept_payment(world, merchant_id, order.order_id, by=NAME, reason="it fits")),
    ]


def _is_old(scene: Scene, row: Any) -> bool:
    now = BEGINNING + timedelta(seconds=scene.seconds)
    return bool(row.sent_at is not None and now - row.sent_at > SURE_AFTER)


async def _approve(world: World, merchant_id: str) -> Any:
    plan = await plan_refunds(world, merchant_id)
    return await apply_plan(world, merchant_id, plan.id, NAME) if plan.refunds else None


async def _cancel(world: World, merchant_id: str, row: Any) -> Any:
    return await cancel_refund(world, merchant_id, row.refund_id, "the customer keeps a voucher", NAME)


async def _resolve(world: World, merchant_id: str, row: Any, was_done: bool) -> Any:
    outcome: Any = "done" if was_done else "cancelled"
    return await resolve_refund(world, merchant_id, row.refund_id, outcome, "the dashboard shows it so", NAME)


async def _ask(scene: Scene, who: str, act: Act) -> None:
    try:
        await scene.answer(scene.start(who, NAME, act))
    except (Lost, PayonceError):
        # Somebody was faster, the rules say no, or the store is away: he will see it in his next round.
        return
