"""Banks, and the merchant in ZaloPay's own tool: how refunds end, and those that no application asked for."""

from __future__ import annotations

from datetime import date

from payonce.providers.simulator.agenda import alone
from payonce.providers.simulator.zalopay import refunds
from payonce.providers.simulator.zalopay.books import Books, Refund
from payonce.providers.simulator.zalopay.codes import NOT_FOUND, REFUND_FAILED, ZaloPayRefusal
from payonce.providers.simulator.zalopay.settlement import settlement_file


class Bank:
    """Commands by which a test or a person decides what becomes of refunds."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @alone
    def end_refund(self, m_refund_id: str, success: bool = True, sub_code: int = REFUND_FAILED) -> str:
        """Decide a refund that is in progress; a decided one stays as it is. Returns its state."""
        refunds.end(self._found(m_refund_id), success=success, sub_code=sub_code)
        return self._found(m_refund_id).state

    @alone
    def refund(self, app_trans_id: str, amount: int | None = None) -> str:
        """Refund in the merchant's tool, unknown to the application (None: all that is left). Returns its name."""
        order = self.books.orders.get(app_trans_id)
        if order is None:
            raise ZaloPayRefusal(NOT_FOUND, f"there is no order {app_trans_id:.80}", status=404)
        name = f"{self.books.today()}_{self.books.settings.app_id}_tool{len(self.books.refunds)}"
        wanted = refunds.left(self.books, order) if amount is None else amount
        return refunds.begin(self.books, order, name, wanted, "by hand", by_merchant=False).m_refund_id

    @alone
    def settlement_file(self, day: date) -> str:
        """The settlement file of that day in Vietnam, as CSV."""
        return settlement_file(self.books, day)

    def _found(self, m_refund_id: str) -> Refund:
        if m_refund_id not in self.books.refunds:
            raise ZaloPayRefusal(NOT_FOUND, f"there is no refund {m_refund_id:.80}", status=404)
        return self.books.refunds[m_refund_id]
