"""Flows of money and of what it owes: letters of the provider, second and late payments, refunds, payouts, effects."""

from __future__ import annotations

from functools import partial
from typing import Any

from payonce.domain.effect import EffectKind
from payonce.domain.policy import Policy
from payonce.usecases.accept_payment import accept_payment
from payonce.usecases.approve_refunds import apply_plan, plan_refunds
from payonce.usecases.ask_refund import ask_refund
from payonce.usecases.decide_refund import cancel_refund
from payonce.usecases.list_effects import list_effects
from payonce.usecases.list_events import list_events
from payonce.usecases.receive import receive
from payonce.usecases.retry_effect import retry_effect
from payonce.usecases.retry_events import replay_event
from payonce.usecases.skip_effect import skip_effect
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.crash.flows_of_orders import (
    paid,
    paid_in_silence,
    seat_held,
)
from tests.crash.lives import Ending, Flow, difference, nothing
from tests.crash.mortal import DAY, HOUR, INVITE, MINUTE, MortalHouse
from tests.promises.acts import intent_of, pay_part, spoil
from tests.promises.money_back import paid_twice, refund_ids, surplus_policy
from tests.promises.test_payouts import COACH
from tests.promises.test_second_payments import late, rivals
from tests.promises.words import delivery, event, intent
from tests.support.parties import nowpayments_seat, stripe_seat, zalopay_seat

ASKS = EffectKind("invite", "order.paid", "fulfilment", "ask")
VERIFIES = EffectKind("invite", "order.paid", "fulfilment", "verify")
NOTICE = EffectKind("notice", "order.paid", "notification", "resend")
CREDIT = EffectKind("credit", "order.paid", transactional=True)
PAY = EffectKind("pay", "payout.due", on_unknown="resend")
REVOKE = EffectKind("revoke_invite", ("refund",), undoes="invite", on_unknown="resend")
RETURNED = EffectKind("returned", "refund.done", "notification", "resend")


def hear(house: MortalHouse, _: object) -> None:
    """The provider's letters, each alone."""
    house.deliver_owed()


def hear_together(house: MortalHouse, hooks: Any) -> None:
    """Letters that come in one group, and come again one by one when they get no answer."""
    house.deliver(hooks)


def paid_for_a_seat(house: MortalHouse) -> None:
    """An order of a seat that was paid, and nobody told us yet."""
    house.pay(house.checkout(seat_held(house)))


def told_of_coins(house: MortalHouse) -> None:
    """A payment that a notice told of; a notice proves nothing, so it is to be read."""
    paid_in_silence(house)
    hear(house, None)


def three_paid(house: MortalHouse) -> list[Any]:
    """Three orders that were paid; the letters about them."""
    for number in range(3):
        house.pay(house.checkout(house.place(f"fee:{number}")))
    return house.party.due_deliveries()


def paid_twice_in_silence(house: MortalHouse) -> None:
    """An order that was paid by two sessions; the letter about the second is on its way."""
    order = house.place()
    first = house.checkout(order)
    house.clock.move(31 * MINUTE)
    second = house.checkout(order)
    house.stripe.books.sessions[first.provider_ref or ""].status = "open"
    house.deliver_owed()
    house.pay(first)
    house.deliver_owed()
    house.pay(second)


def second_payment(house: MortalHouse) -> None:
    """An order that is known to be paid twice; the surplus is to go back."""
    paid_twice(house)


def slow_second_payment(house: MortalHouse) -> None:
    """The same, at a bank that takes its time with refunds; the refund is on its way."""
    paid_twice(house, "pm_card_pendingRefund")
    house.send_refunds()


def arrive(house: MortalHouse, _: object = None) -> None:
    """The refund arrives; whoever looks finds out, within a day: the older it is, the rarer the looks."""
    [made] = house.stripe.books.refunds
    if house.stripe.books.refunds[made].status == "pending":
        house.stripe.bank.end_refund(made, "succeeded")
    house.clock.move(DAY)
    house.send_refunds()


def lost_refund(house: MortalHouse) -> None:
    """A refund that was made, and its answer lost."""
    paid_twice(house)
    spoil(house, "refunds.create", when="after")
    house.send_refunds()
    house.clock.move(61)


def planned_refund(house: MortalHouse) -> str:
    """A refund above the limit, which waits for approval; the name of its plan."""
    paid_twice(house)
    house.send_refunds()
    return house.run(plan_refunds(house.world, DEFAULT_MERCHANT)).id


def due_refund(house: MortalHouse) -> Any:
    """A refund that somebody asked for and nobody sent yet."""
    order, _ = paid_and_invited(house)
    ask(house, order)
    return refund_ids(house)[0]


