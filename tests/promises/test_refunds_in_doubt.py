"""A refund whose answer was lost, or whose process died: its money goes back once, or a person is asked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest

from payonce.base.errors import Conflict, Unavailable
from payonce.usecases.decide_refund import resolve_refund
from payonce.usecases.send_refunds import send_refunds
from tests.promises.acts import DAY, HOUR, calls, findings, heal, spoil
from tests.promises.conftest import Build
from tests.promises.money_back import (
    KINDS,
    declines,
    go_on,
    gone,
    kept,
    paid_twice,
    refund_ids,
    refunds,
    states,
    told,
)
from tests.promises.test_dying import DyingTransport, failing_house
from tests.support.house import House

CREATE = "refunds.create"
LOOK = "refunds.list"
SETTLED = {"clearing:stripe:main": 4500, "orders": -4500}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["timeout", "reset", "html", "bad_json"])
def test_a_lost_answer_is_in_doubt_and_ends_as_one_refund(house: House, kind: str, when: str) -> None:
    """X3: the same bytes with the same key again while the key lives; found or made, it is one refund."""
    paid_twice(house)
    spoil(house, CREATE, kind, when=when)
    assert house.send_refunds().in_doubt == 1
    assert (states(house), kept(house)["refunding"]) == (["in_doubt"], -4500)
    house.owed_webhooks()
    go_on(house, 3)
    assert (refunds(house), gone(house)) == ([("succeeded", 4500)], [("succeeded", 4500)])
    assert (findings(house), kept(house)) == ([], SETTLED)


def test_its_webhook_may_settle_what_the_answer_did_not(house: House) -> None:
    """C9: whichever way it is learnt, it is the same refund."""
    paid_twice(house)
    spoil(house, CREATE, "timeout", when="after")
    house.send_refunds()
    house.deliver_owed()
    assert states(house) == ["succeeded"]
    go_on(house, 3)
    assert (calls(house, CREATE), len(gone(house))) == ([CREATE], 1)


def test_what_the_provider_took_nothing_of_is_sent_again_later_by_the_same_row(house: House) -> None:
    """X6: a rate limit is no failure of the refund."""
    paid_twice(house)
    spoil(house, CREATE, "rate_limited", seconds=30)
    house.send_refunds()
    assert (states(house), kept(house).get("refunding")) == (["due"], None)
    house.clock.move(20)
    house.send_refunds()
    assert calls(house, CREATE) == [CREATE]
    go_on(house, 1)
    assert (refunds(house), len(gone(house))) == ([("succeeded", 4500)], 1)


def test_a_provider_that_cannot_be_read_is_asked_again_and_nothing_is_sent_meanwhile(house: House) -> None:
    """C22: all payments of the purpose are read before anything is sent."""
    paid_twice(house)
    spoil(house, "payment_intents.retrieve", "timeout", times=None)
    go_on(house, 3)
    assert (states(house), calls(house, CREATE)) == (["due"], [])
    heal(house)
    go_on(house, 1)
    assert states(house) == ["succeeded"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_past_the_life_of_its_key_it_is_only_looked_for(house: House, when: str) -> None:
    """X6: past the key's life nothing is sent: what is found is joined, about what is absent a person is asked."""
    paid_twice(house)
    spoil(house, CREATE, "timeout", when=when)
    house.send_refunds()
    house.owed_webhooks()
    house.clock.move(DAY)
    go_on(house, 3, HOUR)
    assert calls(house, CREATE) == [CREATE]
    if when == "after":
        assert (states(house), findings(house), kept(house)) == (["succeeded"], [], SETTLED)
    else:
        assert (states(house), findings(house)) == (["in_doubt"], ["refund_in_doubt", "second_charge"])


def test_a_person_says_that_it_was_not_done_and_it_is_asked_for_anew(house: House) -> None:
    """X6: whoever decides says why; a new row has a new key."""
    refund_id = lost_for_good(house)
    house.run(resolve_refund(house.world, "default", refund_id, "cancelled", "not in the dashboard", "ada"))
    assert (states(house), declines(house)[0]) == (["failed", "due"], "said cancelled: not in the dashboard")
    assert findings(house) == ["second_charge"]
    go_on(house, 3, HOUR)
    assert (refunds(house), gone(house)) == ([("failed", 4500), ("succeeded", 4500)], [("succeeded", 4500)])
    steps = house.rows("SELECT actor, event, cause FROM audit WHERE subject = 'refund' AND target = 'failed'")
    assert steps == [("ada", "failed", "not in the dashboard")]
    assert (findings(house), kept(house)) == ([], SETTLED)


def test_a_person_says_that_it_was_done_and_the_books_agree(build: Build) -> None:
    """X6: a person's word is booked like the provider's, and told to the payer."""
    house = build(kinds=KINDS)
    refund_id = lost_for_good(house)
    house.run(resolve_refund(house.world, "default", refund_id, "done", "the bank shows it", "ada"))
    assert (states(house), findings(house), kept(house), told(house)) == (["succeeded"], [], SETTLED, 1)
    with pytest.raises(Conflict) as refused:
        house.run(resolve_refund(house.world, "default", refund_id, "cancelled", "no, after all", "ada"))
    assert refused.value.code == "refund_not_in_doubt"


