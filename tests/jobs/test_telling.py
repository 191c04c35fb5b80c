"""What runs tell people: by the policy of their job, nothing old, nothing twice, never more than the run may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from payonce.base.ids import ORDER, RUN, show
from payonce.domain.effect import EffectKind
from payonce.drivers.failures import ConnectionCut
from payonce.drivers.stepping import run_to_end
from payonce.drivers.transaction import Moment
from payonce.jobs.dry import look
from payonce.usecases.count_run import read_run
from payonce.usecases.effect_handlers import Accepted, EffectCall, Handlers
from payonce.usecases.pull_switch import resume
from payonce.usecases.world import DEFAULT_MERCHANT
from tests.support.house import INVITE, NOTICE, House
from tests.support.runs import lane_of, run_job, run_slot
from tests.support.siblings import import_sharing, place_paid

DAY = 24 * 3600
TOLD = EffectKind("told", "order.closed", "notification", "resend")


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    built = House(database_url, kinds=(INVITE, NOTICE, TOLD))
    yield built
    built.close()


def pay_unheard(house: House, count: int = 1, first: int = 1) -> list[Any]:
    """Orders that are paid while every webhook is lost."""
    orders = []
    for number in range(first, first + count):
        order = house.place(f"fee:{number}", payer_reference=f"player {(number + 1) // 2}")
        house.pay(house.checkout(order))
        orders.append(order)
    house.owed_webhooks()
    return orders


def effects(house: House, kind: str) -> list[tuple[str, str | None]]:
    return house.rows("SELECT state, reason FROM effects WHERE kind = %s ORDER BY key", kind)


@pytest.mark.parametrize(
    ("notify", "told"),
    [
        ("send", ("pending", None)), ("preview", ("suppressed", "preview")),
        ("never", ("suppressed", "run_tells_nobody")),
    ],
)  # fmt: skip
def test_a_run_tells_as_its_job_says_and_what_was_paid_for_is_owed_all_the_same(
    house: House, notify: str, told: tuple[str, str | None]
) -> None:
    """A13: never, preview, send; fulfilment is no message and is owed by every run (S20)."""
    [order] = pay_unheard(house)
    house.clock.move(600)
    run = run_job(house, "resolve", notify=notify)
    assert house.see(order).state == "paid"
    assert effects(house, "notice") == [told]
    assert effects(house, "invite") == [("pending", None)]
    assert (run.messages, run.suppressed) == ((1, 0) if notify == "send" else (0, 1))
    assert [row["reason"] for row in run.report["messages"]] == [told[1]]


def test_a_run_without_messages_says_so_at_every_arrow(house: House) -> None:
    """A13: that nobody was told of it is in the audit, as a move of the effect like any other."""
    pay_unheard(house)
    house.clock.move(600)
    run = run_job(house, "resolve", notify="never")
    moved = house.rows("SELECT source, event, target, cause, run_id FROM audit WHERE subject = 'effect'")
    assert moved == [("pending", "suppress", "suppressed", "run_tells_nobody", run.run_id)]


def test_what_happened_longer_ago_than_the_horizon_is_told_to_nobody(house: House) -> None:
    """A5: counted from when the payment came at the provider, and not from when we recorded it."""
    [old] = pay_unheard(house)
    house.clock.move(DAY + 60)
    [young] = pay_unheard(house, first=2)
    house.clock.move(600)
    run = run_job(house, "resolve")
    assert {house.see(old).state, house.see(young).state} == {"paid"}
    by_order = dict(house.rows("SELECT order_id, state || COALESCE(reason, '') FROM effects WHERE kind = 'notice'"))
    assert by_order == {old.id: "suppressedtoo_old", young.id: "pending"}
    assert effects(house, "invite") == [("pending", None)] * 2
    assert (run.messages, run.suppressed) == (1, 1)


def test_a_webhook_that_comes_days_late_tells_nobody(house: House) -> None:
    """A5: the same for an event that its provider delivered days later."""
    order = house.place()
    house.pay(house.checkout(order))
    house.clock.move(DAY + 60)
    house.deliver_owed()
    assert house.see(order).state == "paid"
    assert effects(house, "notice") == [("suppressed", "too_old")]
    assert effects(house, "invite") == [("pending", None)]


def test_nobody_is_told_of_what_was_recorded_already(house: House) -> None:
    """A4: a run that meets a paid order again, by whichever way, owes nothing anew."""
    [order] = pay_unheard(house)
    house.clock.move(600)
    run_job(house, "resolve", notify="never")
    house.rows("UPDATE attempts SET state = 'open', asked_at = NULL RETURNING 1")
    house.clock.move(600)
    again = run_job(house, "resolve")
    assert again.messages == 0
    assert effects(house, "notice") == [("suppressed", "run_tells_nobody")]
    assert house.see(order).counters.recorded == 1


def test_a_run_can_say_how_many_it_told_of_what_and_how_many_people(house: House) -> None:
    """A9: from the rows, also afterwards, when some of the messages are on their way."""
    pay_unheard(house, 3)
    house.clock.move(600)
    run = run_job(house, "resolve")
    counted = run_to_end(read_run(house.world, run.run_id, [DEFAULT_MERCHANT]))
    assert (counted.messages, counted.people, counted.suppressed, counted.touched) == (3, 2, 0, 3)
    [notices] = [row for row in counted.told if row.kind == "notice"]
    assert (notices.state, notices.effects, notices.people) == ("pending", 3, 2)
    assert [(row.event, row.subjects) for row in counted.moved if row.subject == "order"] == [("covered", 3)]
    kept = house.rows("SELECT messages, people, suppressed, taken FROM job_runs WHERE run_id = %s", run.run_id)
    assert kept == [(3, 2, 0, 3)]


class Heard:
    """A handler that keeps the calls."""

    def __init__(self) -> None:
        self.calls: list[EffectCall] = []

    async def deliver(self, effect: EffectCall, /) -> Accepted:
        self.calls.append(effect)
        return Accepted()


async def _describe(merchant_id: str, order_ids: Any) -> dict[Any, Any]:
    return {order_id: {} for order_id in order_ids}


def test_every_message_names_the_run_and_the_cause_that_produced_it(house: House) -> None:
    """A20: of a run, what it read; of an event, which one; so that support can name the cause."""
    [order] = pay_unheard(house)
    house.clock.move(600)
    run = run_job(house, "resolve")
    told = house.place("fee:9")
    house.pay(house.checkout(told))
    house.deliver_owed()
    heard, handlers = Heard(), Handlers(_describe)
    handlers.add(NOTICE, heard)
    run_to_end(lane_of(house, "deliver", handlers).step())
    by_order = {call.order_id: call for call in heard.calls}
    assert by_order[order.id].run_id == show(RUN, run.run_id)
    assert by_order[order.id].caused_by.startswith("read:")
    assert by_order[told.id].run_id == "" and by_order[told.id].caused_by.startswith("webhook:evt_")
    moved = house.rows("SELECT DISTINCT run_id FROM audit WHERE subject_id = %s AND event = 'covered'", order.id)
    assert moved == [(run.run_id,)]


def test_a_look_says_what_would_be_closed_silently_and_how_many_messages_follow_at_most(house: House) -> None:
    """S17: a dry run writes nothing and calls nobody, and names duplicates; A2."""
    sibling = place_paid(house, "fee:1")
    stuck = import_sharing(house, sibling, "fee:2")
    house.checkout(house.place("fee:3"))
    house.clock.move(600)
    before = house.rows("SELECT * FROM audit ORDER BY audit_id")
    lane = lane_of(house, "resolve")
    would = run_to_end(look(lane.job, lane.hand, lane.merchants))[DEFAULT_MERCHANT]
    assert len(would.rows) == 2 and would.messages == 1
    [silent] = [row for row in would.rows if "duplicate" in row]
    assert show(ORDER, stuck.id) in silent
    assert house.rows("SELECT * FROM audit ORDER BY audit_id") == before
    assert house.see(stuck).state == "open"


def switch(house: House, job: str) -> tuple[object, ...] | None:
    found = house.rows("SELECT is_off, actor FROM switches WHERE name = %s", job)
    return found[0] if found else None


@pytest.mark.parametrize(("most", "code"), [("most_messages", "run_messages_cap"), ("most_rows", "run_rows_cap")])
def test_a_run_stops_before_it_exceeds_its_cap(house: House, most: str, code: str) -> None:
    """A14: it is stopped with a finding that has the numbers, and its job waits for a person; S18: never one more."""
    pay_unheard(house, 5)
    house.clock.move(600)
    lane = run_slot(house, "resolve", **{most: 3})
    [(state, why, messages, taken)] = house.rows("SELECT state, stopped_why, messages, taken FROM job_runs")
    assert (state, messages, taken) == ("stopped", 3, 3 if most == "most_rows" else 4)
    assert "3" in why
    [(kind, detail)] = house.rows("SELECT kind, detail FROM findings")
    assert (kind, detail["code"], detail["owed_messages"]) == ("job_breaker", code, "3")
    # More rows than one run may take up are left to the next slot; more messages wait for a person.
    assert switch(house, "resolve") == ((True, "breaker") if most == "most_messages" else None)
    assert house.rows("SELECT count(*) FROM orders WHERE state = 'paid'") == [(3,)]
    assert len(effects(house, "notice")) == 3
    assert lane.failures == 0


def test_a_job_that_tripped_waits_until_somebody_puts_it_back(house: House) -> None:
    """A19: further slots do nothing; put back with a reason, the rest is taken up and nothing twice."""
    pay_unheard(house, 4)
    house.clock.move(600)
    run_slot(house, "resolve", most_messages=3)
    house.clock.move(600)
    run_slot(house, "resolve")
    assert house.rows("SELECT count(*) FROM orders WHERE state = 'paid'") == [(3,)]
    house.run(resume(house.world, "resolve", by="a person", reason="the numbers are right"))
    house.clock.move(600)
    run_slot(house, "resolve")
    assert house.rows("SELECT count(*) FROM orders WHERE state = 'paid'") == [(4,)]
    assert [state for state, _ in effects(house, "notice")] == ["pending"] * 4
    assert house.rows("SELECT count(*) FROM settlements") == [(4,)]
    # The finding closes by itself once a run went well.
    assert house.rows("SELECT state FROM findings WHERE kind = 'job_breaker'") == [("resolved",)]


@pytest.mark.parametrize("stage", ["before_commit", "after_commit"])
def test_a_transaction_that_runs_again_counts_once_for_the_cap(database_url: str, stage: str) -> None:
    """S18: the budget is counted where it is committed; an answer of COMMIT that is lost neither adds nor forgives."""
    cuts = []

    async def cut(moment: Moment) -> None:
        # Every settlement of the run is cut once, before it is committed or after.
        if (moment.transaction, moment.stage, moment.run) == ("join_answers", stage, 1):
            cuts.append(moment)
            raise ConnectionCut

    house = House(database_url, kinds=(INVITE, NOTICE), observer=cut)
    try:
        pay_unheard(house, 4)
        house.clock.move(600)
        run_slot(house, "resolve", most_messages=3)
        assert len(cuts) >= 3
        assert house.rows("SELECT touched, messages FROM run_tallies") == [(4, 3)]
        assert house.rows("SELECT state, messages FROM job_runs") == [("stopped", 3)]
        assert [state for state, _ in effects(house, "notice")] == ["pending"] * 3
        assert house.rows("SELECT count(*) FROM settlements") == [(3,)]
    finally:
        house.close()


def test_the_database_itself_refuses_a_run_beyond_its_cap(house: House) -> None:
    """S18, A12: the cap is a check of the row, whatever the code does."""
    charge = (
        "INSERT INTO run_tallies (run_id, job, touched, messages, {}, at)"
        " VALUES (gen_random_uuid(), 'x', 4, 4, 3, now())"
    )
    for column, name in (
        ("most_touched", "run_touches_no_more_than_its_cap"), ("most_messages", "run_tells_no_more_than_its_cap"),
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            house.rows(charge.format(column))
        assert refused.value.diag.constraint_name == name
    assert house.rows("SELECT count(*) FROM run_tallies") == [(0,)]
