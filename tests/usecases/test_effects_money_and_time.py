"""What is owed is held when the money is gone, and nobody is told what is old or not so any more."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from payonce.base.errors import Conflict, Refused, Unavailable
from payonce.domain.delivering import CapturedMoney, is_wholly_taken_back
from payonce.domain.effect import EffectKind
from payonce.drivers.stepping import run_to_end
from payonce.usecases.effect_handlers import NotAccepted
from payonce.usecases.retry_effect import retry_effect
from payonce.usecases.skip_effect import skip_effect
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.effects import Desk, Died, Receiver, paid_for
from tests.support.house import House

INVITE = EffectKind("invite", "order.paid", on_unknown="resend")
TELL = EffectKind("tell", "order.paid", "notification", on_unknown="resend")
TELL_CLOSED = EffectKind("tell_closed", "order.closed", "notification")


def money_goes_back(house: House, order_id: UUID, amount_minor: int, nature: str = "refund") -> None:
    """A refund or a dispute of the order's only capture, as joining records it."""
    house.rows(
        "INSERT INTO returns (merchant_id, provider, account, kind, ref, nature, capture_kind, capture_ref,"
        " attempt_id, order_id, status, amount_minor, returned_minor, currency, first_seen_at)"
        " SELECT merchant_id, provider, account, %s, %s, %s, kind, ref, attempt_id, order_id, 'open', %s, %s,"
        " currency, %s FROM captures WHERE order_id = %s RETURNING ref",
        nature, uuid4().hex, nature, amount_minor, amount_minor, house.clock.now(), order_id,
    )  # fmt: skip


@pytest.mark.parametrize("nature", ["refund", "dispute"])
def test_a_fulfilment_is_held_when_the_money_was_wholly_returned_or_is_disputed(house: House, nature: str) -> None:
    receiver = Receiver()
    desk = Desk(house, {INVITE: receiver})
    money_goes_back(house, paid_for(house), 4500, nature)
    assert [(found.outcome, found.reason) for found in desk.deliver()] == [("held", "money_returned")]
    assert receiver.calls == []
    assert desk.findings() == [("held_effect", "open")]


def test_a_fulfilment_that_failed_before_is_held_at_its_next_try(house: House) -> None:
    receiver = Receiver(NotAccepted("503"))
    desk = Desk(house, {INVITE: receiver})
    order_id = paid_for(house)
    desk.deliver()
    money_goes_back(house, order_id, 4500)
    house.clock.move(60)
    assert [found.outcome for found in desk.deliver()] == ["held"]
    assert len(receiver.calls) == 1


def test_what_went_back_in_part_holds_nothing(house: House) -> None:
    desk = Desk(house, {INVITE: Receiver()})
    money_goes_back(house, paid_for(house), 4499)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]


def test_what_went_back_counts_against_surplus_first() -> None:
    serving = CapturedMoney(captured_minor=100, allocated_minor=60, returned_minor=99, returned_at=None)
    assert serving.taken_back_minor == 59
    assert not is_wholly_taken_back([serving])
    assert is_wholly_taken_back([CapturedMoney(100, 60, 100, None)])
    assert not is_wholly_taken_back([CapturedMoney(100, 60, 100, None), CapturedMoney(5, 5, 0, None)])
    # A second charge that was returned serves nothing; an order of zero has no money to lose.
    assert not is_wholly_taken_back([CapturedMoney(100, 100, 0, None), CapturedMoney(100, 0, 100, None)])
    assert not is_wholly_taken_back([])


def test_a_notification_is_told_also_when_the_money_went_back(house: House) -> None:
    desk = Desk(house, {TELL: Receiver()})
    money_goes_back(house, paid_for(house), 4500)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]


def test_a_person_may_insist_on_what_is_held_until_more_goes_back(house: House) -> None:
    receiver = Receiver(NotAccepted("503"), NotAccepted("503"))
    desk = Desk(house, {INVITE: receiver})
    order_id = paid_for(house)
    money_goes_back(house, order_id, 4500)
    desk.deliver()
    desk.retry(desk.only().effect, "a refund by mistake")
    assert desk.findings() == [("held_effect", "resolved")]
    assert [found.outcome for found in desk.deliver()] == ["refused"]
    house.clock.move(60)
    # The refusal of the receiver does not make it forget what the person said; news of the money does.
    assert [found.outcome for found in desk.deliver()] == ["refused"]
    house.clock.move(60)
    money_goes_back(house, order_id, 1)
    assert [found.outcome for found in desk.deliver()] == ["held"]


def test_an_order_that_is_being_changed_is_left_for_the_next_round(house: House, database_url: str) -> None:
    desk = Desk(house, {INVITE: Receiver()})
    order_id = paid_for(house)
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT order_id FROM orders WHERE order_id = %s FOR UPDATE", (order_id,))
        # Where the database cannot skip what is locked, the worker gives up waiting for it, and comes back.
        with suppress(Unavailable):
            assert desk.deliver() == []
    assert [found.outcome for found in desk.deliver()] == ["accepted"]


def test_nobody_is_told_of_what_is_older_than_the_horizon(house: House) -> None:
    """A5: nobody is told of a success or a failure older than the notification horizon."""
    receiver = Receiver()
    desk = Desk(house, {TELL: receiver})
    paid_for(house)
    house.clock.move(timedelta(hours=24).total_seconds() + 1)
    assert [(found.outcome, found.reason) for found in desk.deliver()] == [("suppressed", "too_old")]
    assert receiver.calls == []
    assert desk.only().effect.state == "suppressed"
    assert desk.findings() == []


def test_within_the_horizon_people_are_told(house: House) -> None:
    desk = Desk(house, {TELL: Receiver()})
    paid_for(house)
    house.clock.move(timedelta(hours=24).total_seconds())
    assert [found.outcome for found in desk.deliver()] == ["accepted"]


