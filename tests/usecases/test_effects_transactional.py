"""A handler that writes to the same database is done exactly once: its writes and its mark are one transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from payonce.base.errors import Unavailable
from payonce.domain.effect import EffectKind
from payonce.usecases.effect_handlers import EffectCall, NotAccepted, NotDone, OutcomeUnknown
from payonce.usecases.python_handlers import python_handler
from tests.support.effects import Desk, Died, free_order, paid_for
from tests.support.house import House

CREDIT = EffectKind("credit", "order.paid", transactional=True, tries=3)


@pytest.fixture(autouse=True)
def players(database_url: str) -> None:
    """The application's own table; a second credit of one order is no error, so that only payonce prevents it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE credits (order_id uuid, try_number integer)")


def credit(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
    connection.execute("INSERT INTO credits VALUES (%s, %s)", (effect.order_id, effect.try_number))


def credited(house: House) -> list[tuple[Any, ...]]:
    return house.rows("SELECT order_id, count(*) FROM credits GROUP BY order_id ORDER BY order_id")


def test_what_a_handler_writes_is_committed_with_its_mark(house: House) -> None:
    """E5: the work and the mark of it are one transaction."""
    desk = Desk(house, {CREDIT: python_handler(credit, transactional=True)})
    order_id = paid_for(house)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    assert desk.deliver() == []
    assert credited(house) == [(order_id, 1)]
    assert house.see(order_id).counters.fulfilled == 1


def test_of_many_all_are_done_once_in_one_transaction(house: House) -> None:
    desk = Desk(house, {CREDIT: python_handler(credit, transactional=True)})
    orders = sorted(free_order(house, number) for number in range(10))
    assert [found.outcome for found in desk.deliver()] == ["accepted"] * 10
    assert credited(house) == [(order_id, 1) for order_id in orders]


def test_a_failing_handler_costs_the_others_nothing(house: House) -> None:
    unlucky: list[UUID] = []

    def fail_for_one(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        credit(effect, connection)
        if not unlucky:
            unlucky.append(effect.order_id)
        if effect.order_id in unlucky:
            raise LookupError("no such player")

    desk = Desk(house, {CREDIT: python_handler(fail_for_one, transactional=True)})
    orders = sorted(free_order(house, number) for number in range(5))
    outcomes = {found.order_id: found.outcome for found in desk.deliver()}
    assert outcomes == {order_id: "refused" if order_id in unlucky else "accepted" for order_id in orders}
    assert credited(house) == [(order_id, 1) for order_id in orders if order_id not in unlucky]


@pytest.mark.parametrize(
    "failure",
    [
        LookupError("no such player"),
        NotDone("not now"),
        NotAccepted("not now"),
        OutcomeUnknown("hm"),
        "sql",
        "swallowed",
    ],
)
def test_whatever_a_handler_fails_by_is_rolled_back_and_tried_again(house: House, failure: Any) -> None:
    def fail_once(effect: EffectCall, connection: psycopg.Connection[Any]) -> Any:
        credit(effect, connection)
        if effect.try_number > 1:
            return None
        if failure in ("sql", "swallowed"):
            try:
                connection.execute("SELECT no_such_column FROM credits")
            except psycopg.Error:
                if failure == "sql":
                    raise
            return None
        if isinstance(failure, Exception):
            raise failure
        return failure

    desk = Desk(house, {CREDIT: python_handler(fail_once, transactional=True)})
    order_id = paid_for(house)
    assert [found.outcome for found in desk.deliver()] == ["refused"]
    assert credited(house) == []
    house.clock.move(5)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    assert credited(house) == [(order_id, 1)]
    assert [row.outcome for row in desk.only().tries] == ["refused", "accepted"]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_handler_that_ends_the_transaction_is_found_out(house: House, end: str) -> None:
    def meddle(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        connection.execute(end)

    desk = Desk(house, {CREDIT: python_handler(meddle, transactional=True)})
    paid_for(house)
    assert [found.outcome for found in desk.deliver()] == ["refused"]
    assert "left its transaction IDLE" in (desk.only().effect.reason or "")


def test_a_worker_that_dies_in_the_handler_leaves_nothing_behind(house: House) -> None:
    """E16: a crash inside the work rolls it back; it is done once afterwards."""

    def die_once(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        credit(effect, connection)
        if effect.try_number == 1:
            raise Died

    desk = Desk(house, {CREDIT: python_handler(die_once, transactional=True)})
    order_id = paid_for(house)
    desk.die_delivering()
    assert credited(house) == []
    house.clock.move(60)
    assert [found.outcome for found in desk.deliver_after_a_death()] == ["unknown"]
    house.clock.move(5)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    assert credited(house) == [(order_id, 1)]


def test_a_handler_that_kills_every_worker_is_dead_in_the_end(house: House) -> None:
    def poison(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        raise Died

    desk = Desk(house, {CREDIT: python_handler(poison, transactional=True)})
    paid_for(house)
    for _ in range(3):
        desk.die_delivering()
        house.clock.move(60)
        desk.deliver_after_a_death()
        house.clock.move(3600)
    assert desk.deliver() == []
    assert (desk.only().effect.state, desk.only().effect.tries) == ("dead", 3)
    assert ("dead_effect", "open") in desk.findings()


def test_a_worker_that_lost_its_claim_writes_nothing(house: House) -> None:
    orders = []

    def stall_once(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        credit(effect, connection)

    desk = Desk(house, {CREDIT: python_handler(stall_once, transactional=True)})
    orders.append(paid_for(house))
    describe = desk.handlers.describe

    async def stall(merchant_id: str, order_ids: Any) -> Any:
        # Between claim and transaction: the lease ends, and another worker does the work.
        house.clock.move(60)
        other = Desk(house, {CREDIT: python_handler(credit, transactional=True)})
        other.deliver()
        house.clock.move(5)
        assert [found.outcome for found in other.deliver()] == ["accepted"]
        return await describe(merchant_id, order_ids)

    object.__setattr__(desk.handlers, "describe", stall)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    assert credited(house) == [(orders[0], 1)]


def transactions_of(house: House, order_id: UUID) -> list[str]:
    """The transactions that wrote what there is about the order's only effect: its claim, its work and its mark."""
    mine = "(SELECT effect_id FROM effects WHERE order_id = %(order)s)"
    rows = house.rows(
        "SELECT xmin::text FROM credits WHERE order_id = %(order)s"
        " UNION ALL SELECT xmin::text FROM effects WHERE order_id = %(order)s"
        f" UNION ALL SELECT xmin::text FROM deliveries WHERE effect_id IN {mine}"
        f" UNION ALL SELECT xmin::text FROM audit WHERE subject_id IN {mine} AND event IN ('claimed', 'accepted')",
        order=order_id,
    )
    assert len(rows) == 5
    return [row[0] for row in rows]


def knowing(house: House, handler: Any) -> Desk:
    """A worker that has called the handler once before."""
    desk = Desk(house, {CREDIT: handler})
    free_order(house, 99)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    return desk


def test_a_handler_that_was_quick_is_taken_called_and_marked_in_one_transaction(house: House) -> None:
    desk = knowing(house, python_handler(credit, transactional=True))
    orders = [free_order(house, number) for number in range(3)]
    assert [found.outcome for found in desk.deliver()] == ["accepted"] * 3
    assert len({name for order_id in orders for name in transactions_of(house, order_id)}) == 1
    ends = house.rows("SELECT DISTINCT outcome, ended_at FROM deliveries")
    assert ends == [("accepted", house.clock.now())]


def test_a_handler_that_was_slow_is_claimed_before_so_that_nobody_waits_for_its_order(house: House) -> None:
    def slow_credit(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        credit(effect, connection)
        house.clock.move(0.06)

    desk = knowing(house, python_handler(slow_credit, transactional=True))
    order_id = free_order(house, 1)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    assert len(set(transactions_of(house, order_id))) == 2


def test_so_many_are_done_at_once_that_their_orders_are_held_for_a_moment_only(house: House) -> None:
    def brisk_credit(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        credit(effect, connection)
        house.clock.move(0.02)

    desk = knowing(house, python_handler(brisk_credit, transactional=True))
    orders = [free_order(house, number) for number in range(6)]
    assert [found.outcome for found in desk.deliver()] == ["accepted"] * 6
    parts = [set(transactions_of(house, order_id)) for order_id in orders]
    assert [len(each) for each in parts] == [1] * 6
    assert len(set.union(*parts)) == 3


def test_of_quick_ones_the_one_that_fails_costs_the_others_nothing(house: House) -> None:
    unlucky: list[UUID] = []

    def fail_for_some(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        credit(effect, connection)
        if effect.order_id in unlucky:
            raise LookupError("no such player")

    desk = knowing(house, python_handler(fail_for_some, transactional=True))
    orders = [free_order(house, number) for number in range(4)]
    unlucky.append(orders[1])
    outcomes = {found.order_id: found.outcome for found in desk.deliver()}
    assert outcomes == {order_id: "refused" if order_id in unlucky else "accepted" for order_id in orders}
    assert {order_id for order_id, times in credited(house) if times == 1} >= set(orders) - set(unlucky)
    assert not set(unlucky) & {order_id for order_id, _ in credited(house)}


def test_what_a_worker_dies_of_is_claimed_by_the_next_one(house: House) -> None:
    """E16: nothing remembers a worker that died without a claim; the one that follows it knows no handler yet."""
    deaths: list[UUID] = []

    def die(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        credit(effect, connection)
        if effect.order_id in deaths:
            raise Died

    desk = knowing(house, python_handler(die, transactional=True))
    deaths.append(order_id := free_order(house, 1))
    desk.die_delivering()
    assert order_id not in dict(credited(house))
    [effect] = [each for each in desk.effects() if each.order_id == order_id]
    assert (effect.state, effect.tries) == ("pending", 0)
    Desk(house, {CREDIT: python_handler(die, transactional=True)}).die_delivering()
    [effect] = [each for each in desk.effects() if each.order_id == order_id]
    assert (effect.state, effect.tries) == ("claimed", 1)


@pytest.mark.parametrize("how", ["says that it cannot now", "takes too long", "waits for a lock"])
def test_a_quick_one_that_holds_everybody_up_is_claimed_and_counted(house: House, database_url: str, how: str) -> None:
    """Nothing of it may stop what stands behind it: it is rolled back, and tried alone under a claim."""
    troubled: list[UUID] = []

    def trouble(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        credit(effect, connection)
        if effect.order_id not in troubled:
            return
        if how == "says that it cannot now":
            raise Unavailable("no", code="not_now")
        if how == "takes too long":
            house.clock.move(0.3)
        else:
            connection.execute("UPDATE stairs SET step = step + 1")

    with psycopg.connect(database_url, autocommit=True) as application:
        application.execute("CREATE TABLE stairs AS SELECT 1 AS step")
        desk = knowing(house, python_handler(trouble, transactional=True))
        troubled.append(free_order(house, 1))
        other = free_order(house, 2)
        if how == "waits for a lock":
            application.execute("BEGIN; UPDATE stairs SET step = 0")
        outcomes = {found.order_id: found.outcome for found in desk.deliver()}
    assert outcomes[other] == "accepted"
    tries = dict(house.rows("SELECT order_id, tries FROM effects"))
    assert (tries[troubled[0]], tries[other]) == (1, 1)
    if how == "takes too long":
        assert len(set(transactions_of(house, troubled[0]))) == 2
    else:
        assert outcomes[troubled[0]] != "accepted" and troubled[0] not in dict(credited(house))


def test_the_server_ends_what_holds_orders_and_waits(house: House) -> None:
    """Sooner than it would end what was claimed before, which holds none."""
    seen: list[tuple[str, ...]] = []

    def look(effect: EffectCall, connection: psycopg.Connection[Any]) -> None:
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        seen.append(tuple(row[0] for name in names for row in connection.execute(f"SHOW {name}")))

    desk = knowing(house, python_handler(look, transactional=True))
    free_order(house, 1)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    claimed, quick = seen
    assert quick == ("250ms", "1s", "1s") and not set(quick) & set(claimed)
