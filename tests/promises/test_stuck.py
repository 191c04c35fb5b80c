"""Rows of an older state, or imported: whatever an attempt was left as, its payer can pay, without manual SQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payonce.usecases.answers import AlreadyPaid
from payonce.usecases.prove import prove_all
from tests.promises.acts import DAY, attempts, intent_of, payable
from tests.support.house import House

# What somebody left behind for days, as it stands in the row of the first attempt.
LEFT = {
    "a create that nobody finished": "state = 'creating', handle_ref = NULL, handle_kind = NULL, url = NULL",
    "a create in doubt": "state = 'in_doubt', handle_ref = NULL, handle_kind = NULL, url = NULL",
    "open without an address": "url = NULL",
    "open without an expiry": "expires_at = NULL",
    "closing for days": "state = 'closing', close_because = 'replaced'",
    "a lease that was never given back": "lease_until = created_at + interval '1 hour'",
    "asked about by nobody": "asked_at = created_at",
}


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """A house that is sound when the test ends, but for how its rows came to stand as they were planted (S8)."""
    built = House(database_url)
    yield built
    assert [c for c in built.run(prove_all(built.world)) if not c.query.startswith("s8_")] == []
    built.close()


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT.keys())
def test_what_was_left_behind_becomes_payable_by_a_click(house: House, left: str) -> None:
    """D15: orders already stuck become payable without manual SQL."""
    order = house.place()
    house.checkout(order)
    house.rows(f"UPDATE attempts SET disclosed_at = NULL, {left} RETURNING 1")
    house.rows("DELETE FROM provider_refs RETURNING 1")
    house.clock.move(2 * DAY)
    checkout = house.checkout(order)
    assert payable(house) == [checkout.provider_ref]
    assert attempts(house, order)[-1][1] == "open"
    house.pay(checkout)
    house.deliver_owed()
    assert house.see(order).state == "paid"


def test_a_stuck_order_whose_payment_succeeded_is_settled_and_not_asked_for_again(house: House) -> None:
    """A1: what was paid is found by asking, before anything new is started."""
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout)
    house.owed_webhooks()
    house.rows("UPDATE attempts SET state = 'in_doubt', handle_ref = NULL, handle_kind = NULL, url = NULL RETURNING 1")
    house.rows("DELETE FROM provider_refs RETURNING 1")
    house.clock.move(2 * DAY)
    assert isinstance(house.click(order), AlreadyPaid)
    assert house.rows("SELECT ref FROM settlements") == [(intent_of(house, checkout),)]
    assert len(house.stripe.truth.intents()) == 1


@pytest.mark.parametrize("marked", [True, False], ids=["with our marks", "without marks"])
def test_an_imported_order_that_names_the_payment_of_a_paid_sibling_is_never_settled_by_it(
    house: House, marked: bool
) -> None:
    """C8: it is closed, nothing is posted and nobody told, whether the payment says whose it is or not."""
    paid, stuck = house.place("fee:1"), house.place("fee:2")
    first = house.checkout(paid)
    house.pay(first)
    house.deliver_owed()
    second = house.checkout(stuck)
    house.rows("DELETE FROM provider_refs WHERE ref = %s RETURNING 1", second.provider_ref)
    house.rows(
        "UPDATE attempts SET handle_ref = %s WHERE attempt_id = %s RETURNING 1", first.provider_ref, second.attempt_id
    )
    if not marked:
        session = house.stripe.books.sessions[first.provider_ref or ""]
        session.client_reference_id = None
        session.metadata.clear()
        for intent in house.stripe.books.intents.values():
            intent.metadata.clear()
    before = house.rows("SELECT * FROM postings ORDER BY entry_id, line")
    for _ in range(2):
        house.clock.move(600)
        house.resolve()
    seen = house.see(stuck)
    assert (seen.state, seen.closed_reason) == ("closed", "duplicate")
    assert (seen.received_minor, seen.counters.recorded, seen.effects) == (0, 0, ())
    assert house.rows("SELECT * FROM postings ORDER BY entry_id, line") == before
    assert house.see(paid).counters.recorded == 1
