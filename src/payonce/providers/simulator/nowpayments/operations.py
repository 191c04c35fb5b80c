"""The calls on `/v1/…`: what each reads, does and answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

from payonce.providers.simulator.nowpayments.books import Books
from payonce.providers.simulator.nowpayments.coins import find_coin, find_fiat, worth
from payonce.providers.simulator.nowpayments.credentials import token_for
from payonce.providers.simulator.nowpayments.errors import NowError
from payonce.providers.simulator.nowpayments.invoice import Invoice
from payonce.providers.simulator.nowpayments.making import Wish, make
from payonce.providers.simulator.nowpayments.params import Params
from payonce.providers.simulator.nowpayments.payment import Payment
from payonce.providers.simulator.wire import Request

Answer = tuple[int, dict[str, Any]]
# What the provider takes and this simulator does not act on.
PAYOUT: Final = ("payout_address", "payout_currency", "payout_extra_id", "customer_email")
LIMIT: Final = 10
MOST: Final = 500
LISTED: Final = frozenset({"limit", "page", "sortBy", "orderBy", "dateFrom", "dateTo", "invoiceId"})
SORTS: Final = frozenset(
    "payment_id payment_status pay_address price_amount price_currency pay_amount actually_paid pay_currency "
    "order_id order_description purchase_id outcome_amount outcome_currency created_at updated_at".split()
)


def status(books: Books, request: Request, _: str) -> Answer:
    """GET /v1/status"""
    return 200, {"message": "OK"}


def sign_in(books: Books, request: Request, _: str) -> Answer:
    """POST /v1/auth"""
    params = Params(request.body)
    email, password = params.text("email", required=True), params.text("password", required=True)
    params.finish()
    return 200, {"token": token_for(books, email, password)}


def min_amount(books: Books, request: Request, _: str) -> Answer:
    """GET /v1/min-amount"""
    found = {name: values[0] for name, values in parse_qs(request.query).items()}
    coin = find_coin(found.get("currency_from", ""), "currency_from")
    into = find_coin(found.get("currency_to", books.settings.outcome_currency), "currency_to")
    answer: dict[str, Any] = {"currency_from": coin.code, "currency_to": into.code, "min_amount": coin.least}
    if "fiat_equivalent" in found:
        fiat = find_fiat(found["fiat_equivalent"], "fiat_equivalent")
        answer["fiat_equivalent"] = worth(coin.least, coin, fiat)
    return 200, answer


def create_payment(books: Books, request: Request, _: str) -> Answer:
    """POST /v1/payment: each call makes another payment, whatever its order's id."""
    params = Params(request.body)
    wish = Wish(
        price=params.amount("price_amount", required=True),
        fiat=find_fiat(params.text("price_currency", required=True), "price_currency"),
        coin=find_coin(params.text("pay_currency", required=True), "pay_currency"),
        amount=params.amount("pay_amount"),
        order_id=params.text("order_id"),
        order_description=params.text("order_description"),
        ipn_callback_url=params.url("ipn_callback_url"),
        fixed_rate=params.flag("is_fixed_rate"),
        fee_paid_by_user=params.flag("is_fee_paid_by_user"),
    )
    params.ignore(*PAYOUT, "purchase_id", "case")
    params.finish()
    return 201, make(books, wish).made()


def create_invoice(books: Books, request: Request, _: str) -> Answer:
    """POST /v1/invoice: each call makes another invoice, whatever its order's id."""
    params = Params(request.body)
    price = params.amount("price_amount", required=True)
    fiat = find_fiat(params.text("price_currency", required=True), "price_currency")
    coin = params.text("pay_currency")
    invoice = Invoice(
        id=0,
        token_id=0,
        created=books.now(),
        price=price,
        fiat=fiat,
        coin=None if coin is None else find_coin(coin, "pay_currency"),
        order_id=params.text("order_id"),
        order_description=params.text("order_description"),
        ipn_callback_url=params.url("ipn_callback_url"),
        success_url=params.url("success_url"),
        cancel_url=params.url("cancel_url"),
        partially_paid_url=params.url("partially_paid_url"),
        fixed_rate=params.flag("is_fixed_rate"),
        fee_paid_by_user=params.flag("is_fee_paid_by_user"),
    )
    params.ignore(*PAYOUT)
    params.finish()
    invoice.id, invoice.token_id = books.new_id(), books.new_id()
    books.invoices[invoice.id] = invoice
    return 200, invoice.shown(books.base_url)


def retrieve_payment(books: Books, request: Request, payment_id: str) -> Answer:
    """GET /v1/payment/{id}"""
    return 200, books.payment(payment_id).shown(with_parent=books.settings.parent_in_reads)


def list_payments(books: Books, request: Request, _: str) -> Answer:
    """GET /v1/payment/"""
    found = {name: values[0] for name, values in parse_qs(request.query).items()}
    if not found.keys() <= LISTED:
        raise NowError(f"{min(found.keys() - LISTED):.50} is not allowed")
    limit, page = _whole(found, "limit", LIMIT, 1, MOST), _whole(found, "page", 0, 0, 10**9)
    since, until = _instant(found, "dateFrom"), _instant(found, "dateTo")
    sort, order = found.get("sortBy", "created_at"), found.get("orderBy", "asc")
    if sort not in SORTS or order not in ("asc", "desc"):
        raise NowError("sortBy or orderBy is not one of the allowed values")
    seen = books.now() - books.settings.list_lag
    with_parent = books.settings.parent_in_reads
    rows = [
        (payment, payment.shown(with_parent=with_parent))
        for payment in _of_invoice(books, found.get("invoiceId"))
        if payment.created <= seen
        and (since is None or payment.created >= since)
        and (until is None or payment.created <= until)
    ]
    rows.sort(key=lambda row: _sort_key(row[0], row[1], sort), reverse=order == "desc")
    shown = [row for _, row in rows[page * limit : (page + 1) * limit]]
    count = -(-len(rows) // limit)
    return 200, {"data": shown, "limit": limit, "page": page, "pagesCount": count, "total": len(rows)}


def _of_invoice(books: Books, invoice_id: str | None) -> Iterable[Payment]:
    """All payments, or those of one invoice; of a number that no invoice has there are none."""
    if invoice_id is None:
        return books.payments.values()
    return books.payments_of(int(invoice_id)) if invoice_id.isascii() and invoice_id.isdigit() else ()


def _sort_key(payment: Payment, shown: dict[str, Any], name: str) -> tuple[bool, Any]:
    """What a row is sorted by; what has no value comes first."""
    value = {"created_at": payment.created, "updated_at": payment.updated}.get(name, shown[name])
    return (value is not None, value if value is not None else 0)


def _whole(found: dict[str, str], name: str, usual: int, least: int, most: int) -> int:
    text = found.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or not least <= int(text) <= most:
        raise NowError(f"{name} must be a number from {least} to {most}")
    return int(text)


def _instant(found: dict[str, str], name: str) -> float | None:
    """A date, or a date and time in UTC, as unix seconds."""
    text = found.get(name)
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise NowError(f"{name} must be a valid ISO 8601 date") from None
    return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
