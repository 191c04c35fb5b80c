"""The main job: an order is charged once, recorded once and fulfilled once, through the provider's page."""

from __future__ import annotations

from payonce.usecases.answers import AlreadyPaid, Checkout, Gone, InProgress
from tests.support.house import House


def test_of_a_plain_payment_everything_is_recorded_once(house: House) -> None:
    """C4: one transaction records order, attempt, settlement, entry and effects."""
    order = house.place()
    checkout = house.checkout(order)
    assert checkout.outcome == "new" and checkout.url
    assert house.pay(checkout) == "succeeded"
    received = house.deliver_owed()
    assert {r.verdict for r in received} == {"accepted"}, received
    paid = house.see(order)
    assert (paid.state, paid.payment) == ("paid", "paid")
    assert (paid.counters.charged, paid.counters.recorded) == (1, 1)
    assert [(e.kind, e.state) for e in paid.effects] == [("invite", "pending"), ("notice", "pending")]
    assert house.rows("SELECT sum(amount_minor), count(*) FROM postings") == [(0, 2)]
    assert isinstance(house.click(order), AlreadyPaid)


def test_the_same_click_again_gives_the_same_session(house: House) -> None:
    """B4: the live attempt is handed out again."""
    order = house.place()
    first, second = house.checkout(order), house.checkout(order)
    assert (second.url, second.attempt_id, second.outcome) == (first.url, first.attempt_id, "reused")
    assert len(house.stripe.truth.payable_now()) == 1


def test_a_stale_attempt_is_closed_at_the_provider_and_replaced(house: House) -> None:
    """D4: older than 30 minutes: cancelled and replaced."""
    order = house.place()
    first = house.checkout(order)
    house.clock.move(30 * 60)
    assert house.checkout(order).attempt_id == first.attempt_id
    house.clock.move(1)
    second = house.checkout(order)
    assert second.outcome == "replaced" and second.attempt_id != first.attempt_id
    assert [p.id for p in house.stripe.truth.payable_now()] == [second.provider_ref]


def test_a_processing_payment_is_waited_for(house: House) -> None:
    """X2: processing waits."""
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout, "pm_usBankAccount_processing")
    house.deliver_owed()
    answer = house.click(order)
    assert isinstance(answer, InProgress) and answer.reason == "processing", answer


def test_another_amount_closes_the_old_order_first(house: House) -> None:
    """C12: a new order for the same purpose closes the older unpaid one."""
    old = house.place(amount_minor=4500)
    first = house.checkout(old)
    new = house.place(amount_minor=5000)
    assert new.state == "open"
    assert house.see(old).closed_reason == "superseded"
    assert house.stripe.truth.payable_now() == []
    answer = house.click(old)
    assert isinstance(answer, Checkout) and answer.order_id == new.id
    assert house.pay(first) == "refused"


def test_an_expired_order_opens_again_for_its_payer(house: House) -> None:
    """D2: an order that expired is opened again by a payer who comes back."""
    order = house.place()
    house.checkout(order)
    house.clock.move(25 * 3600)
    house.close_old()
    assert house.see(order).closed_reason == "expired"
    assert isinstance(house.click(order), Checkout)
    assert house.see(order).state == "open"


def test_a_cancelled_order_is_gone(house: House) -> None:
    from payonce.usecases.close_orders import cancel_order

    order = house.place()
    house.checkout(order)
    house.run(cancel_order(house.world, "default", order.id))
    assert house.see(order).state == "closed"
    assert isinstance(house.click(order), Gone)
