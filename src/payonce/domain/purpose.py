"""The rules of a purpose: which order of it is paid by which money, and what must be closed before what may open.

`reconsider` is run after everything that changes a book. It only ever draws conclusions from the rows at hand, so
running it twice changes nothing the second time. It calls nobody: what must be closed at a provider is marked, and a
worker or the next click closes it.
"""

from __future__ import annotations

from payonce.base.errors import Conflict, ensure
from payonce.domain import leftover, payout, refunding, serving, stock
from payonce.domain.attempt import Attempt
from payonce.domain.book import Book, Capture, Settlement
from payonce.domain.ledger import ORDERS, SURPLUS, Posting
from payonce.domain.order import CANCELLED, DUPLICATE, EXPIRED, PURPOSE_PAID, SOLD_OUT, SUPERSEDED, Order

# Why an attempt is never handed out again, wherever it is: its order will not be payable any more.
_FOR_GOOD = frozenset({PURPOSE_PAID, SUPERSEDED, CANCELLED, DUPLICATE})


def may_serve(book: Book, attempt: Attempt, capture: Capture, grown: int) -> int:
    """How much of newly captured money serves its order at once; the rest is held or surplus, as `reconsider` decides.

    Plain money serves an open order up to what is missing. Money in another currency, of a closed order, or of an
    abandoned attempt beside a live one, waits for a decision.
    """
    order = book.orders[attempt.order_id]
    if order.state != "open" or capture.currency != order.currency:
        return 0
    if attempt.state == "abandoned" and any(other.is_live for other in book.attempts.values()):
        return 0
    return min(grown, order.missing_minor)


def reconsider(book: Book) -> None:
    """Draw every conclusion that the book allows, until nothing more follows."""
    for order in serving.serve_again(book):
        for attempt in book.attempts_of(order):
            # Nobody shall pay a second time for what came back.
            if serving.asks_too_much(book, order, attempt):
                want_close(book, attempt, "replaced")
    for order in list(book.orders.values()):
        if order.state == "open" and order.missing_minor == 0 and order.amount_minor > 0:
            settle_order(book, order, serving.last_serving(book, order))
    serving.free_returned(book)
    while book.paid() is None and _decide_held(book):
        pass
    for attempt in list(book.attempts.values()):
        # One that was processing when it was marked can be closed once it asks for a payment again.
        if attempt.close_because in _FOR_GOOD:
            want_close(book, attempt, str(attempt.close_because))
    if book.paid() is None:
        _finish_closing(book)
        _promote(book)
    if book.paid() is not None:
        _tidy_paid(book)
    refunding.plan(book)
    payout.follow(book)
    _report(book)


def settle_order(book: Book, order: Order, capture: Capture | None) -> None:
    """Record the single settlement of an order, and owe what is owed for it. A zero amount needs no capture (D16)."""
    book.move_order(order, "covered")
    order.paid_at, order.closed_at, order.closed_reason, order.close_because = book.now, None, None, None
    stock.sell(book, order)
    attempt_id = capture.attempt_id if capture else None
    book.settlements.append(
        Settlement(order.id, attempt_id, capture.key if capture else None, order.amount_minor, order.currency)
    )
    payout.accrue(book, order)
    book.owe("order.paid", order, "paid")


def close_order(book: Book, order: Order, reason: str) -> None:
    """Close an order none of whose attempts is live; money that served it becomes surplus in the same transaction.
    Nobody is told of a duplicate (A2).
    """
    book.move_order(order, "duplicated" if reason == DUPLICATE else "closed")
    order.closed_at, order.closed_reason, order.close_because = book.now, reason, None
    stock.give_back(book, order)
    for capture in book.captures.values():
        if capture.order_id == order.id and capture.allocated_minor:
            serving.shift(book, order, capture, -capture.allocated_minor)
    silent = DUPLICATE if reason == DUPLICATE else None
    book.owe("order.closed", order, f"closed:{order.version}", silent=silent)


def want_close(book: Book, attempt: Attempt, because: str) -> None:
    """Mark a live attempt as one that must not be paid any more. It is closed at the provider first.

    Where the provider cannot cancel, it stays as it is and is watched: the payer of an order that merely expired gets
    it again, and of any other order nobody does. One that nobody was ever led to is abandoned there.
    """
    if not attempt.is_live:
        return
    if attempt.disclosed_at is None and not is_closable(book, attempt):
        # Marked before its address came: it is payable for nobody, and must keep nobody from paying another way.
        attempt.fence += 1
        book.move_attempt(attempt, "abandoned")
        return
    if not is_closable(book, attempt):
        if because in _FOR_GOOD and attempt.close_because is None:
            attempt.close_because = because
            book.touch_attempt(attempt)
        return
    if attempt.close_because is None:
        attempt.close_because = because
        book.touch_attempt(attempt)
    book.move_attempt(attempt, "close_wanted")


