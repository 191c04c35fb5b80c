"""What really happened at the provider, for tests to compare with what payonce believes. Reads only."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from payonce.base import ids
from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.nowpayments.books import Books, Deposit
from payonce.providers.simulator.nowpayments.coins import in_minor
from payonce.providers.simulator.nowpayments.decimals import down, product, ratio
from payonce.providers.simulator.nowpayments.payment import ON_THE_WAY, Payment
from payonce.providers.simulator.party import Captured, SentBack

NEVER_AGAIN: Final = ("finished", *ON_THE_WAY)


class Truth:
    """The provider's own books, as lists and sums."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @alone
    def payments(self) -> list[Payment]:
        """All payments, oldest first; repeated deposits are payments of their own."""
        return list(self.books.payments.values())

    @alone
    def deposits(self) -> list[Deposit]:
        """All coins that arrived, oldest first, whether or not anybody got them."""
        return list(self.books.deposits)

    @alone
    def came_in(self) -> dict[str, int]:
        """Minor units that the merchant got, gross of refunds, by the order's id; of all currencies of an order."""
        totals: Counter[str] = Counter()
        for payment in self._settled():
            order_id = self._order_id(payment)
            if order_id is not None:
                totals[order_id] += value_minor(payment)
        return dict(totals)

    @alone
    def captures_by_attempt(self) -> dict[UUID, list[Captured]]:
        """Settled payments by the attempt whose text is the order's id; repeated ones by that of their parent."""
        found: dict[UUID, list[Captured]] = {}
        for payment in self._settled():
            attempt_id = ids.read_or_none(ids.ATTEMPT, self._order_id(payment) or "")
            if attempt_id is not None:
                captured = Captured(str(payment.id), value_minor(payment), payment.fiat.code.upper())
                found.setdefault(attempt_id, []).append(captured)
        return found

    @alone
    def refunds_by_id(self) -> dict[UUID, list[SentBack]]:
        """Nothing: refunds are made by hand, and carry no id of ours."""
        return {}

    @alone
    def payable_attempts(self) -> set[UUID]:
        """Attempts whose payment waits, or whose invoice has no payment that is through or on its way.

        Addresses beyond these take coins too: this is what a payer is still asked for.
        """
        books = self.books
        marks = [row.order_id for row in books.payments.values() if row.status == "waiting"]
        marks += [
            row.order_id
            for row in books.invoices.values()
            if not any(payment.status in NEVER_AGAIN for payment in books.payments_of(row.id))
        ]
        found = (ids.read_or_none(ids.ATTEMPT, mark) for mark in marks if mark)
        return {attempt_id for attempt_id in found if attempt_id is not None}

    @alone
    def under_way(self) -> list[Payment]:
        """Payments whose coins were seen and are not with the merchant yet."""
        return [payment for payment in self.books.payments.values() if payment.status in ON_THE_WAY]

    @alone
    def dump(self) -> dict[str, Any]:
        """Everything, as JSON; amounts as text."""
        books = self.books
        return {
            "now": books.now(),
            "payments": [_plain(row.told() | row.made()) for row in books.payments.values()],
            "invoices": [_plain(row.shown(books.base_url)) for row in books.invoices.values()],
            "deposits": [_plain(asdict(row)) for row in books.deposits],
            "came_in": self.came_in(),
        }

    def _settled(self) -> list[Payment]:
        return [payment for payment in self.books.payments.values() if payment.settled]

    def _order_id(self, payment: Payment) -> str | None:
        return payment.order_id if payment.parent is None else self.books.payments[payment.parent].order_id


def value_minor(payment: Payment) -> int:
    """What came in, in minor units of the price's currency at the rate that was quoted, rounded down."""
    paid = payment.paid or Decimal(0)
    whole = product(Decimal(in_minor(payment.price, payment.fiat)), paid)
    return int(down(ratio(whole, payment.amount), 0))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in row.items()}
