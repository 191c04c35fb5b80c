"""Bugs that were found on the way, each with the smallest history that showed it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import replace
from typing import Any

import pytest

from payonce.drivers.failures import ConnectionCut
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.drivers.transaction import Moment
from payonce.usecases.answers import Checkout, InProgress, OrderView, Silent
from payonce.usecases.ensure_checkout import ensure_checkout
from payonce.usecases.resolve_attempts import resolve_attempts
from payonce.usecases.world import World
from tests.promises.acts import intent_of, pay_part, spoil
from tests.promises.soundness import payable_attempts
from tests.promises.test_second_payments import late
from tests.promises.words import hear, succeeded
from tests.support.house import House
from tests.support.parties import Seating, nowpayments_seat, stripe_seat, zalopay_seat


def test_a_click_whose_commit_answer_was_lost_is_answered_by_its_next_run(database_url: str) -> None:
    """D5: a younger attempt is handed out again, also when the COMMIT of its receipt was not confirmed."""
    cuts: list[Moment] = []

    async def cut_once(moment: Moment) -> None:
        if moment.stage == "after_commit" and moment.transaction == "checkout" and armed and not cuts:
            cuts.append(moment)
            raise ConnectionCut("the answer of COMMIT was lost")

    armed = False
    house = House(database_url, observer=cut_once)
    order = house.place()
    first = house.checkout(order)
    armed = True
    again = house.click(order)
    assert isinstance(again, Checkout) and again.attempt_id == first.attempt_id
    assert len(cuts) == 1 and house.rows("SELECT count(*) FROM receipts") == [(1,)]
    house.close()


def held_up(
    database_url: str,
    seat: Seating,
    seconds: float,
    meanwhile: Callable[[World, OrderView], Coroutine[Any, Any, object]],
) -> tuple[House, OrderView, list[object]]:
    """A click whose COMMIT's answer is lost after so many seconds, in which another process does something, once; and
    what the other and the click were answered."""
    said: list[object] = []

    async def cut_once(moment: Moment) -> None:
        if moment.stage == "after_commit" and moment.transaction == "checkout" and not said:
            house.clock.move(seconds)
            # Another process, whose transactions are none of ours.
            said.append(Context().run(run_to_end, meanwhile(elsewhere, order)))
            raise ConnectionCut("the answer of COMMIT was lost")

    house = House(database_url, observer=cut_once, seat=seat)
    order = house.place()
    with SyncDatabase(database_url, clock=house.clock, chance=house.world.chance) as database:
        elsewhere = replace(house.world, database=database)
        said.append(house.click(order))
    assert len(said) == 2
    return house, order, said


def test_what_was_given_up_behind_a_lost_commit_answer_is_followed_by_another(database_url: str) -> None:
    """X3: the attempt is there when its transaction runs again, and its job has abandoned it: the click begins anew."""
    house, order, (_, answer) = held_up(
        database_url, nowpayments_seat, 20 * 60, lambda world, order: resolve_attempts(world.for_jobs(), "default")
    )
    # Twenty minutes are longer than any click may take.
    assert isinstance(answer, Silent) and answer.reason == "checkout_busy"
    assert [attempt.state for attempt in house.see(order).attempts] == ["abandoned"]
    assert house.checkout(order).number == 2
    house.close()


@pytest.mark.parametrize("seat", [nowpayments_seat, stripe_seat, zalopay_seat])
def test_what_another_gave_up_meanwhile_is_not_made_behind_a_lost_commit_answer(
    database_url: str, seat: Seating
) -> None:
    """S6, X3: the attempt is there when its transaction runs again, and by then it was taken over: found nowhere,
    abandoned, and followed by another one. Made all the same, it would be a second way to pay that nobody knows of.
    """
    house, order, answers = held_up(
        database_url, seat, 31, lambda world, order: ensure_checkout(world, "default", order.id)
    )
    assert all(isinstance(answer, Checkout | Silent) for answer in answers)
    house.clock.move(61)
    house.resolve()
    now = house.checkout(order)
    assert [attempt_id for attempt_id, _ in payable_attempts(house)] == [now.attempt_id]
    house.close()


def test_a_failure_stored_under_the_key_blocks_nobody_for_a_minute(house: House) -> None:
    """X3: where the key can bring nothing any more we look; what is absent is abandoned, and the next one begins."""
    order = house.place()
    spoil(house, "checkout.sessions.create", "error_500", when="before")
    assert isinstance(house.click(order), Silent)
    house.clock.move(20)
    assert isinstance(house.click(order), Silent)
    assert house.rows("SELECT number, state FROM attempts") == [(1, "in_doubt")]
    house.clock.move(15)
    checkout = house.checkout(order)
    assert house.rows("SELECT number, state FROM attempts ORDER BY number") == [(1, "abandoned"), (2, "open")]
    assert [payable.id for payable in house.stripe.truth.payable_now()] == [checkout.provider_ref]


def test_a_failure_stored_under_the_key_after_the_effect_is_adopted(house: House) -> None:
    """X3: the object that was made all the same is found by our id and handed out."""
    order = house.place()
    faults = spoil(house, "checkout.sessions.create", "error_500", when="after")
    checkout = house.checkout(order)
    assert [payable.id for payable in house.stripe.truth.payable_now()] == [checkout.provider_ref]
    assert faults.counts["error_500:after"] == 1


def test_a_late_payment_that_was_refunded_before_it_was_read_revives_nothing(house: House) -> None:
    """X6: the read that confirms late money also tells what of it went back, though no webhook of the refund came."""
    order, checkout = late(house)
    name = intent_of(house, checkout)
    hear(house, succeeded(house, checkout.attempt_id, name))
    house.stripe.bank.refund(name)
    house.clock.move(60)
    house.resolve()
    seen = house.see(order)
    assert (seen.state, seen.counters.recorded, seen.refunded_minor) == ("closed", 0, 4500)
    assert house.rows("SELECT sum(amount_minor) FROM postings WHERE account LIKE 'clearing:%%'") == [(0,)]


def test_what_no_provider_takes_is_a_finding_and_not_a_checkout(house: House) -> None:
    """D14: the one guard does not send a remainder to the provider that is below its minimum."""
    order = house.place(amount_minor=5000)
    pay_part(house, house.checkout(order, flow="payment_intent"), 4980)
    house.deliver_owed()
    answer = house.click(order)
    assert isinstance(answer, InProgress) and answer.reason == "payment_under_review"
    assert house.rows("SELECT count(*) FROM attempts") == [(1,)]
    assert "remainder_too_small" in house.see(order).findings
