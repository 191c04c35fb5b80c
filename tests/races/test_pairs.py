"""Pairs of use cases on one order, interleaved statement by statement. Afterwards everything holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from payonce.base.errors import Conflict
from payonce.conformance.scenes import (
    Scene,
    assert_paid_once,
    cancel,
    cancel_and_payment,
    click,
    fresh_clicks,
    hear,
    one_effect_two_workers,
    refunds_asked_twice,
    refunds_sent_twice,
    the_same_payment_twice,
    two_payments,
)
from payonce.store.database import Limits
from payonce.usecases.answers import AlreadyPaid, Checkout, Gone, InProgress, OrderView, Placed, Silent
from payonce.usecases.close_orders import close_orders
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.refresh_order import refresh_order
from payonce.usecases.resolve_attempts import resolve_attempts
from tests.promises.acts import HOUR, MINUTE, spoil
from tests.promises.soundness import assert_sound
from tests.races.puppets import Choose, Puppet, Work, at_random, next_step, play, preempted_at
from tests.support.house import House
from tests.support.meeting import Meeting, clicks_on

# More boundaries than any use case here has; each is reached once, and then the pair is done.
MOST_STEPS = 60
MOST_STATEMENTS = 400
SEEDS = range(4)
_purposes = (f"race:{number}" for number in count(1))


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """One house for all interleavings of a pair; sound when they are over."""
    built = House(database_url)
    yield built
    assert_sound(built)
    built.close()


def refresh(order: OrderView) -> Work:
    return lambda world: refresh_order(world, "default", order.id)


def close() -> Work:
    return lambda world: close_orders(world, "default")


def resolve() -> Work:
    return lambda world: resolve_attempts(world, "default")


def place(purpose: str, amount_minor: int, reference: str) -> Work:
    wish = PlaceOrder(reference, purpose, amount_minor, "USD", "player 27", success_url="https://shop.example/")
    return lambda world: place_order(world, "default", wish)


def every_interleaving(
    house: House, scene: Scene, *, swap: bool, limits: Limits | None = None, by_statement: bool = False,
    errors: list[str] | None = None,
) -> None:  # fmt: skip
    """Play the scene once for each boundary at which one of the two is interrupted by the other, and some at random.
    `errors` is told the SQLSTATEs of all that the database refused.
    """
    most, step = MOST_STATEMENTS if by_statement else MOST_STEPS, 0
    while step < most:
        one, two = _play(house, scene, preempted_at(step), swap, limits, by_statement, errors)
        if len(one.moments) < step:
            break
        step = next_step(step, one, two) if by_statement else step + 1
    else:
        raise AssertionError("the use case has more boundaries than were interrupted")
    for seed in SEEDS:
        _play(house, scene, at_random(seed), swap, limits, by_statement, errors)


def _play(
    house: House, scene: Scene, choose: Choose, swap: bool, limits: Limits | None, by_statement: bool,
    errors: list[str] | None,
) -> tuple[Puppet, Puppet]:  # fmt: skip
    """Play the scene once, and see that everything holds."""
    first, second, check = scene(house, next(_purposes))
    works = (second, first) if swap else (first, second)
    one, two = play(house, *works, choose, limits, by_statement=by_statement, errors=errors)
    story = f"{one.moments} {two.moments}"
    outcomes = (two.outcome, one.outcome) if swap else (one.outcome, two.outcome)
    for outcome in outcomes:
        assert not isinstance(outcome, BaseException) or isinstance(outcome, Conflict), (outcome, story)
    check(*outcomes)
    assert_sound(house)
    return one, two


def stale_clicks(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """Two clicks on a stale attempt: it is closed once and replaced once. Who stands still while the other one waits is
    out of patience as well, and told so; the next click gets what they left.
    """
    order = house.place(purpose)
    house.checkout(order)
    house.clock.move(31 * MINUTE)

    def check(one: Any, two: Any) -> None:
        assert [attempt.number for attempt in house.see(order).attempts] in ([1], [1, 2])
        answers = [answer for answer in (one, two) if isinstance(answer, Checkout)]
        assert all(isinstance(answer, Checkout | Silent) for answer in (one, two)), (one, two)
        now = house.checkout(order)
        assert [attempt.state for attempt in house.see(order).attempts] == ["closed", "open"]
        assert all(answer.url == now.url for answer in answers)

    return click(order), click(order), check


def click_and_payment(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """A click on a stale attempt that was paid, and the webhook that tells of it."""
    order = house.place(purpose)
    house.pay(house.checkout(order))
    house.clock.move(31 * MINUTE)

    def check(answer: Any, received: Any) -> None:
        assert isinstance(answer, AlreadyPaid | Silent | InProgress), answer
        assert {one.verdict for one in received} <= {"accepted", "duplicate"}
        assert_paid_once(house, order)

    return click(order), hear(house), check


def refresh_and_payment(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """The payer comes back at the moment in which the webhook arrives."""
    order = house.place(purpose)
    house.pay(house.checkout(order))
    house.clock.move(MINUTE)
    return refresh(order), hear(house), lambda view, received: assert_paid_once(house, order)


def closing_and_payment(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """The job closes an old order at the moment in which its webhook arrives."""
    order = house.place(purpose)
    house.clock.move(23 * HOUR + 50 * MINUTE)
    house.pay(house.checkout(order))
    house.clock.move(20 * MINUTE)
    return close(), hear(house), lambda closed, received: assert_paid_once(house, order)


def cancel_and_click(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """The merchant cancels while the payer clicks: cancelled in the end, and nothing payable."""
    order = house.place(purpose)

    def check(view: Any, answer: Any) -> None:
        assert isinstance(answer, Checkout | Gone | Silent | InProgress), answer
        house.finish()
        assert (house.see(order).state, house.see(order).closed_reason) == ("closed", "cancelled")
        assert [p.id for p in house.stripe.truth.payable_now()] == []
        assert isinstance(house.click(order), Gone)

    return cancel(order), click(order), check


def two_amounts(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """Two orders of other values for one purpose: one stands, the other made way."""

    def check(one: Any, two: Any) -> None:
        placed = [answer for answer in (one, two) if isinstance(answer, Placed)]
        assert len(placed) == 2, (one, two)
        house.finish()
        states = sorted(house.see(answer.order).state for answer in placed)
        assert states == ["closed", "open"]

    return place(purpose, 4500, f"{purpose}/a"), place(purpose, 5000, f"{purpose}/b"), check


def the_same_order(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """The same order, sent twice."""

    def check(one: Any, two: Any) -> None:
        assert one.order.id == two.order.id
        assert sorted([one.existing, two.existing]) == [False, True]

    return place(purpose, 4500, purpose), place(purpose, 4500, purpose), check


def replacing_and_clicking(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """Another amount is placed while the payer clicks on the old order: the old one is never payable in the end."""
    order = house.place(purpose)
    house.checkout(order)

    def check(placed: Any, answer: Any) -> None:
        house.finish()
        assert isinstance(placed, Placed)
        assert (house.see(order).closed_reason, house.see(placed.order).state) == ("superseded", "open")

    return place(purpose, 5000, f"{purpose}/b"), click(order), check


def replacing_and_payment(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """Another amount is placed while the webhook of the old order's payment arrives: the old one is paid."""
    order = house.place(purpose)
    house.pay(house.checkout(order))
    told = hear(house)

    def check(placed: Any, received: Any) -> None:
        assert isinstance(placed, Placed | Conflict)
        house.finish()
        assert_paid_once(house, order)

    return place(purpose, 5000, f"{purpose}/b"), told, check