def paid_and_invited(house: MortalHouse) -> Any:
    """A paid order whose payer was invited, and the payment."""
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout)
    house.deliver_owed()
    house.deliver_effects()
    return order, checkout


def invited(house: MortalHouse) -> Any:
    """The same order, without its payment."""
    return paid_and_invited(house)[0]


def refunded_by_others(house: MortalHouse) -> None:
    """A paid order whose money was returned in the dashboard; the letter is on its way."""
    _, checkout = paid_and_invited(house)
    house.stripe.bank.refund(intent_of(house, checkout))


def disputed(house: MortalHouse) -> None:
    """A paid order whose payer's bank disputes the payment; the letter is on its way."""
    _, checkout = paid_and_invited(house)
    house.stripe.bank.open_dispute(intent_of(house, checkout))


def until_letters_came_again(house: MortalHouse, _: object) -> None:
    """The provider sends again what was not answered, for some days; what it tells is read before it is believed."""
    house.heal((3 * HOUR, 5 * MINUTE, 5 * HOUR, 5 * MINUTE, 11 * HOUR, 5 * MINUTE))


def ask(house: MortalHouse, order: Any, **more: Any) -> None:
    """Ask for the order's money back."""
    asked = ask_refund(house.world, DEFAULT_MERCHANT, order.id, reason="asked", actor="ada", **more)
    house.run(asked)


def approve(house: MortalHouse, plan: str) -> None:
    """Approve what was planned."""
    house.run(apply_plan(house.world, DEFAULT_MERCHANT, plan, "ada"))


def part_paid(house: MortalHouse) -> Any:
    """An order of which a part was paid; the letter is on its way."""
    order = house.place()
    checkout = house.checkout(order)
    pay_part(house, checkout, 1500)
    return order


def late_in_silence(house: MortalHouse) -> None:
    """An expired order that was paid after all; the letter is on its way."""
    _, checkout = late(house, paid=False)
    house.pay(checkout)


def late_and_known(house: MortalHouse) -> None:
    """The same, and the letter has come; the payment is to be read before it is believed."""
    late_in_silence(house)
    house.deliver_owed()
    house.clock.move(MINUTE)


def late_beside_another(house: MortalHouse) -> None:
    """An expired order that was paid after all, beside a younger one with a page."""
    _, dead, _, _ = rivals(house)
    house.pay(dead)
    house.deliver_owed()
    house.clock.move(MINUTE)


def late_and_held(house: MortalHouse) -> Any:
    """Money by an address that its payer had left: a person decides."""
    order = house.place()
    first = house.checkout(order)
    house.click(order, flow="payment", leave_attempt=1)
    house.pay(first)
    house.deliver_owed()
    house.retry()
    return order


def shared(house: MortalHouse) -> None:
    """A paid order of which a payee gets a share."""
    order = house.place(payouts=[COACH])
    house.pay(house.checkout(order))
    house.deliver_owed()


def owing(house: MortalHouse) -> None:
    """Two paid orders whose effects are due."""
    for number in range(2):
        house.pay(house.checkout(house.place(f"fee:{number}")))
    house.deliver_owed()


def unreadable_event(house: MortalHouse) -> Any:
    """A letter about an attempt that we do not know, tried in vain."""
    told = event("payment_intent.payment_failed", intent(None, "pi_1", "requires_payment_method"), house)
    return [delivery(house, told)]


def unknown_effect(house: MortalHouse) -> Any:
    """An effect of which nobody knows whether it was done; its id."""
    house.receiver.is_silent = True
    paid_and_invited(house)
    house.receiver.is_silent = False
    [effect] = house.run(list_effects(house.world, DEFAULT_MERCHANT))
    assert effect.state == "unknown"
    return effect.id


def a_person_is_asked(usual: Ending, end: Ending) -> bool:
    """Whether all that is different is that a person is asked about effects whose outcome nobody knows."""
    other = difference(usual, end)
    found = sum(other.get("findings", {}).get("more", {}).values())
    effects = other.get("effects", {})
    wanting = sum(effects.get("less", {}).values())
    return (
        set(other) <= {"findings", "effects", "receivers"}
        and not other.get("findings", {}).get("less")
        and set(other["findings"]["more"]) == {("unknown_effect",)}
        and {state for _, _, state in effects["more"]} == {"unknown"}
        and found == wanting
    )


def replay(house: MortalHouse, _: object) -> None:
    """Replay the newest event by hand."""
    [newest, *_] = house.run(list_events(house.world, DEFAULT_MERCHANT))
    house.run(replay_event(house.world, DEFAULT_MERCHANT, newest.id))


