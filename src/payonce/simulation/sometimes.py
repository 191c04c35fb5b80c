"""What must have happened sometimes: a batch that never met a fault, an arrow or an answer has not tested it.

Lists what a batch of seeds is expected to meet, and what this flow cannot reach, each with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from payonce.domain import finding_life
from payonce.domain.invariants import written_arrows
from payonce.simulation.faults import FAULTS
from payonce.simulation.run import Outcome

# Fewer seeds of a merchant with the first of these may honestly miss what is rare; with another, what only it has.
ENOUGH_SEEDS: Final = 20
FIRST: Final = "stripe"
ENOUGH_OF_ANOTHER: Final = 12

# Arrows that no history of this flow takes, by (machine, event) or (machine, source, event).
_HAND: Final = "only money that came by hand, at a moment that few seeds meet, leads here"
_LATE: Final = "only an answer that comes after a person decided leads here; few seeds meet it"
_NOBODY: Final = "the simulated operator does not do so"
_NO_REVERSAL: Final = "no simulated effect is undone by another"
_UNSENT: Final = "the provider knows of no refund that was never sent"
_FAILED: Final = "a person must have said of a refund that it was not done although it was; the simulated one does not"
_BETWEEN: Final = "money must go back between the payment and the next payout; few seeds meet it"
_IMPORTED: Final = "only rows that were imported share a payment"
_UNDISCLOSED: Final = "nobody can use an object whose handle nobody was given"
UNREACHABLE: Final[dict[tuple[str, ...], str]] = {
    ("attempt", "creating", "paid"): _HAND,
    ("attempt", "in_doubt", "paid"): _HAND,
    ("attempt", "failed", "paid"): _HAND,
    ("attempt", "abandoned", "paid"): _HAND,
    ("attempt", "closed", "paid"): _HAND,
    ("attempt", "creating", "pending"): _UNDISCLOSED,
    ("attempt", "in_doubt", "pending"): _UNDISCLOSED,
    ("attempt", "creating", "failed"): _UNDISCLOSED,
    ("attempt", "in_doubt", "failed"): _UNDISCLOSED,
    ("attempt", "abandoned", "failed"): _UNDISCLOSED,
    ("attempt", "abandoned", "closed"): "a list must lag while a failure is stored under the key; few seeds meet it",
    ("attempt", "creating", "abandoned"): "the process must die in the call, and its payer stay away for a day",
    ("attempt", "in_doubt", "refused"): "the payer must come back to bytes that the provider takes no more",
    ("attempt", "open", "failed"): "the read must come between the news of a failed debit and the next click",
    ("attempt", "pending", "failed"): "the read must come before the news of a failed debit",
    ("attempt", "creating", "closed"): "an object is adopted within minutes, long before its end",
    ("attempt", "in_doubt", "closed"): "an object is adopted within minutes, long before its end",
    ("attempt", "pending", "closed"): "the simulated Stripe cancels nothing that is processing",
    ("attempt", "open", "abandoned"): "only at a provider that cannot cancel",
    ("order", "closed", "covered"): _HAND,
    ("order", "duplicated"): _IMPORTED,
    ("attempt", "served_elsewhere"): _IMPORTED,
    ("effect", "pending", "proven"): _LATE,
    ("effect", "held", "proven"): _LATE,
    ("effect", "dead", "proven"): _LATE,
    ("effect", "failed", "proven"): _LATE,
    ("effect", "unknown", "proven"): _LATE,
    ("effect", "failed", "hold"): "money must go back between two tries; few seeds meet it",
    ("effect", "failed", "suppress"): "an order must be opened again between two tries; few seeds meet it",
    ("effect", "pending", "suppress"): "an order must be opened again before the first try; few seeds meet it",
    ("effect", "failed", "retry"): "the operator must come between two tries; few seeds meet it",
    ("effect", "done", "retry"): _NOBODY,
    ("effect", "held", "said_done"): _NOBODY,
    ("effect", "dead", "skip"): "a notification must fail at every try; few seeds meet it",
    ("effect", "held", "skip"): "a notification is never held",
    ("effect", "pending", "needless"): _NO_REVERSAL,
    ("effect", "failed", "needless"): _NO_REVERSAL,
    ("refund", "planned", "accepted"): _UNSENT,
    ("refund", "due", "accepted"): _UNSENT,
    ("refund", "cancelled", "accepted"): _UNSENT,
    ("refund", "planned", "succeeded"): _UNSENT,
    ("refund", "due", "succeeded"): _UNSENT,
    ("refund", "cancelled", "succeeded"): _UNSENT,
    ("refund", "due", "failed"): _UNSENT,
    ("refund", "planned", "failed"): _UNSENT,
    ("refund", "in_doubt", "accepted"): "its letters must be lost with its answer, and its bank take hours; few seeds",
    ("refund", "failed", "accepted"): _FAILED,
    ("refund", "failed", "succeeded"): _FAILED,
    ("reservation", "returned", "reserved"): "an order must be opened again while there is enough; few seeds meet it",
    ("accrual", "held", "freed"): "a dispute or a refund must end before the next payout; few seeds meet it",
    ("accrual", "held", "returned"): _BETWEEN,
    ("accrual", "accrued", "returned"): _BETWEEN,
    ("accrual", "reversed", "came_back"): "a refund must fail before a payout; few seeds meet it",
    ("accrual", "accrued", "doubted"): _BETWEEN,
    **{("finding", event): "nobody tends findings here" for event in finding_life.EVENTS},
}
# Faults that few seeds meet.
RARE: Final = frozenset({"W7", "P4", "X3"})

ANSWERS: Final = (
    "Checkout.new", "Checkout.reused", "Checkout.replaced", "AlreadyPaid.", "InProgress.processing",
      "Gone.cancelled", "Silent.provider_silent",
     "ProviderRefused.rate_limited", "Placed.new.open", "Placed.new.waiting",
    "Placed.existing.open",  "error store_unavailable", "error order_paid",
    "error purpose_taken", "Received.accepted.applied.captured", "Received.duplicate.ignored.known",
     "Received.accepted.failed.unreadable",
    "refund surplus second_charge succeeded", "refund surplus over_payment succeeded", "refund order asked succeeded",
    "refund surplus second_charge failed", "refund surplus second_charge planned",
     "Received.forged.forged.", "Received.retry.retry.store_unavailable",
    "error sold_out", "money at risk with a finding", "clicks decided together",
)  # fmt: skip
# What only seeds with such an account can meet, in answers and in arrows.
AT: Final[dict[str, tuple[str, ...]]] = {
    "zalopay": (
        "page of zalopay.order", "paying at zalopay: as asked succeeded", "paying at zalopay: in vain declined",
        "paying at zalopay: slowly processing", "paying at zalopay: with a discount succeeded",
    ),
    "nowpayments": (
        "page of nowpayments.invoice", "page of nowpayments.payment", "paying at nowpayments: as asked processing",
        "paying at nowpayments: less processing", "paying at nowpayments: more processing",
        "paying at nowpayments: again processing",
    ),
}  # fmt: skip
ARROWS_AT: Final = {"nowpayments": (("attempt", "open", "abandoned"),)}


def never(outcomes: Iterable[Outcome]) -> list[str]:
    """Everything that none of the runs met, as lines for people."""
    faults: Counter[str] = Counter()
    arrows: Counter[tuple[str, str, str, str]] = Counter()
    counts: Counter[str] = Counter()
    had: Counter[str] = Counter()
    for outcome in outcomes:
        had.update(outcome.providers)
        faults.update(outcome.faults)
        arrows.update(outcome.arrows)
        counts.update(outcome.counts)
    missed = [
        f"fault {fault.id}: {fault.what}" for fault in FAULTS.values() if not faults[fault.id] and fault.id not in RARE
    ]
    missed += [
        f"arrow {machine}: {source} on {event} to {target}"
        for machine, source, event, target in written_arrows()
        if source != target
        and not arrows[machine, source, event, target]
        and why_unreachable(machine, source, event) is None
    ]
    wanted = [*ANSWERS, *(name for side, names in AT.items() if has_enough(had, side) for name in names)]
    missed += [f"answer {name}" for name in wanted if not any(met.startswith(name) for met in counts)]
    steps = {(machine, source, target) for machine, source, _, target in arrows}
    for side, expected in ARROWS_AT.items():
        missed += [f"arrow {' '.join(one)} at {side}" for one in expected if has_enough(had, side) and one not in steps]
    return missed


def has_enough(had: Counter[str], name: str) -> bool:
    """Whether so many seeds had an account of that provider that what it alone has must have happened."""
    return had[name] >= (ENOUGH_SEEDS if name == FIRST else ENOUGH_OF_ANOTHER)


def is_enough(outcomes: Sequence[Outcome]) -> bool:
    """Whether a batch is large enough that something can be expected of it."""
    return has_enough(Counter(name for outcome in outcomes for name in outcome.providers), FIRST)


def why_unreachable(machine: str, source: str, event: str) -> str | None:
    """Why this flow cannot take the arrow, or None where it can."""
    return UNREACHABLE.get((machine, event)) or UNREACHABLE.get((machine, source, event))
