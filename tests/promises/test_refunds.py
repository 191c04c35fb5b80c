"""Surplus goes back by itself: once, followed until it arrived, and never beyond what came."""

from __future__ import annotations

from typing import Any

import pytest

from payonce.jobs.lane import Lane
from payonce.jobs.timetable import TIMETABLE, timetable
from payonce.jobs.worker import Hand
from payonce.providers.transport import Answer, Request, Transport
from payonce.usecases.answers import AlreadyPaid
from payonce.usecases.effect_handlers import Handlers
from tests.promises.acts import DAY, HOUR, calls, expire, findings, pay_part
from tests.promises.conftest import Build
from tests.promises.money_back import (
    KINDS,
    declines,
    go_on,
    gone,
    kept,
    paid_twice,
    refunds,
    states,
    surplus_policy,
    told,
)
from tests.support.house import House

CREATE = "refunds.create"


def test_a_second_payment_goes_back_by_itself_once(build: Build) -> None:
    """X6: the surplus is refunded, its finding is closed, and its payer is told once."""
    house = build(kinds=KINDS)
    order, _ = paid_twice(house)
    assert (refunds(house), findings(house)) == ([("due", 4500)], ["second_charge"])
    assert house.send_refunds().sent == 1
    assert (refunds(house), findings(house)) == ([("succeeded", 4500)], [])
    house.deliver_owed()
    go_on(house)
    assert (calls(house, CREATE), gone(house), told(house)) == ([CREATE], [("succeeded", 4500)], 1)
    assert kept(house) == {"clearing:stripe:main": 4500, "orders": -4500}
    seen = house.see(order)
    assert (seen.state, seen.refunded_minor, [refund.state for refund in seen.refunds]) == ("paid", 4500, ["succeeded"])


def test_what_is_on_its_way_shows_in_the_ledger(house: House) -> None:
    """X6: the ledger shows every stage of money that goes back."""
    paid_twice(house, "pm_card_pendingRefund")
    assert kept(house) == {"clearing:stripe:main": 9000, "orders": -4500, "surplus": -4500}
    house.send_refunds()
    assert (states(house), findings(house)) == (["sent"], ["second_charge"])
    assert kept(house) == {"clearing:stripe:main": 9000, "orders": -4500, "refunding": -4500}


def test_what_the_provider_took_on_is_followed_until_it_arrived(house: House) -> None:
    """X6: without any webhook the provider is asked until it says how the refund ended."""
    paid_twice(house, "pm_card_pendingRefund")
    house.send_refunds()
    house.owed_webhooks()
    [made] = house.stripe.books.refunds
    go_on(house, 3)
    assert states(house) == ["sent"]
    house.stripe.bank.end_refund(made, "succeeded")
    house.owed_webhooks()
    go_on(house, 2, HOUR)
    assert (states(house), findings(house), calls(house, CREATE)) == (["succeeded"], [], [CREATE])


def test_the_webhook_of_our_own_refund_is_its_echo_and_counts_once(house: House) -> None:
    """X6: the echo of our own refund is not counted twice, whether it comes before or after our answer."""
    paid_twice(house, "pm_card_pendingRefund")
    house.send_refunds()
    [made] = house.stripe.books.refunds
    house.stripe.bank.end_refund(made, "succeeded")
    house.deliver_owed()
    house.deliver_owed()
    assert states(house) == ["succeeded"]
    assert house.rows("SELECT nature, returned_minor, refund_id IS NOT NULL FROM returns") == [("refund", 4500, True)]
    assert kept(house) == {"clearing:stripe:main": 4500, "orders": -4500}


@pytest.mark.parametrize("by_webhook", [True, False], ids=["told", "followed"])
def test_a_refund_that_fails_after_it_succeeded_is_followed_by_a_new_one_at_most_twice(
    build: Build, by_webhook: bool
) -> None:
    """C5: a refund can fail days after it succeeded; at most three rows by itself, then a person is asked."""
    house = build(kinds=KINDS)
    order, _ = paid_twice(house, "pm_card_refundFail")
    seen: list[list[str]] = []
    for _ in range(4):
        house.send_refunds()
        seen.append(states(house))
        house.clock.move(2 * HOUR)
        house.stripe.books.catch_up()
        hooks = house.owed_webhooks()
        if by_webhook:
            house.deliver(hooks)
        house.clock.move(2 * DAY)
        house.send_refunds()
    go_on(house, 8, 2 * DAY)
    assert states(house) == ["failed", "failed", "failed"]
    assert seen[0] == ["succeeded"]
    assert {"refund_failed", "second_charge"} == set(findings(house))
    assert kept(house) == {"clearing:stripe:main": 9000, "orders": -4500, "surplus": -4500}
    assert (len(gone(house)), house.see(order).refunded_minor) == (3, 0)


