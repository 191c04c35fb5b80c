"""What delivering takes from asyncio: no more calls at once than lanes, and an end for those that hang."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from uuid import uuid4

import pytest

from payonce.notify.side_by_side import SideBySide, bounded, in_thread
from payonce.usecases.deliver_effects import Delivered


def delivered(number: int) -> Delivered:
    return Delivered(uuid4(), uuid4(), "invite", "order.paid", "accepted", number, "", 0.0)


def test_as_many_calls_run_at_once_as_there_are_lanes_and_results_keep_their_order() -> None:
    async def main() -> tuple[list[int], int]:
        running = most = 0

        async def work(number: int) -> Delivered:
            nonlocal running, most
            running += 1
            most = max(most, running)
            # The later ones end first.
            for _ in range(20 - number):
                await asyncio.sleep(0)
            running -= 1
            return delivered(number)

        results = await SideBySide(4).run([partial(work, number) for number in range(20)])
        return [result.try_number for result in results], most

    assert asyncio.run(main()) == (list(range(20)), 4)


def test_a_call_that_hangs_is_given_up() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await bounded(0.01)(asyncio.Event().wait())

    asyncio.run(main())


def test_plain_functions_run_in_another_thread() -> None:
    assert asyncio.run(in_thread(threading.get_ident)) != threading.get_ident()
