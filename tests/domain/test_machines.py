"""The state machines, each pair of state and event written down by hand a second time: a target, or `.` for nothing.

A rule that is added, removed or bent in the code has to be changed here as well, by somebody who means it.
"""

from __future__ import annotations

import pytest

from payonce.domain import alert, attempt, effect, finding_life, job_run, order, payout, refund, reservation
from payonce.domain.arrow import Machine

# Rows are events, columns are states.
ORDER = """
            waiting     open        paid        closed
placed      .           .           .           .
promoted    open        .           .           .
covered     .           paid        .           paid
closed      closed      closed      .           .
duplicated  closed      closed      .           .
reopened    .           .           .           open
"""

ATTEMPT = """
              creating   open       pending    closing    in_doubt   paid       failed     closed     abandoned
open          .          .          .          .          .          .          .          .          .
action        .          .          .          .          .          .          .          .          .
asks_again    .          .          open       .          .          .          .          .          .
pending       pending    pending    .          pending    pending    .          .          .          .
paid          paid       paid       paid       paid       paid       paid       paid       paid       paid
failed        failed     failed     closed     closed     failed     .          .          .          closed
closed        closed     closed     closed     closed     closed     .          .          .          closed
unknown       .          .          .          .          .          .          .          .          .
created       open       .          .          .          open       .          .          .          .
refused       failed     .          .          .          failed     .          .          .          .
unanswered    in_doubt   .          .          .          .          .          .          .          .
close_wanted  .          closing    .          .          .          .          .          .          .
abandoned     abandoned  abandoned  .          .          abandoned  .          .          .          .
served_elsewhere  .      closed     closed     closed     .          .          .          .          .
"""

EFFECT = """
             pending     claimed     done        failed      unknown     suppressed  held        dead
claimed      claimed     .           .           claimed     .           .           .           .
accepted     .           done        .           .           .           .           .           .
refused      .           failed      .           .           .           .           .           .
gave_up      .           dead        .           .           .           .           .           .
lost         .           unknown     .           .           .           .           .           .
lost_resend  .           failed      .           .           .           .           .           .
proven       done        .           .           done        done        .           done        done
hold         held        .           .           held        .           .           .           .
suppress     suppressed  suppressed  .           suppressed  .           .           .           .
needless     suppressed  .           .           suppressed  .           .           .           .
retry        .           .           pending     pending     pending     .           pending     pending
skip         .           .           .           .           suppressed  .           suppressed  suppressed
said_done    .           .           .           .           done        .           done        done
"""

RESERVATION = """
             wanted      held        sold        returned
reserved     held        .           .           held
sold         .           sold        .           .
returned     .           returned    .           .
restocked    .           .           returned    .
"""

REFUND = """
             planned    due        sending    in_doubt   sent       succeeded  failed     cancelled
too_large    .          planned    .          .          .          .          .          .
approved     due        .          .          .          .          .          .          .
begun        .          sending    .          sending    .          .          .          .
unanswered   .          .          in_doubt   .          .          .          .          .
put_back     .          .          due        .          .          .          .          .
accepted     sent       sent       sent       sent       .          .          sent       sent
succeeded    succeeded  succeeded  succeeded  succeeded  succeeded  .          succeeded  succeeded
failed       failed     failed     failed     failed     failed     failed     .          .
cancelled    cancelled  cancelled  .          .          .          .          .          .
"""

ACCRUAL = """
            accrued     held        paid_out    reversed
doubted     held        .           .           .
freed       .           accrued     .           .
covered     paid_out    .           .           .
returned    reversed    reversed    .           .
came_back   .           .           .           accrued
"""

FINDING = """
              open          acknowledged  ignored       regressed     resolved
acknowledged  acknowledged  acknowledged  acknowledged  acknowledged  .
ignored       ignored       ignored       ignored       ignored       .
woken         .             .             open          .             .
gone          resolved      resolved      resolved      resolved      .
resolved      resolved      resolved      resolved      resolved      .
returned      .             .             .             .             regressed
"""

JOB_RUN = """
            running     done        failed      stopped     lost
taken_up    running     .           running     running     .
finished    done        .           .           .           .
failed      failed      .           .           .           .
stopped     stopped     .           .           .           .
lost        lost        .           .           .           .
"""

