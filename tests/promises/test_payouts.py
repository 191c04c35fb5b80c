"""What others get of the money: accrued once, paid out once, and held back while it is in doubt (E10, E12)."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from payonce.base.errors import Conflict, Refused
from payonce.domain.effect import EffectKind
from payonce.domain.policy import Policy
from payonce.drivers.chance import SystemChance
from payonce.drivers.postgres_sync import SyncDatabase
from payonce.drivers.stepping import run_to_end
from payonce.usecases.answers import OrderView, ShareView
from payonce.usecases.list_payouts import PayeeSums, list_payouts, read_payee
from payonce.usecases.make_payouts import MadePayouts, make_payouts
from payonce.usecases.receive import receive
from payonce.usecases.world import World
from tests.promises.acts import HOUR, MINUTE, findings, intent_of, refresh
from tests.promises.conftest import Build
from tests.promises.soundness import everything
from tests.promises.words import delivery, event, hear, succeeded
from tests.races.puppets import at_random, play, preempted_at
from tests.support.effects import Desk, Receiver
from tests.support.house import INVITE, House
from tests.support.waiting import DEADLINE_SECONDS

PAY = EffectKind("pay", "payout.due", on_unknown="resend")
COACH = {"payee": "coach", "amount_minor": 700}


def a_house(build: Build, threshold: int = 0, **more: Any) -> House:
    policy = Policy(payout_threshold_minor={"USD": threshold})
    return build(kinds=(INVITE, PAY), policy=policy, **more)


def place(house: House, purpose: str = "fee:1", *payouts: dict[str, Any], amount_minor: int = 4500) -> OrderView:
    return house.place(purpose, amount_minor, payouts=list(payouts or (COACH,)))


def pay(house: House, order: OrderView, method: str = "pm_card_visa") -> str:
    """Pay the order; the payment's id."""
    checkout = house.checkout(order)
    house.pay(checkout, method)
    house.deliver_owed()
    assert house.see(order).state == "paid"
    return intent_of(house, checkout)


def make(house: House) -> MadePayouts:
    return house.run(make_payouts(house.world, "default"))


def payouts(house: House) -> list[tuple[str, int, int, int]]:
    """(payee, number, carried, paid) of every payout, the first one first."""
    found = house.run(list_payouts(house.world, "default"))
    return [(one.payee, one.number, one.carried_minor, one.amount_minor) for one in reversed(found)]


def share(house: House, order: OrderView) -> ShareView:
    [found] = house.see(order).payouts
    return found


def refund(house: House, intent: str, amount_minor: int | None = None) -> None:
    house.stripe.bank.refund(intent, amount_minor)
    house.deliver_owed()


def test_nine_status_polls_and_every_webhook_again_accrue_once(build: Build) -> None:
    """E10: the status page that started the processing again accrues 1.06 USD once, and not nine times."""
    house = a_house(build)
    order = place(house, "fee:1", {"payee": "coach", "amount_minor": 106})
    checkout = house.checkout(order)
    house.pay(checkout)
    webhooks = house.owed_webhooks()
    for _ in range(9):
        refresh(house, order)
        house.deliver(webhooks)
        house.clock.move(MINUTE)
    make(house)
    make(house)
    assert payouts(house) == [("coach", 1, 0, 106)]
    assert house.rows("SELECT count(*), sum(amount_minor) FROM accruals") == [(1, 106)]
    assert house.rows("SELECT sum(amount_minor)::bigint FROM postings WHERE account = 'payout_costs'") == [(106,)]


def test_a_payout_is_owed_once_and_its_handler_is_told_what_it_covers(build: Build) -> None:
    """E10: the application pays what payonce owes, by a key that never changes."""
    house = a_house(build)
    receiver = Receiver()
    desk = Desk(house, {INVITE: Receiver(), PAY: receiver})
    order = place(house)
    pay(house, order)
    make(house)
    desk.deliver()
    desk.deliver()
    [call] = receiver.calls
    assert (call.key, call.cause, call.order_id) == ("payout:coach:1:pay", "payout:coach:1", order.id)
    told = call.about["payout"]
    assert (told["payee"], told["number"], told["amount_minor"], told["currency"]) == ("coach", 1, 700, "USD")
    assert [one["amount_minor"] for one in told["orders"]] == [700]
    assert house.see(order).counters.fulfilled == 1
    assert share(house, order).state == "paid_out"


