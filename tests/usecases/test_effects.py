"""What is owed is delivered once: whoever claims it, however often, and wherever it stops."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from payonce.base.errors import Refused
from payonce.domain.delivering import Pace
from payonce.domain.effect import EffectKind
from payonce.drivers.stepping import run_to_end
from payonce.usecases.claim_effects import claim_due, end_leases
from payonce.usecases.effect_handlers import (
    Accepted,
    EffectCall,
    Handlers,
    NotAccepted,
    NotDone,
    NotNeeded,
    OutcomeUnknown,
    one_by_one,
)
from payonce.usecases.python_handlers import python_handler
from payonce.usecases.record_deliveries import record_deliveries
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.effects import AskedReceiver, Desk, Died, Receiver, free_order, paid_for
from tests.support.house import House

INVITE = EffectKind("invite", "order.paid")
HOOK = EffectKind("hook", "order.paid", on_unknown="resend")
TICKET = EffectKind("ticket", "order.paid", on_unknown="verify")
MAIL = EffectKind("mail", "order.paid", "notification")
LEASE_SECONDS = 60


def test_one_payment_makes_one_invitation_however_often_it_is_asked_for(house: House) -> None:
    """E1: one payment, one invitation, whoever calls whatever how often."""
    receiver = Receiver()
    desk = Desk(house, {INVITE: receiver})
    order_id = paid_for(house)
    delivered = [found for _ in range(9) for found in desk.deliver()]
    assert [(found.outcome, found.try_number) for found in delivered] == [("accepted", 1)]
    assert len(receiver.calls) == 1
    assert house.see(order_id).counters.fulfilled == 1


def test_what_was_done_is_remembered_by_key(house: House) -> None:
    """E4: remembered in the database, keyed by payment and effect."""
    desk = Desk(house, {INVITE: Receiver(), MAIL: Receiver()})
    order_id = paid_for(house)
    desk.deliver()
    assert [(effect.key, effect.state) for effect in desk.effects()] == [
        (f"{order_id.hex}:paid:invite", "done"),
        (f"{order_id.hex}:paid:mail", "done"),
    ]


def test_a_claim_is_a_row_of_its_payment_and_effect_and_blocks_no_other_payment(house: House) -> None:
    """X10: a claim row, unique by payment and effect, before sending; the next purchase has one of its own."""
    receiver = Receiver()
    desk = Desk(house, {INVITE: receiver})
    paid_for(house, "fee:27:2026-05")
    desk.deliver()
    paid_for(house, "fee:27:2026-06")
    with pytest.raises(psycopg.errors.UniqueViolation, match="effect_once_per_key"):
        house.rows(
            "INSERT INTO effects SELECT merchant_id, gen_random_uuid(), key, kind, occasion, nature, order_id,"
            " 'pending', NULL, 0, 0, now(), NULL, now(), NULL FROM effects RETURNING key"
        )
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    assert len({call.key for call in receiver.calls}) == len(receiver.calls) == 2


def test_what_was_done_survives_a_restart(house: House) -> None:
    """E5: a new process delivers nothing again."""
    Desk(house, {INVITE: Receiver()})
    paid_for(house)
    Desk(house, {INVITE: Receiver()}).deliver()
    reborn = Receiver()
    assert Desk(house, {INVITE: reborn}).deliver() == []
    assert reborn.calls == []


def test_a_handler_is_told_what_it_is_owed_for(house: House) -> None:
    receiver = Receiver()
    desk = Desk(house, {INVITE: receiver})
    order_id = paid_for(house)
    desk.deliver()
    [call] = receiver.calls
    assert call.id.startswith("eff_")
    assert (call.kind, call.occasion, call.cause, call.try_number) == ("invite", "order.paid", "paid", 1)
    assert call.order_id == order_id and call.order["id"].startswith("ord_")


def test_a_handler_is_never_called_inside_a_transaction(house: House) -> None:
    """E16: the claim is committed before the call, so that a crash after the work leaves a trace of it."""

    def look(call: EffectCall) -> Accepted:
        assert house.rows("SELECT state, tries FROM effects") == [("claimed", 1)]
        assert house.rows("SELECT outcome, ended_at FROM deliveries") == [("begun", None)]
        return Accepted()

    desk = Desk(house, {INVITE: Receiver(look)})
    paid_for(house)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]


def test_after_a_crash_nothing_is_repeated_while_the_lease_holds(house: House) -> None:
    receiver = Receiver(Died())
    desk = Desk(house, {HOOK: receiver})
    paid_for(house)
    desk.die_delivering()
    house.clock.move(LEASE_SECONDS - 1)
    assert desk.deliver() == []
    assert len(receiver.calls) == 1


def test_after_a_crash_what_may_not_be_repeated_waits_for_a_person(house: House) -> None:
    """E16: a crash after the work, before the answer, does not repeat the effect."""
    receiver = Receiver(Died())
    desk = Desk(house, {INVITE: receiver})
    paid_for(house)
    desk.die_delivering()
    house.clock.move(LEASE_SECONDS)
    assert [found.outcome for found in desk.deliver()] == ["unknown"]
    for _ in range(3):
        house.clock.move(24 * 3600)
        assert desk.deliver() == []
    assert len(receiver.calls) == 1
    assert desk.only().effect.state == "unknown"
    assert [row.outcome for row in desk.only().tries] == ["unknown"]
    assert desk.findings() == [("unknown_effect", "open")]


def test_after_a_crash_a_receiver_that_honours_our_key_is_sent_the_same_again(house: House) -> None:
    receiver = Receiver(Died())
    desk = Desk(house, {HOOK: receiver})
    order_id = paid_for(house)
    desk.die_delivering()
    house.clock.move(LEASE_SECONDS)
    assert [found.outcome for found in desk.deliver()] == ["unknown"]
    house.clock.move(5)
    assert [(found.outcome, found.try_number) for found in desk.deliver()] == [("accepted", 2)]
    first, second = receiver.calls
    assert (first.id, first.key) == (second.id, second.key)
    assert house.see(order_id).counters.fulfilled == 1


@pytest.mark.parametrize(
    ("has_it", "state", "findings"),
    [(True, "done", []), (False, "unknown", ["unknown_effect"]), (OSError("no route"), "unknown", ["unknown_effect"])],
)
def test_after_a_crash_a_receiver_that_can_be_asked_is_asked_and_never_sent_again(
    house: House, has_it: bool | Exception, state: str, findings: list[str]
) -> None:
    receiver = AskedReceiver(Died(), has_it=has_it)
    desk = Desk(house, {TICKET: receiver})
    paid_for(house)
    desk.die_delivering()
    house.clock.move(LEASE_SECONDS)
    desk.deliver()
    assert desk.only().effect.state == state
    assert [kind for kind, _ in desk.findings()] == findings
    assert (len(receiver.calls), len(receiver.asked)) == (1, 1)
    assert receiver.asked[0].key == receiver.calls[0].key


def test_asking_that_dies_is_asked_again(house: House) -> None:
    receiver = AskedReceiver(Died())
    desk = Desk(house, {TICKET: receiver})
    paid_for(house)
    desk.die_delivering()
    house.clock.move(LEASE_SECONDS)

    class Dying(AskedReceiver):
        async def verify(self, effect: EffectCall, /) -> bool:
            raise Died

    Desk(house, {TICKET: Dying()}).die_delivering()
    assert desk.only().effect.state == "claimed"
    house.clock.move(LEASE_SECONDS)
    desk.deliver()
    assert desk.only().effect.state == "done"
    assert len(receiver.calls) == 1


@pytest.mark.parametrize(
    ("kind", "failure", "state"),
    [
        (INVITE, OSError("reset"), "unknown"),
        (HOOK, OSError("reset"), "failed"),
        (TICKET, OSError("reset"), "unknown"),
        (INVITE, NotDone("not yet"), "failed"),
        (TICKET, NotDone("not yet"), "failed"),
        (INVITE, NotAccepted("busy"), "failed"),
        (INVITE, NotAccepted("gone", is_final=True), "dead"),
        (INVITE, OutcomeUnknown("silence"), "unknown"),
        (HOOK, OutcomeUnknown("silence"), "failed"),
        (MAIL, NotNeeded("no address"), "suppressed"),
        (INVITE, NotNeeded("no address"), "dead"),
    ],
)
def test_of_every_answer_follows_what_the_kind_declares(
    house: House, kind: EffectKind, failure: Exception | NotAccepted | OutcomeUnknown | NotNeeded, state: str
) -> None:
    receiver = AskedReceiver(failure, has_it=False)
    desk = Desk(house, {kind: receiver})
    paid_for(house)
    desk.deliver()
    effect = desk.only().effect
    assert effect.state == state
    assert effect.reason is not None
    assert bool([1 for _, finding in desk.findings() if finding == "open"]) == (state in ("unknown", "dead"))


def test_a_late_answer_that_it_was_accepted_is_believed(house: House) -> None:
    """E4: what was done is done, also where the worker that did it was stopped past its lease."""
    desk = Desk(house, {})

    def stop_past_the_lease(call: EffectCall) -> Accepted:
        house.clock.move(LEASE_SECONDS)
        other = Desk(house, {INVITE: Receiver()})
        assert [found.outcome for found in other.deliver()] == ["unknown"]
        assert desk.findings() == [("unknown_effect", "open")]
        return Accepted("at last")

    desk = Desk(house, {INVITE: Receiver(stop_past_the_lease)})
    paid_for(house)
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    assert desk.only().effect.state == "done"
    assert desk.findings() == [("unknown_effect", "resolved")]


def test_a_late_refusal_takes_nothing_back(house: House) -> None:
    desk = Desk(house, {})

    def stop_past_the_lease(call: EffectCall) -> NotAccepted:
        house.clock.move(LEASE_SECONDS)
        other = Desk(house, {HOOK: Receiver()})
        other.deliver()
        house.clock.move(5)
        assert [found.outcome for found in other.deliver()] == ["accepted"]
        return NotAccepted("too late", is_final=True)

    desk = Desk(house, {HOOK: Receiver(stop_past_the_lease)})
    paid_for(house)
    desk.deliver()
    shown = desk.only()
    assert shown.effect.state == "done"
    assert [row.outcome for row in shown.tries] == ["unknown", "accepted"]
    assert desk.findings() == []


def test_a_late_refusal_does_not_end_the_claim_of_another_worker(house: House) -> None:
    desk = Desk(house, {HOOK: Receiver()})
    paid_for(house)
    pace, world, handlers = Pace(), desk.world, desk.handlers
    [first] = run_to_end(claim_due(world, DEFAULT_MERCHANT, handlers, 1, pace)).claims
    house.clock.move(LEASE_SECONDS)
    run_to_end(end_leases(world, DEFAULT_MERCHANT, handlers, 1, pace))
    house.clock.move(5)
    [second] = run_to_end(claim_due(world, DEFAULT_MERCHANT, handlers, 1, pace)).claims
    late = [(first, NotAccepted("too late", is_final=True))]
    run_to_end(record_deliveries(world, DEFAULT_MERCHANT, handlers, late, pace))
    assert (desk.only().effect.state, desk.only().effect.fence) == ("claimed", second.effect.fence)
    run_to_end(record_deliveries(world, DEFAULT_MERCHANT, handlers, [(second, Accepted("200"))], pace))
    assert [row.outcome for row in desk.only().tries] == ["unknown", "accepted"]
    # And the first one's acceptance, later still, is the same delivery to a receiver that honours our key.
    run_to_end(record_deliveries(world, DEFAULT_MERCHANT, handlers, [(first, Accepted("200"))], pace))
    assert [row.outcome for row in desk.only().tries] == ["unknown", "accepted"]
    assert desk.findings() == []


def test_a_second_delivery_to_a_receiver_that_knows_no_key_is_found(house: House) -> None:
    """E13: where a person sent again what was under way after all, both are counted and a finding says so."""
    desk = Desk(house, {INVITE: Receiver()})
    order_id = paid_for(house)
    pace, world, handlers = Pace(), desk.world, desk.handlers
    [first] = run_to_end(claim_due(world, DEFAULT_MERCHANT, handlers, 1, pace)).claims
    house.clock.move(LEASE_SECONDS)
    desk.deliver()
    desk.retry(desk.only().effect, "the receiver says that it has nothing")
    desk.deliver()
    run_to_end(record_deliveries(world, DEFAULT_MERCHANT, handlers, [(first, Accepted("at last"))], pace))
    assert [row.outcome for row in desk.only().tries] == ["accepted", "accepted"]
    assert house.see(order_id).counters.fulfilled == 2
    assert ("repeated_effect", "open") in desk.findings()


def test_a_claim_whose_turn_comes_late_is_renewed_before_its_call(house: House) -> None:
    def be_slow(call: EffectCall) -> Accepted:
        house.clock.move(LEASE_SECONDS * 0.6)
        Desk(house, {HOOK: other}).deliver()
        return Accepted()

    other = Receiver()
    receiver = Receiver(be_slow, be_slow)
    desk = Desk(house, {HOOK: receiver})
    for number in range(2):
        free_order(house, number)
    # Both were claimed at once; the second call ends 72 s later, and holds its claim all the same.
    assert [found.outcome for found in desk.deliver(limit=2)] == ["accepted", "accepted"]
    assert (len(receiver.calls), len(other.calls)) == (2, 0)


def test_a_claim_that_was_lost_before_its_turn_is_not_called(house: House) -> None:
    other = Receiver()

    def be_slow(call: EffectCall) -> Accepted:
        # The other effects of this claim wait so long that another worker takes them over.
        house.clock.move(LEASE_SECONDS)
        for _ in range(2):
            Desk(house, {HOOK: other}).deliver()
            house.clock.move(5)
        return Accepted()

    receiver = Receiver(be_slow)
    desk = Desk(house, {HOOK: receiver})
    for number in range(4):
        free_order(house, number)
    outcomes = [found.outcome for found in desk.deliver()]
    assert outcomes == ["accepted", "unrecorded", "unrecorded", "unrecorded"]
    assert (len(receiver.calls), len(other.calls)) == (1, 4)
    assert house.rows("SELECT count(*) FROM deliveries WHERE outcome = 'accepted'") == [(4,)]


def test_a_refused_effect_is_tried_again_with_growing_pauses(house: House) -> None:
    kind = EffectKind("hook", "order.paid", on_unknown="resend", tries=8)
    receiver = Receiver(*[NotAccepted("503")] * 8)
    desk = Desk(house, {kind: receiver})
    paid_for(house)
    pauses = []
    for _ in range(7):
        assert [found.outcome for found in desk.deliver()] == ["refused"]
        due = desk.only().effect.due_at
        assert due is not None
        pause = (due - house.clock.now()).total_seconds()
        pauses.append(pause)
        house.clock.move(pause - 0.1)
        assert desk.deliver() == []
        house.clock.move(0.1)
    for number, pause in enumerate(pauses):
        assert 2.5 * 2**number <= pause < 5 * 2**number
    assert [found.outcome for found in desk.deliver()] == ["dead"]


def test_after_the_last_try_an_effect_is_dead_and_a_finding_says_so(house: House) -> None:
    kind = EffectKind("hook", "order.paid", on_unknown="resend", tries=3)
    desk = Desk(house, {kind: Receiver(*[NotAccepted("500")] * 3)})
    paid_for(house)
    for _ in range(5):
        desk.deliver()
        house.clock.move(3600)
    shown = desk.only()
    assert (shown.effect.state, shown.effect.tries) == ("dead", 3)
    assert ("dead_effect", "open") in desk.findings()
    assert desk.retry(shown.effect).state == "pending"
    assert [found.outcome for found in desk.deliver()] == ["accepted"]
    assert {state for _, state in desk.findings()} == {"resolved"}


def test_a_receiver_may_ask_for_more_patience(house: House) -> None:
    desk = Desk(house, {HOOK: Receiver(NotAccepted("429", retry_after_seconds=900))})
    paid_for(house)
    desk.deliver()
    assert desk.only().effect.due_at == house.clock.now() + timedelta(seconds=900)


def test_more_than_two_attempts_at_an_effect_are_a_finding(house: House) -> None:
    """E13: more than two attempts at it is a finding; it closes when the effect was accepted once."""
    desk = Desk(house, {HOOK: Receiver(NotAccepted("503"), NotAccepted("503"), NotAccepted("503"))})
    paid_for(house)
    for tries, findings in (
        (1, []),
        (2, []),
        (3, [("repeated_effect", "open")]),
        (4, [("repeated_effect", "resolved")]),
    ):
        desk.deliver()
        house.clock.move(60)
        assert (desk.only().effect.tries, desk.findings()) == (tries, findings)


def test_an_effect_that_was_delivered_twice_is_a_finding(house: House) -> None:
    """E13: an effect delivered more than once for one payment is a finding."""
    receiver = Receiver()
    desk = Desk(house, {INVITE: receiver})
    paid_for(house)
    desk.deliver()
    desk.retry(desk.only().effect, "the payer lost it")
    desk.deliver()
    first, second = receiver.calls
    assert (first.id, first.key, second.try_number) == (second.id, second.key, 2)
    assert desk.findings() == [("repeated_effect", "open")]


def test_a_worker_leaves_kinds_alone_that_it_cannot_deliver(house: House) -> None:
    application = Desk(house, {INVITE: Receiver(), HOOK: Receiver()})
    paid_for(house)
    worker = Desk(house, {HOOK: Receiver()})
    assert [found.kind for found in worker.deliver()] == ["hook"]
    assert [found.kind for found in application.deliver()] == ["invite"]


def test_a_claim_of_a_kind_that_nobody_knows_any_more_comes_to_a_person(house: House) -> None:
    dying = Desk(house, {HOOK: Receiver(Died())})
    paid_for(house)
    dying.die_delivering()
    worker = Desk(house, {INVITE: Receiver()})
    house.clock.move(3600)
    assert worker.deliver() == []
    house.clock.move(LEASE_SECONDS)
    assert [found.outcome for found in worker.deliver()] == ["unknown"]
    assert worker.findings() == [("unknown_effect", "open")]


def test_an_order_that_cannot_be_read_costs_no_delivery(house: House) -> None:
    receiver = Receiver()
    desk = Desk(house, {INVITE: receiver})
    paid_for(house)
    desk.handlers = Handlers(one_by_one(_unreadable))
    desk.handlers.add(INVITE, receiver)
    assert [found.outcome for found in desk.deliver()] == ["refused"]
    assert receiver.calls == []


async def _unreadable(merchant_id: str, order_id: object) -> dict[str, str]:
    raise OSError("no database")


def test_python_functions_of_both_colours_are_handlers(house: House) -> None:
    seen: list[str] = []

    async def invite(effect: EffectCall) -> str:
        seen.append(effect.kind)
        return "invitation 9"

    def hook(effect: EffectCall) -> None:
        seen.append(effect.kind)

    desk = Desk(house, {INVITE: python_handler(invite), HOOK: python_handler(hook)})
    paid_for(house)
    assert [found.outcome for found in desk.deliver()] == ["accepted", "accepted"]
    assert seen == ["invite", "hook"]
    assert sorted(house.rows("SELECT answer FROM deliveries")) == [("",), ("invitation 9",)]


def test_only_true_itself_proves_that_something_was_done(house: House) -> None:
    def fail(effect: EffectCall) -> None:
        raise TimeoutError

    handler = python_handler(fail, verify=lambda effect: "no idea")
    desk = Desk(house, {TICKET: handler})
    paid_for(house)
    assert [found.outcome for found in desk.deliver()] == ["unknown"]


def test_a_handler_that_cannot_do_what_its_kind_declares_is_refused(house: House) -> None:
    handlers = Handlers(one_by_one(_unreadable))
    for kind in (TICKET, EffectKind("credit", "order.paid", transactional=True)):
        with pytest.raises(Refused) as refused:
            handlers.add(kind, Receiver())
        assert refused.value.code == "effect_handler_unfit"
    handlers.add(INVITE, Receiver())
    with pytest.raises(Refused) as refused:
        handlers.add(INVITE, Receiver())
    assert refused.value.code == "effect_name_taken"
