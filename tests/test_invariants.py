"""Every invariant holds while payonce works, and each of its queries finds what it is written for when that is planted.

A violation is planted in a database of its own, whose constraints are dropped first: with them most cannot be written
at all, and that is the point of the constraints.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from payonce.domain.invariants import ELSEWHERE, INVARIANTS, MACHINES, written_arrows
from payonce.usecases.close_orders import cancel_order
from payonce.usecases.prove import QUERIES, Counterexample, prove, prove_all
from tests.support.house import INVITE, House

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY: Final = {"provider": "stripe", "account": "main", "kind": "payment_intent", "ref": "pi_1"}


def proven(house: House, **more: Any) -> list[str]:
    """What speaks against any invariant, as text."""
    return [f"{c.query} {c.ref} {c.detail}" for c in house.run(prove_all(house.world, **more))]


def test_of_a_plain_payment_every_invariant_holds(house: House) -> None:
    order = house.place()
    house.pay(house.checkout(order))
    house.deliver_owed()
    assert house.see(order).state == "paid"
    assert proven(house, kinds=[INVITE.name]) == []


def test_of_everything_that_goes_wrong_every_invariant_holds(house: House) -> None:
    """X6: second, late and returned money, stale and cancelled attempts, and orders that take another's place."""
    twice = house.place("twice")
    first = house.checkout(twice)
    house.pay(first)
    house.deliver_owed()
    house.stripe.bank.refund(_intent(house, first), 100)
    late = house.place("late")
    stale = house.checkout(late)
    house.clock.move(31 * 60)
    house.checkout(late)
    house.clock.move(25 * 3600)
    house.close_old()
    assert house.see(late).state == "closed"
    house.place("replaced", 1000)
    house.checkout(house.place("replaced", 2000))
    cancelled = house.place("cancelled")
    house.checkout(cancelled)
    house.run(cancel_order(house.world, "default", cancelled.id))
    house.deliver_owed()
    house.resolve()
    assert stale.attempt_id is not None
    house.send_refunds()
    assert proven(house, kinds=[INVITE.name]) == []


def _intent(house: House, checkout: Any) -> str:
    """The payment intent behind a paid session."""
    [[ref]] = house.rows("SELECT ref FROM captures WHERE attempt_id = %s", checkout.attempt_id)
    return str(ref)


def test_every_query_belongs_to_an_invariant_and_says_its_number() -> None:
    named = [name for invariant in INVARIANTS for name in invariant.queries]
    assert sorted(named) == sorted(QUERIES)
    assert all(name.startswith(f"{invariant.id.lower()}_") for invariant in INVARIANTS for name in invariant.queries)
    numbers = {invariant.id for invariant in INVARIANTS} | set(ELSEWHERE)
    assert numbers == {f"S{number}" for number in range(1, 22)}


def test_every_query_has_the_agreed_columns_and_parameters() -> None:
    for query in QUERIES.values():
        assert {"merchant_id", "since", "limit"} <= set(re.findall(r"%\((\w+)\)s", query.sql)), query.name


def test_the_arrows_that_steps_are_compared_with_are_those_of_the_rules() -> None:
    arrows = written_arrows()
    assert len(arrows) == sum(len(machine.arrows) for machine in MACHINES)
    assert ("attempt", "closed", "paid", "paid") in arrows


