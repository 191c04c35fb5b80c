"""The pages that payers see: choose a coin, send coins, go back. They need no scripts, and a GET changes nothing."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Final
from urllib.parse import quote, unquote

from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.nowpayments.books import Books
from payonce.providers.simulator.nowpayments.coins import COINS
from payonce.providers.simulator.nowpayments.errors import NowError
from payonce.providers.simulator.nowpayments.invoice import Invoice
from payonce.providers.simulator.nowpayments.payer import SHARE, Amount, Payer
from payonce.providers.simulator.nowpayments.payment import ON_THE_WAY, Payment
from payonce.providers.simulator.pages.pieces import BACK, buttons, frame, go, heading, link, note, rows, small
from payonce.providers.simulator.pages.reading import field, query
from payonce.providers.simulator.wire import Reply, Request

page = partial(frame, "NOWPayments simulator")
SEND: Final = (("exact", "Send exactly this"), ("less", "Send too little"), ("more", "Send too much"))
AGAIN: Final = (("exact", "Send the same once more"), ("less", "Send a little more"))
SAID: Final = {
    "waiting": ("", "Waiting for your coins."),
    "finished": ("good", "Paid. Nothing more to do here."),
    "partially_paid": ("bad", "Less than was asked for has arrived."),
    "failed": ("bad", "What arrived was too little to be carried out."),
    "refunded": ("", "Your coins were sent back."),
    "expired": ("bad", "This payment has expired; its address still takes coins."),
    "cancelled": ("bad", "This payment was called off; its address still takes coins."),
} | dict.fromkeys(ON_THE_WAY, ("", "Your coins have been seen. This can take a while."))
# Enough for a person to find what they just made.
OPEN_SHOWN: Final = 5


class Pages:
    """Answers everything that is neither API nor control."""

    def __init__(self, books: Books, payer: Payer) -> None:
        self.books = books
        self._payer = payer

    @alone
    def answer(self, request: Request) -> Reply:
        """The page of a path: `/payment/?iid={invoice}`, `/wallet/{payment}`; 404 for any other."""
        head, _, name = request.path.strip("/").rpartition("/")
        try:
            if request.method not in ("GET", "HEAD", "POST"):
                return page(405, "Not allowed", note("Only GET and POST.", "bad"))
            if not head and not name:
                return self._front()
            if not head and name == "payment":
                return self._invoice(request, self.books.invoice(query(request, "iid")))
            if head == "wallet":
                return self._wallet(request, self.books.payment(unquote(name)))
        except NowError as refusal:
            return page(refusal.status, "Refused", note(refusal.message, "bad"))
        return page(404, "Not found", note("There is no such page at this simulator.", "bad"))

    def _front(self) -> Reply:
        """The way in for a person: what there is, and what waits to be paid."""
        books = self.books
        found = [
            ("Invoices", len(books.invoices)),
            ("Payments", len(books.payments)),
            ("Deposits", len(books.deposits)),
        ]
        top = heading("A stand-in for NOWPayments", "Simulator") + rows((name, str(count)) for name, count in found)
        invoices = list(books.invoices.values())[-OPEN_SHOWN:]
        waiting = [row for row in books.payments.values() if row.status == "waiting"][-OPEN_SHOWN:]
        links = "".join(link(f"/payment/?iid={row.id}", f"Pay {_title(row)}") for row in invoices)
        links += "".join(link(f"/wallet/{row.id}", f"Send {_coins(row)} for {_title(row)}") for row in waiting)
        return page(200, "Front", top + links + link("/_sim/truth", "Everything, as JSON"))

    def _invoice(self, request: Request, invoice: Invoice) -> Reply:
        """One page for one invoice: each coin that is chosen on it becomes a payment of its own."""
        if request.method == "POST":
            return go(f"/wallet/{self._payer.choose(str(invoice.id), field(request, 'coin'))}")
        price = f"{invoice.price} {invoice.fiat.code.upper()}"
        top = heading(_title(invoice), price)
        made = self.books.payments_of(invoice.id)
        links = "".join(link(f"/wallet/{row.id}", f"{_coins(row)}: {row.status}") for row in made)
        codes = [invoice.coin.code] if invoice.coin is not None else list(COINS)
        here = f"/payment/?iid={invoice.id}"
        choice = buttons(here, "coin", [(code, f"Pay with {code.upper()}") for code in codes])
        done = any(row.status == "finished" for row in made)
        top += note("Paid. Nothing more to do here.", "good") if done else choice
        return page(200, "Invoice", top + links + _back(invoice, done) + small(str(invoice.id)))

    def _wallet(self, request: Request, payment: Payment) -> Reply:
        """The payer's wallet, with the address filled in. Coins that were sent cannot be called back."""
        if request.method == "POST":
            amount = field(request, "amount")
            if amount not in SHARE:
                raise NowError("there is no such amount")
            self._send(payment, amount)
            return go(f"/wallet/{quote(str(payment.id))}")
        kind, text = SAID[payment.status]
        table = [("Address", payment.address), ("Network", payment.coin.network)]
        table += [("Memo", payment.memo)] if payment.memo else []
        table += [("Sent so far", f"{payment.paid.normalize():f} {payment.coin.code.upper()}")] if payment.paid else []
        choices = SEND if payment.paid is None else AGAIN
        content = heading(_title(payment), _coins(payment)) + rows(table) + note(text, kind)
        content += buttons(f"/wallet/{payment.id}", "amount", choices)
        if payment.invoice is not None:
            invoice = self.books.invoices[payment.invoice]
            content += link(f"/payment/?iid={invoice.id}", "Choose another coin")
            content += _back(invoice, payment.status == "finished")
        return page(200, "Wallet", content + small(str(payment.id)))

    def _send(self, payment: Payment, amount: str) -> None:
        wanted: Amount = "exact" if amount == "exact" else "less" if amount == "less" else "more"
        send = self._payer.pay if payment.paid is None else self._payer.pay_again
        send(str(payment.id), wanted)


def _title(row: Invoice | Payment) -> str:
    return row.order_description or row.order_id or f"payment {row.id}"


def _coins(payment: Payment) -> str:
    amount: Decimal = payment.amount.normalize()
    return f"{amount:f} {payment.coin.code.upper()}"


def _back(invoice: Invoice, done: bool) -> str:
    """The way back to the shop, as far as the merchant told one."""
    if done and invoice.success_url:
        return link(invoice.success_url, "Go on to the shop")
    return link(invoice.cancel_url, BACK) if invoice.cancel_url else ""
