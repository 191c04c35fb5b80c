"""The monitor: each kind of finding raised by what really causes it, resolved by itself when that is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from payonce.base.errors import Conflict, Refused
from payonce.domain.delivering import NotAccepted
from payonce.domain.effect import EffectKind
from payonce.domain.finding import KINDS
from payonce.jobs.timetable import TIMETABLE, timetable
from payonce.usecases.deliver_effects import deliver_effects
from payonce.usecases.effect_handlers import Outcome
from payonce.usecases.explain_order import explain_order
from payonce.usecases.handle_finding import resolve_finding
from payonce.usecases.list_findings import FindingView, list_findings
from payonce.usecases.monitor import ALL, Monitored, list_checks, monitor
from payonce.usecases.prove import prove_all
from payonce.usecases.pull_switch import pause
from payonce.usecases.register_jobs import register_jobs
from payonce.usecases.run_context import RunLost, RunStopped
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.promises.words import event, hear
from tests.support.effects import Desk, Receiver
from tests.support.frames import drive
from tests.support.house import House
from tests.support.line import watched_line
from tests.support.parties import nowpayments_seat
from tests.support.runs import lane_of

HOUR, DAY = 3600.0, 86400.0
Build = Callable[..., House]


@pytest.fixture
def build(database_url: str) -> Iterator[Build]:
    """Builds the house of a test, and lets it go."""
    built: list[House] = []

    def make(**more: Any) -> House:
        built.append(House(database_url, **more))
        return built[-1]

    yield make
    for house in built:
        house.close()


def look(house: House, *only: str) -> Monitored:
    """Let the monitor look, after everything that was written is settled."""
    house.clock.move(61)
    did = house.run(monitor(house.world.for_jobs(), DEFAULT_MERCHANT, only=only))
    assert did.failed == {}
    return did


def found(house: House, kind: str | None = None, state: str | None = "unresolved") -> list[FindingView]:
    """The findings of a kind."""
    return house.run(list_findings(house.world, DEFAULT_MERCHANT, kind=kind, state=state, limit=100))


def write(house: House, sql: str, *values: object) -> None:
    """Write rows beside payonce, as an import or a stranger would."""
    house.rows(f"{sql} RETURNING 1", *values)


def paid(house: House, purpose: str = "fee:27:2026-05") -> UUID:
    """An order that was paid, with its webhooks delivered."""
    order = house.place(purpose)
    house.pay(house.checkout(order))
    house.deliver_owed()
    return order.id


def test_a_calm_house_has_no_finding(house: House) -> None:
    """C20: a look at a house in which everything is as it should be finds nothing, and every check did look."""
    paid(house)
    did = look(house)
    assert (did.checks, did.found) == (len(ALL), 0), house.rows("SELECT kind, detail FROM findings")
    assert all(check.ran_at is not None for check in house.run(list_checks(house.world, DEFAULT_MERCHANT)).values())
    assert house.run(prove_all(house.world)) == []


def test_a_check_that_does_not_exist_is_refused(house: House) -> None:
    with pytest.raises(Refused) as refused:
        house.run(monitor(house.world, DEFAULT_MERCHANT, only=["stuck_oders"]))
    assert refused.value.code == "check_unknown"
    assert house.rows("SELECT 1 FROM monitor_checks") == []


def test_an_order_in_doubt_beyond_its_time_is_found_once_and_resolves_by_itself(house: House) -> None:
    """C19: a stuck order is found, counted up at the next look and not opened twice, and gone when it is settled."""
    order = house.place()
    checkout = house.checkout(order)
    house.pay(checkout)
    # Its webhook is lost, and the worker that would ask does not run.
    house.owed_webhooks()
    house.clock.move(4 * HOUR)
    look(house, "stuck_orders")
    look(house, "stuck_orders")
    [stuck] = found(house)
    assert (stuck.kind, stuck.order_id, stuck.seen, stuck.money_minor) == ("stuck_order", order.id, 2, 4500)
    assert f"order:{order.id}" in stuck.evidence
    house.resolve()
    assert house.see(order).state == "paid"
    assert look(house, "stuck_orders").gone == 1
    [gone] = found(house, state=None)
    assert (gone.state, gone.resolved_by, gone.changed_as) == ("resolved", "payonce", "resolved")


def test_what_comes_back_after_it_was_resolved_is_regressed_and_linked(house: House) -> None:
    """C19: a person's word ends a finding; where the difference is still there, the next look says so."""
    house.pay(house.checkout(house.place()))
    house.owed_webhooks()
    house.clock.move(4 * HOUR)
    look(house, "stuck_orders")
    [first] = found(house)
    house.run(resolve_finding(house.world, DEFAULT_MERCHANT, first.id, "linh", "I asked the provider"))
    look(house, "stuck_orders")
    [again] = found(house)
    assert (again.state, again.earlier_id, again.changed_as) == ("regressed", first.id, "regressed")
    assert again.id != first.id


