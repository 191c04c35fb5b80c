"""The provider's own truth: every payment and invoice, and the one door through which a status changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from payonce.providers.simulator.agenda import Agenda
from payonce.providers.simulator.nowpayments.errors import no_invoice, no_payment
from payonce.providers.simulator.nowpayments.invoice import Invoice
from payonce.providers.simulator.nowpayments.payment import Payment, Status
from payonce.providers.simulator.nowpayments.settings import Settings
from payonce.providers.simulator.world import LETTERS

# Ids are numbers of ten digits.
FIRST_ID: Final = 10**9
IDS: Final = 9 * 10**9


@dataclass(frozen=True, slots=True)
class Deposit:
    """Coins that arrived at an address, and the payment that they count as."""

    at: float
    address: str
    coin: str
    amount: Decimal
    payment_id: int


@dataclass(slots=True)
class Books(Agenda):
    """Objects by id, in the order in which they were made. `on_status` is called with every payment that changed."""

    settings: Settings
    payments: dict[int, Payment] = field(default_factory=dict)
    invoices: dict[int, Invoice] = field(default_factory=dict)
    # Which payment an address was made for.
    addresses: dict[str, int] = field(default_factory=dict)
    deposits: list[Deposit] = field(default_factory=list)
    on_status: Callable[[Payment], None] = lambda payment: None
    # What came of each invoice, oldest first.
    by_invoice: dict[int, list[Payment]] = field(default_factory=dict)
    _used: set[int] = field(default_factory=set, init=False)

    def new_id(self) -> int:
        """A number that no object has."""
        while True:
            value = 0
            for letter in self.ids.make(8):
                value = value * len(LETTERS) + LETTERS.index(letter)
            made = FIRST_ID + value % IDS
            if made not in self._used:
                self._used.add(made)
                return made

    def enter(self, payment: Payment) -> None:
        """Put a new payment into the books, tell of it, and let it expire in its time."""
        self.payments[payment.id] = payment
        if payment.invoice is not None:
            self.by_invoice.setdefault(payment.invoice, []).append(payment)
        self.addresses.setdefault(payment.address, payment.id)
        self.on_status(payment)
        if payment.status == "waiting":
            self.plan(payment.expires, lambda: self._expire(payment))

    def move(self, payment: Payment, status: Status) -> None:
        """Change a status and tell of it."""
        payment.status, payment.updated = status, self.now()
        self.on_status(payment)

    def payment(self, payment_id: str) -> Payment:
        """The payment of an id. Raises NowError 404."""
        found = self.payments.get(int(payment_id)) if _is_id(payment_id) else None
        if found is None:
            raise no_payment(payment_id)
        return found

    def invoice(self, invoice_id: str) -> Invoice:
        """The invoice of an id. Raises NowError 404."""
        found = self.invoices.get(int(invoice_id)) if _is_id(invoice_id) else None
        if found is None:
            raise no_invoice(invoice_id)
        return found

    def payments_of(self, invoice_id: int) -> list[Payment]:
        """All payments that came of an invoice, oldest first."""
        return list(self.by_invoice.get(invoice_id, ()))

    def _expire(self, payment: Payment) -> None:
        if payment.status == "waiting":
            self.move(payment, "expired")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