def delivering(name: str, *kinds: EffectKind, **more: Any) -> Flow:
    """Deliver what two orders owe."""
    return Flow(
        f"deliver {name}", owing, lambda house, _: house.deliver_effects(), choices={"kinds": kinds},
        asks_again=False, **more,
    )  # fmt: skip


def hearing(name: str, set_up: Any, choices: Any = None, *, comes_again: bool = False) -> Flow:
    """Take in the letters that are on their way; what only they tell is waited for until they come again."""
    rest = until_letters_came_again if comes_again else nothing
    return Flow(f"receive {name}", set_up, hear, rest, choices or {}, asks_again=False)


def sending(name: str, set_up: Any, rest: Any = None, **choices: Any) -> Flow:
    """Send back what is to go back."""
    more = {"rest": rest} if rest else {}
    return Flow(
        f"refund {name}", set_up, lambda house, _: house.send_refunds(), choices=choices, asks_again=False, **more
    )


HELD = surplus_policy(second="hold")
CAUTIOUS = surplus_policy(refund_at_most_minor={"USD": 100})
SHARING = {"kinds": (INVITE, PAY), "policy": Policy(payout_threshold_minor={"USD": 0})}

BY_INTENT = {"seat": partial(stripe_seat, flow="payment_intent")}
IN_COINS = {"seat": nowpayments_seat}
REVOKING = {"kinds": (INVITE, REVOKE)}

MONEY = (
    hearing("a payment", paid_in_silence),
    hearing("a payment for a seat", paid_for_a_seat),
    Flow("receive three payments together", three_paid, hear_together),
    hearing("a payment at ZaloPay", paid_in_silence, {"seat": zalopay_seat}),
    hearing("a notice of coins", paid_in_silence, IN_COINS),
    Flow("read what a notice of coins tells", told_of_coins, lambda house, _: house.retry(), choices=IN_COINS,
         asks_again=False),
    hearing("a second payment", paid_twice_in_silence),
    hearing("a second payment that is held", paid_twice_in_silence, {"policy": HELD}),
    hearing("a part", part_paid, BY_INTENT),
    hearing("a late payment", late_in_silence, comes_again=True),
    hearing("a refund of others", refunded_by_others, REVOKING, comes_again=True),
    hearing("a dispute", disputed, comes_again=True),
    Flow("receive a letter about nothing of ours", unreadable_event,
         lambda house, told: house.run(receive(house.world, DEFAULT_MERCHANT, told))),
    Flow("replay an event", paid, replay),
    Flow("resolve a late payment", late_and_known, lambda house, _: house.resolve(), asks_again=False),
    Flow("resolve a late payment beside another order", late_beside_another, lambda house, _: house.resolve(),
         asks_again=False),
    Flow("accept a held payment", late_and_held, lambda house, order: house.run(
        accept_payment(house.world, DEFAULT_MERCHANT, order.id, by="ann", reason="the payer asked")
    ), choices=IN_COINS),
    sending("a second payment", second_payment, kinds=(INVITE, RETURNED)),
    sending("that is on its way", slow_second_payment, arrive),
    sending("whose answer was lost", lost_refund),
    sending("above the limit", second_payment, policy=CAUTIOUS),
    sending("that was asked for", due_refund, **REVOKING),
    Flow("ask for a refund", invited, ask),
    Flow("ask for a refund by hand", invited, partial(ask, by_hand=True)),
    Flow("approve a refund", planned_refund, approve, choices={"policy": CAUTIOUS}),
    Flow("cancel a refund", due_refund, lambda house, refund_id: house.run(
        cancel_refund(house.world, DEFAULT_MERCHANT, refund_id, "not any more", "ada")
    )),
    Flow("make payouts", shared, lambda house, _: house.make_payouts(), choices=SHARING, asks_again=False),
    delivering("to a receiver that knows repetitions", INVITE, NOTICE),
    delivering("to a receiver that can be asked", VERIFIES, may_end=a_person_is_asked),
    delivering("where a person is asked", ASKS, may_end=a_person_is_asked),
    delivering("into the same database", INVITE, CREDIT),
    Flow("retry an effect by hand", unknown_effect, lambda house, effect_id: house.run(
        retry_effect(house.world, DEFAULT_MERCHANT, effect_id, "the receiver has nothing", "ada")
    ), choices={"kinds": (ASKS,)}, may_end=a_person_is_asked),
    Flow("skip an effect by hand", unknown_effect, lambda house, effect_id: house.run(
        skip_effect(house.world, DEFAULT_MERCHANT, effect_id, "it came by other means", "ada")
    ), choices={"kinds": (ASKS,)}),
)  # fmt: skip
