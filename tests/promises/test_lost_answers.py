"""A create whose answer was lost: never failed by our own clock, never made twice, found again or proven absent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from payonce.providers.transport import Answer, Request, Transport, Unreachable
from payonce.usecases.answers import Checkout, Silent
from tests.promises.acts import (
    DAY,
    HOUR,
    MINUTE,
    at_provider,
    attempts,
    calls,
    cancel,
    findings,
    heal,
    payable,
    spoil,
)
from tests.promises.conftest import Build
from tests.promises.soundness import assert_agrees
from tests.support.house import House


@dataclass
class Wire:
    """A transport whose next answers are decided by a test; None lets the call through."""

    inner: Transport
    answers: list[Callable[[Request], Awaitable[Answer]] | None] = field(default_factory=list)
    sent: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Answer:
        """Hand the request on, or answer as it was decided."""
        self.sent.append(request)
        decided = self.answers.pop(0) if self.answers else None
        return await (decided(request) if decided else self.inner.send(request))

    @classmethod
    def around(cls, wires: list[Wire]) -> Callable[[Transport], Transport]:
        """What a house takes; the wire lands in `wires`."""

        def wrap(inner: Transport) -> Transport:
            wires.append(cls(inner))
            return wires[-1]

        return wrap


def wired(build: Build, **choices: Any) -> tuple[House, Wire]:
    """A house and the wire to its provider."""
    wires: list[Wire] = []
    house = build(transport=Wire.around(wires), **choices)
    return house, wires[0]


# Half an answer (`bad_json`) comes only after the call took effect.
SPOILT = [(kind, when) for kind in ("timeout", "reset", "html", "drip", "error_500") for when in ("before", "after")]


@pytest.mark.parametrize(("kind", "when"), [*SPOILT, ("bad_json", "after")])
def test_after_one_lost_answer_the_same_click_still_gets_its_one_session(house: House, kind: str, when: str) -> None:
    """X3: the same bytes go with the same key again, and the provider makes one object at most."""
    order = house.place()
    spoil(house, "*.create", kind, when=when)
    answer = house.click(order)
    if kind == "error_500" and when == "before":
        # The provider remembers its own 500 under the key: unknown, never taken for a no. The next number starts once
        # its list proves that nothing was made.
        assert isinstance(answer, Silent) and attempts(house, order) == [(1, "in_doubt")]
        house.clock.move(MINUTE)
        checkout = house.checkout(order)
        assert (attempts(house, order), payable(house)) == ([(1, "abandoned"), (2, "open")], [checkout.provider_ref])
        return
    assert isinstance(answer, Checkout) and at_provider(house) == 1
    assert attempts(house, order) == [(1, "open")]
    assert payable(house) == [answer.provider_ref]


def test_while_the_provider_is_silent_the_attempt_stays_in_doubt_and_the_payer_is_told_when_to_return(
    house: House,
) -> None:
    """X3: unknown is a state, never failed; 503 with its time, and no second number."""
    order = house.place()
    spoil(house, "*.create", times=None, when="before")
    answer = house.click(order)
    assert isinstance(answer, Silent) and (answer.reason, answer.retry_after_seconds > 0) == ("provider_silent", True)
    for _ in range(3):
        house.clock.move(10)
        assert isinstance(house.click(order), Silent)
    assert attempts(house, order) == [(1, "in_doubt")]
    heal(house)
    assert isinstance(house.click(order), Checkout)
    assert (attempts(house, order), at_provider(house)) == ([(1, "open")], 1)


def test_bytes_that_the_provider_takes_no_more_lead_the_payer_to_the_next_number(house: House) -> None:
    """D15: after an outage of some minutes the stored session would end too soon, and the payer is not told of that."""
    order = house.place()
    spoil(house, "*.create", times=2, when="before")
    assert isinstance(house.click(order), Silent)
    house.clock.move(10 * MINUTE)
    checkout = house.checkout(order)
    assert attempts(house, order) == [(1, "failed"), (2, "open")]
    assert payable(house) == [checkout.provider_ref]


def test_what_was_made_without_an_answer_is_adopted_by_the_job_that_asks(house: House) -> None:
    """B6: resolving adopts it if it is still the live number."""
    order = house.place()
    spoil(house, "*.create", times=2, when="after")
    assert isinstance(house.click(order), Silent)
    house.clock.move(MINUTE)
    resolved = house.resolve()
    assert (resolved.asked, attempts(house, order)) == (1, [(1, "open")])
    checkout = house.checkout(order)
    assert checkout.reused and checkout.url
    assert calls(house, "create") == ["checkout.sessions.create"] * 2
    assert payable(house) == [checkout.provider_ref]


def test_what_was_made_without_an_answer_is_closed_where_nobody_wants_it_any_more(house: House) -> None:
    """B6: else it is cancelled, after reading."""
    order = house.place()
    spoil(house, "*.create", times=2, when="after")
    assert isinstance(house.click(order), Silent)
    cancelled = cancel(house, order)
    assert payable(house) == []
    for _ in range(3):
        house.clock.move(MINUTE)
        house.resolve()
    assert (house.see(order).state, house.see(order).closed_reason) == ("closed", "cancelled")
    assert cancelled.attempts[0].provider_ref is not None


def test_an_attempt_that_was_never_made_is_abandoned_past_the_keys_life_and_never_sent_again(house: House) -> None:
    """X3: past the key's life we only look; what is proven absent makes room for the next number."""
    order = house.place()
    spoil(house, "*.create", times=2, when="before")
    assert isinstance(house.click(order), Silent)
    house.clock.move(DAY)
    created = len(calls(house, "create"))
    checkout = house.checkout(order)
    assert attempts(house, order) == [(1, "abandoned"), (2, "open")]
    assert (checkout.outcome, at_provider(house)) == ("replaced", 1)
    # One call of create, for the new number; the old one was only looked for.
    assert len(calls(house, "create")) == created + 1
    assert "checkout.sessions.list" in calls(house)


