"""The database fails after the provider made a payment, or the process dies in between: one object, found again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

import pytest

from payonce.base.errors import Unavailable
from payonce.providers.transport import Answer, Request, Transport
from payonce.store.database import Database, Tx
from payonce.usecases.answers import AlreadyPaid, Checkout, Silent
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from tests.promises.acts import MINUTE, at_provider, attempts, calls, cancel, findings, payable
from tests.promises.conftest import Build
from tests.support.house import House

T = TypeVar("T")


class FailingDatabase:
    """The port, of which named transactions fail: before anything was written, or after COMMIT with its answer lost."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.failing: dict[str, str] = {}

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        when = self.failing.pop(name, "")
        if when == "before":
            raise Unavailable("The database does not answer.", code="store_unavailable")
        result = await self._inner.transaction(work, name=name, read_only=read_only)
        if when == "after":
            raise Unavailable("The database did not answer.", code="store_unavailable")
        return result


class Stop:
    """What is awaited here never goes on: the process is gone."""

    def __await__(self) -> Generator[str, None, None]:
        yield "the process dies here"


class DyingTransport:
    """A transport at whose calls the process dies, before the request left or after it took effect."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.dies: str = ""
        # How many calls go well before.
        self.after_calls = 0

    async def send(self, request: Request) -> Answer:
        """Hand the request on, unless the process dies."""
        if self.dies and self.after_calls:
            self.after_calls -= 1
            return await self._inner.send(request)
        dies, self.dies = self.dies, ""
        if dies == "before":
            await Stop()
        answer = await self._inner.send(request)
        if dies == "after":
            await Stop()
        return answer


def failing_house(build: Build, **choices: Any) -> tuple[House, FailingDatabase]:
    """A house and the switch that makes its database fail."""
    made: list[FailingDatabase] = []

    def wrap(inner: Database) -> FailingDatabase:
        made.append(FailingDatabase(inner))
        return made[-1]

    return build(database=wrap, **choices), made[0]


@pytest.fixture
def mortal(build: Build) -> Generator[tuple[House, DyingTransport, Callable[[Coroutine[Any, Any, Any]], None]]]:
    """A house, the place where its process dies, and what runs something until it dies there."""
    made: list[DyingTransport] = []
    corpses: list[Coroutine[Any, Any, Any]] = []

    def wrap(inner: Transport) -> DyingTransport:
        made.append(DyingTransport(inner))
        return made[-1]

    def until_death(work: Coroutine[Any, Any, Any]) -> None:
        assert work.send(None) == "the process dies here"
        # Kept as it stopped, so that nothing of it runs any more before the test ends.
        corpses.append(work)

    yield build(transport=wrap), made[0], until_death
    for corpse in corpses:
        corpse.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_when_recording_fails_the_caller_gets_an_error_and_the_next_click_the_same_object(
    build: Build, when: str
) -> None:
    """B6: the caller gets an error that may be retried; whoever comes next repeats the same bytes with the same key."""
    house, database = failing_house(build)
    order = house.place()
    database.failing["created"] = when
    with pytest.raises(Unavailable) as failed:
        house.click(order)
    assert (failed.value.code, failed.value.retryable) == ("store_unavailable", True)
    assert at_provider(house) == 1
    if when == "before":
        # Whoever called may still be at it, until the lease is over.
        assert attempts(house, order) == [(1, "creating")]
        house.clock.move(31)
    checkout = house.checkout(order)
    assert (payable(house), at_provider(house)) == ([checkout.provider_ref], 1)
    assert attempts(house, order) == [(1, "open")]


def test_when_storing_the_attempt_fails_nobody_is_called(build: Build) -> None:
    """X3: the attempt is written before the call."""
    house, database = failing_house(build)
    order = house.place()
    database.failing["checkout"] = "before"
    with pytest.raises(Unavailable):
        house.click(order)
    assert (calls(house), attempts(house, order)) == ([], [])


def test_when_only_the_answer_of_that_commit_is_lost_the_stored_attempt_is_sent_after_its_lease(build: Build) -> None:
    """X3: an insert that seemed to fail may have committed; it is sent once, by its stored bytes."""
    house, database = failing_house(build)
    order = house.place()
    database.failing["checkout"] = "after"
    with pytest.raises(Unavailable):
        house.click(order)
    assert (calls(house), attempts(house, order)) == ([], [(1, "creating")])
    house.clock.move(31)
    assert isinstance(house.click(order), Checkout)
    assert (at_provider(house), attempts(house, order)) == (1, [(1, "open")])


@pytest.mark.parametrize("when", ["before", "after"])
def test_when_the_process_dies_at_the_call_the_next_click_leads_to_one_object(mortal: Any, when: str) -> None:
    """B6: the case that the process dies in between is covered as well."""
    house, transport, until_death = mortal
    order = house.place()
    transport.dies = when
    until_death(ensure_checkout(house.world, "default", order.id, Click()))
    assert attempts(house, order) == [(1, "creating")]
    waited = house.click(order)
    assert isinstance(waited, Silent) and waited.reason == "checkout_busy"
    house.clock.move(MINUTE)
    checkout = house.checkout(order)
    assert (at_provider(house), payable(house)) == (1, [checkout.provider_ref])


def test_when_the_process_dies_after_the_call_the_job_adopts_what_was_made(mortal: Any) -> None:
    """B7: nothing that was made stays unknown: the job finds it by our own id, without a click."""
    house, transport, until_death = mortal
    order = house.place()
    transport.dies = "after"
    until_death(ensure_checkout(house.world, "default", order.id, Click()))
    house.clock.move(MINUTE)
    house.resolve()
    assert attempts(house, order) == [(1, "open")]
    assert house.checkout(order).reused


def test_when_the_process_dies_after_the_call_and_the_order_is_cancelled_the_object_is_closed(mortal: Any) -> None:
    """B6: resolving cancels it where it is not the live number any more."""
    house, transport, until_death = mortal
    order = house.place()
    transport.dies = "after"
    until_death(ensure_checkout(house.world, "default", order.id, Click()))
    cancel(house, order)
    for _ in range(3):
        house.clock.move(MINUTE)
        house.resolve()
    assert (payable(house), house.see(order).state) == ([], "closed")


def test_when_the_process_dies_while_it_closes_the_stale_one_no_second_is_ever_payable(mortal: Any) -> None:
    """X7: cancelled at the provider first; whoever comes next reads what became of it."""
    house, transport, until_death = mortal
    order = house.place()
    house.checkout(order)
    house.clock.move(31 * MINUTE)
    transport.dies = "after"
    until_death(ensure_checkout(house.world, "default", order.id, Click()))
    assert attempts(house, order) == [(1, "closing")]
    house.clock.move(MINUTE)
    checkout = house.checkout(order)
    assert attempts(house, order) == [(1, "closed"), (2, "open")]
    assert payable(house) == [checkout.provider_ref]


def test_a_dead_callers_answer_that_comes_after_all_changes_nothing(mortal: Any) -> None:
    """X3: who lost its lease is too late; the fencing token says so."""
    house, transport, _ = mortal
    order = house.place()
    transport.dies = "after"
    late = ensure_checkout(house.world, "default", order.id, Click())
    assert late.send(None) == "the process dies here"
    house.clock.move(MINUTE)
    checkout = house.checkout(order)
    with pytest.raises(StopIteration) as ended:
        late.send(None)
    answer = ended.value.value
    # It is told to come back, or given what the other one was given; never what it brought itself.
    assert isinstance(answer, Silent) or (answer.url, answer.outcome) == (checkout.url, "reused")
    assert attempts(house, order) == [(1, "open")]
    assert at_provider(house) == 1


@pytest.mark.parametrize("name", ["receive"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_when_the_database_fails_at_a_webhook_the_provider_is_asked_to_send_it_again(
    build: Build, name: str, when: str
) -> None:
    """B14: success is one transaction; stored and settled, or neither and told again."""
    house, database = failing_house(build)
    order = house.place()
    house.pay(house.checkout(order))
    hooks = house.owed_webhooks()
    for hook in hooks:
        database.failing[name] = when
        [received] = house.deliver([hook])
        assert received.verdict == "retry"
    assert house.see(order).state == ("paid" if when == "after" else "open")
    for hook in hooks:
        [received] = house.deliver([hook])
        assert received.verdict == ("duplicate" if when == "after" else "accepted")
    assert (house.see(order).state, house.see(order).counters.recorded) == ("paid", 1)
    assert isinstance(house.click(order), AlreadyPaid)
    assert findings(house) == []
