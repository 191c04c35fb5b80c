"""The account's balance: a transaction for every movement of money, and the lists that reconciliation reads."""

from __future__ import annotations

from typing import Any, Final

from payonce.providers.simulator.stripe.books import Books
from payonce.providers.simulator.stripe.errors import no_such
from payonce.providers.simulator.stripe.lists import page
from payonce.providers.simulator.stripe.money_back import BalanceTransaction
from payonce.providers.simulator.stripe.params import Params

# 2.9 % and 30 minor units, Stripe's usual price for a card in the United States.
FEE_PER_MILLE: Final = 29
FEE_FIXED: Final = 30
CATEGORY: Final = {"charge": "charge", "refund": "refund", "refund_failure": "refund_failure", "adjustment": "dispute"}


def post(
    books: Books, amount: int, currency: str, kind: str, source: str, *, charged: bool = False, fee: int = 0
) -> BalanceTransaction:
    """Write a movement of `amount` (signed minor units) caused by the object `source`."""
    if charged:
        fee = (amount * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED
    transaction = BalanceTransaction(
        id=books.new_id("txn"),
        created=books.second(),
        amount=amount,
        fee=fee,
        currency=currency,
        type=kind,
        reporting_category=CATEGORY[kind],
        source=source,
    )
    books.transactions[transaction.id] = transaction
    return transaction


def retrieve(books: Books, params: Params, object_id: str) -> dict[str, Any]:
    """GET /v1/balance_transactions/{id}"""
    params.finish()
    if object_id not in books.transactions:
        raise no_such("balance transaction", object_id)
    return books.transactions[object_id].shown()


def listed(books: Books, params: Params, _: str) -> dict[str, Any]:
    """GET /v1/balance_transactions"""
    kind, source, currency = params.text("type"), params.text("source"), params.text("currency")
    # Nothing is ever paid out here, so that a list of a payout is empty.
    payout = params.text("payout")

    def fits(row: BalanceTransaction) -> bool:
        return (
            payout is None
            and kind in (None, row.type)
            and source in (None, row.source)
            and currency in (None, row.currency)
        )

    return page(books, params, books.transactions, "/v1/balance_transactions", fits)