def test_a_refund_in_the_dashboard_before_ours_is_sent_takes_ours_back(house: House) -> None:
    """C22: before anything is sent the payment is read, so that nothing goes back twice."""
    _, name = paid_twice(house)
    house.stripe.bank.refund(name)
    house.owed_webhooks()
    house.send_refunds()
    assert (states(house), declines(house), calls(house, CREATE)) == (["cancelled"], ["less_left"], [])
    assert (gone(house), findings(house)) == ([("succeeded", 4500)], [])
    assert kept(house) == {"clearing:stripe:main": 4500, "orders": -4500, "surplus": -4500, "refunds": 4500}


def test_a_part_refunded_in_the_dashboard_leaves_the_rest_to_us(house: House) -> None:
    """X6: what is left of the surplus goes back by a row of its own."""
    _, name = paid_twice(house)
    house.stripe.bank.refund(name, 1500)
    house.owed_webhooks()
    house.send_refunds()
    go_on(house, 2)
    assert refunds(house) == [("cancelled", 4500), ("succeeded", 3000)]
    assert sorted(gone(house)) == [("succeeded", 1500), ("succeeded", 3000)]
    assert findings(house) == []


class Meddling:
    """A transport: somebody refunds in the dashboard in the very moment before ours arrives."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.before: Any = None

    async def send(self, request: Request) -> Answer:
        """Let it happen, then hand the request on."""
        if self.before is not None and request.method == "POST" and request.url.endswith("/v1/refunds"):
            before, self.before = self.before, None
            before()
        return await self._inner.send(request)


def test_a_refund_in_the_dashboard_between_our_look_and_our_call_is_found_and_not_repeated(build: Build) -> None:
    """C22: a provider's word that it was refunded already leads to a look, never to a blind new refund."""
    made: list[Meddling] = []

    def wrap(inner: Transport) -> Meddling:
        made.append(Meddling(inner))
        return made[-1]

    house = build(transport=wrap)
    _, name = paid_twice(house)
    made[0].before = lambda: house.stripe.bank.refund(name)
    house.send_refunds()
    go_on(house, 4, DAY)
    [decline] = declines(house)
    assert states(house) == ["failed"] and (decline or "").startswith("charge_already_refunded")
    assert (calls(house, CREATE), gone(house), findings(house)) == ([CREATE], [("succeeded", 4500)], [])


@pytest.mark.parametrize(("end", "expected"), [("won", ["succeeded"]), ("lost", ["cancelled"])])
def test_a_dispute_freezes_the_refund_of_its_payment(house: House, end: str, expected: list[str]) -> None:
    """X6: while a bank disputes a payment nothing of it is sent back; its end decides."""
    _, name = paid_twice(house)
    dispute = house.stripe.bank.open_dispute(name)
    house.deliver_owed()
    go_on(house, 5, HOUR)
    assert (states(house), calls(house, CREATE)) == (["due"], [])
    house.stripe.bank.close_dispute(dispute, end)
    for charge in house.stripe.books.charges.values():
        # The simulator refuses whatever was ever disputed; a bank that lost has no claim any more.
        charge.disputed = charge.disputed and end == "lost"
    house.deliver_owed()
    go_on(house, 8, HOUR)
    assert states(house) == expected
    assert findings(house) == []


def test_where_the_orders_own_money_went_back_already_a_person_is_asked(house: House) -> None:
    """X6: whoever gave the order's money back may have meant this payment."""
    order = house.place()
    first = house.checkout(order)
    house.clock.move(31 * 60)
    second = house.checkout(order)
    house.stripe.books.sessions[first.provider_ref or ""].status = "open"
    house.owed_webhooks()
    house.pay(first)
    house.deliver_owed()
    house.stripe.bank.refund(house.stripe.payer.intent(first.provider_ref or "").id)
    house.pay(second)
    house.deliver_owed()
    go_on(house, 2)
    assert (states(house), declines(house), calls(house, CREATE)) == (["planned"], ["order_money_returned"], [])
    assert "refund_planned" in findings(house)


