"""Two processes at one job, interleaved at every boundary of their transactions: one run a slot, one holder of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from payonce.drivers.stepping import run_to_end
from payonce.store.database import Limits
from payonce.usecases.hold_run import Held, end_run, renew_run, take_turn
from payonce.usecases.pull_switch import pause
from payonce.usecases.register_jobs import JobFacts, register_jobs
from payonce.usecases.world import World
from tests.races.puppets import Choose, Work, at_random, play, preempted_at
from tests.support.house import House

MOST_STEPS = 100
SEEDS = range(3)
_names = (f"job-{number}" for number in count(1))
Scene = Callable[[House, JobFacts], tuple[Work, Work, Callable[[Any, Any], None]]]


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    built = House(database_url)
    yield built
    built.close()


def every_interleaving(house: House, scene: Scene, every_seconds: float, limits: Limits | None = None) -> None:
    """Play the scene once for each boundary at which the first is interrupted by the second, and some at random."""
    for step in range(MOST_STEPS):
        if _play(house, scene, every_seconds, limits, preempted_at(step)) < step:
            break
    else:
        raise AssertionError("there are more boundaries than were interrupted")
    for seed in SEEDS:
        _play(house, scene, every_seconds, limits, at_random(seed))


def _play(house: House, scene: Scene, every_seconds: float, limits: Limits | None, choose: Choose) -> int:
    """Play the scene once, with a job of its own; at how many boundaries the first one stopped."""
    facts = JobFacts(next(_names), "a test", False, "never", every_seconds)
    house.run(register_jobs(house.world, [facts]))
    first, second, check = scene(house, facts)
    one, two = play(house, first, second, choose, limits, by_statement=limits is None)
    check(one.outcome, two.outcome)
    return len(one.moments)


def rows(house: House, job: str) -> list[tuple[Any, ...]]:
    return house.rows("SELECT run_id, state, fence FROM job_runs WHERE job = %s", job)


def holder(house: House, job: str) -> tuple[Any, ...]:
    [found] = house.rows("SELECT run_id, fence FROM jobs WHERE job = %s", job)
    return found


@pytest.mark.parametrize("limits", [None, Limits(serializable=True)], ids=["read_committed", "serializable"])
@pytest.mark.parametrize("every_seconds", [2.0, 900.0])
def test_of_two_that_find_a_slot_due_one_takes_it(house: House, every_seconds: float, limits: Limits | None) -> None:
    """A20: one run for each slot, however their statements fall between each other."""

    def scene(house: House, facts: JobFacts) -> tuple[Work, Work, Callable[[Any, Any], None]]:
        def check(one: Any, two: Any) -> None:
            held = [each for each in (one, two) if isinstance(each, Held)]
            assert len(held) == 1, (one, two)
            run_id = held[0].context.run_id
            assert holder(house, facts.name) == (run_id, 1)
            assert rows(house, facts.name) == ([(run_id, "running", 1)] if every_seconds >= 60 else [])

        return (lambda world: take_turn(world, facts)), (lambda world: take_turn(world, facts)), check

    every_interleaving(house, scene, every_seconds, limits)


def test_one_that_renews_late_and_one_that_takes_over_never_both_have_the_run(house: House) -> None:
    """A20: the fence decides, whoever is first."""

    def scene(house: House, facts: JobFacts) -> tuple[Work, Work, Callable[[Any, Any], None]]:
        held = run_to_end(take_turn(house.world, facts))
        assert isinstance(held, Held)
        house.clock.move(61)

        def check(renewed: Any, taken: Any) -> None:
            assert isinstance(renewed, bool)
            assert renewed != isinstance(taken, Held)
            fence = 1 if renewed else 2
            assert holder(house, facts.name) == (held.context.run_id, fence)
            assert [row[1:] for row in rows(house, facts.name)] == [("running", fence)]

        return (lambda world: renew_run(world, held)), (lambda world: take_turn(world, facts)), check

    every_interleaving(house, scene, 900.0)


def test_one_that_ends_late_and_one_that_takes_over_leave_one_run(house: House) -> None:
    """A20: an end that comes too late says so, and writes nothing over what the other wrote."""

    def scene(house: House, facts: JobFacts) -> tuple[Work, Work, Callable[[Any, Any], None]]:
        held = run_to_end(take_turn(house.world, facts))
        assert isinstance(held, Held)
        held.context.taken = 5
        house.clock.move(61)

        def check(ended: Any, taken: Any) -> None:
            [(run_id, state, fence)] = [row for row in rows(house, facts.name) if row[0] == held.context.run_id]
            if ended:
                # It ended in time, and what the other took, if anything, is another slot.
                assert state == "done" and (not isinstance(taken, Held) or taken.context.run_id != run_id)
            else:
                assert isinstance(taken, Held) and (state, fence) == ("running", 2)

        return (lambda world: end_run(world, held)), (lambda world: take_turn(world, facts)), check

    every_interleaving(house, scene, 900.0)


def test_a_switch_is_seen_by_the_next_look_whenever_it_was_pulled(house: House) -> None:
    """A10: what was pulled before a turn was taken stops the turn, and after that the next batch."""

    async def take_and_renew(world: World, facts: JobFacts) -> Any:
        held = await take_turn(world, facts)
        if isinstance(held, Held):
            await renew_run(world, held)
        return held

    def scene(house: House, facts: JobFacts) -> tuple[Work, Work, Callable[[Any, Any], None]]:
        def check(taken: Any, pulled: Any) -> None:
            assert pulled.is_off
            if isinstance(taken, Held) and not taken.context.stop_because:
                assert run_to_end(renew_run(house.world, taken)) and taken.context.stopped_by_switch
            elif not isinstance(taken, Held):
                assert taken.stopped is not None

        return (
            (lambda world: take_and_renew(world, facts)),
            (lambda world: pause(world, facts.name, by="linh", reason="INC-4")),
            check,
        )

    every_interleaving(house, scene, 900.0)