def is_closable(book: Book, attempt: Attempt) -> bool:
    """Whether the attempt can be made unpayable: what was never handed out is abandoned, wherever it is."""
    return attempt.state != "open" or book.rules.of(attempt.provider, attempt.account).can_close


def _decide_held(book: Book) -> bool:
    """Let late money pay its order where the purpose is free or can be made free; decide the rest to be surplus.

    A late payment revives an order that merely expired, once a read at the provider confirmed it. Another order's live
    attempt is closed first: until then the money is held and the purpose contested. Where that attempt cannot be
    closed at its provider, a person decides. True when money was let serve an order: then more may follow.
    """
    for capture in book.held():
        order = book.orders[capture.order_id]
        if book.returned_of(capture) > 0 or order.state == "paid":
            # Money that somebody began to give back pays nothing any more; nor does money of an order that was paid
            # and released.
            _be_surplus(book, capture)
            continue
        if capture.currency != order.currency or order.state == "waiting":
            continue
        is_part = _is_part(book, order, capture)
        if order.state == "closed" and (not _may_revive(book, order) or (is_part and book.newest() is not order)):
            _refuse_late(book, capture)
            continue
        holder = book.holder()
        if holder is not None and holder.id != order.id and (is_part or holder.allocated_minor > 0):
            # It takes the purpose from another order only where it pays its own, and only from an unpaid one.
            _refuse_late(book, capture)
            continue
        if not capture.is_confirmed:
            continue
        rival = next((a for a in book.attempts.values() if a.is_live and a.id != capture.attempt_id), None)
        if rival is not None:
            if book.rules.of(rival.provider, rival.account).can_close:
                want_close(book, rival, "late_payment")
            continue
        if holder is not None and holder.id != order.id:
            close_order(book, holder, SUPERSEDED)
        _serve_late(book, order, capture)
        return True
    return False


def accept(book: Book, order: Order) -> bool:
    """Let held money pay its order because a person said so, whatever the policy; False: there is none that can.

    What another attempt could still bring is closed first; where that cannot be done it is watched, and surplus when
    it comes. Raises Conflict `order_paid`, `attempt_still_live`, `sold_out`, `part_of_older_order`.
    """
    if book.paid() is not None:
        raise Conflict("the purpose is paid", code="order_paid")
    for capture in book.held():
        if capture.order_id != order.id or capture.currency != order.currency or book.returned_of(capture) > 0:
            continue
        if _is_part(book, order, capture) and book.newest() is not order:
            # Its payer is led to the newest order and could never pay the rest, so it takes the purpose from no other.
            raise Conflict(
                "it is a part of the amount, and a newer order took the order's place", code="part_of_older_order",
                hint="Send the money back: ask for a refund of the surplus.", detail={"held_minor": capture.held_minor},
            )  # fmt: skip
        if gone := stock.lacking(book, order, giving=book.holder()):
            raise stock.sold_out(gone)
        rivals = [a for a in book.attempts.values() if a.is_live and a.id != capture.attempt_id]
        for rival in rivals:
            want_close(book, rival, PURPOSE_PAID)
        if any(is_closable(book, rival) for rival in rivals):
            raise Conflict(
                "another attempt can still be paid; it is being closed", code="attempt_still_live",
                hint="Try again in a moment.",
            )  # fmt: skip
        holder = book.holder()
        if holder is not None and holder.id != order.id:
            close_order(book, holder, SUPERSEDED)
        _serve_late(book, order, capture)
        reconsider(book)
        return True
    return False


def _may_revive(book: Book, order: Order) -> bool:
    """Whether policy lets a late payment revive the order: it merely expired, not too long ago, and can have its items.
    Those that another open order of the purpose holds count as free: it is closed first.
    """
    policy = book.rules.surplus
    if policy.late != "revive" or order.closed_reason not in (EXPIRED, None) or order.close_because is not None:
        return False
    if stock.lacking(book, order, giving=book.holder()):
        return False
    return order.closed_at is None or book.now - order.closed_at <= policy.late_within


def _is_part(book: Book, order: Order, capture: Capture) -> bool:
    """Whether held money is less than its order asks for still. What the order had before it was closed counts, as far
    as it is not on its way back.
    """
    had = leftover.could_serve(book, order) if order.state == "closed" else 0
    return capture.held_minor + had < order.missing_minor


def _refuse_late(book: Book, capture: Capture) -> None:
    """Late money that cannot serve its order: surplus, which goes back; or held until a person decides."""
    if leftover.late_answer(book, book.orders[capture.order_id]) != "hold":
        _be_surplus(book, capture)


def _be_surplus(book: Book, capture: Capture) -> None:
    capture.surplus_minor += capture.held_minor
    book.changed_captures.add(capture.key)