def resolving_and_clicking(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """The job adopts what was made without an answer, while the payer clicks again: one object."""
    order = house.place(purpose)
    spoil(house, "*.create", when="after", times=2)
    house.click(order)
    house.clock.move(MINUTE)

    def check(resolved: Any, answer: Any) -> None:
        assert isinstance(answer, Checkout | Silent), answer
        now = house.checkout(order)
        assert [attempt.number for attempt in house.see(order).attempts] == [1]
        mine = [p.id for p in house.stripe.truth.payable_now() if p.id == now.provider_ref]
        assert len(mine) == 1
        # Paid, so that the job of the next interleaving asks about its own attempt and not about this one as well.
        house.pay(now)
        house.deliver_owed()
        assert_paid_once(house, order)

    return resolve(), click(order), check


def clicks_that_came_together(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """Two processes, each with two clicks in one transaction, on the same two orders: one object for each."""
    orders = [house.place(purpose), house.place(f"{purpose}/b")]

    def check(one: Any, two: Any) -> None:
        answers = [*zip(orders, one, strict=True), *zip(reversed(orders), two, strict=True)]
        assert all(isinstance(answer, Checkout | Silent) for _, answer in answers), answers
        for order in orders:
            assert [attempt.number for attempt in house.see(order).attempts] == [1]
            made = {answer.url for whose, answer in answers if whose == order and isinstance(answer, Checkout)}
            assert len(made) <= 1
        # A stranger to both may have waited for the other's call until his patience was over.
        assert any(isinstance(answer, Checkout) for _, answer in answers)

    return clicks_on(orders, Meeting()), clicks_on(orders[::-1], Meeting()), check


def one_reference(house: House, purpose: str) -> tuple[Work, Work, Callable[[Any, Any], None]]:
    """One reference for two purposes: the first one has it."""

    def check(one: Any, two: Any) -> None:
        [refused] = [answer for answer in (one, two) if isinstance(answer, Conflict)]
        [placed] = [answer for answer in (one, two) if isinstance(answer, Placed)]
        assert (refused.code, placed.order.reference) == ("reference_taken", purpose)

    return place(purpose, 4500, purpose), place(f"{purpose}/b", 4500, purpose), check


SAME: tuple[Scene, ...] = (
    fresh_clicks,
    one_reference,
    refunds_asked_twice,
    refunds_sent_twice,
    one_effect_two_workers,
    stale_clicks,
    clicks_that_came_together,
    two_payments,
    the_same_payment_twice,
    two_amounts,
    the_same_order,
)
OTHER: tuple[Scene, ...] = (
    click_and_payment, refresh_and_payment, closing_and_payment, cancel_and_click, cancel_and_payment,
    replacing_and_clicking, replacing_and_payment, resolving_and_clicking,
)  # fmt: skip


@pytest.mark.parametrize("scene", [*SAME, *OTHER], ids=lambda scene: scene.__name__)
def test_however_two_of_them_are_interleaved_the_promises_hold(house: House, scene: Scene) -> None:
    """A12: what the rules decide alone, the database allows once; whoever comes second reads again. Each statement of
    a round trip sees what was committed until it began, and so may see more than the one before it.
    """
    every_interleaving(house, scene, swap=False, by_statement=True)


@pytest.mark.parametrize("scene", list(OTHER), ids=lambda scene: scene.__name__)
def test_whichever_of_the_two_begins_the_promises_hold(house: House, scene: Scene) -> None:
    """A12: the other one is interrupted before each of its statements."""
    every_interleaving(house, scene, swap=True, by_statement=True)


@pytest.mark.parametrize("scene", [*SAME, *OTHER], ids=lambda scene: scene.__name__)
def test_the_promises_hold_where_the_database_runs_one_transaction_after_the_other(house: House, scene: Scene) -> None:
    """A12: correct under READ COMMITTED and under SERIALIZABLE."""
    every_interleaving(house, scene, swap=False, limits=Limits(serializable=True))
