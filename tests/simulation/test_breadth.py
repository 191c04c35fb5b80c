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
from payonce.simulation.run import Outcome
from payonce.simulation.scene import Scene
from payonce.simulation.storekeeper import check_goods, check_shares
from payonce.simulation.truth import compare
from tests.simulation import nowpayments, stripe, zalopay
from tests.simulation.conftest import Playing

ALONE: dict[str, Any] = {"zalopay": zalopay.adapter, "nowpayments": nowpayments.adapter}
ALL = [stripe.adapter, zalopay.adapter, nowpayments.adapter]
# The first seeds whose merchant sells from a stock, and shares with payees.
SELLS = next(seed for seed in range(1, 50) if goods_of(Draw(seed)).skus)
SHARES = next(seed for seed in range(1, 50) if goods_of(Draw(seed)).payees)


def after(act: Callable[[Scene, Provider], None]) -> Callable[[Scene], None]:
    """What to do at the end of a run at one account that has broken nothing until then."""

    def at_end(scene: Scene) -> None:
        assert scene.violations == []
        act(scene, next(iter(scene.providers)))

    return at_end


def promises(outcome: Outcome) -> set[str]:
    """Which promises were broken."""
    return {violation.promise for violation in outcome.violations}


def paid_rows(side: Provider) -> list[Any]:
    """What was paid, as the provider's books have it."""
    books: Any = side.party.books  # type: ignore[attr-defined]
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
def test_money_that_nobody_told_us_of_is_seen(play: Playing, name: str) -> None:
    def rename(scene: Scene, side: Provider) -> None:
        """The first payment came by something else than we say."""
        first = paid_rows(side)[0]
        if side.name == "zalopay":
            first.zp_trans_id = 999
        else:
            first.id = 999
        compare(scene)
        check_settled(scene)

    outcome = play(4, adapters=ALONE[name], size=5, day="storm", faults=[], at_end=after(rename))
    assert promises(outcome) == {"S4", "S21", "L1"}


@pytest.mark.parametrize("name", ALONE)
def test_another_amount_is_seen_and_more_of_it_is_at_risk(play: Playing, name: str) -> None:
    def enlarge(scene: Scene, side: Provider) -> None:
        for row in paid_rows(side):
            if side.name == "zalopay":
                row.amount *= 2
            else:
                row.paid *= 2
        compare(scene)
        assert {violation.promise for violation in scene.violations} == {"S4"}
        check_risks(scene)

    outcome = play(4, adapters=ALONE[name], size=5, day="storm", faults=[], at_end=after(enlarge))
    assert promises(outcome) == {"S4", "S21"}


@pytest.mark.parametrize("name", ALONE)
def test_a_second_object_of_a_purpose_is_seen(play: Playing, name: str) -> None:
    def add(scene: Scene, side: Provider) -> None:
        attempt_id, first, books = uuid4(), paid_rows(side)[0], side.party.books  # type: ignore[attr-defined]
        scene.made[attempt_id] = next(story for story in scene.stories if side.captured_of(story))
        if side.name == "zalopay":
            twin = replace(first, app_trans_id=f"{first.app_trans_id[:7]}{attempt_id.hex}")
            books.orders[twin.app_trans_id] = twin
        else:
            books.payments[7] = replace(first, id=7, order_id=ids.show(ids.ATTEMPT, attempt_id))
        check_payable(scene)

    outcome = play(4, adapters=ALONE[name], size=5, day="storm", faults=[], at_end=after(add))
    assert promises(outcome) == {"S6"}


def test_a_refund_that_is_written_nowhere_is_seen(play: Playing) -> None:
    def refund(scene: Scene, side: Provider) -> None:
        order, books = paid_rows(side)[0], side.party.books  # type: ignore[attr-defined]
        name = f"261120_2553_{ids.show(ids.REFUND, uuid4()).rpartition('_')[2]}"
        books.refunds[name] = Refund(name, 1, order.app_trans_id, order.zp_trans_id, 1, "", order.created)
        compare_refunds(scene, RefundWitness(scene))

    outcome = play(4, adapters=zalopay.adapter, size=5, day="storm", faults=[], at_end=after(refund))
    assert promises(outcome) == {"S9"}


def test_a_finding_that_outlives_its_money_is_seen(play: Playing) -> None:
    def take_away(scene: Scene, side: Provider) -> None:
        check_gone(scene)
        assert scene.violations == []
        for payment in paid_rows(side):
            payment.paid = payment.paid * 0
        check_gone(scene)

    # Coins cannot be sent back, so that what is too much stays in somebody's list.
    outcome = play(4, adapters=nowpayments.adapter, size=25, day="storm", faults=[], at_end=after(take_away))
    assert promises(outcome) == {"S21"}


def test_pieces_that_nobody_said_are_there_are_seen(play: Playing) -> None:
    def lose_the_list(scene: Scene, side: Provider) -> None:
        assert scene.goods.said
        scene.goods.said.clear()
        check_goods(scene)

    outcome = play(SELLS, size=5, day="storm", faults=[], at_end=after(lose_the_list))
    assert promises(outcome) == {"S19"}


def test_more_sold_than_there_is_is_seen(play: Playing) -> None:
    def sell_more(scene: Scene, side: Provider) -> None:
        for story in scene.stories.values():
            story.items = tuple(replace(item, quantity=10**6) for item in story.items)
        check_goods(scene)

    outcome = play(SELLS, size=5, day="storm", faults=[], at_end=after(sell_more))
    assert promises(outcome) == {"S19"}


def test_payouts_beyond_the_shares_are_seen(play: Playing) -> None:
    def share_less(scene: Scene, side: Provider) -> None:
        for story in scene.stories.values():
            story.shares = tuple(Share(share.payee, 1) for share in story.shares)
        check_shares(scene)

    outcome = play(SHARES, size=10, day="storm", faults=[], at_end=after(share_less))
    assert promises(outcome) == {"S11"}
