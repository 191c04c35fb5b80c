"""The looker and the till: what silence means, how pages are joined, and who can create."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from payonce.base.errors import Bug
from payonce.domain.observation import Ref
from payonce.providers.contract import Adapter, Done, NotDone, Outcome, Unknown
from payonce.providers.gateway import MOST_PAGES, ProviderLooker, ProviderTill
from payonce.providers.transport import Answer, Request, Unreachable
from tests.providers.stripe.samples import ATTEMPT, NOW, adapter, ask, intent, ok

INTENT = Ref("payment_intent", "pi_1")
CREATE = adapter().create(ask())
T = TypeVar("T")


@dataclass
class Line:
    """A transport with its answers laid out beforehand; the last one is given for ever."""

    answers: list[Answer | Unreachable]
    sent: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Answer:
        self.sent.append(request)
        answer = self.answers[min(len(self.sent), len(self.answers)) - 1]
        if isinstance(answer, Unreachable):
            raise answer
        return answer


def till(*answers: Answer | Unreachable) -> tuple[ProviderTill, Line]:
    line = Line(list(answers))
    return ProviderTill(adapter(), line), line


def run(waiting: Awaitable[T]) -> T:
    async def whole() -> T:
        return await waiting

    return asyncio.run(whole())


def calls(one: ProviderTill) -> list[Awaitable[Outcome]]:
    return [
        one.create(CREATE),
        one.read(INTENT),
        one.close(INTENT, ATTEMPT),
        one.find("payment_intent", NOW - timedelta(hours=1), NOW),
    ]


def page(*found: object, more: bool = False) -> Answer:
    return ok({"object": "list", "data": list(found), "has_more": more})


def test_what_never_left_was_not_done_and_may_be_sent_again() -> None:
    for waiting in calls(till(Unreachable("connection refused", sent=False))[0]):
        outcome = run(waiting)
        assert isinstance(outcome, NotDone)
        assert (outcome.code, outcome.may_repeat) == ("unreachable", True)


def test_what_left_without_an_answer_is_unknown() -> None:
    """X3: a time-out is no failure."""
    for waiting in calls(till(Unreachable("timed out", sent=True))[0]):
        assert run(waiting) == Unknown("no answer: timed out")


def test_a_create_sends_the_stored_bytes_as_they_are_and_once() -> None:
    """X1: the same bytes with the same key, however often it is asked for again."""
    one, line = till(ok(intent()))
    assert isinstance(run(one.create(CREATE)), Done)
    assert isinstance(run(one.create(CREATE)), Done)
    first, second = line.sent
    assert first == second
    assert first.body == CREATE.body
    assert dict(first.headers)["idempotency-key"] == CREATE.idempotency_key


def test_a_looker_cannot_create() -> None:
    """A8: what jobs are given has no way to charge anybody."""
    looker = ProviderLooker(adapter(), Line([]))
    assert not hasattr(looker, "create")
    one, line = till(ok(intent()))
    with pytest.raises(Bug):
        run(one.create(adapter().read(INTENT)))
    assert line.sent == []


def test_the_answers_are_understood_by_the_adapter() -> None:
    one, _ = till(ok(intent("canceled")))
    read, close = run(one.read(INTENT)), run(one.close(INTENT, ATTEMPT))
    assert isinstance(read, Done)
    assert isinstance(close, Done)
    assert read.observations[0].source == "poll"


def test_all_pages_of_a_window_are_joined() -> None:
    """B7: nothing that was made is missed behind the first page."""
    one, line = till(page(intent(), intent(id="pi_2"), more=True), page(intent(id="pi_3")))
    outcome = run(one.find("payment_intent", NOW - timedelta(hours=1), NOW))
    assert isinstance(outcome, Done)
    assert [each.seen.ref.id for each in outcome.observations] == ["pi_1", "pi_2", "pi_3"]
    assert outcome.next_page is None
    assert ["starting_after=pi_2" in request.url for request in line.sent] == [False, True]


@pytest.mark.parametrize("silence", [Answer(500, (), b""), Unreachable("timed out", sent=True), Answer(429, (), b"")])
def test_one_page_without_an_answer_leaves_the_whole_window_without_one(silence: Answer | Unreachable) -> None:
    """X3: an object that was not found would be taken for one that was never made."""
    outcome = run(till(page(intent(), more=True), silence)[0].find("payment_intent", NOW, NOW))
    assert isinstance(outcome, Unknown | NotDone)


def test_a_list_without_end_is_given_up_and_says_so() -> None:
    one, line = till(page(intent(), more=True))
    assert isinstance(run(one.find("payment_intent", NOW, NOW)), Unknown)
    assert len(line.sent) == MOST_PAGES


def test_subscriptions_are_asked_for_only_where_the_provider_can_tell() -> None:
    """B12: and silence claims nothing."""
    assert run(till(page())[0].subscriptions()) == ()
    assert isinstance(run(till(Unreachable("timed out", sent=True))[0].subscriptions()), Unknown)

    class Mute:
        """An adapter of a provider that cannot tell: it has the methods of the contract and no others."""

        def __init__(self, whole: Adapter) -> None:
            self._whole = whole

        def __getattr__(self, name: str) -> Any:
            if name in ("subscriptions", "subscribed"):
                raise AttributeError(name)
            return getattr(self._whole, name)

    mute: Any = Mute(adapter())
    outcome = run(ProviderLooker(mute, Line([])).subscriptions())
    assert isinstance(outcome, NotDone)
    assert outcome.code == "not_supported"


def test_a_gateway_says_whose_it_is() -> None:
    one, _ = till()
    assert (one.provider, one.account, one.mode) == ("stripe", "main", "test")
    assert one.capabilities == adapter().capabilities


def test_a_mistake_of_ours_is_not_taken_for_silence() -> None:
    class Broken:
        async def send(self, request: Request) -> Answer:
            raise Bug("sent inside a transaction")

    with pytest.raises(Bug):
        run(ProviderTill(adapter(), Broken()).create(CREATE))
