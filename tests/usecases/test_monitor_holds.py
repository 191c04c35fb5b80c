"""The monitor asks the questions of `payonce prove` about what moved, and finds what the whole question would find."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from payonce.domain.invariants import OF_THE_WHOLE, SMALL
from payonce.usecases.list_findings import list_findings
from payonce.usecases.monitor import monitor
from payonce.usecases.prove import QUERIES, SCOPED, prove_all
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.house import House

BREAKS = {
    # What a hand that writes beside payonce may break, and which question finds it.
    "s3_entries_balance": "UPDATE postings SET amount_minor = amount_minor + 1 WHERE line = 1",
    "s4_order_sums": "UPDATE orders SET received_minor = received_minor + 1",
    "s2_paid_has_one_settlement": "UPDATE settlements SET amount_minor = amount_minor - 1",
    "s20_paid_is_fulfilled_or_watched": "UPDATE effects SET state = 'dead', due_at = NULL WHERE kind = 'invite'",
    "s8_order_steps_lead_to_its_state": (
        "UPDATE audit SET target = 'closed' WHERE subject = 'order' AND target = 'paid'"
    ),
    "s19_orders_know_that_they_have_items": "UPDATE orders SET has_items = true",
}


def pay_one(house: House, purpose: str = "fee:27:2026-05") -> UUID:
    order = house.place(purpose)
    house.pay(house.checkout(order))
    house.deliver_owed()
    house.clock.move(61)
    return order.id


def broken(house: House) -> dict[str, str]:
    """Query -> kind of what is found and not resolved."""
    unresolved = house.run(list_findings(house.world, DEFAULT_MERCHANT, state="unresolved", limit=100))
    return {each.detail["query"]: each.kind for each in unresolved if "query" in each.detail}


@pytest.mark.parametrize("query", BREAKS)
def test_what_is_broken_beside_payonce_is_found_about_the_order_that_moved(house: House, query: str) -> None:
    """C20: the monitor says what `payonce prove` says, once, and takes it back when it holds again."""
    order_id = pay_one(house)
    house.rows(f"{BREAKS[query]} RETURNING 1")
    proven = {each.query for each in house.run(prove_all(house.world))}
    assert query in proven
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["invariants"]))
    found = broken(house)
    assert set(found) == {name for name in proven if name in SCOPED}
    assert found[query] == ("ledger_unbalanced" if query.startswith("s3") else "invariant_broken")
    assert house.rows("SELECT DISTINCT order_id FROM findings WHERE found_by = 'invariants'") == [(order_id,)]
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["invariants"]))
    assert broken(house) == found, "it is looked at again though nothing moved"
    mend(house, query)
    assert house.run(prove_all(house.world)) == []
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["invariants"]))
    assert broken(house) == {}


def mend(house: House, query: str) -> None:
    """Write back what was broken."""
    mends = {
        "s3_entries_balance": "UPDATE postings SET amount_minor = amount_minor - 1 WHERE line = 1",
        "s4_order_sums": "UPDATE orders SET received_minor = received_minor - 1",
        "s2_paid_has_one_settlement": "UPDATE settlements SET amount_minor = amount_minor + 1",
        "s20_paid_is_fulfilled_or_watched": (
            "UPDATE effects SET state = 'pending', due_at = owed_at WHERE kind = 'invite'"
        ),
        "s8_order_steps_lead_to_its_state": (
            "UPDATE audit SET target = 'paid' WHERE subject = 'order' AND target = 'closed'"
        ),
        "s19_orders_know_that_they_have_items": "UPDATE orders SET has_items = false",
    }
    house.rows(f"{mends[query]} RETURNING 1")


def test_what_did_not_move_since_is_not_asked_about_again(house: House) -> None:
    """The cost of a look is what happened since the last one: an order that was looked at and rests is left alone."""
    pay_one(house)
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["invariants"]))
    house.rows("UPDATE orders SET received_minor = received_minor + 1 RETURNING 1")
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["invariants"]))
    assert broken(house) == {}, "this is what `payonce prove` is for"
    pay_one(house, "fee:2")
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["invariants"]))
    assert broken(house) == {}
    assert {each.query for each in house.run(prove_all(house.world))} == {"s4_order_sums"}


def test_an_order_is_asked_about_with_all_others_of_its_purpose(house: House, database_url: str) -> None:
    """S6: two payable attempts of one purpose are seen from either order."""
    first = house.place()
    house.checkout(first)
    house.clock.move(61)
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["invariants"]))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP INDEX attempt_one_live_per_purpose")
    second = house.place("fee:other")
    house.checkout(second)
    for table, more in (("orders", ", state = 'waiting'"), ("attempts", "")):
        sql = f"UPDATE {table} SET purpose = 'fee:27:2026-05'{more} WHERE order_id = %s RETURNING 1"
        house.rows(sql, second.id)
    house.clock.move(61)
    house.run(monitor(house.world, DEFAULT_MERCHANT, only=["invariants"]))
    assert "s6_one_live_attempt" in broken(house)


def test_every_question_is_asked_by_the_monitor_or_only_the_whole_can_answer_it() -> None:
    """One source: what the monitor asks ends with the very text that `payonce prove` asks."""
    for name, query in SCOPED.items():
        assert query.sql.endswith(QUERIES[name].sql)
    assert set(QUERIES) == set(SCOPED) | OF_THE_WHOLE
    assert SMALL <= OF_THE_WHOLE