def test_what_the_provider_tells_later_takes_the_place_of_a_persons_word(house: House) -> None:
    """X6: the word and the echo are one refund."""
    paid_twice(house)
    spoil(house, CREATE, "timeout", when="after")
    house.send_refunds()
    for question in (LOOK, "payment_intents.retrieve"):
        spoil(house, question, "timeout", times=None)
    house.clock.move(DAY)
    house.send_refunds()
    [refund_id] = refund_ids(house)
    house.run(resolve_refund(house.world, "default", refund_id, "done", "the bank shows it", "ada"))
    assert house.rows("SELECT kind, returned_minor FROM returns") == [("by_word", 4500)]
    house.deliver_owed()
    assert (states(house), kept(house), findings(house)) == (["succeeded"], SETTLED, [])
    assert sorted(house.rows("SELECT kind, returned_minor FROM returns")) == [("by_word", 0), ("refund", 4500)]


def test_a_key_that_only_brings_its_stored_error_is_looked_for_and_then_a_person_is_asked(house: House) -> None:
    """X6: a repetition that cannot succeed is no reason for a second refund."""
    paid_twice(house)
    spoil(house, CREATE, "error_500")
    house.send_refunds()
    assert states(house) == ["in_doubt"]
    go_on(house, 2)
    assert (states(house), gone(house)) == (["in_doubt"], [])
    assert "refund_in_doubt" in findings(house)


def test_money_that_was_disputed_meanwhile_is_not_sent_again(house: House) -> None:
    """S9: a repetition sends money as much as the first call does."""
    _, name = paid_twice(house)
    spoil(house, CREATE, "timeout", when="before")
    house.send_refunds()
    house.stripe.bank.open_dispute(name)
    house.deliver_owed()
    go_on(house, 4)
    assert (states(house), calls(house, CREATE)) == (["in_doubt"], [CREATE])


def lost_for_good(house: House) -> Any:
    """A refund that never reached the provider, past the life of its key; its id."""
    paid_twice(house)
    spoil(house, CREATE, "timeout", when="before")
    house.send_refunds()
    house.clock.move(DAY)
    go_on(house, 2, HOUR)
    assert (states(house), "refund_in_doubt" in findings(house)) == (["in_doubt"], True)
    [refund_id] = refund_ids(house)
    return refund_id


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["take_refund", "begin_refund", "refunded"])
def test_whichever_transaction_fails_it_ends_as_one_refund(build: Build, name: str, when: str) -> None:
    """X3: the row is stored before the call and its answer after it; each may fail, or only seem to."""
    house, database = failing_house(build)
    paid_twice(house)
    database.failing[name] = when
    with pytest.raises(Unavailable):
        house.send_refunds()
    house.owed_webhooks()
    go_on(house, 4)
    assert (refunds(house), gone(house)) == ([("succeeded", 4500)], [("succeeded", 4500)])
    assert (findings(house), kept(house)) == ([], SETTLED)


@pytest.fixture
def mortals(build: Build) -> Generator[tuple[House, DyingTransport, Callable[[Coroutine[Any, Any, Any]], None]]]:
    """A house, the place where its process dies, and what runs something until it dies there."""
    made: list[DyingTransport] = []
    corpses: list[Coroutine[Any, Any, Any]] = []

    def until_death(work: Coroutine[Any, Any, Any]) -> None:
        assert work.send(None) == "the process dies here"
        corpses.append(work)

    def wrap(inner: Any) -> DyingTransport:
        made.append(DyingTransport(inner))
        return made[-1]

    yield build(transport=wrap), made[0], until_death
    for corpse in corpses:
        corpse.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", [0, 1, 2], ids=["first read", "second read", "refund"])
def test_whichever_call_the_process_dies_at_it_ends_as_one_refund(mortals: Any, call: int, when: str) -> None:
    """X3: the process may die between any two steps; whoever comes next goes on from the row."""
    house, transport, until_death = mortals
    paid_twice(house)
    transport.dies, transport.after_calls = when, call
    until_death(send_refunds(house.world.for_refunds(), "default"))
    assert states(house) == (["sending"] if call == 2 else ["due"])
    house.owed_webhooks()
    go_on(house, 4)
    assert (refunds(house), gone(house)) == ([("succeeded", 4500)], [("succeeded", 4500)])


def test_a_worker_that_comes_back_from_the_dead_cannot_undo_what_was_done_meanwhile(mortals: Any) -> None:
    """X3: its fencing token is old; what its answer says of the refund is true all the same, and the same."""
    house, transport, _ = mortals
    paid_twice(house)
    transport.dies, transport.after_calls = "after", 2
    late = send_refunds(house.world.for_refunds(), "default")
    assert late.send(None) == "the process dies here"
    go_on(house, 2)
    assert states(house) == ["succeeded"]
    with pytest.raises(StopIteration):
        late.send(None)
    assert (refunds(house), gone(house), kept(house)) == ([("succeeded", 4500)], [("succeeded", 4500)], SETTLED)
