"""Gathering: a group is what arrived while the last one was in flight, and everybody gets the own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from payonce.api.gather import PRESSED_GROUP, SMALLEST_BESIDE, Gatherer
from payonce.base.errors import Bug, PayonceError, Unavailable


class Work:
    """Answers groups when the test lets it; remembers them."""

    def __init__(self) -> None:
        self.groups: list[tuple[str, list[int]]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.running: dict[str, int] = {}
        self.most_at_once = 0

    async def __call__(self, lane: str, items: Sequence[int]) -> list[str]:
        self.groups.append((lane, list(items)))
        self.running[lane] = self.running.get(lane, 0) + 1
        self.most_at_once = max(self.most_at_once, self.running[lane])
        await self.gate.wait()
        self.running[lane] -= 1
        if self.error is not None:
            raise self.error
        return [f"{lane}{item}" for item in items]


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_what_arrives_while_one_group_is_in_flight_goes_with_the_next() -> None:
    async def story() -> None:
        work = Work()
        gatherer = Gatherer(work)
        first = asyncio.create_task(gatherer.put("a", 0))
        await settle()
        others = [asyncio.create_task(gatherer.put("a", number)) for number in range(1, 6)]
        await settle()
        work.gate.set()
        assert await asyncio.gather(first, *others) == ["a0", "a1", "a2", "a3", "a4", "a5"]
        assert work.groups == [("a", [0]), ("a", [1, 2, 3, 4, 5])]
        assert work.most_at_once == 1

    run(story())


def test_a_lone_delivery_goes_at_once() -> None:
    async def story() -> None:
        work = Work()
        work.gate.set()
        gatherer = Gatherer(work)
        assert [await gatherer.put("a", number) for number in range(3)] == ["a0", "a1", "a2"]
        assert work.groups == [("a", [0]), ("a", [1]), ("a", [2])]

    run(story())


def test_no_group_is_larger_than_a_transaction_should_be() -> None:
    async def story() -> None:
        work = Work()
        gatherer = Gatherer(work, largest_group=4)
        tasks = [asyncio.create_task(gatherer.put("a", number)) for number in range(10)]
        await settle()
        work.gate.set()
        assert await asyncio.gather(*tasks) == [f"a{number}" for number in range(10)]
        assert [len(items) for _, items in work.groups] == [4, 4, 2]

    run(story())


def test_groups_are_small_while_others_wait_for_their_turn() -> None:
    async def story() -> None:
        work, pressed = Work(), [True]
        work.gate.set()
        gatherer = Gatherer(work, is_pressed=lambda: pressed[0])
        await asyncio.gather(*(gatherer.put("a", number) for number in range(100)))
        assert [len(items) for _, items in work.groups] == [PRESSED_GROUP, PRESSED_GROUP, 100 - 2 * PRESSED_GROUP]
        pressed[0] = False
        await asyncio.gather(*(gatherer.put("a", number) for number in range(100)))
        assert len(work.groups[-1][1]) == 100

    run(story())


def test_a_second_group_begins_beside_the_first_when_as_many_wait() -> None:
    async def story() -> None:
        work = Work()
        gatherer = Gatherer(work)
        tasks = [asyncio.create_task(gatherer.put("a", number)) for number in range(20)]
        await settle()
        tasks += [asyncio.create_task(gatherer.put("a", number)) for number in range(20, 39)]
        await settle()
        assert [len(items) for _, items in work.groups] == [20]
        tasks += [asyncio.create_task(gatherer.put("a", number)) for number in range(39, 100)]
        await settle()
        assert [len(items) for _, items in work.groups] == [20, 80]
        tasks += [asyncio.create_task(gatherer.put("a", number)) for number in range(100, 200)]
        await settle()
        # Two are under way, and the rest waits for the first that ends.
        assert len(work.groups) == 2
        work.gate.set()
        assert await asyncio.gather(*tasks) == [f"a{number}" for number in range(200)]
        assert work.most_at_once == 2
        assert sorted(item for _, items in work.groups for item in items) == list(range(200))
        await gatherer.close()

    run(story())


def test_few_that_wait_are_no_second_group() -> None:
    async def story() -> None:
        work = Work()
        gatherer = Gatherer(work)
        tasks = [asyncio.create_task(gatherer.put("a", 0))]
        await settle()
        tasks += [asyncio.create_task(gatherer.put("a", number)) for number in range(1, SMALLEST_BESIDE)]
        await settle()
        assert work.groups == [("a", [0])]
        tasks.append(asyncio.create_task(gatherer.put("a", SMALLEST_BESIDE)))
        await settle()
        assert [len(items) for _, items in work.groups] == [1, SMALLEST_BESIDE]
        work.gate.set()
        await asyncio.gather(*tasks)

    run(story())


def test_merchants_do_not_wait_for_each_other() -> None:
    async def story() -> None:
        work = Work()
        gatherer = Gatherer(work)
        tasks = [asyncio.create_task(gatherer.put(lane, 1)) for lane in "ab"]
        await settle()
        assert sorted(work.groups) == [("a", [1]), ("b", [1])]
        work.gate.set()
        assert list(await asyncio.gather(*tasks)) == ["a1", "b1"]

    run(story())


def test_a_caller_that_leaves_takes_nothing_with_it() -> None:
    async def story() -> None:
        work = Work()
        gatherer = Gatherer(work)
        tasks = [asyncio.create_task(gatherer.put("a", 0))]
        await settle()
        tasks += [asyncio.create_task(gatherer.put("a", number)) for number in (1, 2, 3)]
        await settle()
        # One leaves while its group is in flight, one while it waits.
        tasks[0].cancel()
        tasks[2].cancel()
        await settle()
        work.gate.set()
        assert list(await asyncio.gather(tasks[1], tasks[3])) == ["a1", "a3"]
        await gatherer.close()
        assert work.groups == [("a", [0]), ("a", [1, 2, 3])]

    run(story())


def test_an_error_of_a_group_reaches_each_of_it_and_nobody_else() -> None:
    async def story() -> None:
        work = Work()
        work.error = Unavailable("gone", code="store_unavailable")
        gatherer = Gatherer(work)
        work.gate.set()
        results = await asyncio.gather(*(gatherer.put("a", number) for number in range(3)), return_exceptions=True)
        assert {type(result) for result in results} == {Unavailable}
        work.error = None
        assert await gatherer.put("a", 7) == "a7"

    run(story())


def test_a_group_that_is_answered_short_is_a_broken_promise_and_not_a_mix_up() -> None:
    async def story() -> None:
        async def short(lane: str, items: Sequence[int]) -> list[str]:
            return ["only one"]

        gatherer = Gatherer(short)
        results = await asyncio.gather(*(gatherer.put("a", number) for number in range(3)), return_exceptions=True)
        assert {type(result) for result in results} == {Bug}

    run(story())


def test_beyond_its_bound_the_queue_says_come_back() -> None:
    async def story() -> None:
        work = Work()
        gatherer = Gatherer(work, most_waiting=3)
        tasks = [asyncio.create_task(gatherer.put("a", 0))]
        await settle()
        tasks += [asyncio.create_task(gatherer.put("a", number)) for number in (1, 2, 3)]
        await settle()
        with pytest.raises(Unavailable) as refused:
            await gatherer.put("a", 4)
        assert (refused.value.code, refused.value.status) == ("overloaded", 503)
        work.gate.set()
        assert await asyncio.gather(*tasks) == ["a0", "a1", "a2", "a3"]

    run(story())


def test_at_the_end_everything_that_was_accepted_has_its_outcome() -> None:
    async def story() -> None:
        work = Work()
        gatherer = Gatherer(work)
        tasks = [asyncio.create_task(gatherer.put("a", number)) for number in range(5)]
        await settle()
        closing = asyncio.create_task(gatherer.close())
        await settle()
        assert not closing.done()
        work.gate.set()
        await closing
        assert [task.result() for task in tasks] == [f"a{number}" for number in range(5)]

    run(story())


@pytest.mark.parametrize("error", [Bug("that one"), Unavailable("away", code="store_unavailable")], ids=["it", "all"])
def test_one_that_cannot_be_answered_takes_nobody_elses_answer(error: PayonceError) -> None:
    """A group that fails is tried one by one; not where the store is away, which nobody else's try would change."""
    tried: list[Sequence[int]] = []

    async def work(lane: str, items: Sequence[int]) -> Sequence[int]:
        tried.append(items)
        if 2 in items:
            raise error
        return items

    async def story() -> list[Any]:
        gatherer = Gatherer(work, apart=True)
        found = await asyncio.gather(*(gatherer.put("a", number) for number in range(4)), return_exceptions=True)
        await gatherer.close()
        return found

    is_its_own = isinstance(error, Bug)
    assert asyncio.run(story()) == ([0, 1, error, 3] if is_its_own else [error] * 4)
    assert tried == [[0, 1, 2, 3], *([[0], [1], [2], [3]] if is_its_own else [])]
