"""The payer, and what his bank says: pays on the page, fails, waits, comes at the worst moment."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.zalopay import payments
from payonce.providers.simulator.zalopay.books import Books, Order
from payonce.providers.simulator.zalopay.codes import BALANCE_TOO_SMALL, NOT_FOUND, ZaloPayRefusal

# What the payer sees: `refused` means that there is nothing to pay any more.
Seen = Literal["succeeded", "declined", "processing", "refused"]


class Payer:
    """Acts as a person would. A target is an order's address, its token or its `app_trans_id`."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @alone
    def pay(self, target: str, discount: int = 0) -> Seen:
        """Press Pay. ZaloPay pays the `discount`. Raises ZaloPayRefusal when there is no such order."""
        order = self.order(target)
        if order.state(self.books.now()) == "processing":
            # A second press while the bank works on the first changes nothing.
            return "processing"
        return "succeeded" if payments.pay(self.books, order, discount) else "refused"

    @alone
    def pay_slowly(self, target: str) -> Seen:
        """Pay in a way that takes its time; `settle` or a setting ends it."""
        return "processing" if payments.start(self.books, self.order(target)) else "refused"

    @alone
    def settle(self, target: str, success: bool = True, trouble: int = BALANCE_TOO_SMALL) -> Seen:
        """Let the bank end what is on its way."""
        if not payments.settle(self.books, self.order(target), success=success, trouble=trouble):
            return "refused"
        return "succeeded" if success else "declined"

    @alone
    def decline(self, target: str, trouble: int = BALANCE_TOO_SMALL) -> Seen:
        """Press Pay in vain. A query tells of `trouble`; the order can still be paid."""
        return "declined" if payments.fail(self.books, self.order(target), trouble) else "refused"

    def try_paying(self, target: str) -> None:
        """Pay, if there is anything to pay by that name."""
        order = self.books.orders.get(target)
        if order is not None:
            payments.pay(self.books, order)

    def order(self, target: str) -> Order:
        """The order behind a target. Raises ZaloPayRefusal."""
        token = _token(parse_qs(urlsplit(target).query).get("order", [""])[0]) or target
        order = self.books.orders.get(self.books.by_token.get(token, token))
        if order is None:
            raise ZaloPayRefusal(NOT_FOUND, f"there is no order {target:.80}", status=404)
        return order


def _token(told: str) -> str:
    """The token in the address of a page, or nothing."""
    try:
        found = json.loads(base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return ""
    token = found.get("zptranstoken") if isinstance(found, dict) else None
    return token if isinstance(token, str) else ""