ALERT = """
         waiting  silenced  dropped  grouped
grouped  grouped  .         .        .
dropped  dropped  .         .        .
"""

ALERT_MESSAGE = """
             claimed  sent  failed   unknown  dead
claimed      .        .     claimed  .        .
accepted     sent     .     .        .        .
refused      failed   .     .        .        .
gave_up      dead     .     dead     .        .
lost         unknown  .     .        .        .
lost_resend  failed   .     .        .        .
proven       .        .     sent     sent     .
"""

TABLES = (
    (order.MACHINE, ORDER), (attempt.MACHINE, ATTEMPT), (effect.MACHINE, EFFECT), (reservation.MACHINE, RESERVATION),
    (refund.MACHINE, REFUND),
    (payout.MACHINE, ACCRUAL), (finding_life.MACHINE, FINDING), (job_run.MACHINE, JOB_RUN),
    (alert.ALERTS, ALERT), (alert.MACHINE, ALERT_MESSAGE),
)  # fmt: skip


def written(table: str) -> dict[tuple[str, str], str | None]:
    """(state, event) -> target or None, of every field of the table."""
    head, *rows = [line.split() for line in table.strip().splitlines()]
    return {
        (state, row[0]): None if target == "." else target
        for row in rows
        for state, target in zip(head, row[1:], strict=True)
    }


@pytest.mark.parametrize(("machine", "table"), TABLES, ids=lambda value: getattr(value, "name", ""))
def test_every_pair_of_state_and_event_leads_where_it_is_written(machine: Machine, table: str) -> None:
    """X2: every status of a provider has a written row, whatever the state of the attempt."""
    code = {(state, event): machine.target(state, event) for state in machine.states for event in machine.events}
    assert code == written(table)


@pytest.mark.parametrize("machine", [machine for machine, _ in TABLES], ids=lambda machine: machine.name)
def test_every_arrow_has_its_reason_and_starts_and_ends_at_known_states(machine: Machine) -> None:
    for arrow in machine.arrows:
        assert len(arrow.why.split()) >= 4, arrow
        assert {arrow.source, arrow.target} <= set(machine.states)
        assert arrow.event in machine.events
    pairs = [(arrow.source, arrow.event) for arrow in machine.arrows]
    assert len(pairs) == len(set(pairs)), "two arrows leave one state on one event"


@pytest.mark.parametrize("machine", [machine for machine, _ in TABLES], ids=lambda machine: machine.name)
def test_an_arrow_is_allowed_exactly_where_one_is_written(machine: Machine) -> None:
    written_pairs = {(arrow.source, arrow.target) for arrow in machine.arrows}
    for source in machine.states:
        for target in machine.states:
            assert machine.allows(source, target) is ((source, target) in written_pairs)


def test_money_leads_to_paid_from_every_state_of_an_attempt() -> None:
    """X6: no state of an attempt refuses a capture."""
    assert {attempt.MACHINE.target(state, "paid") for state in attempt.STATES} == {"paid"}


def test_no_state_is_failed_by_silence_or_by_a_word_that_we_do_not_know() -> None:
    """X3: a lost answer leads into doubt, and an unknown status nowhere."""
    assert attempt.MACHINE.target("creating", "unanswered") == "in_doubt"
    assert {attempt.MACHINE.target(state, "unknown") for state in attempt.STATES} == {None}


def test_a_decline_frees_no_slot() -> None:
    """X2: what can still be paid stays live, so that no second object is made beside it."""
    for state in attempt.LIVE:
        target = attempt.MACHINE.target(state, "asks_again")
        assert target is None or target in attempt.LIVE


def test_a_live_attempt_dies_only_by_a_word_of_the_provider() -> None:
    """X7: what we wish leads to `closing`, which is live; only the provider's answer leads to a dead state."""
    ours = {"created", "unanswered", "close_wanted"}
    for state in attempt.LIVE:
        for event in ours:
            target = attempt.MACHINE.target(state, event)
            assert target is None or target in attempt.LIVE, (state, event)


def test_a_paid_order_stays_paid() -> None:
    """C1: only an order that is not yet paid can be settled; nothing leads away from paid."""
    assert [arrow for arrow in order.MACHINE.arrows if arrow.source == "paid"] == []