@dataclass
class Ruins:
    """A database without constraints, in which anything can be written."""

    url: str
    order: UUID = field(default_factory=uuid4)
    attempt: UUID = field(default_factory=uuid4)
    effect: UUID = field(default_factory=uuid4)
    entry: UUID = field(default_factory=uuid4)
    refund: UUID = field(default_factory=uuid4)

    def tear_down(self) -> None:
        """Drop every constraint and unique index."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            constraints = connection.execute(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint"
                " WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
                " ORDER BY contype = 'p', contype = 'u'"
            ).fetchall()
            for table, name in constraints:
                statement = sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {} CASCADE")
                connection.execute(statement.format(sql.Identifier(table), sql.Identifier(name)))
            for (name,) in connection.execute(
                "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'"
            ).fetchall():
                connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(name)))

    def put(self, table: str, **values: object) -> None:
        """Write one row; what is not said is what a healthy row would have."""
        row = {"merchant_id": "default", **HEALTHY[table](self), **values}
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() for _ in row),
        )
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement, [*row.values()])


HEALTHY: Final[dict[str, Callable[[Ruins], dict[str, Any]]]] = {
    "orders": lambda it: {
        "order_id": it.order, "reference": "r", "purpose": "p", "payer_reference": "who", "state": "open",
        "amount_minor": 100, "currency": "USD", "token": "t", "success_url": "", "cancel_url": "", "created_at": NOW,
        "opened_at": NOW,
    },
    "attempts": lambda it: {
        "attempt_id": it.attempt, "order_id": it.order, "purpose": "p", "number": 1, "provider": "stripe",
        "account": "main", "flow": "payment_intent", "state": "creating", "amount_minor": 100, "currency": "USD",
        "request_method": "POST", "request_path": "/", "request_body": b"", "request_key": "", "request_version": "",
        "created_at": NOW,
    },
    "provider_refs": lambda it: {**KEY, "attempt_id": it.attempt, "order_id": it.order},
    "captures": lambda it: {
        **KEY, "attempt_id": it.attempt, "order_id": it.order, "currency": "USD", "captured_minor": 100,
        "allocated_minor": 100, "surplus_minor": 0, "is_confirmed": True, "captured_at": NOW,
    },
    "settlements": lambda it: {
        **KEY, "order_id": it.order, "attempt_id": it.attempt, "amount_minor": 100, "currency": "USD",
        "settled_at": NOW,
    },
    "entries": lambda it: {
        "entry_id": it.entry, "cause": "capture", "order_id": it.order, "currency": "USD", "posted_at": NOW,
    },
    "postings": lambda it: {"entry_id": it.entry, "line": 1, "account": "clearing:stripe:main", "amount_minor": 100},
    "returns": lambda it: {
        "provider": "stripe", "account": "main", "kind": "refund", "ref": "re_1", "nature": "refund",
        "capture_kind": "payment_intent", "capture_ref": "pi_1", "attempt_id": it.attempt, "order_id": it.order,
        "status": "succeeded", "amount_minor": 100, "returned_minor": 100, "currency": "USD", "first_seen_at": NOW,
    },
    "refunds": lambda it: {
        "refund_id": it.refund, "order_id": it.order, "attempt_id": it.attempt, "provider": "stripe",
        "account": "main", "capture_kind": "payment_intent", "capture_ref": "pi_1", "serves": "surplus", "state": "due",
        "amount_minor": 60, "currency": "USD", "reason": "second_charge", "asked_by": "policy", "staged_minor": 0,
        "created_at": NOW,
    },
    "refund_days": lambda it: {
        "day": NOW.date(), "currency": "USD", "automatic_minor": 60, "limit_minor": 100,
    },
    "effects": lambda it: {
        "effect_id": it.effect, "key": f"{it.order.hex}:paid:invite", "kind": "invite", "occasion": "order.paid",
        "nature": "fulfilment", "order_id": it.order, "state": "pending", "due_at": NOW, "owed_at": NOW,
    },
    "deliveries": lambda it: {
        "effect_id": it.effect, "try_number": 1, "fence": 1, "began_at": NOW, "outcome": "accepted",
    },
    "stock_items": lambda it: {"stock_id": it.entry, "changed_at": NOW},
    "reservations": lambda it: {
        "order_id": it.order, "sku": "seat", "quantity": 1, "state": "held", "reserved_at": NOW,
    },
    "order_payouts": lambda it: {"order_id": it.order, "payee": "coach", "amount_minor": 50},
    "accruals": lambda it: {
        "accrual_id": uuid4(), "order_id": it.order, "payee": "coach", "currency": "USD", "state": "accrued",
        "amount_minor": 50, "accrued_at": NOW,
    },
    "payouts": lambda it: {
        "payout_id": uuid4(), "payee": "coach", "number": 1, "currency": "USD", "gross_minor": 50, "carried_minor": 0,
        "amount_minor": 50, "order_id": it.order, "made_at": NOW,
    },
    "audit": lambda it: {
        "audit_id": uuid4(), "at": NOW, "actor": "test", "subject": "attempt", "subject_id": it.attempt,
        "source": "creating", "event": "created", "target": "open", "cause": "test",
    },
}  # fmt: skip


def two_lines(it: Ruins, *lines: tuple[str, int]) -> None:
    """A balanced or unbalanced entry of the order."""
    it.put("entries")
    for number, (account, amount) in enumerate(lines, 1):
        it.put("postings", line=number, account=account, amount_minor=amount)


def s1_allocations_within_amount(it: Ruins) -> None:
    it.put("orders", allocated_minor=100)
    it.put("captures", ref="pi_1", allocated_minor=100)
    it.put("captures", ref="pi_2", allocated_minor=100)


def s1_surplus_is_watched(it: Ruins) -> None:
    it.put("orders", state="paid", allocated_minor=100, paid_at=NOW)
    it.put("captures", allocated_minor=0, surplus_minor=100)


def s2_paid_has_one_settlement(it: Ruins) -> None:
    it.put("orders", state="paid", allocated_minor=100, paid_at=NOW)


def s3_entries_balance(it: Ruins) -> None:
    two_lines(it, ("clearing:stripe:main", 100), ("orders", -99))


def s3_ledger_balances(it: Ruins) -> None:
    two_lines(it, ("clearing:stripe:main", 100), ("surplus", -101))


def s4_clearing_is_what_the_provider_said(it: Ruins) -> None:
    it.put("orders")
    it.put("captures")
    two_lines(it, ("clearing:stripe:main", 50), ("orders", -50))


def s4_serving_is_posted(it: Ruins) -> None:
    it.put("orders")
    it.put("captures")
    two_lines(it, ("clearing:stripe:main", 100), ("surplus", -100))


def s4_order_sums(it: Ruins) -> None:
    it.put("orders", received_minor=200)
    it.put("captures")


def s4_payout_costs_are_the_accruals(it: Ruins) -> None:
    it.put("accruals", reversed_minor=20)
    two_lines(it, ("payout_costs", 50), ("payouts_due:coach", -50))


def s4_payouts_due_are_what_is_left(it: Ruins) -> None:
    it.put("accruals")
    it.put("payouts", amount_minor=20)
    two_lines(it, ("payout_costs", 50), ("payouts_due:coach", -50))


def s5_reference_serves_one_attempt(it: Ruins) -> None:
    it.put("provider_refs")
    it.put("provider_refs", attempt_id=uuid4(), merchant_id="another")


def s6_one_live_attempt(it: Ruins) -> None:
    it.put("attempts")
    it.put("attempts", attempt_id=uuid4(), number=2, state="open")


def s7_next_attempt_only_after_a_dead_one(it: Ruins) -> None:
    it.put("orders")
    it.put("attempts", state="paid")
    it.put("captures")
    it.put("attempts", attempt_id=uuid4(), number=2, state="open")


def s8_steps_follow_arrows(it: Ruins) -> None:
    it.put("audit", source="closed", event="created", target="open")


def s8_attempt_steps_lead_to_its_state(it: Ruins) -> None:
    it.put("attempts", state="closed")
    it.put("audit")


def s8_effect_steps_lead_to_its_state(it: Ruins) -> None:
    it.put("effects", state="done", due_at=None)


def s8_order_steps_lead_to_its_state(it: Ruins) -> None:
    it.put("orders", state="paid")


def s9_returned_twice_is_found(it: Ruins) -> None:
    it.put("orders")
    it.put("captures")
    it.put("returns")
    it.put("returns", ref="re_2", amount_minor=1, returned_minor=1)


def s4_refund_is_staged_as_it_stands(it: Ruins) -> None:
    it.put("refunds", state="sent")


def s8_refund_steps_lead_to_its_state(it: Ruins) -> None:
    it.put("refunds", state="sent", staged_minor=60)


def s9_refunds_within_what_came(it: Ruins) -> None:
    it.put("orders")
    it.put("captures")
    it.put("refunds")
    it.put("refunds", refund_id=uuid4())


def s9_refund_has_one_echo(it: Ruins) -> None:
    it.put("refunds", state="succeeded", staged_minor=60)


def s9_day_within_its_limit(it: Ruins) -> None:
    it.put("refund_days", automatic_minor=101)


def s10_one_accepted_delivery(it: Ruins) -> None:
    it.put("effects", state="done", due_at=None)
    it.put("deliveries")
    it.put("deliveries", try_number=2)


def s10_one_effect_per_key(it: Ruins) -> None:
    it.put("effects")
    it.put("effects", effect_id=uuid4())


def s10_one_accrual_per_payment(it: Ruins) -> None:
    it.put("accruals")
    it.put("accruals")


def s10_payout_is_its_accruals(it: Ruins) -> None:
    it.put("payouts")
    it.put("accruals", state="paid_out", payout_number=1, paid_minor=40)


def s11_accrual_has_its_settlement(it: Ruins) -> None:
    it.put("order_payouts")
    it.put("accruals")


def s11_paid_order_accrued_its_shares(it: Ruins) -> None:
    it.put("settlements")
    it.put("order_payouts")


def s11_effect_has_its_cause(it: Ruins) -> None:
    it.put("orders")
    it.put("effects")


def stock(it: Ruins, **more: Any) -> None:
    """An item of which ten pieces are free, as somebody said."""
    values = {"sku": "seat", "on_hand": 10, "free": 10, "held": 0, "sold": 0, **more}
    it.put("stock_items", **values)
    said = {"source": "0", "event": "set", "target": "10"}
    it.put("audit", subject="stock", subject_id=it.entry, **said)


def s19_pieces_are_free_held_or_sold(it: Ruins) -> None:
    stock(it, free=9)


def s19_counts_are_reservations(it: Ruins) -> None:
    stock(it, free=8, held=2)
    it.put("orders", has_items=True)
    it.put("reservations", quantity=1)


def s19_orders_have_what_their_state_says(it: Ruins) -> None:
    stock(it, free=9, held=1)
    it.put("orders", state="closed", has_items=True)
    it.put("reservations")


def s19_orders_know_that_they_have_items(it: Ruins) -> None:
    stock(it, free=9, held=1)
    it.put("orders")
    it.put("reservations")


def s19_on_hand_was_said(it: Ruins) -> None:
    stock(it, on_hand=11, free=11)


def s20_paid_is_fulfilled_or_watched(it: Ruins) -> None:
    it.put("effects", state="dead", due_at=None)


def s20_paid_owes_its_fulfilment(it: Ruins) -> None:
    it.put("orders", state="paid", paid_at=NOW)


def s21_no_money_is_dropped(it: Ruins) -> None:
    it.put("orders", state="closed")
    it.put("captures")


PLANTED: Final[dict[str, Callable[[Ruins], None]]] = {
    name: globals()[name] for invariant in INVARIANTS for name in invariant.queries
}


@pytest.mark.parametrize("query", PLANTED)
def test_a_planted_violation_is_found_by_its_query(query: str, database_url: str, house: House) -> None:
    it = Ruins(database_url)
    it.tear_down()
    found = house.run(prove_all(house.world, kinds=["invite"]))
    assert found == []
    PLANTED[query](it)
    assert query in {c.query for c in house.run(prove_all(house.world, kinds=["invite"]))}
    # Another merchant's rows and what began later are other questions. A sum over the whole ledger knows no time.
    assert house.run(prove_all(house.world, "nobody", kinds=["invite"])) == []
    later = house.run(prove_all(house.world, since=datetime(2026, 11, 21, tzinfo=UTC), kinds=["invite"]))
    assert {c.query for c in later} <= {"s3_ledger_balances"}


def test_a_counterexample_says_what_it_is_about(database_url: str, house: House) -> None:
    it = Ruins(database_url)
    it.tear_down()
    s2_paid_has_one_settlement(it)
    [found] = [c for c in house.run(prove_all(house.world)) if c.query == "s2_paid_has_one_settlement"]
    assert found == Counterexample(
        "s2_paid_has_one_settlement", "default", f"order:{it.order}",
        "state paid, asks 100 USD, allocated 100, settlements 0 of 0 ", NOW,
    )  # fmt: skip


def test_a_proof_comes_for_every_invariant_in_order(house: House) -> None:
    async def all_of_them() -> list[str]:
        return [proof.invariant.id async for proof in prove(house.world)]

    assert house.run(all_of_them()) == [invariant.id for invariant in INVARIANTS]
