"""Events as they come: durable before all else, applied once, told twice, unknown, poisoned, tried again, replayed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from payonce.base.errors import Refused
from payonce.domain.policy import Policy
from payonce.providers.simulator.stripe.deliveries import Outgoing
from payonce.usecases.receive import Delivery, receive
from tests.promises.acts import DAY, HOUR, MINUTE, attempts, findings, intent_of, replay
from tests.promises.conftest import Build
from tests.promises.soundness import everything
from tests.promises.words import delivery, event, hear, intent, succeeded
from tests.support.house import House

# Signed, and not to be understood: it is kept, tried again and given up in the end.
UNREADABLE = (
    b'{"object": "event", "id": "evt_broken", "type": "payment_intent.succeeded", "livemode": false, "data": 7}'
)


def states(house: House) -> list[tuple[str, str, str]]:
    """(type, state, reason) of all stored events, oldest first."""
    return house.rows("SELECT type, state, reason FROM events ORDER BY event_id")


def paid_order(house: House) -> tuple[Any, list[Outgoing]]:
    """An order that was paid, and the webhooks that tell of it."""
    order = house.place()
    house.pay(house.checkout(order))
    return order, house.owed_webhooks()


def test_twenty_more_of_the_same_webhook_change_nothing(house: House) -> None:
    """C2: a session that was processed is processed once."""
    order, hooks = paid_order(house)
    house.deliver(hooks)
    before = everything(house)
    for _ in range(20):
        assert {r.verdict for r in house.deliver(hooks)} == {"duplicate"}
    assert everything(house) == before
    assert house.see(order).counters.recorded == 1


def test_a_redelivery_that_counts_its_own_tries_is_the_same_event(house: House) -> None:
    """C6: what the provider adds to the envelope between two deliveries makes no other event and no finding."""
    house.stripe.add_endpoint("http://elsewhere.invalid/", "whsec_elsewhere_123456789")
    order = house.place()
    house.pay(house.checkout(order))
    hooks = [hook for hook in house.owed_webhooks() if "shop" in hook.url]
    house.deliver(hooks)
    house.clock.move(HOUR)
    for hook in hooks:
        house.stripe.webhooks.resend(hook.event_id)
    again = [hook for hook in house.owed_webhooks() if "shop" in hook.url]
    assert {h.body for h in again}.isdisjoint({h.body for h in hooks}), "the envelopes differ"
    assert {r.verdict for r in house.deliver(again)} == {"duplicate"}
    assert findings(house) == []


def test_the_same_event_with_another_object_is_kept_joined_and_found(house: House) -> None:
    """C5: nothing that was said is lost, whatever name it came by."""
    order = house.place()
    checkout = house.checkout(order)
    told = event("payment_intent.created", intent(checkout.attempt_id, status="requires_payment_method"), house)
    hear(house, told)
    changed = told | {"type": "payment_intent.succeeded", "data": {"object": intent(checkout.attempt_id)}}
    [received] = hear(house, changed)
    assert received.verdict in ("accepted", "duplicate")
    assert (house.see(order).state, findings(house)) == ("paid", ["event_changed"])
    bodies = [json.loads(bytes(body))["type"] for (body,) in house.rows("SELECT body FROM events ORDER BY event_id")]
    assert bodies == ["payment_intent.created", "payment_intent.succeeded"]


def test_one_charge_that_is_told_by_two_events_is_posted_once(house: House) -> None:
    """E10: one posting for one payment, by constraint."""
    order, hooks = paid_order(house)
    house.deliver(hooks)
    twins = [house.stripe.webhooks.twin(hook.event_id) for hook in hooks]
    assert len(set(twins)) == len(hooks)
    before = house.rows("SELECT * FROM postings")
    assert {r.verdict for r in house.deliver(house.owed_webhooks())} == {"accepted"}
    assert house.rows("SELECT * FROM postings") == before
    assert house.see(order).counters.recorded == 1


@pytest.mark.parametrize("kind", ["customer.created", "payment_intent.of_the_future", "checkout.session.brand_new"])
def test_a_type_that_is_not_handled_is_stored_and_never_an_error(house: House, kind: str) -> None:
    """B11: stored, counted and listed."""
    [received] = hear(house, event(kind, {"id": "x", "object": "customer"}, house))
    assert (received.verdict, received.outcome, received.reason) == ("accepted", "ignored", "unhandled_type")
    assert states(house) == [(kind, "ignored", "unhandled_type")]


def test_every_try_to_process_is_recorded_with_its_outcome_and_reason(house: House) -> None:
    """C5: applied, ignored and why, failed and why."""
    order, hooks = paid_order(house)
    house.deliver(hooks)
    hear(house, succeeded(house, None, "pi_elsewhere"), UNREADABLE)
    found = {state: {reason for _, s, reason in states(house) if s == state} for _, state, _ in states(house)}
    assert found["ignored"] >= {"not_ours"}
    assert found["failed"] == {"unreadable"}
    assert "captured" in found["applied"]
    assert house.rows("SELECT count(*) FROM events WHERE state = 'applied' AND order_id = %s", order.id)[0][0] > 0


def test_the_transaction_that_settles_writes_all_of_it_or_nothing(house: House) -> None:
    """C9: order, attempt, settlement, entry, effects and the event's outcome are one transaction."""
    order, hooks = paid_order(house)
    [hook] = [hook for hook in hooks if hook.event_type == "payment_intent.succeeded"]
    house.deliver([hook])
    tables = ("orders", "attempts", "settlements", "entries", "effects", "events", "captures")
    # Every row that this transaction wrote names it as its writer.
    [(writer,)] = house.rows("SELECT xmin::text FROM settlements")
    wrote = {t for t in tables if house.rows(f"SELECT 1 FROM {t} WHERE xmin::text = %s", writer)}
    assert wrote == set(tables)
    assert house.see(order).state == "paid"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_poisoned_event_of_a_group_costs_the_others_nothing(build: Build, place: int) -> None:
    """C14: the group is stored, each event is tried alone, and only the poisoned one fails."""
    house = build()
    orders = [house.place(f"fee:{n}") for n in range(3)]
    told: list[dict[str, Any] | bytes] = [
        succeeded(house, house.checkout(order).attempt_id, f"pi_{n}") for n, order in enumerate(orders)
    ]
    told.insert(place, poison(house))
    received = hear(house, *told)
    assert {r.verdict for r in received} == {"accepted"}
    house.clock.move(MINUTE)
    retried = house.retry()
    assert (retried.tried, retried.applied, retried.failed) == (4, 3, 1)
    assert {house.see(order).state for order in orders} == {"paid"}
    [(state, reason)] = house.rows("SELECT state, reason FROM events WHERE state <> 'applied'")
    assert state == "failed" and len(reason) > 10
    cure(house)


