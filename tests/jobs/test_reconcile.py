"""The job `reconcile`: batch by batch, once for each day, and soon again where a provider was silent."""

from __future__ import annotations

from payonce.jobs import uses
from payonce.jobs.timetable import find_job
from tests.promises.acts import DAY, findings, heal, spoil
from tests.promises.reconciling import FIRST, lines, paid, windows
from tests.support.frames import hand_of
from tests.support.house import House


def test_the_job_does_a_few_batches_at_once_and_comes_again_until_the_day_is_closed(house: House) -> None:
    """A10: a switch is obeyed between two batches; what was begun goes on at its cursor."""
    paid(house)
    house.clock.move(DAY)
    hand, at_most = hand_of(house), find_job("reconcile").at_most
    would = house.run(uses.look_reconcile(hand, "default", at_most))
    assert would.rows == [f"stripe/main {FIRST}"]
    rounds = 0
    while house.run(uses.reconcile(hand, "default", at_most)).taken >= at_most:
        rounds += 1
    assert rounds >= 1
    assert (windows(house), lines(house)) == ([(FIRST, "closed", 1)], [])
    assert house.run(uses.look_reconcile(hand, "default", at_most)).rows == []
    assert house.run(uses.reconcile(hand, "default", at_most)).taken == 0


def test_a_look_calls_nobody_and_changes_nothing(house: House) -> None:
    """A14: what a dry run would do is read from rows alone."""
    paid(house)
    house.clock.move(DAY)
    calls = len(house.stripe.calls)
    house.run(uses.look_reconcile(hand_of(house), "default", 10))
    assert (len(house.stripe.calls), windows(house)) == (calls, [])


def test_a_silent_provider_ends_the_run_and_the_next_one_tries_again(house: House) -> None:
    """B7: batches that wait are no reason to begin again at once, and the hole is filled by the next run."""
    paid(house)
    house.clock.move(DAY)
    spoil(house, "balance_transactions.list", times=None)
    hand, at_most = hand_of(house), find_job("reconcile").at_most
    assert house.run(uses.reconcile(hand, "default", at_most)).taken < at_most
    assert findings(house) == ["reconcile_hole"]
    heal(house)
    while house.run(uses.reconcile(hand, "default", at_most)).taken >= at_most:
        pass
    assert (findings(house), windows(house)) == ([], [(FIRST, "closed", 1)])