def test_an_open_order_that_nobody_closes_is_stuck(house: House) -> None:
    """C19: an order without any attempt is open for as long as the job that closes it does not run."""
    order = house.place()
    house.clock.move(25 * HOUR)
    look(house, "stuck_orders")
    assert found(house) == []
    house.clock.move(2 * HOUR)
    look(house, "stuck_orders")
    assert [each.order_id for each in found(house, "stuck_order")] == [order.id]
    house.close_old()
    look(house, "stuck_orders")
    assert found(house) == []


def test_orders_that_share_a_provider_payment_are_found_though_they_were_imported(house: House) -> None:
    """C18: two attempts with one handle in two orders; only one of them has the reference."""
    first, second = paid(house, "fee:1"), house.place("fee:2")
    house.checkout(second)
    [(ref,)] = house.rows("SELECT handle_ref FROM attempts WHERE order_id = %s", first)
    look(house, "shared_payments")
    assert found(house) == []
    [(own,)] = house.rows("SELECT handle_ref FROM attempts WHERE order_id = %s", second.id)
    write(house, "UPDATE attempts SET handle_ref = %s WHERE order_id = %s", ref, second.id)
    look(house, "shared_payments")
    look(house, "shared_payments")
    [shared] = found(house)
    assert (shared.kind, shared.orders, shared.counted, shared.seen) == ("duplicate_reference", 2, 2, 2)
    assert {f"order:{first}", f"order:{second.id}"} <= set(shared.evidence)
    write(house, "UPDATE attempts SET handle_ref = %s WHERE order_id = %s", own, second.id)
    look(house, "shared_payments")
    assert found(house) == []