@pytest.mark.parametrize("limits", [{"refund_at_most_minor": {"USD": 4499}}, {"refund_a_day_minor": {"EUR": 99_000}}])
def test_what_is_above_a_limit_or_of_a_currency_without_one_waits_for_a_person(
    build: Build, limits: dict[str, Any]
) -> None:
    """X6: by itself up to a limit for one and for a day; above it a plan."""
    house = build(policy=surplus_policy(**limits))
    paid_twice(house)
    go_on(house, 2)
    assert (states(house), calls(house, CREATE)) == (["planned"], [])
    assert sorted(findings(house)) == ["refund_planned", "second_charge"]


def test_the_limit_of_a_day_holds_for_that_day_in_utc(build: Build) -> None:
    """X6: what fits goes, what does not fit any more waits for a person, and the next day counts anew."""
    house = build(policy=surplus_policy(refund_a_day_minor={"USD": 9000}))
    for number in range(3):
        paid_twice(house, purpose=f"fee:{number}")
    house.send_refunds()
    assert states(house) == ["succeeded", "succeeded", "planned"]
    assert house.rows("SELECT automatic_minor, limit_minor FROM refund_days") == [(9000, 9000)]
    house.clock.move(DAY)
    paid_twice(house, purpose="fee:next day")
    house.send_refunds()
    assert states(house)[-1] == "succeeded"


def test_unfinished_money_waits_for_its_payer_and_serves_the_order_again_when_it_is_reopened(build: Build) -> None:
    """X6: a part of an expired order waits some days; a payer who comes back takes it back before it is sent."""
    house = build(flow="payment_intent")
    order = house.place()
    pay_part(house, house.checkout(order), 1500)
    house.deliver_owed()
    expire(house, order)
    assert refunds(house) == [("due", 1500)]
    go_on(house, 2, HOUR)
    assert states(house) == ["due"]
    house.checkout(order)
    assert (states(house), declines(house), house.see(order).allocated_minor) == (["cancelled"], ["reopened"], 1500)
    go_on(house, 5, DAY)
    assert (calls(house, CREATE), gone(house)) == ([], [])


def test_unfinished_money_goes_back_when_nobody_came(build: Build) -> None:
    """X6: after the days that the policy gives, what serves nothing goes back by itself."""
    house = build(flow="payment_intent")
    order = house.place()
    pay_part(house, house.checkout(order), 1500)
    house.deliver_owed()
    expire(house, order)
    go_on(house, 4, DAY)
    assert (refunds(house), gone(house)) == ([("succeeded", 1500)], [("succeeded", 1500)])
    assert kept(house) == {}


def test_a_worker_whose_job_is_switched_off_makes_no_outside_call(house: House) -> None:
    """A10: switched off, nothing is sent, and what is owed stays where it is."""
    paid_twice(house)
    before = len(house.stripe.calls)

    async def describe(merchant_id: str, order_ids: Any) -> dict[Any, Any]:
        return {}

    off = timetable({"refund": "off"}, [job for job in TIMETABLE if job.sends_back])
    on = timetable({}, [job for job in TIMETABLE if job.sends_back])
    hand = Hand(house.world.for_refunds(), Handlers(describe))
    for lane in [Lane(job, hand, ["default"]) for job in off]:
        house.run(lane.step())
    assert (off, len(house.stripe.calls), states(house)) == ([], before, ["due"])
    for lane in [Lane(job, hand, ["default"]) for job in on]:
        house.run(lane.step())
        assert (lane.changed, lane.failures) == (1, 0)
    assert states(house) == ["succeeded"]


def test_a_click_meanwhile_leads_nowhere_new(house: House) -> None:
    """X1: while money goes back the order stays paid, and no further payment is begun."""
    order, _ = paid_twice(house, "pm_card_pendingRefund")
    house.send_refunds()
    created = len(calls(house, "sessions.create"))
    assert isinstance(house.click(order), AlreadyPaid)
    assert len(calls(house, "sessions.create")) == created
