"""What really happened at the provider, for tests to compare with what payonce believes. Reads only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from payonce.base import ids
from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.party import Captured, SentBack
from payonce.providers.simulator.zalopay.books import Books, Order, RefundState

VND = "VND"


class Truth:
    """The provider's own books. Our ids end a name: an attempt's as 32 hexadecimal digits, and a refund's as its 26
    letters of base 32, because the digits would not fit. Other names are not ours.
    """

    def __init__(self, books: Books) -> None:
        self.books = books

    @alone
    def orders(self) -> list[Order]:
        """All orders, oldest first."""
        return list(self.books.orders.values())

    @alone
    def captures_by_attempt(self) -> dict[UUID, list[Captured]]:
        """What came in, gross of refunds, by the attempt in the order's name. ZaloPay's discount is part of it."""
        found: dict[UUID, list[Captured]] = {}
        for row in self.books.orders.values():
            attempt_id = _our_id(row.app_trans_id)
            if row.ended == "paid" and attempt_id is not None:
                found.setdefault(attempt_id, []).append(Captured(str(row.zp_trans_id), row.amount, VND))
        return found

    @alone
    def refunds_by_id(self) -> dict[UUID, list[SentBack]]:
        """What went back, by our refund in the name that it was asked for by."""
        found: dict[UUID, list[SentBack]] = {}
        for row in self.books.refunds.values():
            refund_id = ids.read_or_none(ids.REFUND, f"{ids.REFUND}_{row.m_refund_id.rpartition('_')[2]}")
            if refund_id is not None:
                back = SentBack(row.m_refund_id, str(row.zp_trans_id), row.amount, VND, _status(row.state))
                found.setdefault(refund_id, []).append(back)
        return found

    @alone
    def refunded_total(self, app_trans_id: str) -> int:
        """What is on its way back or back with the payer of an order."""
        rows = self.books.refunds.values()
        return sum(row.amount for row in rows if row.app_trans_id == app_trans_id and row.state != "failed")

    @alone
    def payable_now(self) -> list[Order]:
        """Orders that a payer could pay at this moment."""
        return [row for row in self.books.orders.values() if row.state(self.books.now()) == "open"]

    @alone
    def payable_attempts(self) -> set[UUID]:
        """The attempts of orders that a payer could pay at this moment."""
        found = (_our_id(row.app_trans_id) for row in self.payable_now())
        return {attempt_id for attempt_id in found if attempt_id is not None}

    @alone
    def under_way(self) -> list[Order]:
        """Orders that nobody can pay any more and whose money may still come."""
        return [row for row in self.books.orders.values() if row.ended == "processing"]

    @alone
    def dump(self) -> dict[str, Any]:
        """Everything, as JSON."""
        now = self.books.now()
        return {
            "now": now,
            "payable": [row.app_trans_id for row in self.payable_now()],
            "orders": [row.shown(now) for row in self.books.orders.values()],
            "refunds": [row.shown() for row in self.books.refunds.values()],
        }


def _our_id(name: str) -> UUID | None:
    """The attempt that ends a name, or None."""
    digits = name.rpartition("_")[2]
    try:
        return UUID(hex=digits) if len(digits) == 32 else None
    except ValueError:
        return None


def _status(state: RefundState) -> Any:
    return "pending" if state == "processing" else state
