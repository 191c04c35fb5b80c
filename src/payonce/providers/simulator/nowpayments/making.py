"""Makes payments: an address, a quote, and a life. Everything that makes one comes through here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from payonce.providers.simulator.nowpayments.books import Books
from payonce.providers.simulator.nowpayments.coins import COINS, Coin, Fiat, exchanged, quote, worth
from payonce.providers.simulator.nowpayments.decimals import down, product, ratio, up
from payonce.providers.simulator.nowpayments.errors import NowError
from payonce.providers.simulator.nowpayments.invoice import Invoice
from payonce.providers.simulator.nowpayments.payment import Outcome, Payment

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a payment is made for. `amount` of the coin is quoted unless it is given."""

    price: Decimal
    fiat: Fiat
    coin: Coin
    amount: Decimal | None = None
    order_id: str | None = None
    order_description: str | None = None
    ipn_callback_url: str | None = None
    fixed_rate: bool = False
    fee_paid_by_user: bool = False
    invoice: int | None = None


def make(books: Books, wish: Wish) -> Payment:
    """A new payment that waits. Raises NowError 400 when its amount is less than is carried out."""
    now, settings = books.now(), books.settings
    amount = wish.amount or quote(wish.price, wish.fiat, wish.coin)
    if wish.fee_paid_by_user:
        share = ratio(HUNDRED + settings.service_fee_percent, HUNDRED)
        amount = up(product(amount, share), wish.coin.places)
    if amount < wish.coin.least:
        raise NowError("amountTo is too small", code="AMOUNT_MINIMAL_ERROR")
    payment = Payment(
        id=books.new_id(),
        purchase_id=books.new_id(),
        created=now,
        updated=now,
        price=wish.price,
        fiat=wish.fiat,
        amount=amount,
        coin=wish.coin,
        address=wish.coin.begins + books.ids.make(33),
        memo=str(books.new_id()) if wish.coin.has_memo else None,
        outcome=outcome_of(books, amount, wish.coin),
        quoted_until=now + settings.quote_life,
        expires=now + settings.expires_after,
        order_id=wish.order_id,
        order_description=wish.order_description,
        ipn_callback_url=wish.ipn_callback_url,
        invoice=wish.invoice,
        fixed_rate=wish.fixed_rate,
        fee_paid_by_user=wish.fee_paid_by_user,
    )
    books.enter(payment)
    return payment


def make_for_invoice(books: Books, invoice: Invoice, coin: Coin) -> Payment:
    """The payment of an invoice in that coin: the one that waits, or another."""
    for payment in books.payments_of(invoice.id):
        if payment.status == "waiting" and payment.coin is coin:
            return payment
    if invoice.coin is not None and invoice.coin is not coin:
        raise NowError(f"This invoice is paid in {invoice.coin.code}")
    wish = Wish(
        price=invoice.price,
        fiat=invoice.fiat,
        coin=coin,
        order_id=invoice.order_id,
        order_description=invoice.order_description,
        ipn_callback_url=invoice.ipn_callback_url,
        fixed_rate=invoice.fixed_rate,
        fee_paid_by_user=invoice.fee_paid_by_user,
        invoice=invoice.id,
    )
    return make(books, wish)


def make_repeated(books: Books, first: Payment, amount: Decimal) -> Payment:
    """The payment that a further deposit to the address of `first` becomes: of its own id, for exactly what came."""
    now = books.now()
    has_order = books.settings.repeated_has_order_id
    payment = Payment(
        id=books.new_id(),
        purchase_id=first.purchase_id,
        created=now,
        updated=now,
        price=worth(amount, first.coin, first.fiat),
        fiat=first.fiat,
        amount=amount,
        coin=first.coin,
        address=first.address,
        memo=first.memo,
        outcome=outcome_of(books, amount, first.coin),
        quoted_until=now,
        expires=now,
        order_id=first.order_id if has_order else None,
        order_description=first.order_description if has_order else None,
        ipn_callback_url=first.ipn_callback_url,
        invoice=first.invoice if has_order else None,
        parent=first.id,
        status="confirming",
        paid=amount,
    )
    first.repeated.append(payment.id)
    books.enter(payment)
    return payment


def outcome_of(books: Books, amount: Decimal, coin: Coin) -> Outcome:
    """What becomes of an amount at the payout."""
    into = COINS[books.settings.outcome_currency]
    gross = exchanged(amount, coin, into)
    fee = up(ratio(product(gross, books.settings.service_fee_percent), HUNDRED), into.places)
    return Outcome(down(gross - fee, into.places), fee, into.code)