def test_below_the_threshold_nothing_is_paid_and_at_it_all_of_it(build: Build) -> None:
    """E10: what is accrued is covered by one payout, once it is enough."""
    house = a_house(build, threshold=2000)
    for number in range(2):
        pay(house, place(house, f"fee:{number}"))
    assert (make(house).made, payouts(house)) == (0, [])
    pay(house, place(house, "fee:3"))
    assert (make(house).made, make(house).made, payouts(house)) == (1, 0, [("coach", 1, 0, 2100)])


def test_an_order_may_be_shared_by_many_each_with_numbers_of_their_own(build: Build) -> None:
    house = a_house(build)
    shares = [COACH, {"payee": "club", "amount_minor": 3800}]
    pay(house, place(house, "fee:1", *shares))
    make(house)
    pay(house, place(house, "fee:2", *shares))
    make(house)
    assert sorted(payouts(house)) == [("club", 1, 0, 3800), ("club", 2, 0, 3800), ("coach", 1, 0, 700),
                                      ("coach", 2, 0, 700)]  # fmt: skip


def test_where_nobody_would_be_told_no_payout_is_made(build: Build) -> None:
    house = build(kinds=(INVITE,))
    pay(house, place(house))
    assert (make(house).made, payouts(house)) == (0, [])
    house.world.kinds.append(PAY)
    assert make(house).made == 1


def two_payments(house: House, number: int) -> tuple[Any, Any]:
    """Two webhooks, each of which pays an order of its own with a share of one payee."""
    told = []
    for half in ("a", "b"):
        checkout = house.checkout(place(house, f"race:{number}:{half}"))
        house.pay(checkout)
        told.append([delivery(house, hook.body) for hook in house.owed_webhooks()])
    return told[0], told[1]


def settle_and_pay_out(told: Any) -> Any:
    async def work(world: World) -> MadePayouts:
        await receive(world, "default", told)
        return await make_payouts(world, "default")

    return work


def test_of_two_settlements_at_once_each_accrual_is_in_one_payout(build: Build) -> None:
    """E10: the threshold is reached once, however two settlements and two workers are interleaved."""
    house = a_house(build, threshold=1400)
    for number in range(14):
        first, second = two_payments(house, number)
        choose = preempted_at(2 * number) if number % 2 else at_random(number)
        one, other = play(house, settle_and_pay_out(first), settle_and_pay_out(second), choose)
        assert {type(one.outcome), type(other.outcome)} == {MadePayouts}
        # Whoever met the other one's order while it was being settled left it for the next round.
        make(house)
    assert payouts(house) == [("coach", number + 1, 0, 1400) for number in range(14)]


def test_many_workers_at_once_make_one_payout(build: Build, database_url: str) -> None:
    """E10: real threads on real connections; the payee's row is theirs one after another."""
    house = a_house(build)
    for number in range(6):
        pay(house, place(house, f"fee:{number}"))
    start, made = threading.Barrier(4), []

    def work() -> None:
        with SyncDatabase(house._database_url, clock=house.clock, chance=SystemChance()) as database:
            start.wait(DEADLINE_SECONDS)
            made.append(run_to_end(make_payouts(replace(house.world, database=database), "default")).made)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert (sum(made), payouts(house)) == (1, [("coach", 1, 0, 4200)])


def test_a_second_charge_holds_the_payout_back_until_it_is_put_right(build: Build) -> None:
    """E12: while a finding concerns the order's money nothing of it is paid out; then it is, once."""
    house = a_house(build)
    order = place(house)
    checkout = house.checkout(order)
    hear(house, succeeded(house, checkout.attempt_id, "pi_1"), succeeded(house, checkout.attempt_id, "pi_2"))
    assert findings(house) == ["second_charge"]
    assert (make(house).held, payouts(house)) == (1, [])
    assert (share(house, order).state, share(house, order).held_because) == ("held", "second_charge")
    back = {"id": "re_1", "object": "refund", "status": "succeeded", "amount": 4500, "currency": "usd"}
    hear(house, event("refund.created", back | {"payment_intent": "pi_2", "charge": None, "metadata": {}}, house))
    assert findings(house) == []
    did = make(house)
    assert (did.freed, did.made, payouts(house)) == (1, 1, [("coach", 1, 0, 700)])


@pytest.mark.parametrize(("end", "expected"), [("won", [("coach", 1, 0, 700)]), ("lost", [])])
def test_a_dispute_holds_the_payout_back_and_its_end_decides(
    build: Build, end: str, expected: list[tuple[str, int, int, int]]
) -> None:
    """E12: won, the share is freed; lost, it is taken back by a posting of its own."""
    house = a_house(build)
    order = place(house)
    dispute = house.stripe.bank.open_dispute(pay(house, order))
    house.deliver_owed()
    assert (share(house, order).state, make(house).made) == ("held", 0)
    house.stripe.bank.close_dispute(dispute, end)
    house.deliver_owed()
    make(house)
    assert payouts(house) == expected
    assert share(house, order).state == ("paid_out" if end == "won" else "reversed")


