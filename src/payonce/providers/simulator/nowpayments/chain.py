"""Coins arrive: the first deposit moves its payment along, every further one becomes a payment of its own.

Nothing refuses coins. What comes after the end of a payment, too little of it or too much, is still taken.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from payonce.providers.simulator.nowpayments.books import Books, Deposit
from payonce.providers.simulator.nowpayments.decimals import product, ratio
from payonce.providers.simulator.nowpayments.making import HUNDRED, make_repeated, outcome_of
from payonce.providers.simulator.nowpayments.payment import Payment, Status

NEXT: Final[dict[str, Status]] = {"confirming": "confirmed", "confirmed": "sending"}


def deposit(books: Books, payment: Payment, amount: Decimal) -> Payment:
    """Let coins arrive at the address of `payment`. Returns the payment that they count as."""
    first = payment if payment.parent is None else books.payments[payment.parent]
    if first.paid is None:
        counted = first
        counted.paid, counted.outcome = amount, outcome_of(books, amount, first.coin)
        books.move(counted, "confirming")
    else:
        counted = make_repeated(books, first, amount)
    books.deposits.append(Deposit(books.now(), first.address, first.coin.code, amount, counted.id))
    _step_later(books, counted)
    return counted


def _step_later(books: Books, payment: Payment) -> None:
    books.plan(books.now() + books.settings.step_seconds, lambda: _step(books, payment))


def _step(books: Books, payment: Payment) -> None:
    """One status further, unless somebody changed it by hand meanwhile."""
    paid = payment.paid or Decimal(0)
    if payment.status == "confirming" and paid < payment.coin.least:
        # Too little to be carried out: it stays where it is, and nobody gets it.
        books.move(payment, "failed")
    elif payment.status in NEXT:
        books.move(payment, NEXT[payment.status])
        _step_later(books, payment)
    elif payment.status == "sending":
        payment.settled = True
        books.move(payment, _end(books, payment, paid))


def _end(books: Books, payment: Payment, paid: Decimal) -> Status:
    settings = books.settings
    if payment.parent is not None:
        return settings.repeated_ends
    enough = product(payment.amount, ratio(HUNDRED - settings.covering_percent, HUNDRED))
    return "finished" if paid >= enough else "partially_paid"
