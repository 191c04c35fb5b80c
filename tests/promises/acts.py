"""What people and jobs do, beyond what a house does by itself."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from payonce.domain.observation import Ref
from payonce.providers.simulator.faults import Fault, Faults
from payonce.usecases.answers import Checkout, OrderView
from payonce.usecases.close_orders import cancel_order
from payonce.usecases.refresh_order import refresh_order
from payonce.usecases.retry_events import replay_event
from payonce.usecases.tell import Became
from tests.support.house import House

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR
CREATE = "*.create"
CLOSINGS = ("*.cancel", "*.expire")


def cancel(house: House, order: OrderView) -> OrderView:
    """Cancel the order, as the merchant."""
    return house.run(cancel_order(house.world, order.merchant_id, order.id))


def refresh(house: House, order: OrderView) -> OrderView:
    """Come back to the page that waits."""
    return house.run(refresh_order(house.world, order.merchant_id, order.id))


def replay(house: House, event_id: UUID) -> Became:
    """Replay an event by hand."""
    return house.run(replay_event(house.world, "default", event_id))


def spoil(house: House, operation: str, kind: str = "timeout", times: int | None = 1, **more: object) -> Faults:
    """Let the next calls of the operation (a pattern such as `*.create`) go wrong."""
    faults = house.party.faults
    assert isinstance(faults, Faults)
    faults.add(operation, Fault(kind, **more), times=times)  # type: ignore[arg-type]
    return faults


def heal(house: House) -> None:
    """Let everything go well again."""
    assert isinstance(house.party.faults, Faults)
    house.party.faults.clear()


def calls(house: House, operation: str = "") -> list[str]:
    """The operations that the provider was asked for, in order, of those whose name ends so."""
    return [call.operation for call in house.stripe.calls if call.operation.endswith(operation)]


def intent_of(house: House, checkout: Checkout) -> str:
    """The payment intent behind a checkout, once it was paid."""
    assert checkout.provider_ref is not None
    return house.stripe.payer.intent(checkout.provider_ref).id


def pay_part(house: House, checkout: Checkout, amount_minor: int) -> None:
    """Let the payer authorise the whole amount of an intent, and somebody capture only a part of it."""
    name = checkout.provider_ref or ""
    house.stripe.books.intents[name].capture_method = "manual"
    assert house.pay(checkout) == "requires_capture"
    key = ("Authorization", "Bearer sk_test_house_1234567890")
    body = f"amount_to_capture={amount_minor}".encode()
    assert house.stripe.handle("POST", f"/v1/payment_intents/{name}/capture", "", [key], body).status == 200


def payable(house: House) -> list[str]:
    """What can be paid at the provider now."""
    return [row.id for row in house.stripe.truth.payable_now()]


def at_provider(house: House, kind: Literal["payment_intents", "checkout_sessions"] = "checkout_sessions") -> int:
    """How many objects of that kind were ever made there."""
    return len(house.stripe.truth.dump()[kind])


def attempts(house: House, order: OrderView | UUID) -> list[tuple[int, str]]:
    """(number, state) of every attempt."""
    return [(attempt.number, attempt.state) for attempt in house.see(order).attempts]


def findings(house: House) -> list[str]:
    """The kinds of all open findings, sorted."""
    return sorted(kind for (kind,) in house.rows("SELECT kind FROM findings WHERE state <> 'resolved'"))


def expire(house: House, order: OrderView) -> None:
    """Let the order get older than it may, and close it."""
    house.clock.move(25 * HOUR)
    house.close_old()
    assert house.see(order).closed_reason == "expired"


def ref(kind: str, name: str) -> Ref:
    """A provider's object."""
    return Ref(kind, name)
