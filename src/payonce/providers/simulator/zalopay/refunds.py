"""`/v2/refund` and `/v2/query_refund`: asked for now, decided later. The merchant's own id keeps one from being two."""

from __future__ import annotations

from typing import Any, Final

from payonce.providers.simulator.zalopay import codes
from payonce.providers.simulator.zalopay.books import Books, Order, Refund
from payonce.providers.simulator.zalopay.codes import ZaloPayRefusal, said
from payonce.providers.simulator.zalopay.fields import Fields, illegal
from payonce.providers.simulator.zalopay.mac import mac_of
from payonce.providers.simulator.zalopay.orders import check_signature

LONGEST_ID: Final = 45
LONGEST_TRANSACTION: Final = 15
LONGEST_DESCRIPTION: Final = 100


def create(books: Books, fields: Fields) -> dict[str, Any]:
    """POST /v2/refund"""
    settings = books.settings
    app_id, name = fields.whole("app_id"), fields.text("m_refund_id", LONGEST_ID)
    transaction = fields.name_or_number("zp_trans_id", LONGEST_TRANSACTION)
    amount, timestamp = fields.whole("amount", smallest=1), fields.whole("timestamp")
    description, fee = fields.text("description", LONGEST_DESCRIPTION), fields.whole_or_none("refund_fee_amount")
    priced = (amount,) if fee is None else (amount, fee)
    wanted = mac_of(settings.key1, app_id, transaction, *priced, description, timestamp)
    check_signature(books, fields, app_id, wanted)
    begins = f"{books.today()}_{app_id}_"
    if not name.startswith(begins) or name == begins:
        raise illegal("m_refund_id: it begins with today's date in Vietnam and the application")
    if abs(books.now() - timestamp / 1000) > settings.time_window:
        raise ZaloPayRefusal(codes.REFUND_TIME)
    if name in books.refunds:
        raise ZaloPayRefusal(codes.REFUND_DUPLICATE)
    if transaction not in books.by_transaction:
        raise ZaloPayRefusal(codes.NOT_FOUND)
    made = begin(books, books.orders[books.by_transaction[transaction]], name, amount, description)
    return _as_it_is(made) | {"refund_id": made.refund_id}


def query(books: Books, fields: Fields) -> dict[str, Any]:
    """POST /v2/query_refund"""
    app_id, name = fields.whole("app_id"), fields.text("m_refund_id", LONGEST_ID)
    timestamp = fields.whole("timestamp")
    check_signature(books, fields, app_id, mac_of(books.settings.key1, app_id, name, timestamp))
    if name not in books.refunds:
        raise ZaloPayRefusal(codes.NOT_FOUND)
    return _as_it_is(books.refunds[name])


def begin(books: Books, order: Order, name: str, amount: int, description: str, *, by_merchant: bool = True) -> Refund:
    """Start sending `amount` of an order back. Raises ZaloPayRefusal when that is more than is left of it."""
    if amount > left(books, order):
        raise ZaloPayRefusal(codes.REFUND_AMOUNT)
    made = Refund(
        m_refund_id=name,
        refund_id=books.number(),
        app_trans_id=order.app_trans_id,
        zp_trans_id=order.zp_trans_id,
        amount=amount,
        description=description,
        created=books.now(),
        by_merchant=by_merchant,
    )
    books.refunds[name] = made
    books.on_refund(made)
    after = books.settings.refund_settles_after
    if after is not None and after <= 0:
        end(made, success=True)
    elif after is not None:
        books.plan(books.now() + after, lambda: end(made, success=True))
    return made


def end(made: Refund, *, success: bool, sub_code: int = codes.REFUND_FAILED) -> None:
    """Decide a refund; one that is decided stays so."""
    if made.state == "processing":
        made.state = "succeeded" if success else "failed"
        made.sub_code = sub_code


def left(books: Books, order: Order) -> int:
    """What of an order's money can still be sent back; a refund that failed gives its part free again."""
    if order.ended != "paid":
        return 0
    rows = books.refunds.values()
    return order.amount - sum(
        row.amount for row in rows if row.app_trans_id == order.app_trans_id and row.state != "failed"
    )


def _as_it_is(made: Refund) -> dict[str, Any]:
    if made.state == "succeeded":
        return said(codes.SUCCESS, codes.SUCCESS)
    if made.state == "failed":
        return said(codes.FAIL, made.sub_code)
    return said(codes.PROCESSING, codes.REFUND_PROCESSING, codes.MEANING[codes.PROCESSING])
