"""What becomes of an order without the merchant: money comes, is on its way, or does not come."""

from __future__ import annotations

from payonce.providers.simulator.zalopay.books import Books, Order


def pay(books: Books, order: Order, discount: int = 0) -> bool:
    """Let the money come, as far as the order can still be paid or it was on its way. Whether it did."""
    if order.state(books.now()) not in ("open", "processing"):
        return False
    now = books.now()
    order.ended, order.discount = "paid", discount
    order.zp_trans_id, order.paid_at = books.number(), now
    wait = books.settings.visible_at_latest if order.callback_url else books.settings.visible_after_callback
    order.visible_at = now + wait
    books.by_transaction[str(order.zp_trans_id)] = order.app_trans_id
    books.on_paid(order)
    return True


def start(books: Books, order: Order) -> bool:
    """Let the money be on its way. Whether it is."""
    if order.state(books.now()) != "open":
        return False
    order.ended, order.trouble = "processing", None
    after = books.settings.payment_settles_after
    if after is not None:
        books.plan(books.now() + after, lambda: settle(books, order, success=True))
    return True


def settle(books: Books, order: Order, *, success: bool, trouble: int | None = None) -> bool:
    """End what is on its way. Without success the order is as before, or over when its time is. Whether it ended."""
    if order.ended != "processing":
        return False
    if success:
        return pay(books, order)
    order.ended, order.trouble = None, trouble
    return True


def fail(books: Books, order: Order, trouble: int) -> bool:
    """Let a try fail; the order can be tried again. Whether there was anything to try."""
    if order.state(books.now()) != "open":
        return False
    order.trouble = trouble
    return True