def test_a_refund_before_the_payout_takes_its_part_back(build: Build) -> None:
    """E12: a share goes with the money that is left; nothing is deleted."""
    house = a_house(build, threshold=600)
    order = place(house)
    refund(house, pay(house, order), 1500)
    assert (make(house).made, share(house, order).left_minor) == (0, 466)
    assert house.rows("SELECT amount_minor, reversed_minor, state FROM accruals") == [(700, 234, "accrued")]
    assert len(house.rows("SELECT 1 FROM entries WHERE cause LIKE 'accrual:%%'")) == 2


def test_a_whole_refund_before_the_payout_leaves_nothing_to_pay(build: Build) -> None:
    """E12: what was returned is never paid out."""
    house = a_house(build)
    order = place(house)
    refund(house, pay(house, order))
    assert (make(house).made, share(house, order).state, findings(house)) == (0, "reversed", [])


def test_a_refund_after_the_payout_is_taken_off_the_next_one(build: Build) -> None:
    """E12: what a payee got too much is found, and the next payouts are less by it."""
    house = a_house(build)
    intent = pay(house, place(house, "fee:1"))
    make(house)
    refund(house, intent)
    assert findings(house) == ["payout_overpaid"]
    pay(house, place(house, "fee:2", {"payee": "coach", "amount_minor": 300}))
    assert (make(house).made, findings(house)) == (0, ["payout_overpaid"])
    pay(house, place(house, "fee:3", {"payee": "coach", "amount_minor": 500}))
    assert (make(house).made, make(house).made) == (1, 0)
    assert payouts(house) == [("coach", 1, 0, 700), ("coach", 2, -700, 100)]
    assert findings(house) == []
    [sums] = house.run(read_payee(house.world, "default", "coach"))
    assert sums == PayeeSums("USD", 0, 0, 700, 800, 0)


def test_a_refund_that_fails_after_all_is_paid_to_the_payee_again(build: Build) -> None:
    """E12: what comes back is owed again: the money was taken back once and is given once."""
    house = a_house(build)
    order = place(house)
    intent = pay(house, order, "pm_card_refundFail")
    refund(house, intent)
    assert share(house, order).state == "reversed"
    house.clock.move(2 * HOUR)
    house.stripe.books.catch_up()
    house.deliver_owed()
    assert share(house, order).state == "accrued"
    make(house)
    assert payouts(house) == [("coach", 1, 0, 700)]


def test_what_a_later_payout_settled_too_much_is_paid_by_the_next_one(build: Build) -> None:
    house = a_house(build)
    intent = pay(house, place(house, "fee:1"), "pm_card_refundFail")
    make(house)
    refund(house, intent)
    pay(house, place(house, "fee:2"))
    pay(house, place(house, "fee:3"))
    make(house)
    assert payouts(house) == [("coach", 1, 0, 700), ("coach", 2, -700, 700)]
    house.clock.move(2 * HOUR)
    house.stripe.books.catch_up()
    house.deliver_owed()
    make(house)
    make(house)
    assert payouts(house)[2:] == [("coach", 3, 700, 700)]


def test_the_same_wish_gives_the_same_order_and_other_shares_another_one(build: Build) -> None:
    """C12: who gets what of it is a value of the order, as its amount is."""
    house = a_house(build)
    order = place(house)
    assert place(house).id == order.id
    before = everything(house)
    with pytest.raises(Conflict) as refused:
        place(house, "fee:1", {"payee": "coach", "amount_minor": 701})
    assert (refused.value.code, everything(house)) == ("reference_taken", before)
    other = house.place("fee:1", 4500, payouts=[{"payee": "coach", "amount_minor": 701}], reference="R-2")
    assert other.id != order.id
    assert [one.amount_minor for one in other.payouts] == [701]


def test_shares_that_cannot_be_place_nothing(build: Build) -> None:
    house = a_house(build)
    before = everything(house)
    with pytest.raises(Refused) as refused:
        place(house, "fee:1", {"payee": "coach", "amount_minor": 4501})
    assert (refused.value.code, everything(house)) == ("payouts_invalid", before)


def test_before_anything_is_paid_a_payee_is_unknown(build: Build) -> None:
    house = a_house(build)
    assert share(house, place(house)) == ShareView("coach", 700, None, None, 700, None)
    with pytest.raises(Refused) as refused:
        house.run(read_payee(house.world, "default", "coach"))
    assert refused.value.code == "payee_unknown"
