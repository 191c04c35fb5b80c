"""The page that a payer sees: pay, wait for the bank, fail, go back. It needs no scripts, and a GET changes nothing."""

from __future__ import annotations

from functools import partial
from typing import Final
from urllib.parse import urlencode, urlsplit

from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.pages.pieces import buttons, frame, go, heading, link, note, rows, small
from payonce.providers.simulator.pages.reading import field, web_address
from payonce.providers.simulator.wire import Reply, Request
from payonce.providers.simulator.zalopay.books import Books, Order
from payonce.providers.simulator.zalopay.codes import NAMES, ZaloPayRefusal
from payonce.providers.simulator.zalopay.mac import mac_of
from payonce.providers.simulator.zalopay.orders import order_url
from payonce.providers.simulator.zalopay.payer import Payer, Seen

page = partial(frame, "ZaloPay simulator")
PAY: Final = (
    ("pay", "Pay with the wallet"),
    ("wait", "Pay by bank transfer (processing at first)"),
    ("decline", "Try with too little in the wallet"),
    ("cancel", "Cancel"),
)
SETTLE: Final = (("settle", "Let the bank say yes"), ("fail", "Let the bank say no"))
ENDED: Final = {
    "paid": ("good", "Paid. Nothing more to do here."),
    "cancelled": ("bad", "This order was cancelled and cannot be paid any more."),
    "expired": ("bad", "The time to pay this order is over."),
}
# What the payer's address back says of how it went: money came, is on its way, or the payer left.
REDIRECT_STATUS: Final = {"paid": 1, "processing": 3}
LEFT: Final = -49
# Enough for a person to find what they just made.
OPEN_SHOWN: Final = 5
WALLET: Final = 38


class Pages:
    """Answers everything that is neither API nor control."""

    def __init__(self, books: Books, payer: Payer) -> None:
        self.books = books
        self._payer = payer

    @alone
    def answer(self, request: Request) -> Reply:
        """The page of a path: `/openinapp?order=…` or the front page; 404 for any other."""
        if request.method not in ("GET", "HEAD", "POST"):
            return page(405, "Not allowed", note("Only GET and POST.", "bad"))
        if request.path == "/":
            return self._front()
        try:
            if request.path == "/openinapp":
                return self._order(request, self._payer.order(f"?{request.query}"))
        except ZaloPayRefusal:
            pass
        return page(404, "Not found", note("There is no such page at this simulator.", "bad"))

    def _front(self) -> Reply:
        """The way in for a person: what there is, and what waits to be paid."""
        books, now = self.books, self.books.now()
        found = [("Orders", str(len(books.orders))), ("Refunds", str(len(books.refunds)))]
        open_ones = [row for row in books.orders.values() if row.state(now) == "open"][-OPEN_SHOWN:]
        links = "".join(link(order_url(books, row), f"Pay {row.description}") for row in open_ones)
        top = heading("A stand-in for ZaloPay", "Simulator") + rows(found)
        return page(200, "Front", top + links + link("/_sim/truth", "Everything, as JSON"))

    def _order(self, request: Request, order: Order) -> Reply:
        here = f"{request.path}?{request.query}"
        if request.method == "POST":
            act = field(request, "act")
            seen = self._act(order, act)
            is_over = seen in ("succeeded", "processing") or act == "cancel"
            return go((self._back(order) if is_over else "") or here)
        state = order.state(self.books.now())
        top = heading(order.description, f"{order.amount:,} VND")
        back = self._back(order)
        on = link(back, "Go back to the shop" if state == "open" else "Go on to the shop") if back else ""
        if state == "processing":
            waits = note("The bank is working on it.")
            return page(200, "Processing", top + waits + buttons(here, "act", SETTLE) + on)
        if state != "open":
            kind, text = ENDED[state]
            return page(200, "Done", top + note(text, kind) + on)
        return page(200, "Pay", top + _trouble(order) + buttons(here, "act", PAY) + on + small(order.app_trans_id))

    def _act(self, order: Order, act: str) -> Seen:
        """Do what a button says. Pressed on a page that was opened before: one is told only now how it stands."""
        name = order.app_trans_id
        if act == "wait":
            return self._payer.pay_slowly(name)
        if act == "decline":
            return self._payer.decline(name)
        if act in ("settle", "fail"):
            return self._payer.settle(name, success=act == "settle")
        # Cancel on the page changes nothing at ZaloPay: the order can be paid until its time is over.
        return self._payer.pay(name) if act == "pay" else "refused"

    def _back(self, order: Order) -> str:
        """The merchant's address with what ZaloPay adds to it, or nothing."""
        address, settings = web_address(order.redirect_url()), self.books.settings
        if not address:
            return ""
        status = REDIRECT_STATUS.get(order.state(self.books.now()), LEFT)
        told = (settings.app_id, order.app_trans_id, WALLET, "", order.amount, order.discount, status)
        names = ("appid", "apptransid", "pmcid", "bankcode", "amount", "discountamount", "status")
        added = urlencode({**dict(zip(names, told, strict=True)), "checksum": mac_of(settings.key2, *told)})
        parts = urlsplit(address)
        return parts._replace(query="&".join(filter(None, (parts.query, added)))).geturl()


def _trouble(order: Order) -> str:
    if order.trouble is None:
        return ""
    name = NAMES.get(order.trouble, str(order.trouble))
    return note(f"That did not work ({name}). Nothing was charged; please try another way.", "bad")