def poison(house: House) -> dict[str, Any]:
    """A genuine event that cannot be recorded: two payments of the largest amount are more than a sum can hold."""
    order = house.place("fee:poison")
    checkout = house.checkout(order)
    house.rows("UPDATE orders SET received_minor = 9223372036854775807 WHERE order_id = %s RETURNING 1", order.id)
    return succeeded(house, checkout.attempt_id, "pi_poison")


def cure(house: House) -> None:
    """Mend what was wrong with the order of the poisoned event."""
    house.rows("UPDATE orders SET received_minor = 0 WHERE purpose = 'fee:poison' RETURNING 1")


def test_an_event_that_fails_is_tried_again_with_growing_pauses_and_then_kept_for_a_person(build: Build) -> None:
    """C14: tried again with exponential backoff and jitter."""
    house = build(policy=Policy(event_tries=5))
    hear(house, poison(house))
    pauses = []
    for _ in range(5):
        [(due,)] = house.rows("SELECT next_try_at FROM events")
        if due is None:
            break
        assert house.retry().tried == int(due <= house.clock.now())
        [(due,)] = house.rows("SELECT next_try_at FROM events")
        if due is not None:
            pauses.append((due - house.clock.now()).total_seconds())
            house.clock.instant = due
    assert pauses == sorted(pauses) and pauses[-1] > 2 * pauses[0]
    assert states(house)[0][1] == "quarantined"
    assert findings(house) == ["event_quarantined"]
    assert house.retry().tried == 0
    cure(house)


def test_what_was_given_up_can_be_replayed_once_it_is_mended(build: Build) -> None:
    """C16: events that keep failing are kept, listed and can be replayed."""
    house = build(policy=Policy(event_tries=1))
    [received] = hear(house, poison(house))
    house.retry()
    assert (states(house)[0][1], findings(house)) == ("quarantined", ["event_quarantined"])
    assert received.event_id is not None
    assert replay(house, received.event_id).reason == "quarantined"
    cure(house)
    became = replay(house, received.event_id)
    assert (became.state, states(house)[0][1], findings(house)) == ("applied", "applied", [])
    assert house.see(became.order_id or house.world.ids.new()).state == "paid"


def test_a_quarantined_event_that_the_provider_sends_again_after_mending_is_applied(build: Build) -> None:
    """C16: whichever way it is told again, it is applied and its finding is closed."""
    house = build(policy=Policy(event_tries=1))
    told = poison(house)
    hear(house, told)
    house.retry()
    cure(house)
    [received] = hear(house, told)
    assert (received.verdict, received.outcome) == ("duplicate", "applied")
    assert (states(house)[0][1], findings(house)) == ("applied", [])


