"""Real threads, each with a connection of its own, over one simulated provider: what many do at the same moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from payonce.base.errors import Conflict
from payonce.drivers.chance import SystemChance
from payonce.drivers.clock import BlockingClock
from payonce.drivers.stepping import run_to_end
from payonce.providers.transport import Answer, Request, Transport
from payonce.usecases.answers import Checkout, Placed
from payonce.usecases.close_orders import close_orders
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from payonce.usecases.place_order import PlaceOrder, place_order
from payonce.usecases.receive import Delivery, receive
from payonce.usecases.refresh_order import refresh_order
from payonce.usecases.resolve_attempts import resolve_attempts
from payonce.usecases.retry_events import retry_events
from payonce.usecases.world import World
from tests.promises.acts import at_provider, findings, payable
from tests.promises.soundness import assert_agrees, assert_sound
from tests.promises.words import delivery
from tests.support.house import House
from tests.support.poor import database_of
from tests.support.waiting import DEADLINE_SECONDS, until

T = TypeVar("T")
CLICKS = 50


class Busy(House):
    """A house whose world is driven by many threads in real time, over connections of their own."""

    def __init__(self, database_url: str, **choices: Any) -> None:
        self.calls_at_once = 0
        self.most_at_once = 0
        self.may_answer: Callable[[], bool] = lambda: True
        self._lock = threading.Lock()
        super().__init__(database_url, transport=lambda inner: _Counted(inner, self), **choices)
        # The simulated provider and payonce tell the same time, which nobody moves.
        self.clock = clock = _WatchedClock()  # type: ignore[assignment]
        self.stripe.books.clock = clock
        self.many = database_of(database_url, clock=clock, chance=SystemChance(), connections=CLICKS)
        self.world = replace(self.world, database=self.many, clock=clock)

    def at_once(self, works: list[Callable[[World], Any]]) -> list[Any]:
        """Run all of it at the same moment, each in a thread; what each returned, or the Conflict that it raised."""
        gate = threading.Barrier(len(works), timeout=DEADLINE_SECONDS)

        def run(work: Callable[[World], Any]) -> Any:
            gate.wait()
            try:
                return run_to_end(work(self.world))
            except Conflict as conflict:
                return conflict.code

        with ThreadPoolExecutor(len(works)) as threads:
            return list(threads.map(run, works))


class _WatchedClock(BlockingClock):
    """Real time, which knows who has slept."""

    def __init__(self) -> None:
        self.sleepers: set[int] = set()

    async def sleep(self, seconds: float) -> None:
        self.sleepers.add(threading.get_ident())
        await super().sleep(seconds)


class _Counted:
    """A transport that counts how many calls to the provider are under way at the same moment, and can hold them."""

    def __init__(self, inner: Transport, busy: Busy) -> None:
        self._inner = inner
        self._busy = busy

    async def send(self, request: Request) -> Answer:
        """Hand the request on, while everybody else has time to do the same."""
        busy = self._busy
        with busy._lock:
            busy.calls_at_once += 1
            busy.most_at_once = max(busy.most_at_once, busy.calls_at_once)
        until(busy.may_answer, what="everybody waits")
        try:
            return await self._inner.send(request)
        finally:
            with busy._lock:
                busy.calls_at_once -= 1


@pytest.fixture
def busy(database_url: str) -> Iterator[Busy]:
    """A house for many threads; sound when the test ends."""
    built = Busy(database_url)
    yield built
    assert_sound(built)
    built.many.close()
    built.close()


def hear(deliveries: Sequence[Delivery]) -> Callable[[World], Any]:
    """A group of webhooks."""
    return lambda world: receive(world, "default", deliveries)


def place(wish: PlaceOrder) -> Callable[[World], Any]:
    """Placing an order."""
    return lambda world: place_order(world, "default", wish)


def click(order_id: Any) -> Callable[[World], Any]:
    """A click on Pay."""
    return lambda world: ensure_checkout(world, "default", order_id, Click())


def test_fifty_simultaneous_clicks_make_one_object_at_the_provider(busy: Busy) -> None:
    """B1: 50 clicks at the same moment: one payable object, one URL for all."""
    order = busy.place()
    sleepers = busy.clock.sleepers  # type: ignore[attr-defined]
    # The provider answers only when all others wait for its answer.
    busy.may_answer = lambda: len(sleepers) == CLICKS - 1
    answers = busy.at_once([click(order.id)] * CLICKS)
    assert all(isinstance(answer, Checkout) for answer in answers), Counter(type(a).__name__ for a in answers)
    assert len({(a.attempt_id, a.url) for a in answers}) == 1
    assert Counter(a.outcome for a in answers) == {"new": 1, "reused": CLICKS - 1}
    assert (at_provider(busy), len(payable(busy)), busy.most_at_once) == (1, 1, 1)
    busy.pay(answers[0])
    busy.deliver_owed()
    assert busy.see(order).counters.recorded == 1


def test_twenty_simultaneous_deliveries_of_all_webhooks_settle_once(busy: Busy) -> None:
    """C4: one transaction settles; whoever comes second finds it known."""
    order = busy.place()
    busy.pay(busy.checkout(order))
    told = [delivery(busy, hook.body) for hook in busy.owed_webhooks()]
    groups = [told[n % len(told) :] + told[: n % len(told)] for n in range(20)]
    received = busy.at_once([hear(group) for group in groups])
    verdicts = Counter(one.verdict for group in received for one in group)
    assert verdicts == {"accepted": len(told), "duplicate": 19 * len(told)}
    seen = busy.see(order)
    assert (seen.state, seen.counters.charged, seen.counters.recorded) == ("paid", 1, 1)
    assert (len(seen.effects), findings(busy)) == (2, [])
    assert_agrees(busy)


def test_webhooks_jobs_clicks_and_returning_pages_at_the_same_moment_settle_once(busy: Busy) -> None:
    """E1: whoever calls whatever how often: one settlement, each effect owed once."""
    order = busy.place()
    busy.pay(busy.checkout(order))
    told = [delivery(busy, hook.body) for hook in busy.owed_webhooks()]
    works: list[Callable[[World], Any]] = [
        click(order.id),
        lambda world: refresh_order(world, "default", order.id),
        lambda world: resolve_attempts(world, "default"),
        lambda world: close_orders(world, "default"),
        lambda world: retry_events(world, "default"),
        *[hear([one]) for one in told],
    ]
    busy.at_once(works * 2)
    seen = busy.see(order)
    assert (seen.state, seen.counters.charged, seen.counters.recorded) == ("paid", 1, 1)
    assert sorted(effect.kind for effect in seen.effects) == ["invite", "notice"]
    assert_agrees(busy)


def test_of_the_same_order_placed_twenty_times_at_once_there_is_one(busy: Busy) -> None:
    """A12: the database says it a second time: one open order of a purpose."""
    wish = PlaceOrder("R-1", "fee:27", 4500, "USD", "player 27", success_url="https://shop.example/")
    placed = busy.at_once([place(wish)] * 20)
    assert all(isinstance(one, Placed) for one in placed), placed
    assert len({one.order.id for one in placed}) == 1
    assert Counter(one.existing for one in placed) == {False: 1, True: 19}


def test_of_ten_amounts_placed_at_once_for_one_purpose_one_is_open_in_the_end(busy: Busy) -> None:
    """C12: each closes the one before; the last one stands."""
    wishes = [
        PlaceOrder(f"R-{n}", "fee:27", 1000 + n, "USD", "player 27", success_url="https://shop.example/")
        for n in range(10)
    ]
    busy.at_once([place(wish) for wish in wishes])
    busy.close_old()
    states = Counter(state for (state,) in busy.rows("SELECT state FROM orders"))
    assert states == {"open": 1, "closed": 9}
    assert {reason for (reason,) in busy.rows("SELECT closed_reason FROM orders WHERE state = 'closed'")} == {
        "superseded"
    }


def test_of_two_payers_at_once_one_has_the_purpose(busy: Busy) -> None:
    """A12: two rows that exclude each other are never both written."""
    wishes = [
        PlaceOrder(f"R-{n}", "fee:27", 4500, "USD", f"player {n}", success_url="https://shop.example/")
        for n in range(8)
    ]
    placed = busy.at_once([place(wish) for wish in wishes])
    assert Counter(one if isinstance(one, str) else "placed" for one in placed) == {"placed": 1, "purpose_taken": 7}
    assert busy.rows("SELECT count(*) FROM orders") == [(1,)]