def test_a_notification_that_became_too_old_while_it_was_tried_is_not_sent(house: House) -> None:
    """A5: the horizon holds for every try, not only for the first."""
    desk = Desk(house, {TELL: Receiver(NotAccepted("503"))})
    paid_for(house)
    desk.deliver()
    house.clock.move(25 * 3600)
    assert [found.outcome for found in desk.deliver()] == ["suppressed"]


def test_what_was_paid_for_knows_no_horizon(house: House) -> None:
    desk = Desk(house, {INVITE: Receiver()})
    paid_for(house)
    house.clock.move(30 * 24 * 3600)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]


def test_nobody_is_told_that_an_order_closed_which_is_open_again(house: House) -> None:
    """A4: nobody is told of a failure when the success is recorded already."""
    receiver = Receiver()
    desk = Desk(house, {TELL_CLOSED: receiver})
    order = house.place()
    house.clock.move(25 * 3600)
    house.close_old()
    assert [effect.state for effect in desk.effects()] == ["pending"]
    house.click(order)
    assert [(found.outcome, found.reason) for found in desk.deliver()] == [("suppressed", "overtaken")]
    assert receiver.calls == []


def test_people_are_told_that_an_order_closed(house: House) -> None:
    desk = Desk(house, {TELL_CLOSED: Receiver()})
    house.place()
    house.clock.move(25 * 3600)
    house.close_old()
    assert [found.outcome for found in desk.deliver()] == ["accepted"]


def test_a_success_is_told_once_however_often_it_is_recorded(house: House) -> None:
    """A4: nobody is ever told of a success that was already recorded."""
    receiver = Receiver()
    desk = Desk(house, {TELL: receiver})
    order = house.place()
    house.pay(house.checkout(order))
    webhooks = house.owed_webhooks()
    for _ in range(5):
        house.deliver(webhooks)
        desk.deliver()
    house.clock.move(3600)
    house.resolve()
    desk.deliver()
    assert len(receiver.calls) == 1


def test_a_person_may_have_something_old_told_all_the_same(house: House) -> None:
    desk = Desk(house, {TELL: Receiver(NotAccepted("no", is_final=True))})
    paid_for(house)
    desk.deliver()
    house.clock.move(48 * 3600)
    desk.retry(desk.only().effect)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]


def test_acts_of_a_person_are_refused_without_who_and_why(house: House) -> None:
    desk = Desk(house, {INVITE: Receiver()})
    paid_for(house)
    desk.deliver()
    effect = desk.only().effect
    for reason, actor in (("", "linh"), ("because", " ")):
        with pytest.raises(Refused) as refused:
            run_to_end(retry_effect(desk.world, DEFAULT_MERCHANT, effect.id, reason, actor))
        assert refused.value.code == "reason_missing"
    assert desk.only().effect == effect


def test_acts_of_a_person_are_audited(house: House) -> None:
    desk = Desk(house, {INVITE: Receiver()})
    paid_for(house)
    desk.deliver()
    desk.retry(desk.only().effect, "the payer lost it")
    audit = house.rows(
        "SELECT actor, source, event, target, cause FROM audit WHERE subject = 'effect' ORDER BY audit_id"
    )
    assert audit == [
        ("effects", "pending", "claimed", "claimed", "try:1"),
        ("effects", "claimed", "accepted", "done", "try:1"),
        ("linh", "done", "retry", "pending", "the payer lost it"),
    ]


def test_what_is_on_its_way_cannot_be_asked_for_again(house: House) -> None:
    desk = Desk(house, {INVITE: Receiver(Died())})
    paid_for(house)
    pending = desk.only().effect
    with pytest.raises(Conflict) as conflict:
        desk.retry(pending)
    assert conflict.value.code == "effect_not_retryable"
    desk.die_delivering()
    with pytest.raises(Conflict):
        desk.retry(pending)
    assert desk.only().effect.state == "claimed"


def test_an_effect_that_does_not_exist_is_unknown(house: House) -> None:
    desk = Desk(house, {INVITE: Receiver()})
    with pytest.raises(Refused) as refused:
        run_to_end(retry_effect(desk.world, DEFAULT_MERCHANT, uuid4(), "why not", "linh"))
    assert (refused.value.code, refused.value.status) == ("effect_unknown", 404)


def test_a_person_may_say_that_it_was_done(house: House) -> None:
    kind = EffectKind("invite", "order.paid", on_unknown="ask")
    desk = Desk(house, {kind: Receiver(OSError("reset"))})
    order_id = paid_for(house)
    desk.deliver()
    effect = desk.only().effect
    said = run_to_end(skip_effect(desk.world, DEFAULT_MERCHANT, effect.id, "it is in the channel", "linh", done=True))
    assert said.state == "done"
    assert house.see(order_id).counters.fulfilled == 1
    assert desk.findings() == [("unknown_effect", "resolved")]


def test_what_was_paid_for_is_never_set_aside_as_not_needed(house: House) -> None:
    desk = Desk(
        house, {INVITE: Receiver(NotAccepted("no", is_final=True)), TELL: Receiver(NotAccepted("no", None, True))}
    )
    paid_for(house)
    desk.deliver()
    for effect in desk.effects():
        if effect.nature == "fulfilment":
            with pytest.raises(Conflict) as conflict:
                run_to_end(skip_effect(desk.world, DEFAULT_MERCHANT, effect.id, "never mind", "linh"))
            assert conflict.value.code == "effect_not_skippable"
        else:
            run_to_end(skip_effect(desk.world, DEFAULT_MERCHANT, effect.id, "never mind", "linh"))
    assert sorted(effect.state for effect in desk.effects()) == ["dead", "suppressed"]
