"""What the simulation plays besides Stripe: a wallet, coins, goods, payees; and that each of its checks can fail.

A seed is played that breaks nothing; then the provider's own books, or the list of whoever keeps one, are changed
behind our back, and the check must see it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from payonce.base import ids
from payonce.domain.payout import Share
from payonce.providers.simulator.zalopay.books import Refund
from payonce.simulation.checks import check_payable
from payonce.simulation.draw import Draw
from payonce.simulation.goods import goods_of
from payonce.simulation.liveness import check_settled
from payonce.simulation.provider import Provider
from payonce.simulation.refund_witness import RefundWitness
from payonce.simulation.returned import compare_refunds
from payonce.simulation.risks import check_gone, check_risks
from payonce.simulation.scene import Scene
from payonce.simulation.storekeeper import check_goods, check_shares
from payonce.simulation.truth import compare
from tests.simulation import nowpayments, stripe, zalopay
from tests.simulation.conftest import Playing

ALONE: dict[str, Any] = {"zalopay": zalopay.adapter, "nowpayments": nowpayments.adapter}
ALL = [stripe.adapter, zalopay.adapter, nowpayments.adapter]
# The first seed whose merchant sells from a stock, and shares with payees.
BOTH = next(seed for seed in range(1, 50) if goods_of(Draw(seed)).skus and goods_of(Draw(seed)).payees)


def seen(scene: Scene, *checks: Callable[[Scene], None]) -> set[str]:
    """The promises that the checks call broken, and that nothing had broken before."""
    assert scene.violations == []
    for check in checks:
        check(scene)
    found = {violation.promise for violation in scene.violations}
    scene.violations.clear()
    return found


def books_of(side: Provider) -> Any:
    """The books of the simulated provider behind it; each has its own."""
    party: Any = side.party
    return party.books


def paid_rows(side: Provider) -> list[Any]:
    """What was paid, as the provider's books have it."""
    books = books_of(side)
    if side.name == "zalopay":
        return [order for order in books.orders.values() if order.ended == "paid"]
    return [payment for payment in books.payments.values() if payment.settled]


@pytest.mark.parametrize("name", ALONE)
def test_of_a_seed_at_another_provider_every_step_is_the_same(play: Playing, name: str) -> None:
    first, second = (play(3, adapters=ALONE[name], size=10, day="storm") for _ in range(2))
    assert first.violations == ()
    assert first.digest == second.digest
    assert first.orders >= 10
    assert any(count.startswith(f"paying at {name}: as asked") for count in first.counts)


def test_seeds_draw_which_providers_their_merchant_has(play: Playing) -> None:
    sets = set[tuple[str, ...]]()

    def note(scene: Scene) -> None:
        sets.add(tuple(sorted(side.name for side in scene.providers)))

    for seed in range(1, 11):
        play(seed, adapters=ALL, size=1, day="storm", faults=[], at_end=note)
    assert {len(each) for each in sets} == {1, 2, 3}


@pytest.mark.parametrize("name", ALONE)
def test_what_the_books_of_another_provider_say_otherwise_is_seen(play: Playing, name: str) -> None:
    promises: dict[str, set[str]] = {}

    def change(scene: Scene) -> None:
        [side] = scene.providers
        first, reference = paid_rows(side)[0], "zp_trans_id" if name == "zalopay" else "id"
        kept = getattr(first, reference)
        setattr(first, reference, 999)
        promises["by another reference"] = seen(scene, compare, check_settled)
        setattr(first, reference, kept)
        added = second_object(scene, side)
        promises["another object"] = seen(scene, check_payable)
        added.pop()
        amount = "amount" if name == "zalopay" else "paid"
        for row in paid_rows(side):
            setattr(row, amount, getattr(row, amount) * 2)
        promises["more"] = seen(scene, compare)
        promises["more at risk"] = seen(scene, check_risks)

    outcome = play(4, adapters=ALONE[name], size=5, day="storm", faults=[], at_end=change)
    assert outcome.violations == ()
    assert promises == {
        "by another reference": {"S4", "S21", "L1"}, "another object": {"S6"}, "more": {"S4"}, "more at risk": {"S21"},
    }  # fmt: skip


class Added:
    """An object that was added to a provider's books, until it is taken out."""

    def __init__(self, shelf: dict[Any, Any], name: Any, row: Any) -> None:
        self._shelf, self._name = shelf, name
        shelf[name] = row

    def pop(self) -> None:
        """Take it out."""
        del self._shelf[self._name]


def second_object(scene: Scene, side: Provider) -> Added:
    """Another paid object of a story that has one."""
    attempt_id, first, books = uuid4(), paid_rows(side)[0], books_of(side)
    scene.made[attempt_id] = next(story for story in scene.stories if side.captured_of(story))
    if side.name == "zalopay":
        name = f"{first.app_trans_id[:7]}{attempt_id.hex}"
        return Added(books.orders, name, replace(first, app_trans_id=name))
    return Added(books.payments, 7, replace(first, id=7, order_id=ids.show(ids.ATTEMPT, attempt_id)))


def test_a_refund_that_is_written_nowhere_is_seen(play: Playing) -> None:
    promises = set[str]()

    def refund(scene: Scene) -> None:
        [side] = scene.providers
        order, books = paid_rows(side)[0], books_of(side)
        name = f"261120_2553_{ids.show(ids.REFUND, uuid4()).rpartition('_')[2]}"
        books.refunds[name] = Refund(name, 1, order.app_trans_id, order.zp_trans_id, 1, "", order.created)
        promises.update(seen(scene, lambda scene: compare_refunds(scene, RefundWitness(scene))))

    play(4, adapters=zalopay.adapter, size=3, day="storm", faults=[], at_end=refund)
    assert promises == {"S9"}


def test_a_finding_that_outlives_its_money_is_seen(play: Playing) -> None:
    promises = set[str]()

    def take_away(scene: Scene) -> None:
        assert seen(scene, check_gone) == set()
        for payment in paid_rows(next(iter(scene.providers))):
            payment.paid = payment.paid * 0
        promises.update(seen(scene, check_gone))

    # Coins cannot be sent back, so that what is too much stays in somebody's list.
    play(4, adapters=nowpayments.adapter, size=20, day="storm", faults=[], at_end=take_away)
    assert promises == {"S21"}


def test_pieces_and_shares_that_are_not_as_somebody_keeps_them_are_seen(play: Playing) -> None:
    promises: dict[str, set[str]] = {}

    def change(scene: Scene) -> None:
        said = {**scene.goods.said}
        assert said
        scene.goods.said.clear()
        promises["nobody said"] = seen(scene, check_goods)
        scene.goods.said.update(said)
        for story in scene.stories.values():
            story.items = tuple(replace(item, quantity=10**6) for item in story.items)
            story.shares = tuple(Share(share.payee, 1) for share in story.shares)
        promises["more sold"] = seen(scene, check_goods)
        promises["less shared"] = seen(scene, check_shares)

    play(BOTH, size=10, day="storm", faults=[], at_end=change)
    assert promises == {"nobody said": {"S19"}, "more sold": {"S19"}, "less shared": {"S11"}}
