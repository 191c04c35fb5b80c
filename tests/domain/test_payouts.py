"""What others get of an order: what an order may promise, when it accrues, what money that goes back does to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from payonce.base.errors import Refused
from payonce.domain import payout, purpose
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book
from payonce.domain.finding import KINDS
from payonce.domain.observation import Observation
from payonce.domain.payout import Accrual, Share, covers, share_of, shares_of, why_doubted
from tests.domain.purposes import (
    an_attempt,
    an_order,
    dispute,
    join,
    new_book,
    payment,
    refund,
    tell,
)

COACH = Share("coach", 700)
CLUB = Share("club", 4300)


def a_book(*shares: Share, pay: bool = True) -> tuple[Book, Attempt]:
    order = an_order()
    attempt = an_attempt(order)
    book = new_book(order, attempts=[attempt])
    book.shares[order.id] = shares or (CLUB, COACH)
    if pay:
        join(book, attempt, payment(attempt))
    return book, attempt


def of(book: Book, payee: str = "coach") -> Accrual:
    return next(accrual for accrual in book.accruals.values() if accrual.payee == payee)


def ledger(book: Book) -> dict[str, int]:
    """The accounts of payouts, as the book posts them."""
    sums: dict[str, int] = {}
    for line in (line for entry in book.entries for line in entry.postings):
        if line.account.startswith("payout"):
            sums[line.account] = sums.get(line.account, 0) + line.amount_minor
    return {account: amount for account, amount in sums.items() if amount}


def test_shares_accrue_once_with_the_settlement_and_not_before() -> None:
    """E10: one posting per payment, whatever is told how often."""
    book, attempt = a_book(pay=False)
    tell(book, (attempt, payment(attempt, captured=4999)))
    assert book.accruals == {}
    for _ in range(9):
        join(book, attempt, payment(attempt, source="poll"))
        purpose.reconsider(book)
    assert {accrual.payee: accrual.left_minor for accrual in book.accruals.values()} == {"coach": 700, "club": 4300}
    assert ledger(book) == {"payout_costs": 5000, "payouts_due:coach": -700, "payouts_due:club": -4300}
    assert sum(entry.cause.startswith("accrual:") for entry in book.entries) == 2


@pytest.mark.parametrize(
    ("amount", "left", "whole", "expected"),
    [(700, 5000, 5000, 700), (700, 0, 5000, 0), (700, 2500, 5000, 350), (700, 4999, 5000, 699), (1, 4999, 5000, 0),
     (700, -1, 5000, 0)],
)  # fmt: skip
def test_a_share_goes_with_the_part_of_the_money_that_is_left(
    amount: int, left: int, whole: int, expected: int
) -> None:
    assert share_of(amount, left, whole) == expected


# What happens to the payment; the accrual's state, what is left of it, and what its payee is owed in the ledger.
BEFORE = [
    ("refund of nothing yet", [("refund", "pending", 5000)], "accrued", 700),
    ("refund of a part", [("refund", "succeeded", 1000)], "accrued", 560),
    ("refund of all", [("refund", "succeeded", 5000)], "reversed", 0),
    ("refund that failed", [("refund", "succeeded", 5000), ("refund", "failed", 5000)], "accrued", 700),
    ("inquiry", [("dispute", "warning", 5000)], "held", 700),
    ("dispute", [("dispute", "open", 5000)], "held", 700),
    ("dispute lost", [("dispute", "open", 5000), ("dispute", "lost", 5000)], "reversed", 0),
    # Freed by the job, when nothing else speaks against it.
    ("dispute won", [("dispute", "open", 5000), ("dispute", "won", 5000)], "held", 700),
]


@pytest.mark.parametrize(("case", "told", "state", "left"), BEFORE, ids=[case for case, *_ in BEFORE])
def test_money_that_goes_back_before_the_payout_takes_the_accrual_with_it(
    case: str, told: list[tuple[str, str, int]], state: str, left: int
) -> None:
    """E12: what is returned is reversed by a posting of its own, what is disputed is held back."""
    book, attempt = a_book(COACH)
    made: dict[str, Callable[..., Observation]] = {"refund": refund, "dispute": dispute}
    tell(book, *[(attempt, made[nature](attempt, "1", status, amount)) for nature, status, amount in told])
    accrual = of(book)
    assert (accrual.state, accrual.left_minor, accrual.held_because is not None) == (state, left, state == "held")
    assert -ledger(book).get("payouts_due:coach", 0) == left == ledger(book).get("payout_costs", 0)


def test_surplus_that_goes_back_takes_nothing_from_the_payee() -> None:
    """E12: a second payment and its refund are none of the payee's money."""
    book, attempt = a_book(COACH, pay=False)
    tell(book, (attempt, payment(attempt, captured=6000)), (attempt, refund(attempt, "1", "succeeded", 1000)))
    assert (of(book).state, of(book).left_minor) == ("accrued", 700)