def test_replaying_what_was_applied_changes_nothing_and_keeps_what_became_of_it(house: House) -> None:
    """X4: a replay finds everything known."""
    _, hooks = paid_order(house)
    received = house.deliver(hooks)
    before = everything(house)
    for one in received:
        assert one.event_id is not None
        replay(house, one.event_id)
    after = everything(house)
    assert {name for name in after if after[name] != before[name]} <= {"events"}
    assert [(r.type, r.outcome, r.reason) for r in received] == states(house)


def test_an_unknown_event_cannot_be_replayed(house: House) -> None:
    with pytest.raises(Refused) as refused:
        replay(house, house.world.ids.new())
    assert (refused.value.code, refused.value.status) == ("event_unknown", 404)


def test_what_is_signed_and_cannot_be_read_is_kept_and_asked_for_by_nobody_again(build: Build) -> None:
    """C16: bytes that nobody understands are kept as they came."""
    house = build(policy=Policy(event_tries=1))
    for body in (UNREADABLE, b"\xff\x00", b"[]", b"{}", b"null"):
        [received] = hear(house, body)
        assert (received.verdict, received.outcome, received.reason) == ("accepted", "failed", "unreadable")
    house.clock.move(MINUTE)
    assert house.retry().quarantined == 5
    assert {bytes(body) for (body,) in house.rows("SELECT body FROM events")} >= {b"\xff\x00", b"[]"}


def test_a_delivery_for_an_account_that_we_do_not_have_is_refused_aloud(house: House) -> None:
    with pytest.raises(Refused) as refused:
        house.run(receive(house.world, "default", [delivery(house, {}, account="nobody")]))
    assert refused.value.status == 404
    assert house.rows("SELECT count(*) FROM events") == [(0,)]


@pytest.mark.parametrize(
    "headers",
    [{}, {"stripe-signature": ""}, {"stripe-signature": "t=1,v1=" + "0" * 64}, {"stripe-signature": "\ud800"}],
    ids=repr,
)
def test_forged_words_leave_nothing_behind(house: House, headers: dict[str, str]) -> None:
    """B16: signatures are verified over the raw bytes."""
    before = everything(house)
    [received] = house.run(receive(house.world, "default", [Delivery("stripe", None, headers, b"{}")]))
    assert (received.verdict, received.event_id) == ("forged", None)
    assert everything(house) == before


def test_of_a_group_with_forged_words_the_genuine_ones_are_applied(house: House) -> None:
    order, hooks = paid_order(house)
    genuine = [delivery(house, hook.body) for hook in hooks]
    forged = Delivery("stripe", None, {"stripe-signature": "t=1,v1=00"}, hooks[0].body)
    received = house.run(receive(house.world, "default", [forged, *genuine, forged]))
    assert [r.verdict for r in received] == ["forged", *["accepted"] * len(genuine), "forged"]
    assert house.see(order).state == "paid"


def test_the_same_event_twice_in_one_group_is_one_event(house: House) -> None:
    order, hooks = paid_order(house)
    received = house.deliver([hook for hook in hooks for _ in range(2)])
    assert sorted({r.verdict for r in received}) == ["accepted", "duplicate"]
    assert len(states(house)) == len(hooks)
    assert (house.see(order).counters.recorded, findings(house)) == (1, [])


def test_an_event_that_comes_days_late_is_applied_like_any_other(house: House) -> None:
    """D9: how long ago something happened changes nothing of how its webhook is processed."""
    order, hooks = paid_order(house)
    house.clock.move(20 * DAY)
    for hook in hooks:
        house.stripe.webhooks.resend(hook.event_id)
    house.deliver_owed()
    assert (house.see(order).state, attempts(house, order)) == ("paid", [(1, "paid")])


def test_a_cancelled_intent_is_terminal_and_frees_the_order(build: Build) -> None:
    """B8: payment_intent.canceled is handled."""
    house = build(flow="payment_intent")
    order = house.place()
    checkout = house.checkout(order)
    told = intent(checkout.attempt_id, checkout.provider_ref or "", "canceled", cancellation_reason="fraudulent")
    house.stripe.books.intents[checkout.provider_ref or ""].status = "canceled"
    hear(house, event("payment_intent.canceled", told, house))
    assert (house.see(order).state, attempts(house, order)) == ("open", [(1, "closed")])
    assert house.checkout(order).attempt_id != checkout.attempt_id


def test_the_events_of_a_session_and_of_its_intent_are_one_payment(house: House) -> None:
    """B9: the Checkout Session's events are handled, and count the same money by the same name."""
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout)
    hooks = house.owed_webhooks()
    [session] = [hook for hook in hooks if hook.event_type == "checkout.session.completed"]
    house.deliver([session])
    assert house.see(order).state == "paid"
    house.deliver(hooks)
    assert house.rows("SELECT ref, captured_minor FROM captures") == [(intent_of(house, checkout), 4500)]
