"""Refunds that a person asks for, approves or takes back: never more than is left, and each act with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from payonce.base.errors import Conflict, Refused, Unavailable
from payonce.usecases.approve_refunds import apply_plan, plan_refunds
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.decide_refund import cancel_refund
from payonce.usecases.list_refunds import list_refunds, read_refund
from tests.promises.acts import HOUR, findings
from tests.promises.conftest import Build
from tests.promises.money_back import (
    declines,
    go_on,
    gone,
    kept,
    paid,
    paid_twice,
    refund_ids,
    refunds,
    states,
    surplus_policy,
)
from tests.promises.soundness import everything
from tests.promises.test_dying import failing_house
from tests.support.house import House

CAUTIOUS = {"refund_at_most_minor": {"USD": 100}}


def ask(house: House, order: Any, amount_minor: int | None = None, of: Any = "order", reason: str = "asked") -> Any:
    """Ask for a refund, as Ada."""
    wish = ask_refund(
        house.world, "default", order.id, reason=reason, actor="ada", amount_minor=amount_minor, of=of
    )  # fmt: skip
    return house.run(wish)


def test_a_paid_order_goes_back_whole_and_stays_paid(house: House) -> None:
    """X6: refunds of ours are rows first, with who asked and why."""
    order, _ = paid(house)
    [asked] = ask(house, order)
    assert (asked.state, asked.serves, asked.amount_minor, asked.asked_by, asked.reason) == (
        "due", "order", 4500, "ada", "asked",
    )  # fmt: skip
    go_on(house, 1)
    assert (refunds(house), gone(house)) == ([("succeeded", 4500)], [("succeeded", 4500)])
    assert kept(house) == {}
    seen = house.see(order)
    assert (seen.state, seen.refunded_minor, seen.allocated_minor) == ("paid", 4500, 4500)


def test_parts_go_back_until_nothing_is_left(house: House) -> None:
    """S9: what is asked for counts at once, so that no two refunds exceed what came."""
    order, _ = paid(house)
    ask(house, order, 1500)
    go_on(house, 1)
    ask(house, order, 2000)
    before = everything(house)
    with pytest.raises(Refused) as refused:
        ask(house, order, 1001)
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount_minor")
    assert refused.value.detail == {"left_minor": 1000}
    assert everything(house) == before
    ask(house, order)
    go_on(house, 1)
    assert (refunds(house), sum(amount for _, amount in gone(house))) == (
        [("succeeded", 1500), ("succeeded", 2000), ("succeeded", 1000)], 4500,
    )  # fmt: skip
    with pytest.raises(Conflict) as nothing:
        ask(house, order)
    assert nothing.value.code == "nothing_to_refund"


@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_that_is_none_is_refused(house: House, amount: int) -> None:
    order, _ = paid(house)
    with pytest.raises(Refused) as refused:
        ask(house, order, amount)
    assert (refused.value.code, states(house)) == ("amount_too_large", [])


def test_an_order_that_is_not_paid_has_nothing_to_send_back(house: House) -> None:
    with pytest.raises(Conflict) as refused:
        ask(house, house.place())
    assert refused.value.code == "order_not_paid"


def test_a_disputed_payment_is_not_sent_back_as_well(house: House) -> None:
    """X6: a dispute freezes refunds."""
    order, name = paid(house)
    house.stripe.bank.open_dispute(name, 1000)
    house.deliver_owed()
    with pytest.raises(Conflict) as refused:
        ask(house, order, 100)
    assert (refused.value.code, states(house)) == ("order_disputed", [])


def test_without_who_and_why_nothing_goes_back(house: House) -> None:
    order, _ = paid(house)
    with pytest.raises(Refused) as refused:
        ask(house, order, reason=" ")
    assert (refused.value.code, states(house)) == ("reason_missing", [])


def test_another_merchants_order_is_none(house: House) -> None:
    order, _ = paid(house)
    with pytest.raises(Refused) as refused:
        house.run(ask_refund(house.world, "another", order.id, reason="x", actor="ada"))
    assert (refused.value.code, refused.value.status) == ("order_unknown", 404)


def test_held_surplus_goes_back_when_a_person_asks(build: Build) -> None:
    """X6: where the policy holds a second payment, a person decides."""
    house = build(policy=surplus_policy(second="hold"))
    order, _ = paid_twice(house)
    go_on(house, 2)
    assert (states(house), findings(house)) == ([], ["second_charge"])
    ask(house, order, of="surplus")
    go_on(house, 1)
    assert (refunds(house), findings(house)) == ([("succeeded", 4500)], [])


def test_an_order_refund_that_fails_is_asked_for_anew(house: House) -> None:
    """C5: a refund that fails after it succeeded is followed by a new row."""
    order, _ = paid(house, "pm_card_refundFail")
    ask(house, order)
    go_on(house, 1)
    house.clock.move(2 * HOUR)
    house.stripe.books.catch_up()
    house.deliver_owed()
    assert states(house) == ["failed", "due"]
    go_on(house, 1, HOUR)
    assert refunds(house) == [("failed", 4500), ("succeeded", 4500)]
    assert house.see(order).refunded_minor == 4500


@pytest.mark.parametrize("when", ["before", "after"])
def test_asking_is_one_act_whatever_becomes_of_its_commit(build: Build, when: str) -> None:
    """X3: an answer that was lost leaves one refund or none, and never two."""
    house, database = failing_house(build)
    order, _ = paid(house)
    database.failing["ask_refund"] = when
    with pytest.raises(Unavailable):
        ask(house, order)
    assert states(house) == (["due"] if when == "after" else [])


def planned(build: Build, number: int = 2) -> House:
    """A house with refunds that wait for approval."""
    house = build(policy=surplus_policy(**CAUTIOUS))
    for each in range(number):
        paid_twice(house, purpose=f"fee:{each}")
    house.send_refunds()
    assert states(house) == ["planned"] * number
    return house


def test_a_plan_is_approved_as_it_was_shown(build: Build) -> None:
    """X6: above the limit by a plan, and who approved it stands in the audit."""
    house = planned(build)
    plan = house.run(plan_refunds(house.world, "default"))
    assert (len(plan.refunds), plan.totals_minor, plan.id[:4]) == (2, {"USD": 9000}, "pln_")
    applied = house.run(apply_plan(house.world, "default", plan.id, "ada"))
    assert [(each.state, each.asked_by) for each in applied] == [("due", "ada"), ("due", "ada")]
    assert house.rows("SELECT DISTINCT actor, cause FROM audit WHERE event = 'approved'") == [
        ("ada", f"approved: {plan.id}")
    ]
    go_on(house, 1)
    assert (states(house), findings(house)) == (["succeeded", "succeeded"], [])


def test_a_plan_that_changed_since_it_was_shown_approves_nothing(build: Build) -> None:
    """X6: nobody approves anything else than what was shown."""
    house = planned(build)
    plan = house.run(plan_refunds(house.world, "default"))
    paid_twice(house, purpose="fee:one more")
    house.send_refunds()
    before = everything(house)
    with pytest.raises(Conflict) as changed:
        house.run(apply_plan(house.world, "default", plan.id, "ada"))
    assert changed.value.code == "plan_changed"
    assert (states(house), everything(house)) == (["planned"] * 3, before)
    again = house.run(plan_refunds(house.world, "default"))
    assert (again.id != plan.id, changed.value.detail) == (True, {"plan": again.id})


def test_an_empty_plan_approves_nothing(house: House) -> None:
    empty = house.run(plan_refunds(house.world, "default"))
    with pytest.raises(Conflict):
        house.run(apply_plan(house.world, "default", empty.id, "ada"))


def test_a_planned_refund_whose_money_went_back_otherwise_leaves_the_plan(build: Build) -> None:
    """S9: what others returned is taken off what waits."""
    house = build(policy=surplus_policy(**CAUTIOUS))
    _, name = paid_twice(house)
    house.send_refunds()
    house.stripe.bank.refund(name)
    house.deliver_owed()
    assert (states(house), declines(house), findings(house)) == (["cancelled"], ["less_left"], [])
    assert house.run(plan_refunds(house.world, "default")).refunds == ()


def test_a_refund_that_a_person_takes_back_is_not_written_again(build: Build) -> None:
    """X6: the policy does not overrule a person; the money stays found until somebody asks for it."""
    house = planned(build, 1)
    [refund_id] = refund_ids(house)
    view = house.run(cancel_refund(house.world, "default", refund_id, "agreed with the payer", "ada"))
    again = house.run(cancel_refund(house.world, "default", refund_id, "agreed with the payer", "ada"))
    assert (view.state, again) == ("cancelled", view)
    go_on(house, 3, HOUR)
    assert (states(house), findings(house), gone(house)) == (["cancelled"], ["second_charge"], [])
    [[order_id]] = house.rows("SELECT order_id FROM refunds")
    ask(house, house.see(order_id), of="surplus")
    go_on(house, 1)
    assert (states(house), findings(house)) == (["cancelled", "succeeded"], [])


def test_what_is_sent_cannot_be_taken_back(house: House) -> None:
    paid_twice(house)
    house.send_refunds()
    [refund_id] = refund_ids(house)
    with pytest.raises(Conflict) as refused:
        house.run(cancel_refund(house.world, "default", refund_id, "too late", "ada"))
    assert (refused.value.code, states(house)) == ("refund_not_cancellable", ["succeeded"])


def test_refunds_are_listed_newest_first_and_only_the_merchants_own(build: Build) -> None:
    house = planned(build, 3)
    found = house.run(list_refunds(house.world, "default"))
    assert [each.id for each in found] == refund_ids(house)[::-1]
    assert house.run(list_refunds(house.world, "default", limit=1, before=found[0].id)) == [found[1]]
    assert house.run(list_refunds(house.world, "default", state="due")) == []
    assert house.run(list_refunds(house.world, "another")) == []
    with pytest.raises(Refused) as unknown:
        house.run(read_refund(house.world, "another", found[0].id))
    assert unknown.value.code == "refund_unknown"
    with pytest.raises(Refused) as wrong:
        house.run(list_refunds(house.world, "default", state="odd"))
    assert wrong.value.code == "refund_state_unknown"


def test_a_policy_of_one_merchant_is_not_anothers(build: Build) -> None:
    """X6: the policy is the merchant's own."""
    house = build()
    house.world = replace(house.world, policies={"another": surplus_policy(second="hold")})
    paid_twice(house)
    house.send_refunds()
    assert states(house) == ["succeeded"]
