"""Use cases that meet: each pair is interrupted at every boundary of its transactions, by real sessions.

Afterwards every invariant is asked for a counterexample. Two that refuse each other is right; an error that no use case
may raise is not.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Final

from payonce.base.errors import Conflict
from payonce.conformance.check import Check, NotKept
from payonce.conformance.ground import Ground
from payonce.conformance.interleaving import Choose, at_random, interleave, preempted_at
from payonce.conformance.scenes import (
    Scene,
    cancel_and_payment,
    fresh_clicks,
    one_effect_two_workers,
    refunds_asked_twice,
    refunds_sent_twice,
    the_same_payment_twice,
    two_payments,
)
from payonce.conformance.shops import OpenShop, open_shop

PART: Final = "races"
# More boundaries than any use case here has; each is reached once, and then the pair is done.
MOST_STEPS: Final = 60
SEEDS: Final = (1, 2)


def race(scene: Scene) -> Callable[[Ground], str]:
    """Play the scene once for each boundary at which one of the two is interrupted by the other, and some at random."""

    def run(ground: Ground) -> str:
        purposes = (f"race:{scene.__name__}:{number}" for number in count(1))
        with open_shop(ground) as shop:
            played = 0
            for step in range(0, MOST_STEPS, ground.every):
                played += 1
                if _play(shop, scene, next(purposes), preempted_at(step)) < step:
                    break
            else:
                raise NotKept(f"A use case has more than {MOST_STEPS} boundaries: it is run again and again.")
            for seed in SEEDS:
                played += 1
                _play(shop, scene, next(purposes), at_random(seed))
            shop.prove()
        return f"{played} interleavings"

    return run


def _play(shop: OpenShop, scene: Scene, purpose: str, choose: Choose) -> int:
    """Play the scene once; at how many boundaries the first one stopped."""
    first, second, check = scene(shop, purpose)
    one, two = interleave(shop.dsn, shop.open_world, first, second, choose)
    for puppet in (one, two):
        if isinstance(puppet.outcome, BaseException) and not isinstance(puppet.outcome, Conflict):
            raise puppet.outcome
    check(one.outcome, two.outcome)
    return len(one.moments)


def _check(scene: Scene, proves: str) -> Check[Ground]:
    return Check(scene.__name__, PART, proves, race(scene))


CHECKS: Final[tuple[Check[Ground], ...]] = (
    _check(fresh_clicks, "two clicks at once make one payable object"),
    _check(the_same_payment_twice, "a payment that is told to two processes is recorded once"),
    _check(two_payments, "of two payments at once one settles, and the other is surplus"),
    _check(cancel_and_payment, "an order that is paid while it is cancelled is paid"),
    _check(refunds_asked_twice, "money that two people send back at once goes back once"),
    _check(refunds_sent_twice, "a refund that two workers find is sent once"),
    _check(one_effect_two_workers, "an effect that two workers find is delivered once"),
)
