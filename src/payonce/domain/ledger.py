"""The ledger's rules: which accounts a posting may name, and what each kind of movement posts.

Entries are balanced and only ever added. An entry is unique by its cause, so a movement that is told twice is posted
once; the cause of a capture is its reference and its new cumulative amount, so that what grows posts the difference.

    clearing:<provider>:<account>   what the provider holds for us        (debit is positive)
    orders                          captured money that serves orders     (credit, negative)
    surplus                         captured money that serves no order   (credit, negative)
    refunding                       money that we send back, on its way   (credit until it arrived)
    by_hand                         money that a person sent back by other means (credit)
    refunds                         money that others sent back to payers (debit)
    disputes                        money that a bank took back           (debit)
    payout_costs                    shares of orders that payees get      (debit)
    payouts_due:<payee>             what of it no payout covers yet       (credit)
    payouts:<payee>                 what payouts were made of             (credit)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from payonce.base.errors import ensure

ORDERS: Final = "orders"
SURPLUS: Final = "surplus"
REFUNDING: Final = "refunding"
BY_HAND: Final = "by_hand"
REFUNDS: Final = "refunds"
DISPUTES: Final = "disputes"
PAYOUT_COSTS: Final = "payout_costs"


def clearing(provider: str, account: str) -> str:
    """The account of what that provider holds for us."""
    return f"clearing:{provider}:{account}"


def payouts_due(payee: str) -> str:
    """The account of what a payee is owed and no payout covers yet."""
    return f"payouts_due:{payee}"


def payouts_made(payee: str) -> str:
    """The account of what payouts to a payee were made of."""
    return f"payouts:{payee}"


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry: signed minor units on one account."""

    account: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One balanced record of money that moved, of one currency."""

    id: UUID
    cause: str
    order_id: UUID
    currency: str
    postings: tuple[Posting, ...]


def entry(entry_id: UUID, cause: str, order_id: UUID, currency: str, *postings: Posting) -> Entry:
    """An entry without its empty lines. Raises Bug when the lines do not sum to zero."""
    lines = tuple(line for line in postings if line.amount_minor)
    ensure(sum(line.amount_minor for line in lines) == 0, f"the entry {cause} does not balance")
    return Entry(entry_id, cause, order_id, currency, lines)
