"""The process dies, or the database fails, at every boundary of leaving an attempt and of accepting held money.

Whoever comes next goes on from the rows: one payable address, one settlement, and nothing that only half happened.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, Final, TypeAlias

import pytest

from payonce.base.errors import Conflict, Unavailable
from payonce.usecases.accept_payment import accept_payment
from payonce.usecases.answers import OrderView
from payonce.usecases.ensure_checkout import Click, ensure_checkout
from payonce.usecases.resolve_attempts import resolve_attempts
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.promises.acts import MINUTE, attempts, cancel, findings, payable
from tests.promises.conftest import Build
from tests.promises.money_back import surplus_policy
from tests.promises.test_dying import DyingTransport, failing_house
from tests.support.house import House
from tests.support.parties import nowpayments_seat

Dying: TypeAlias = tuple[House, DyingTransport]
Kill: TypeAlias = Callable[[Coroutine[Any, Any, Any]], bool]
WHEN: Final = pytest.mark.parametrize("when", ["before", "after"])
LEAVING: Final = Click(flow="payment", leave_attempt=1)


@pytest.fixture
def kill() -> Generator[Kill]:
    """Run something until it dies; False where it came to its end."""
    corpses: list[Coroutine[Any, Any, Any]] = []

    def until_death(work: Coroutine[Any, Any, Any]) -> bool:
        try:
            assert work.send(None) == "the process dies here"
        except StopIteration:
            return False
        corpses.append(work)
        return True

    yield until_death
    for corpse in corpses:
        corpse.close()


def dying_house(build: Build, **choices: Any) -> Dying:
    """A house, and the place where its process dies."""
    made: list[DyingTransport] = []

    def wrap(inner: Any) -> DyingTransport:
        made.append(DyingTransport(inner))
        return made[-1]

    return build(transport=wrap, **choices), made[0]


def goes_on(house: House, order: OrderView) -> None:
    """The payer says the same again, pays what is handed out, and the order is paid once."""
    house.clock.move(MINUTE + 1)
    checkout = house.checkout(order, flow="payment", leave_attempt=1)
    states = attempts(house, order)
    assert sum(state == "open" for _, state in states) == 1 and states[0] == (1, "abandoned")
    assert house.rows("SELECT count(*) FROM attempts WHERE state = 'abandoned' AND disclosed_at IS NOT NULL "
                      "AND consent_at IS NULL") == [(0,)]  # fmt: skip
    house.pay(checkout)
    house.deliver_owed()
    house.retry()
    counters = house.see(order).counters
    assert (house.see(order).state, counters.charged, counters.recorded) == ("paid", 1, 1)


# A read is a login and a list, and a create is one call.
@pytest.mark.parametrize("call", range(3))
@WHEN
def test_whichever_call_the_process_dies_at_while_leaving_one_address_is_payable(
    build: Build, kill: Kill, call: int, when: str
) -> None:
    """S7: an attempt is left by a recorded read and a stored consent, or it is not left."""
    house, transport = dying_house(build, seat=nowpayments_seat)
    order = house.place()
    house.checkout(order)
    transport.dies, transport.after_calls = when, call
    assert kill(ensure_checkout(house.world, DEFAULT_MERCHANT, order.id, LEAVING))
    goes_on(house, order)


@pytest.mark.parametrize("name", ["leave", "read", "checkout", "created"])
@WHEN
def test_whichever_transaction_fails_while_leaving_one_address_is_payable(build: Build, name: str, when: str) -> None:
    """S7: each of them may fail, or only seem to."""
    house, database = failing_house(build, seat=nowpayments_seat)
    order = house.place()
    house.checkout(order)
    database.failing[name] = when
    with pytest.raises(Unavailable):
        house.click(order, flow="payment", leave_attempt=1)
    goes_on(house, order)


def held_beside_another(house: House) -> tuple[OrderView, OrderView]:
    """A cancelled order that was paid late and waits for a person; and the open order that has its purpose now."""
    late = house.place()
    checkout = house.checkout(late)
    cancel(house, late)
    newer = house.place(amount_minor=5200)
    house.checkout(newer)
    # The provider takes money for what it had called closed.
    house.stripe.books.sessions[checkout.provider_ref or ""].status = "open"
    house.owed_webhooks()
    house.pay(checkout)
    house.deliver_owed()
    assert (house.see(late).state, findings(house)) == ("closed", ["late_payment"])
    return late, newer


def accept(house: House, order: OrderView) -> OrderView:
    """Let the held money pay its order, as a person says."""
    work = accept_payment(house.world, DEFAULT_MERCHANT, order.id, by="ann", reason="the payer asked")
    return house.run(work)


def accept_in_the_end(house: House, late: OrderView, newer: OrderView) -> None:
    """Ask again until nothing else can be paid; then the late money has paid its order, once."""
    house.clock.move(MINUTE + 1)
    for _ in range(3):
        if house.see(late).state == "paid":
            break
        with suppress(Conflict):
            accept(house, late)
        house.resolve()
        house.clock.move(MINUTE + 1)
    seen, other = house.see(late), house.see(newer)
    assert (seen.state, seen.counters.recorded, other.state, other.closed_reason) == ("paid", 1, "closed", "superseded")
    assert (payable(house), findings(house)) == ([], [])
    assert house.rows("SELECT count(*) FROM settlements") == [(1,)]


@WHEN
def test_when_the_process_dies_while_the_other_attempt_is_closed_accepting_goes_on(
    build: Build, kill: Kill, when: str
) -> None:
    """S6: money is accepted only once nothing else of the purpose can be paid, whoever closed that."""
    house, transport = dying_house(build, policy=surplus_policy(late="hold", late_else="hold"))
    late, newer = held_beside_another(house)
    with pytest.raises(Conflict) as refused:
        accept(house, late)
    assert refused.value.code == "attempt_still_live"
    deaths, transport.dies = 0, when
    for call in range(3):
        transport.dies, transport.after_calls = when, call
        deaths += kill(resolve_attempts(house.world, DEFAULT_MERCHANT))
        transport.dies = ""
        house.clock.move(MINUTE + 1)
    assert deaths > 0
    accept_in_the_end(house, late, newer)


@pytest.mark.parametrize("name", ["ann", "close"])
@WHEN
def test_whichever_transaction_fails_while_accepting_the_money_pays_once(build: Build, name: str, when: str) -> None:
    """C4: accepting is one transaction; what only seemed to fail is found done."""
    house, database = failing_house(build, policy=surplus_policy(late="hold", late_else="hold"))
    late, newer = held_beside_another(house)
    for _ in range(2):
        # The first time the other attempt is marked to be closed; the second time the money pays its order.
        database.failing[name] = when
        with suppress(Conflict, Unavailable):
            accept(house, late)
        with suppress(Unavailable):
            house.resolve()
        house.clock.move(MINUTE + 1)
    database.failing.clear()
    accept_in_the_end(house, late, newer)


def test_who_pays_the_other_attempt_while_it_is_closed_has_paid_and_the_held_money_is_surplus(build: Build) -> None:
    """S21: accepting closes first; a payment that came before the close wins, and the late one goes back or is held."""
    house = build(policy=surplus_policy(late="hold", late_else="hold"))
    late, newer = held_beside_another(house)
    with pytest.raises(Conflict):
        accept(house, late)
    [page] = [each.provider_ref for each in house.see(newer).attempts]
    house.stripe.payer.pay(page or "")
    house.resolve()
    house.deliver_owed()
    with pytest.raises(Conflict) as refused:
        accept(house, late)
    assert refused.value.code == "order_paid"
    assert (house.see(newer).state, house.see(late).state) == ("paid", "closed")
    assert findings(house) == ["second_charge"]
