"""Calls side by side: they overlap in virtual time, and whatever dies of a process, the whole process dies."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from payonce.simulation.scheduler import MICRO, Actor, Die, Scheduler, Wait, give_way
from payonce.simulation.side_by_side import Families

Call = Callable[[], Coroutine[Any, Any, int]]


def _call(scheduler: Scheduler, seconds: float, ended: list[float]) -> Call:
    async def call() -> int:
        await give_way(Wait(seconds))
        ended.append(scheduler.now / MICRO)
        return int(seconds)

    return call


async def _dies() -> int:
    await give_way(Die())
    return 0


def _start(scheduler: Scheduler, families: Families, calls: list[Call]) -> Actor:
    return scheduler.spawn("worker-1/effects#1", "worker-1/effects", "worker-1", families.run(calls))


def test_calls_overlap_and_answer_in_their_order_although_the_lane_is_woken() -> None:
    scheduler, ended = Scheduler(), list[float]()
    families = Families(scheduler)
    lane = _start(scheduler, families, [_call(scheduler, seconds, ended) for seconds in (3.0, 1.0, 2.0)])
    scheduler.at(MICRO // 2, "wake", lambda: scheduler.hasten(lane, 0.0))
    scheduler.run(10 * MICRO)
    assert lane.result == [3, 1, 2]
    assert ended == [1.0, 2.0, 3.0]


def test_when_a_call_dies_its_process_dies_once() -> None:
    scheduler, ended, died = Scheduler(), list[float](), list[Actor]()
    families = Families(scheduler)

    def note(actor: Actor) -> None:
        died.append(actor)
        families.died(actor)

    scheduler.on_death = note
    lane = _start(scheduler, families, [_call(scheduler, 1.0, ended), _dies])
    scheduler.run_all(10 * MICRO)
    assert (lane.state, ended) == ("dead", [])
    assert [actor for actor in died if not families.is_call(actor)] == [lane]
    scheduler.close()


def test_when_a_lane_dies_its_calls_die_with_it() -> None:
    scheduler, ended = Scheduler(), list[float]()
    families = Families(scheduler)
    scheduler.on_death = families.died
    lane = _start(scheduler, families, [_call(scheduler, 1.0, ended), _call(scheduler, 2.0, ended)])
    scheduler.at(MICRO // 2, "kill", lambda: scheduler.kill(lane))
    scheduler.run_all(10 * MICRO)
    assert (lane.state, ended, scheduler.actors()) == ("dead", [], [])
    scheduler.close()
