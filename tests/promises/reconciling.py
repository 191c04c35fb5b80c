"""What tests of reconciliation share: a run, what it left, and a provider whose books are bent by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from payonce.providers.simulator.stripe.money_back import BalanceTransaction
from payonce.usecases.answers import OrderView
from payonce.usecases.reconcile import Reconciled, Scope, reconcile
from tests.promises.acts import intent_of
from tests.support.house import House

# The clock of a house stands at noon of this day.
FIRST = date(2026, 11, 20)


def run(house: House, limit: int = 10_000, scope: Scope | None = None, **more: Any) -> Reconciled:
    """Reconcile all that is due, as the job does: without any means to create a payment."""
    return house.run(reconcile(house.world.for_jobs(), "default", limit, scope=scope, **more))


def again(house: House, *days: date) -> Reconciled:
    """Reconcile these days once more."""
    return run(house, scope=Scope(days, since=house.clock.now()))


def lines(house: House, state: str = "open") -> list[tuple[str, int | None, int | None]]:
    """(class, theirs, ours) of the lines in that state."""
    sql = "SELECT class, theirs_minor, ours_minor FROM reconcile_lines WHERE state = %s ORDER BY class, day, object_ref"
    return [(name, theirs, ours) for name, theirs, ours in house.rows(sql, state)]


def windows(house: House) -> list[tuple[date, str, int]]:
    """(day, state, matched) of every window."""
    rows = house.rows("SELECT day, state, matched FROM reconcile_windows ORDER BY provider, day")
    return [(day, state, matched) for day, state, matched in rows]


def sums(house: House) -> list[tuple[Any, ...]]:
    """(day, currency, gross, fees, refunds, disputes, net) by the provider's records."""
    return house.rows(
        "SELECT day, currency, gross_minor, fees_minor, refunds_minor, disputes_minor, net_minor FROM reconcile_sums "
        "ORDER BY day, currency"
    )


def at_risk(house: House) -> list[tuple[str, int, str]]:
    """(kind, money at risk, state) of findings, in the order of their kinds."""
    rows = house.rows("SELECT kind, money_minor, state FROM findings ORDER BY kind, finding_id")
    return [(kind, money, state) for kind, money, state in rows]


def state_of_it_all(house: House) -> list[Any]:
    """Everything that reconciling wrote, but for when and how often."""
    columns = "day, object_kind, object_ref, class, state, theirs_minor, ours_minor"
    found = house.rows(f"SELECT {columns} FROM reconcile_lines ORDER BY day, object_ref")
    entries = house.rows("SELECT cause FROM entries ORDER BY cause")
    return [windows(house), sums(house), found, entries, house.rows("SELECT record_ref FROM money_records ORDER BY 1")]


def paid(house: House, purpose: str = "fee:1", amount_minor: int = 4500, **more: Any) -> tuple[OrderView, str]:
    """A paid order that everybody heard of, and its payment at Stripe."""
    order = house.place(purpose, amount_minor, **more)
    checkout = house.checkout(order)
    house.pay(checkout)
    house.deliver_owed()
    assert house.see(order).state == "paid"
    return order, intent_of(house, checkout)


def transaction_of(house: House, intent: str) -> BalanceTransaction:
    """The movement that a payment left in Stripe's books."""
    charge = house.stripe.books.intents[intent].latest_charge
    return next(row for row in house.stripe.books.transactions.values() if row.source == charge)


def write_twice(house: House, intent: str) -> None:
    """Let Stripe's books hold the payment a second time."""
    row, name = transaction_of(house, intent), f"txn_again_{intent}"
    house.stripe.books.transactions[name] = replace(row, id=name)


def pay_unasked(house: House, amount_minor: int, metadata: dict[str, str], key: str) -> str:
    """Somebody charges a card with these marks, and nobody is told; the payment's name."""
    fields = {"amount": amount_minor, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
    fields |= {f"metadata[{name}]": value for name, value in metadata.items()}
    fields |= {"payment_method_types[]": "card"}
    headers = [("Authorization", "Bearer sk_test_house_1234567890"), ("Idempotency-Key", key)]
    reply = house.stripe.handle("POST", "/v1/payment_intents", "", headers, urlencode(fields).encode())
    assert reply.status == 200, reply.body
    house.owed_webhooks()
    return list(house.stripe.books.intents)[-1]
