"""What a payer is told of money that is not simply the price: a part of it, coins, a second or a late payment, and what
becomes of what was too much. It names amounts, and nothing of who decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from payonce.api.times import day_and_time
from payonce.api.words import coin
from payonce.base.money import show
from payonce.domain.refund import UNDER_WAY
from payonce.usecases.answers import OrderView, PaymentView, RefundView
from payonce.usecases.explain_money import plain_decimal

_DECIDED: Final = "The shop was told and decides what becomes of it."
_BACK: Final = "It was sent back to you."
_STUCK: Final = "Sending it back has not worked yet; the shop takes care of it."


def notes_of(order: OrderView) -> list[str]:
    """Sentences for the payer, the oldest money first; none for an order without trouble."""
    return [*_of_payments(order), *_of_the_rest(order), *_of_refunds(order)]


def _of_payments(order: OrderView) -> Iterator[str]:
    for payment in order.payments:
        if payment.allocated_minor > 0 and payment.paid_in_amount is not None:
            sent = f"{plain_decimal(payment.paid_in_amount)} {coin(payment.paid_in_asset or '')}"
            yield f"You sent {sent}, which count as {show(payment.captured_minor, payment.currency)}."
        if payment.surplus_minor > 0:
            yield f"{_what_surplus(order, payment)} {_becomes(order, payment)}"
        if payment.held_minor > 0:
            yield f"A payment of {show(payment.held_minor, payment.currency)} came and is being looked at."


def _of_the_rest(order: OrderView) -> Iterator[str]:
    missing = order.amount_minor - order.allocated_minor
    if order.state in ("open", "waiting") and 0 < order.allocated_minor < order.amount_minor:
        came, rest = show(order.allocated_minor, order.currency), show(missing, order.currency)
        yield f"{came} came; {rest} is still to be paid."


def _what_surplus(order: OrderView, payment: PaymentView) -> str:
    amount = show(payment.surplus_minor, payment.currency)
    if payment.allocated_minor > 0:
        return f"You paid {amount} more than was asked."
    if order.state == "paid":
        return f"A second payment of {amount} came."
    if order.closed_at is not None and payment.captured_at > order.closed_at:
        return f"{amount} came after this order was closed."
    return f"{amount} came, and this order was not finished." if order.state == "closed" else f"{amount} came."


def _becomes(order: OrderView, payment: PaymentView) -> str:
    """What becomes of the payment's surplus."""
    mine = [
        refund for refund in order.refunds
        if (refund.serves, refund.capture_kind, refund.capture_ref) == ("surplus", payment.kind, payment.ref)
        and (refund.provider, refund.account) == (payment.provider, payment.account) and refund.state != "cancelled"
    ]  # fmt: skip
    if mine:
        return _how_far(mine[-1])
    others = order.refunded_minor - sum(each.amount_minor for each in order.refunds if each.state == "succeeded")
    return _BACK if others >= payment.surplus_minor else _DECIDED


def _how_far(refund: RefundView) -> str:
    if refund.state == "succeeded":
        return f"It was sent back to you on {day_and_time(refund.ended_at)}." if refund.ended_at else _BACK
    if refund.state == "failed":
        return _STUCK
    return _DECIDED if refund.state == "planned" else "It goes back to you."


def _of_refunds(order: OrderView) -> Iterator[str]:
    """Of the order's own money: what goes back to the payer."""
    for refund in order.refunds:
        amount = show(refund.amount_minor, refund.currency)
        if refund.serves != "order":
            continue
        if refund.state == "due" or refund.state in UNDER_WAY:
            yield f"A refund of {amount} is on its way to you."
        elif refund.state == "succeeded" and refund.ended_at is not None:
            yield f"{amount} was sent back to you on {day_and_time(refund.ended_at)}."
        elif refund.state == "failed" and refund is order.refunds[-1]:
            yield f"A refund of {amount} has not worked yet; the shop takes care of it."
    if order.refunded_minor > 0 and not order.refunds and not any(p.surplus_minor for p in order.payments):
        yield f"{show(order.refunded_minor, order.currency)} was sent back to you."