def _serve_late(book: Book, order: Order, capture: Capture) -> None:
    """Let held money pay its order, as one movement from surplus to orders. A part of the amount opens it again."""
    part = min(capture.held_minor, order.missing_minor)
    is_reopened = order.state == "closed" and part < order.missing_minor
    if order.state == "closed":
        ensure(stock.reserve(book, order), "a late payment revives an order that cannot have its items")
    if is_reopened:
        book.move_order(order, "reopened")
        order.opened_at, order.closed_at, order.closed_reason, order.close_because = book.now, None, None, None
    capture.allocated_minor += part
    order.allocated_minor += part
    book.changed_captures.add(capture.key)
    book.touch_order(order)
    serving.move(book, capture, f"serve:{order.version}", Posting(SURPLUS, part), Posting(ORDERS, -part))
    book.owe("order.late_payment", order, f"late:{':'.join(capture.key)}")
    if is_reopened:
        serving.take_back(book, order)
    if order.missing_minor == 0:
        settle_order(book, order, capture)


def _finish_closing(book: Book) -> None:
    """Close the orders that were marked to be closed, once nothing of them can be closed any more and nothing is
    contested. What its provider cannot cancel stays live and watched.
    """
    for order in list(book.orders.values()):
        if order.state != "open" or order.close_because is None or book.is_contested:
            continue
        live = [attempt for attempt in book.attempts.values() if attempt.is_live and attempt.order_id == order.id]
        for attempt in live:
            want_close(book, attempt, order.close_because)
        if not any(is_closable(book, attempt) for attempt in live):
            close_order(book, order, order.close_because)


def _promote(book: Book) -> None:
    """Give the purpose to the order that waits, once it is free."""
    order = book.waiting()
    if order is None or book.holder() is not None or book.is_contested:
        return
    if any(attempt.is_live for attempt in book.attempts.values()):
        return
    if not stock.reserve(book, order):
        close_order(book, order, SOLD_OUT)
        return
    book.move_order(order, "promoted")
    order.opened_at = book.now
    if order.amount_minor == 0:
        settle_order(book, order, None)


def _tidy_paid(book: Book) -> None:
    """The purpose is paid: nothing else of it may be paid, and money that awaits a decision is surplus."""
    for attempt in list(book.attempts.values()):
        want_close(book, attempt, PURPOSE_PAID)
    waiting = book.waiting()
    if waiting is not None:
        close_order(book, waiting, PURPOSE_PAID)
    for capture in book.held():
        if capture.currency == book.orders[capture.order_id].currency:
            _be_surplus(book, capture)


def _report(book: Book) -> None:
    """Keep an open finding for all captured money that serves no order, and close it once the money is back."""
    for key in sorted(book.changed_captures):
        capture = book.captures[key]
        order, returned = book.orders[capture.order_id], book.returned_of(capture)
        _say(book, capture, "returned_twice", returned - capture.captured_minor)
        if capture.currency != order.currency:
            _say(book, capture, "currency_differs", capture.captured_minor - returned, came_in=capture.currency)
            continue
        undone = capture.allocated_minor - book.order_back(capture)
        _say(book, capture, "return_undone", undone if order.released_at else 0)
        _say(book, capture, "late_payment", capture.held_minor, order_state=order.state)
        surplus = capture.surplus_minor - book.surplus_back(capture)
        # What is said of it, where there is any.
        detail = {"order_state": order.state, "refund": refunding.prospect(book, capture)} if surplus > 0 else {}
        _say(book, capture, "over_payment", surplus if capture.allocated_minor else 0, **detail)
        _say(book, capture, "second_charge", 0 if capture.allocated_minor else surplus, **detail)
        about = ":".join(key)
        if capture.held_minor > 0:
            book.owe("order.late_payment", order, f"late:{about}")
        if surplus > 0:
            book.owe("payment.surplus", order, f"surplus:{about}:{capture.surplus_minor}")
    for order in book.orders.values():
        _report_missing(book, order)


def _report_missing(book: Book, order: Order) -> None:
    """Keep an open finding for as long as an order is paid in part."""
    captures = [capture for capture in book.captures.values() if capture.order_id == order.id]
    if all(capture.key not in book.changed_captures for capture in captures):
        return
    is_plain = len(captures) == 1 and captures[0].is_new
    if order.state == "open" and order.allocated_minor > 0 and order.missing_minor > 0:
        book.find("amount_differs", order.id.hex, order, order.missing_minor, missing=str(order.missing_minor))
    elif not is_plain or any(known.fingerprint == f"amount_differs:{order.id.hex}" for known in book.findings):
        book.resolve("amount_differs", order.id.hex)


def _say(book: Book, capture: Capture, kind: str, money_minor: int, **detail: str) -> None:
    """Find the difference while there is money in it; else say that it is gone, where it may have been found before."""
    if money_minor > 0:
        book.find(kind, ":".join(capture.key), book.orders[capture.order_id], money_minor, **detail)
    elif not capture.is_new or book.findings:
        about = ":".join(capture.key)
        if not capture.is_new or any(known.fingerprint == f"{kind}:{about}" for known in book.findings):
            book.resolve(kind, about)
