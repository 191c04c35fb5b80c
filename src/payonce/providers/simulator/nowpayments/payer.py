"""The payer: chooses a coin on an invoice's page and sends coins: the right amount or not, in time or not, again."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.nowpayments import chain, making
from payonce.providers.simulator.nowpayments.books import Books
from payonce.providers.simulator.nowpayments.coins import find_coin
from payonce.providers.simulator.nowpayments.decimals import product, up
from payonce.providers.simulator.nowpayments.errors import NowError, no_payment
from payonce.providers.simulator.nowpayments.invoice import Invoice
from payonce.providers.simulator.nowpayments.payment import ON_THE_WAY, Payment

Amount = Literal["exact", "less", "more"]
# `refused` means that there is nothing left to pay; whoever sends coins all the same does so with `pay_again`.
Seen = Literal["succeeded", "partially_paid", "processing", "declined", "refused"]

SHARE: Final[dict[str, Decimal]] = {"exact": Decimal(1), "less": Decimal("0.4"), "more": Decimal("1.25")}
USUAL_COIN: Final = "usdttrc20"
ENDED: Final[dict[str, Seen]] = {
    "finished": "succeeded",
    "partially_paid": "partially_paid",
    "failed": "declined",
}


class Payer:
    """Acts as a person would. A target is the address of a page or the id of an invoice; or the id of a payment or the
    address that coins go to.
    """

    def __init__(self, books: Books) -> None:
        self.books = books

    @alone
    def pay(self, target: str, amount: Amount | Decimal = "exact", coin: str | None = None) -> Seen:
        """Send coins, for an invoice in that coin. What ended without money still takes them; what has some does not.

        Raises NowError 404 when there is no such target.
        """
        payment = self._wanted(target, coin)
        if payment is None or payment.paid is not None:
            return "refused"
        return self._send(payment, amount)

    @alone
    def pay_again(self, target: str, amount: Amount | Decimal = "exact") -> Seen:
        """Send coins once more to an address that has had some: they become a payment of their own."""
        payment = self._newest(target)
        return "refused" if payment.paid is None else self._send(payment, amount)

    @alone
    def choose(self, target: str, coin: str) -> str:
        """Choose a coin on an invoice's page. Returns the id of the payment; nothing is sent yet."""
        invoice = self.books.invoice(_name(target))
        return str(making.make_for_invoice(self.books, invoice, find_coin(coin, "coin")).id)

    def try_paying(self, target: str) -> None:
        """Pay, if there is anything to pay by that name."""
        try:
            self.pay(target)
        except NowError:
            return

    def _wanted(self, target: str, coin: str | None) -> Payment | None:
        """What is to be paid; None for an invoice that has been paid in full."""
        name = _name(target)
        invoice = self._invoice(name)
        if invoice is None:
            return self._payment(name)
        rows = self.books.payments_of(invoice.id)
        if any(row.status == "finished" or row.status in ON_THE_WAY for row in rows):
            return None
        waiting = [row for row in rows if row.paid is None and coin in (None, row.coin.code)]
        if waiting:
            return waiting[-1]
        usual = invoice.coin.code if invoice.coin is not None else USUAL_COIN
        return making.make_for_invoice(self.books, invoice, find_coin(coin or usual, "coin"))

    def _newest(self, target: str) -> Payment:
        """The payment of a name; of an invoice, the one that was paid last."""
        name = _name(target)
        invoice = self._invoice(name)
        if invoice is None:
            return self._payment(name)
        paid = [row for row in self.books.payments_of(invoice.id) if row.paid is not None]
        if not paid:
            raise no_payment(name)
        return paid[-1]

    def _invoice(self, name: str) -> Invoice | None:
        try:
            return self.books.invoice(name)
        except NowError:
            return None

    def _payment(self, name: str) -> Payment:
        payment_id = self.books.addresses.get(name)
        return self.books.payment(name) if payment_id is None else self.books.payments[payment_id]

    def _send(self, payment: Payment, amount: Amount | Decimal) -> Seen:
        if isinstance(amount, Decimal):
            coins = up(amount, payment.coin.places)
        else:
            coins = up(product(payment.amount, SHARE[amount]), payment.coin.places)
        if coins <= 0:
            raise NowError("an amount is more than nothing")
        counted = chain.deposit(self.books, payment, coins)
        # Without a time between its statuses a deposit is through at once.
        self.books.catch_up()
        return ENDED.get(counted.status, "processing")


def _name(target: str) -> str:
    """The id in a page's address, or the name itself."""
    parts = urlsplit(target) if "/" in target else None
    if parts is None:
        return target
    return parse_qs(parts.query).get("iid", [""])[0] or parts.path.rstrip("/").rpartition("/")[2]
