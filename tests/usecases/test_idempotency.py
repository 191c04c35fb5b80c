"""One idempotency key, one request, one answer."""

from __future__ import annotations

from uuid import UUID

import pytest

from payonce.base.errors import Refused
from payonce.base.ids import Ids
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.usecases.idempotency import (
    LEASE,
    Fresh,
    Keyed,
    Replay,
    Running,
    begin_request,
    finish_request,
    forget_request,
    hold_bodies,
)
from payonce.usecases.world import World
from tests.support.clocks import HandClock, SeededChance

REQUEST = Keyed("default", "key-1", "POST /v1/orders", b"one body")
OTHER_BODY = Keyed("default", "key-1", "POST /v1/orders", b"another body")


@pytest.fixture
def world(database: SyncDatabase, clock: HandClock, chance: SeededChance) -> World:
    return World(database, clock, Ids(clock, chance), chance, tills={}, merchants={})


def test_the_first_request_is_to_be_answered(world: World) -> None:
    assert run_to_end(begin_request(world, REQUEST)) == Fresh(1)


def test_an_answer_is_given_again_byte_for_byte(world: World) -> None:
    run_to_end(begin_request(world, REQUEST))
    run_to_end(finish_request(world, REQUEST, 1, 201, b'{"id": "ord_1"}', UUID(int=7)))
    assert [run_to_end(begin_request(world, REQUEST)) for _ in range(3)] == [Replay(201, b'{"id": "ord_1"}')] * 3


def test_while_one_answers_the_other_is_told_when_to_come_back(world: World, clock: HandClock) -> None:
    run_to_end(begin_request(world, REQUEST))
    clock.move(20)
    answer = run_to_end(begin_request(world, REQUEST))
    assert isinstance(answer, Running)
    assert 0 <= answer.retry_after_seconds - (LEASE.total_seconds() - 20) < 1


@pytest.mark.parametrize("finished", [False, True])
def test_the_same_key_with_another_body_is_refused_and_changes_nothing(world: World, finished: bool) -> None:
    run_to_end(begin_request(world, REQUEST))
    if finished:
        run_to_end(finish_request(world, REQUEST, 1, 200, b"{}"))
    with pytest.raises(Refused) as refused:
        run_to_end(begin_request(world, OTHER_BODY))
    assert (refused.value.code, refused.value.status) == ("idempotency_key_reused", 422)
    again = run_to_end(begin_request(world, REQUEST))
    assert again == Replay(200, b"{}") if finished else isinstance(again, Running)


def test_the_keys_of_two_merchants_have_nothing_to_do_with_each_other(world: World) -> None:
    run_to_end(begin_request(world, REQUEST))
    other = Keyed("shop-2", REQUEST.key, REQUEST.route, b"another body")
    assert run_to_end(begin_request(world, other)) == Fresh(1)


def test_a_refused_request_frees_its_key(world: World) -> None:
    run_to_end(begin_request(world, REQUEST))
    run_to_end(forget_request(world, REQUEST, 1))
    assert run_to_end(begin_request(world, OTHER_BODY)) == Fresh(1)


def test_when_the_caller_died_the_next_one_answers_and_the_dead_one_cannot(world: World, clock: HandClock) -> None:
    run_to_end(begin_request(world, REQUEST))
    clock.move(LEASE.total_seconds() + 2)
    assert run_to_end(begin_request(world, REQUEST)) == Fresh(2)
    run_to_end(finish_request(world, REQUEST, 1, 500, b"from the dead"))
    run_to_end(forget_request(world, REQUEST, 1))
    run_to_end(finish_request(world, REQUEST, 2, 201, b"{}"))
    assert run_to_end(begin_request(world, REQUEST)) == Replay(201, b"{}")


def test_where_answers_are_computed_afresh_a_key_only_guards_its_body(world: World) -> None:
    for _ in range(3):
        assert run_to_end(hold_bodies(world, "default", [REQUEST])) == [None]
    [refused] = run_to_end(hold_bodies(world, "default", [OTHER_BODY]))
    assert refused is not None
    assert (refused.code, refused.status) == ("idempotency_key_reused", 422)


def test_keys_of_many_callers_are_bound_together_and_each_is_told_of_his_own(world: World) -> None:
    """A refused one among them leaves the others as they are, and of two bodies of one key the first has it."""
    others = [Keyed("default", f"key-{number}", "POST /v1/orders", b"one body") for number in range(5, 1, -1)]
    found = run_to_end(hold_bodies(world, "default", [*others, REQUEST, OTHER_BODY, REQUEST]))
    assert [None if each is None else each.code for each in found] == [None] * 5 + ["idempotency_key_reused", None]
    assert run_to_end(hold_bodies(world, "default", [REQUEST, *others])) == [None] * 5
