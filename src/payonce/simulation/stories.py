"""What a seed tells: purposes, who wants to pay them, and who else has a hand in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from typing import Any, Final

from payonce.simulation.people import Person
from payonce.simulation.scene import Scene, Story

Part = Callable[[Person], Coroutine[Any, Any, None]]

CURRENCIES: Final = {"USD": 6.0, "EUR": 2.0, "VND": 1.0}
# How much likelier a currency is that some account takes alone.
LOVED: Final = 8.0
# A usual one, the smallest that Stripe takes in these currencies, and odd ones.
AMOUNTS: Final = {4500: 4.0, 50: 1.0, 99999: 1.0, 13501: 2.0, 30000: 1.0}
# Who besides the buyer takes part, by the fault that he is counted as.
OTHERS: Final[dict[str, tuple[str, Part]]] = {
    "second tab": ("U2", Person.second_tab),
    "third tab": ("U2", Person.second_tab),
    "crowd": ("U1", Person.crowd),
    "bot": ("U3", Person.bot),
    "support": ("U4", Person.support),
    "changer": ("U6", Person.changer),
    "canceller": ("U7", Person.canceller),
    "other payer": ("U8", Person.other_payer),
    "returner": ("U9", Person.returner),
    "payer again": ("U10", Person.once_more),
}


def tell(scene: Scene, size: int, only: Collection[str] | None) -> None:
    """Begin the stories of a day of that size, or those of them that are named. All begin within its span, so that the
    workers are busy with many at once."""
    for number in range(size * scene.day.times):
        key = f"s{number:02}"
        if only is None or key in only:
            _begin(scene, key)
    for number in range(3):
        stranger = scene.faults.strikes("X3", "strangers", f"payment {number}")
        if stranger:
            scene.scheduler.spawn(f"strangers/{number}", "strangers", "", _strange(scene, number))


def _begin(scene: Scene, key: str) -> None:
    draw = scene.draw
    amount = draw.choose(_amounts(scene), key, "amount")
    story = Story(
        key, f"fee:{key}", f"player {key}", amount, draw.choose(_currencies(scene), key, "currency"),
        scene.goods.items_of(draw, key), scene.goods.shares_of(draw, key, amount),
    )  # fmt: skip
    scene.stories[key] = story
    starts = draw.between(0.0, scene.day.span_seconds, key, "starts")
    people: list[tuple[str, Part]] = [("buyer", Person.buyer)]
    people += [
        (name, part) for name, (fault, part) in OTHERS.items() if scene.faults.strikes(fault, key, f"a {name} comes")
    ]
    for name, part in people:
        person = Person(scene, story, name)
        scene.scheduler.spawn(person.key, key, "", part(person), after=starts)


def _currencies(scene: Scene) -> dict[str, float]:
    """The currencies that the merchant's accounts take; more often those that an account takes alone."""
    loved = {currency for side in scene.providers for currency in side.takes or ()}
    return {
        currency: often * (LOVED if currency in loved else 1.0)
        for currency, often in CURRENCIES.items()
        if scene.providers.taking(currency)
    }


def _amounts(scene: Scene) -> dict[int, float]:
    """Amounts that can be paid at each account of the merchant."""
    least = max(side.least_minor for side in scene.providers)
    return {amount: often for amount, often in AMOUNTS.items() if amount >= least}


async def _strange(scene: Scene, number: int) -> None:
    """Somebody else's payment on the same account: not ours, and never to be touched."""
    await scene.rest(scene.draw.between(0.0, scene.day.span_seconds, "stranger", number))
    for side in scene.providers:
        if side.charges_by_hand:
            side.charge_by_hand("strangers", None, "usd", 777)
