"""The storekeeper: says how many pieces there are, counts again, takes goods back, and keeps a list of his own.

By it nothing may ever be sold that there is not, and no payee be told of more than his shares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final
from uuid import UUID

from payonce.base.errors import PayonceError
from payonce.simulation.scene import Lost, Scene
from payonce.simulation.truth import rows
from payonce.usecases.restock_order import restock_order
from payonce.usecases.set_stock import set_stock
from payonce.usecases.world import World

NAME: Final = "storekeeper"
# How many pieces there are for each story at first: fewer than are wanted.
PIECES: Final = {0.1: 1.0, 0.3: 2.0, 0.8: 2.0}
ROUNDS: Final = 4
# So many that nobody is sent away any more.
PLENTY: Final = 100_000


def keep_store(scene: Scene, size: int) -> None:
    """Let the storekeeper open, and look so many times."""
    if scene.goods.skus:
        scene.scheduler.spawn(NAME, NAME, "", _work(scene, size))


def fill_up(scene: Scene) -> None:
    """Let there be enough of everything for everybody."""
    if scene.goods.skus:
        scene.scheduler.spawn(f"{NAME}/fills up", NAME, "", _say_all(scene, f"{NAME}/fills up", PLENTY))


async def _work(scene: Scene, size: int) -> None:
    share = scene.draw.choose(PIECES, NAME, "pieces")
    await _say_all(scene, f"{NAME}/opens", max(1, int(size * share)))
    for number in range(ROUNDS):
        key = f"{NAME}/{number}"
        await scene.rest(scene.draw.between(20.0, 150.0, key))
        for sku in scene.goods.skus:
            if scene.draw.happens(0.4, key, "counts", sku):
                await _say(scene, f"{key}/{sku}", sku, max(1, int(size * scene.draw.choose(PIECES, key, sku))))
        await _take_back(scene, key)


async def _say_all(scene: Scene, key: str, pieces: int) -> None:
    for sku in scene.goods.skus:
        for again in range(3):
            if await _say(scene, f"{key}/{sku}{again}", sku, pieces):
                break


async def _say(scene: Scene, key: str, sku: str, pieces: int) -> bool:
    """Say how many there are. One whose answer was lost may count, or not."""
    scene.goods.said.setdefault(sku, []).append(pieces)
    return await _ask(scene, key, lambda world: set_stock(world, scene.merchant_id, sku, pieces, by=NAME))


async def _take_back(scene: Scene, key: str) -> None:
    """Goods of some paid orders come back."""
    for order in rows(scene, "orders"):
        story = scene.stories.get(scene.made.get(order.order_id, ""))
        who = f"{key}/{story.key}/back" if story is not None else ""
        if story is None or not story.items or order.state != "paid" or not scene.draw.happens(0.05, who):
            continue
        # Counted before it is asked: an answer may be lost.
        scene.goods.returned.update({item.sku: item.quantity for item in story.items})
        await _ask(scene, who, partial(_restock, scene.merchant_id, order.order_id))


async def _restock(merchant_id: str, order_id: UUID, world: World) -> Any:
    return await restock_order(world, merchant_id, order_id, by=NAME, reason="it is here")


async def _ask(scene: Scene, key: str, act: Callable[[World], Coroutine[Any, Any, Any]]) -> bool:
    try:
        await scene.answer(scene.start(key, NAME, act))
    except (Lost, PayonceError):
        # Orders have more than that, the store is away, or nobody answers: he counts again later.
        return False
    return True


def check_goods(scene: Scene) -> None:
    """S19: what is there is what was said, and no more pieces were sold than there are, by the storekeeper's list."""
    sold: Counter[str] = Counter()
    for order in rows(scene, "orders"):
        story = scene.stories.get(scene.made.get(order.order_id, ""))
        if story is not None and order.state == "paid":
            sold.update({item.sku: item.quantity for item in story.items})
    for row in rows(scene, "stock"):
        if row.on_hand not in scene.goods.said.get(row.sku, ()):
            scene.break_promise("S19", row.sku, f"there are {row.on_hand}, and nobody said so")
        if sold[row.sku] - scene.goods.returned[row.sku] > row.on_hand:
            scene.break_promise("S19", row.sku, f"{sold[row.sku]} were sold, and there are {row.on_hand}")


def check_shares(scene: Scene) -> None:
    """S10, S11: payees were told of as much as their orders' shares, and of nothing for which no money came."""
    most: Counter[tuple[str, str]] = Counter()
    paid = {scene.made.get(money.attempt_id) for _, money in scene.providers.captured() if money.attempt_id}
    for story in scene.stories.values():
        if story.key in paid:
            for share in story.shares:
                most[share.payee, story.currency] += share.amount_minor
    told: Counter[tuple[str, str]] = Counter()
    for payout in rows(scene, "payouts"):
        told[payout.payee, payout.currency] += payout.amount_minor
    for (payee, currency), minor in told.items():
        if minor > most[payee, currency]:
            scene.break_promise("S11", payee, f"payouts of {minor} {currency}; its shares are {most[payee, currency]}")


def check_paid_out(scene: Scene) -> None:
    """Some days later nobody waits for what nothing speaks against: only what is below the threshold is left."""
    threshold = scene.goods.threshold_minor
    for row in rows(scene, "payees"):
        if row.open_minor > 0 and row.open_minor >= threshold:
            scene.break_promise("L4", row.payee, f"{row.open_minor} {row.currency} are due, and no payout is made")