def test_what_was_made_is_found_past_the_keys_life_and_not_made_again(house: House) -> None:
    """X3: a forgotten key makes a second object, so nothing is sent with one."""
    order = house.place()
    spoil(house, "*.create", times=2, when="after")
    assert isinstance(house.click(order), Silent)
    house.clock.move(23 * HOUR + MINUTE)
    answer = house.click(order)
    # The session of the first number has expired meanwhile; it was found, read and replaced.
    assert isinstance(answer, Checkout)
    assert attempts(house, order) == [(1, "closed"), (2, "open")]
    assert at_provider(house) == 2


def test_a_create_that_takes_effect_long_after_is_closed_and_never_payable(build: Build) -> None:
    """X3: the handle of an abandoned attempt is never given out, and its object is closed where that is possible."""
    house = build(flow="payment_intent")
    order = house.place()
    spoil(house, "*.create", "late", times=1, seconds=26.0 * HOUR)
    spoil(house, "*.create", times=1, when="before")
    assert isinstance(house.click(order), Silent)
    house.clock.move(24 * HOUR)
    second = house.checkout(order)
    assert attempts(house, order) == [(1, "abandoned"), (2, "open")]
    house.clock.move(3 * HOUR)
    house.stripe.due_deliveries()
    assert len(payable(house)) == 2
    for _ in range(3):
        house.clock.move(HOUR)
        house.resolve()
    assert payable(house) == [second.provider_ref]
    assert attempts(house, order)[0] == (1, "closed")


async def unauthorised(request: Request) -> Answer:
    """Stripe's answer to a key that was revoked."""
    return Answer(401, (), b'{"error": {"type": "invalid_request_error", "message": "Expired API Key provided"}}')


async def unsent(request: Request) -> Answer:
    """Nobody was reached."""
    raise Unreachable("refused", sent=False)


def test_a_no_to_the_repetition_is_no_no_to_the_first_sending(build: Build) -> None:
    """X3: a revoked API key says nothing of what the first call made; the attempt stays in doubt."""
    house, wire = wired(build)
    order = house.place()
    spoil(house, "*.create", times=1, when="after")
    wire.answers = [None, unauthorised]
    house.click(order)
    assert attempts(house, order) == [(1, "in_doubt")]
    answer = house.checkout(order)
    assert (attempts(house, order), payable(house)) == ([(1, "open")], [answer.provider_ref])


async def unknown_there(request: Request) -> Answer:
    """The answer of a replica that does not have the object yet."""
    return Answer(404, (), b'{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No"}}')


@pytest.mark.parametrize("no", [unauthorised, unknown_there], ids=lambda no: no.__name__)
def test_a_no_to_the_read_of_what_was_made_is_no_no_to_its_making(build: Build, no: Any) -> None:
    """X3: the object exists, whatever a read says of it now; it stays in doubt and is found by the next click."""
    house, wire = wired(build)
    order = house.place()
    spoil(house, "*.create", times=1, when="after")
    wire.answers = [None, None, no]
    assert isinstance(house.click(order), Silent)
    assert (attempts(house, order), at_provider(house)) == ([(1, "in_doubt")], 1)
    assert (isinstance(house.click(order), Checkout), attempts(house, order)) == (True, [(1, "open")])
    assert at_provider(house) == 1


def test_what_never_left_is_sent_by_the_next_click_with_the_same_number(build: Build) -> None:
    house, wire = wired(build)
    order = house.place()
    wire.answers = [unsent]
    house.click(order)
    assert (attempts(house, order), at_provider(house)) == ([(1, "creating")], 0)
    assert isinstance(house.click(order), Checkout)
    assert (attempts(house, order), at_provider(house)) == ([(1, "open")], 1)


def test_a_payment_of_a_session_whose_answer_was_lost_pays_the_order(house: House) -> None:
    """B6: money is never refused by what we did not hear."""
    order = house.place()
    spoil(house, "*.create", times=2, when="after")
    house.click(order)
    [made] = payable(house)
    house.stripe.payer.pay(made)
    house.deliver_owed()
    assert house.see(order).state == "paid"
    assert_agrees(house)
    assert findings(house) == []


def test_an_object_that_was_closed_before_we_heard_of_it_is_not_handed_out(build: Build) -> None:
    """X3: a replay tells the past, so the object is read before it is used."""
    house = build(flow="payment_intent")
    order = house.place()
    spoil(house, "*.create", times=2, when="after")
    house.click(order)
    [made] = payable(house)
    house.stripe.handle(
        "POST", f"/v1/payment_intents/{made}/cancel", "", [("Authorization", "Bearer sk_test_house_1234567890")]
    )
    assert payable(house) == []
    checkout = house.checkout(order)
    assert attempts(house, order) == [(1, "closed"), (2, "open")]
    assert payable(house) == [checkout.provider_ref]