def test_money_that_goes_back_after_the_payout_is_found_and_owed_by_the_payee() -> None:
    """E12: what was paid out stays so; the difference is a finding, and a debt in the ledger."""
    book, attempt = a_book(COACH)
    accrual = of(book)
    accrual.payout_number, accrual.paid_minor = 3, 700
    payout.move(book, accrual, "covered")
    tell(book, (attempt, refund(attempt, "1", "succeeded", 2500)))
    found = {finding.kind: finding.money_minor for finding in book.findings}
    assert (accrual.state, accrual.overpaid_minor, found["payout_overpaid"]) == ("paid_out", 350, 350)
    assert ledger(book) == {"payout_costs": 350, "payouts_due:coach": -350}
    tell(book, (attempt, refund(attempt, "1", "failed", 2500)))
    assert accrual.overpaid_minor == 0 and "payout_overpaid" not in {finding.kind for finding in book.findings}


@pytest.mark.parametrize(
    ("gross", "carried", "threshold", "is_full", "expected"),
    [
        (700, 0, 0, False, True),
        (0, 0, 0, False, False),
        (700, 0, 701, False, False),
        (700, 0, 700, False, True),
        # What was paid too much comes off first.
        (700, -350, 400, False, False),
        (700, -350, 350, False, True),
        (700, -700, 0, False, False),
        (700, -900, 0, False, False),
        # What was paid too little is paid, with or without something new.
        (0, 350, 0, False, True),
        # No payout covers more than one transaction may move; so many accruals are enough.
        (1000, 0, 5000, True, True),
        (1000, -1000, 5000, True, False),
    ],
)
def test_a_payout_is_made_when_what_is_left_reaches_the_threshold(
    gross: int, carried: int, threshold: int, is_full: bool, expected: bool
) -> None:
    assert covers(gross, carried, threshold, is_full) is expected


def test_what_speaks_against_a_payout_is_named() -> None:
    assert why_doubted(None, False, False) is None
    assert why_doubted("second_charge", False, False) == "second_charge"
    assert why_doubted("second_charge", False, True) == "refund_under_way"
    assert why_doubted("dispute_opened", True, True) == "disputed"


def test_the_findings_that_hold_back_are_known_kinds() -> None:
    assert set(payout.DOUBTS) <= set(KINDS)


BAD = [
    [{"payee": "", "amount_minor": 1}],
    [{"payee": " coach", "amount_minor": 1}],
    [{"payee": "co\nach", "amount_minor": 1}],
    [{"payee": "c" * 201, "amount_minor": 1}],
    [{"payee": "coach", "amount_minor": 0}],
    [{"payee": "coach", "amount_minor": -1}],
    [{"payee": "coach", "amount_minor": 1.0}],
    [{"payee": "coach", "amount_minor": True}],
    [{"payee": "coach", "amount_minor": "1"}],
    [{"payee": "coach"}],
    [{"payee": 7, "amount_minor": 1}],
    [{"payee": "coach", "amount_minor": 1, "currency": "USD"}],
    [{"payee": "coach", "amount_minor": 1}, {"payee": "coach", "amount_minor": 2}],
    [{"payee": "coach", "amount_minor": 5001}],
    [{"payee": "coach", "amount_minor": 2501}, {"payee": "club", "amount_minor": 2500}],
    [{"payee": f"payee {n}", "amount_minor": 1} for n in range(51)],
]


@pytest.mark.parametrize("wished", BAD)
def test_shares_that_cannot_be_are_refused(wished: list[dict[str, object]]) -> None:
    with pytest.raises(Refused) as refused:
        shares_of(wished, 5000)
    assert refused.value.code == "payouts_invalid"


def test_shares_may_be_all_of_the_amount_and_come_by_payee() -> None:
    assert shares_of([COACH, {"payee": "club", "amount_minor": 4300}], 5000) == (CLUB, COACH)
    assert shares_of([], 0) == ()
