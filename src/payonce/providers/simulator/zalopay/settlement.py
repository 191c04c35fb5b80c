"""The settlement file of a day, as ZaloPay would hand it to the merchant on the next one: what came and what went back.

ZaloPay publishes no form of it. This one has a row for each payment and each refund, whole dong, and the time in
Vietnam.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from typing import Final

from payonce.providers.simulator.zalopay.books import VIETNAM, Books

COLUMNS: Final = ("type", "zp_trans_id", "app_trans_id", "m_refund_id", "amount", "fee", "time")


def settlement_file(books: Books, day: date) -> str:
    """The file of that day in Vietnam, as CSV. A refund counts when it succeeded, by when it was asked for."""
    rows: list[tuple[float, tuple[str, int, str, str, int, int]]] = []
    for order in books.orders.values():
        if order.ended == "paid":
            fee = order.amount * books.settings.fee_per_mille // 1000
            rows.append((order.paid_at, ("payment", order.zp_trans_id, order.app_trans_id, "", order.amount, fee)))
    for refund in books.refunds.values():
        if refund.state == "succeeded":
            named = ("refund", refund.zp_trans_id, refund.app_trans_id, refund.m_refund_id, refund.amount, 0)
            rows.append((refund.created, named))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for at, cells in sorted(rows):
        moment = datetime.fromtimestamp(at, UTC).astimezone(VIETNAM)
        if moment.date() == day:
            writer.writerow([*cells, f"{moment:%Y-%m-%d %H:%M:%S}"])
    return text.getvalue()