def test_a_walk_over_many_names_goes_on_where_it_ended(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """C18: a stretch is bounded; sharers that lie on both sides of its end are found, and those found stay found."""
    monkeypatch.setattr("payonce.usecases.look_at_orders.MOST_WALKED", 3)
    orders = [house.place(f"fee:{number}") for number in range(6)]
    for number, order in enumerate(orders):
        house.checkout(order)
        name = f"cs_{number // 2}" if number in (2, 3) else f"cs_{number}"
        write(house, "UPDATE attempts SET handle_ref = %s WHERE order_id = %s", name, order.id)
    for _ in range(6):
        look(house, "shared_payments")
    [shared] = found(house)
    assert set(shared.evidence) == {f"order:{orders[2].id}", f"order:{orders[3].id}", f"order:{orders[1].id}"}


def test_an_effect_that_nobody_takes_up_is_found(house: House) -> None:
    """C19: a quarter of an hour after it was due no worker has begun it."""
    paid(house)
    look(house, "stuck_effects")
    assert found(house) == []
    house.clock.move(16 * 60)
    look(house, "stuck_effects")
    assert {(each.kind, each.severity) for each in found(house)} == {("stuck_effect", "critical")}
    assert len(found(house)) == 2
    deliver(house)
    look(house, "stuck_effects")
    assert found(house) == []


def test_an_effect_that_waits_for_a_person_is_found_where_its_finding_is_missing(house: House) -> None:
    """L4: rows that were restored or imported have no finding of their own."""
    paid(house)
    write(house, "UPDATE effects SET state = 'unknown', due_at = NULL WHERE kind = 'invite'")
    look(house, "stopped_effects")
    [unknown] = found(house)
    assert unknown.kind == "unknown_effect"
    assert unknown.evidence[0].startswith("order:") and unknown.evidence[1].startswith("effect:")
    write(house, "UPDATE effects SET state = 'done' WHERE kind = 'invite'")
    look(house, "stopped_effects")
    assert found(house) == []


def test_an_effect_delivered_twice_is_found_and_ended_by_a_word_that_is_not_asked_for_again(house: House) -> None:
    """E13: more than one accepted delivery for one payment is a finding; it does not go away, and is answered once."""
    paid(house)
    deliver(house)
    look(house, "repeated_effects")
    assert found(house) == []
    [(effect_id,)] = house.rows("SELECT effect_id FROM effects WHERE kind = 'invite'")
    for number in (2, 3):
        write(
            house, "INSERT INTO deliveries SELECT merchant_id, effect_id, %s, fence, began_at, ended_at, 'accepted' "
            "FROM deliveries WHERE effect_id = %s AND try_number = 1", number, effect_id,
        )  # fmt: skip
        write(house, "UPDATE effects SET tries = %s WHERE effect_id = %s", number, effect_id)
        look(house, "repeated_effects")
        [repeated] = found(house)
        assert (repeated.kind, repeated.counted) == ("repeated_effect", number)
        house.run(resolve_finding(house.world, DEFAULT_MERCHANT, repeated.id, "linh", "the second one was revoked"))
        look(house, "repeated_effects")
        # Answered, and not more of it than was answered.
        assert found(house) == []


def test_more_than_two_tries_are_found_until_it_is_done(house: House) -> None:
    """E13: more than two attempts at an effect are a finding."""
    paid(house)
    for _ in range(3):
        deliver(house, NotAccepted("busy"), NotAccepted("busy"))
        house.clock.move(HOUR)
    look(house, "repeated_effects")
    assert {each.kind for each in found(house)} == {"repeated_effect"}
    deliver(house)
    look(house, "repeated_effects")
    assert found(house) == []


def test_a_receiver_that_knows_our_key_may_hear_twice(build: Build) -> None:
    """E13: with `resend` a repetition is no second delivery."""
    house = build(kinds=[EffectKind("invite", "order.paid", "fulfilment", "resend")])
    paid(house)
    deliver(house)
    write(
        house, "INSERT INTO deliveries SELECT merchant_id, effect_id, 2, fence, began_at, ended_at, 'accepted', '' "
        "FROM deliveries",
    )  # fmt: skip
    write(house, "UPDATE effects SET tries = 2")
    look(house, "repeated_effects")
    assert found(house) == []


def test_one_payment_that_is_told_again_and_again_is_counted(house: House) -> None:
    """E14: repeated processing of one payment changes nothing, is counted, and is shown from ten times on."""
    order = house.place()
    house.pay(house.checkout(order))
    hooks = house.owed_webhooks()
    house.deliver(hooks)
    for _ in range(9):
        house.deliver(hooks)
    [(repeats,)] = house.rows("SELECT count(*) FROM repeats")
    assert repeats == 9 * len(hooks)
    house.deliver(hooks)
    look(house, "repeated_processing")
    [told] = found(house)
    assert (told.kind, told.order_id, told.severity) == ("repeated_processing", order.id, "notice")
    assert told.counted == 10 * len(hooks)
    assert house.see(order).counters.recorded == 1
    story = house.run(explain_order(house.world, DEFAULT_MERCHANT, order.id))
    since = f"{house.clock.now():%Y-%m-%d}"
    says = f"told again {10 * len(hooks)} times since {since}, which changed nothing"
    assert says in {line.says for line in story.lines}
    house.clock.move(2 * DAY)
    look(house, "repeated_processing")
    assert found(house) == []


def test_payments_by_polling_without_a_call_ever_raise_provider_silent(build: Build) -> None:
    """E15: NOWPayments is paid and found by asking, and not one notice ever came."""
    house = build(seat=nowpayments_seat)
    order = house.place()
    house.pay(house.checkout(order))
    house.owed_webhooks()
    house.clock.move(10 * 60)
    house.resolve()
    assert house.see(order).state == "paid"
    look(house, "provider_silent")
    assert found(house) == []
    house.clock.move(10 * 60)
    look(house, "provider_silent")
    look(house, "provider_silent")
    [silent] = found(house)
    assert (silent.kind, silent.provider, silent.severity) == ("provider_silent", "nowpayments", "critical")
    assert (silent.counted, silent.detail["ever"]) == (1, "no")
    # The endpoint is mended: the next payment is told, and the finding resolves by itself.
    house.pay(house.checkout(house.place("fee:2")))
    house.deliver_owed()
    look(house, "provider_silent")
    assert found(house) == []


def test_callbacks_that_stop_while_payments_go_on_raise_provider_silent(house: House) -> None:
    """E15: one lost webhook is nothing; five payments in a row without one are."""
    paid(house, "fee:0")
    look(house, "provider_silent")
    for number in range(1, 6):
        house.pay(house.checkout(house.place(f"fee:{number}")))
        house.owed_webhooks()
        house.clock.move(10 * 60)
        house.resolve()
        look(house, "provider_silent")
        house.clock.move(11 * 60)
        look(house, "provider_silent")
        assert [each.kind for each in found(house)] == (["provider_silent"] if number == 5 else [])
    assert found(house)[0].detail["ever"] == "yes"


def test_events_that_come_late_raise_webhook_lag(house: House) -> None:
    """Webhooks that waited for ten minutes are seen in the p95 of the hour; silence afterwards proves nothing."""
    for number in range(6):
        late = event("customer.created", {"id": f"c{number}", "object": "customer"}, house)
        hear(house, late | {"created": late["created"] - 600})
    look(house, "webhook_lag")
    [lag] = found(house)
    assert (lag.kind, lag.provider, lag.detail["p95_seconds"]) == ("webhook_lag", "stripe", "600")
    house.clock.move(2 * HOUR)
    look(house, "webhook_lag")
    assert len(found(house)) == 1
    for number in range(6):
        hear(house, event("customer.created", {"id": f"d{number}", "object": "customer"}, house))
    look(house, "webhook_lag")
    assert found(house) == []


def test_types_that_nobody_handles_are_listed_and_counted_on(house: House) -> None:
    """B11: an unhandled type is no error; it is stored, counted and found once, however often it comes."""
    for count in (2, 5):
        for number in range(count):
            hear(house, event("customer.created", {"id": f"c{count}{number}", "object": "customer"}, house))
        look(house, "unhandled_events")
    [types] = found(house)
    assert (types.kind, types.severity, types.counted, types.seen) == ("unhandled_events", "notice", 7, 2)
    house.clock.move(31 * DAY)
    look(house, "unhandled_events")
    assert found(house) == []


def deliver(house: House, *answers: Outcome) -> None:
    """Let a worker deliver everything that is due; what the receiver does not answer otherwise it accepts."""
    receiver = Receiver(*answers)
    desk = Desk(house, dict.fromkeys(list(house.world.kinds), receiver))
    house.run(deliver_effects(desk.world, DEFAULT_MERCHANT, desk.handlers, 100))


def test_what_payees_wait_for_is_found_with_its_sum(build: Build) -> None:
    """E12: inflated or doubtful shares are held back, and somebody knows how much."""
    house = build(kinds=[EffectKind("pay", "payout.due", on_unknown="resend")])
    order = house.place(payouts=[{"payee": "coach", "amount_minor": 700}])
    house.pay(house.checkout(order))
    house.deliver_owed()
    look(house, "held_payouts")
    assert found(house) == []
    write(house, "UPDATE accruals SET state = 'held', held_because = 'disputed'")
    look(house, "held_payouts")
    [held] = found(house)
    assert (held.kind, held.money_minor, held.currency) == ("payout_held", 700, "USD")
    assert f"order:{order.id}" in held.evidence
    write(house, "UPDATE accruals SET state = 'accrued', held_because = NULL")
    look(house, "held_payouts")
    assert found(house) == []


def test_a_job_that_does_not_end_well_is_found_unless_somebody_stopped_it(house: House) -> None:
    """C20: nobody notices a job that silently stopped, but for this."""
    add = (
        "INSERT INTO jobs (job, why, is_worker, notify, timetable_seconds, registered_at, last_success_at, last_error) "
        "VALUES (%s, 'a test', false, 'never', 900, %s, %s, %s)"
    )
    now = house.clock.now()
    write(house, add, "resolve", now, now, None)
    write(house, add, "close", now, None, "Unavailable: nobody answers")
    house.clock.move(40 * 60)
    look(house, "job_stale")
    assert found(house) == []
    house.clock.move(10 * 60)
    look(house, "job_stale")
    stale = {each.detail["job"]: each for each in found(house)}
    assert set(stale) == {"resolve", "close"}
    assert stale["close"].detail["last_error"] == "Unavailable: nobody answers"
    write(house, "INSERT INTO switches (name, is_off, reason, actor, at) VALUES ('close', true, 'r', 'linh', now())")
    write(house, "UPDATE jobs SET last_success_at = %s WHERE job = 'resolve'", house.clock.now())
    look(house, "job_stale")
    assert found(house) == []


def test_a_job_that_every_process_leaves_out_by_its_environment_is_stale_until_everybody_knows(house: House) -> None:
    """C20, A15: a variable speaks for one process, so that nobody else can tell that it is meant."""
    facts = [job.facts for job in TIMETABLE if job.name in ("retry", "resolve")]
    # The processes register what they run, and leave what they do not as others know it.
    house.run(register_jobs(house.world, facts, only_new=True))
    lanes = [lane_of(house, job.name) for job in timetable({"retry": "off"}) if job.name in ("retry", "resolve")]
    drive(house, lanes, 15 * 60)
    look(house, "job_stale")
    [stale] = found(house)
    assert (stale.kind, stale.detail["job"]) == ("job_stale", "retry")
    assert "never ended well" in stale.detail["says"] and "PAYONCE_JOB_" in KINDS["job_stale"].next_step
    house.run(pause(house.world, "retry", by="linh", reason="INC-4"))
    look(house, "job_stale")
    assert found(house) == []


def test_a_check_that_fails_is_found_and_what_it_found_before_stays(house: House) -> None:
    """C20: nobody looked, so nothing is gone; the other checks look all the same."""
    house.place()
    house.clock.move(30 * HOUR)
    look(house, "stuck_orders")
    assert [each.kind for each in found(house)] == ["stuck_order"]
    broken = [replace(check, look=_fails) if check.name == "stuck_orders" else check for check in ALL]
    did = house.run(monitor(house.world, DEFAULT_MERCHANT, checks=broken))
    assert list(did.failed) == ["stuck_orders"]
    assert did.checks == len(ALL) - 1
    assert {each.kind for each in found(house)} >= {"stuck_order", "job_trouble"}
    seen = house.run(list_checks(house.world, DEFAULT_MERCHANT))["stuck_orders"]
    assert seen.failed_why == "stale: read again" and seen.ran_at is not None
    house.close_old()
    look(house, "stuck_orders")
    assert [each.kind for each in found(house)] == []


@pytest.mark.parametrize("error", [RunStopped("it was switched off"), RunLost()], ids=["stopped", "lost"])
def test_a_run_that_has_to_end_is_no_trouble_of_a_check(house: House, error: Exception) -> None:
    """A10: what stops the run passes through, and nothing is written about it."""

    async def stops(tx: Any, looking: Any) -> Any:
        raise error

    broken = [replace(ALL[0], look=stops)]
    with pytest.raises(type(error)):
        house.run(monitor(house.world, DEFAULT_MERCHANT, checks=broken))
    assert found(house) == []
    assert house.rows("SELECT 1 FROM monitor_checks") == []


async def _fails(tx: Any, looking: Any) -> Any:
    raise Conflict("read again", code="stale")


def test_a_repetition_whose_commit_went_unanswered_is_counted_once(database_url: str) -> None:
    """E14: the transaction is run again, and neither fails on its own row nor counts twice."""
    with watched_line(database_url) as line:
        house = House(line.dsn)
        house.pay(house.checkout(house.place()))
        hooks = house.owed_webhooks()
        house.deliver(hooks)
        line.fates = ["cut after"]
        [again] = house.deliver(hooks[:1])
        assert (again.verdict, line.fates) == ("duplicate", [])
        [(repeats,)] = house.rows("SELECT count(*) FROM repeats")
        assert repeats == 1
        assert house.rows("SELECT DISTINCT state FROM events WHERE state = 'failed'") == []
        house.close()
