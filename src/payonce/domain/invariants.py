"""The invariants: what holds at every moment, by the numbers of the reliability document. Each names its queries.

A query returns counterexamples; no row means that it holds. It only says, and repairs nothing. Some promises need more
than our tables (the provider's truth, what was answered, logs, calls): the tests hold those, and ELSEWHERE says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from payonce.domain import attempt, effect, finding_life, order, payout, refund, reservation
from payonce.domain.arrow import Machine


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise. `queries` are names in `store/invariants*.sql`; each begins with the promise's number."""

    id: str
    holds: str
    queries: tuple[str, ...]


INVARIANTS: Final[tuple[Invariant, ...]] = (
    Invariant(
        "S1", "what serves an order never exceeds its amount; all other captured money is surplus and watched",
        ("s1_allocations_within_amount", "s1_surplus_is_watched"),
    ),
    Invariant(
        "S2", "an order is paid if and only if exactly one settlement says so, equal to its amount and allocations",
        ("s2_paid_has_one_settlement",),
    ),
    Invariant("S3", "every entry sums to zero, and so does the ledger", ("s3_entries_balance", "s3_ledger_balances")),
    Invariant(
        "S4", "every captured, refunded or disputed amount is posted exactly once",
        (
            "s4_clearing_is_what_the_provider_said", "s4_serving_is_posted", "s4_order_sums",
            "s4_refund_is_staged_as_it_stands", "s4_payout_costs_are_the_accruals",
            "s4_payouts_due_are_what_is_left",
        ),
    ),
    Invariant("S5", "one provider reference serves one attempt", ("s5_reference_serves_one_attempt",)),
    Invariant("S6", "at most one attempt of a purpose may be payable", ("s6_one_live_attempt",)),
    Invariant(
        "S7", "the next attempt exists only after the former is proven dead, paid for less, or abandoned",
        ("s7_next_attempt_only_after_a_dead_one",),
    ),
    Invariant(
        "S8", "states move along written arrows only",
        (
            "s8_steps_follow_arrows", "s8_attempt_steps_lead_to_its_state", "s8_effect_steps_lead_to_its_state",
            "s8_order_steps_lead_to_its_state", "s8_refund_steps_lead_to_its_state",
        ),
    ),
    Invariant(
        "S9", "what we send back never exceeds what came, nor a day's limit; what others return beyond is found",
        (
            "s9_returned_twice_is_found", "s9_refunds_within_what_came", "s9_refund_has_one_echo",
            "s9_day_within_its_limit",
        ),
    ),
    Invariant("S10", "an effect that must be single was accepted once",
              ("s10_one_accepted_delivery", "s10_one_effect_per_key", "s10_one_accrual_per_payment",
               "s10_payout_is_its_accruals")),
    Invariant("S11", "no effect without its cause", ("s11_effect_has_its_cause",
              "s11_accrual_has_its_settlement", "s11_paid_order_accrued_its_shares")),
    Invariant(
        "S19", "free, held and sold pieces are all that somebody said there are, and orders have what their state says",
        (
            "s19_pieces_are_free_held_or_sold", "s19_counts_are_reservations",
            "s19_orders_have_what_their_state_says", "s19_orders_know_that_they_have_items", "s19_on_hand_was_said",
        ),
    ),
    Invariant(
        "S20", "the fulfilment of every paid order is done, on its way, or stopped with a finding",
        ("s20_paid_is_fulfilled_or_watched", "s20_paid_owes_its_fulfilment"),
    ),
    Invariant(
        "S21", "every captured amount serves an order, was returned, or is held in an open finding",
        ("s21_no_money_is_dropped",),
    ),
)  # fmt: skip

# Questions that only the whole can answer: sums over a payee, an item or a ledger. `payonce prove` asks them; the
# monitor, which asks about the orders that moved, leaves out those that grow with every order.
OF_THE_WHOLE: Final = frozenset(
    "s3_ledger_balances s4_payouts_due_are_what_is_left s10_payout_is_its_accruals s19_counts_are_reservations "
    "s19_on_hand_was_said s19_pieces_are_free_held_or_sold s9_day_within_its_limit".split()
)
# Of those, what has one row for an item or a day, so that the monitor asks it in whole as well.
SMALL: Final = frozenset({"s19_pieces_are_free_held_or_sold", "s9_day_within_its_limit"})

# What no query over today's tables can answer, and who does.
ELSEWHERE: Final[Mapping[str, str]] = {
    "S12": "tests keep their own list of what was answered 2xx",
    "S13": "there are no plans yet",
    "S14": "the audit is not linked into a chain yet",
    "S15": "a test searches logs, audit and masked columns",
    "S16": "a test counts what the simulated provider was asked to create",
    "S17": "a test counts outside calls",
    "S18": "checks of the row that counts a run (`run_tallies`); tests run into them by every way",
}

MACHINES: Final[tuple[Machine, ...]] = (
    order.MACHINE,
    attempt.MACHINE,
    effect.MACHINE,
    refund.MACHINE,
    reservation.MACHINE,
    payout.MACHINE,
    finding_life.MACHINE,
)


def written_arrows(machines: Iterable[Machine] = MACHINES) -> list[tuple[str, str, str, str]]:
    """Every arrow as (machine, source, event, target): what the steps in the audit may be."""
    return [(machine.name, arrow.source, arrow.event, arrow.target) for machine in machines for arrow in machine.arrows]
