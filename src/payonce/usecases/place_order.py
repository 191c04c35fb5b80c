"""Place an order: what a payer owes for a purpose. At most one order of a purpose is open or paid.

The same values again give the existing order; other values close it at the provider first, and until that is proven
the new
order waits. A merely expired order of the same values is opened again. Nothing that was paid is ever replaced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

from payonce.base import ids, strict_json
from payonce.base.errors import Conflict, Refused, ensure
from payonce.base.money import LARGEST_MINOR, currency_of
from payonce.domain import checkout, purpose, stock
from payonce.domain.book import Book
from payonce.domain.order import EXPIRED, SOLD_OUT, SUPERSEDED, Order
from payonce.domain.payout import Share, shares_of
from payonce.store import books, queries
from payonce.store.database import Tx
from payonce.store.payouts import write_shares
from payonce.usecases.answers import Placed
from payonce.usecases.choose_account import refuse_unpayable
from payonce.usecases.close_orders import LONGEST_DRIVE, drive_close
from payonce.usecases.items import Item, checked_items
from payonce.usecases.read_order import AskedOrders, ask_orders, read_order
from payonce.usecases.receipts import Receipt, receipt_if_refused, write_receipts
from payonce.usecases.tape import IdTape
from payonce.usecases.world import World

ORDERS: Final = queries.load("orders")
LONGEST_TEXT: Final = 200  # Room for any reference people use, and short enough for every index and screen.
LONGEST_URL: Final = 2000
LONGEST_PERSONAL: Final = 320  # The longest address there can be: 64, an at sign, 255.
LARGEST_METADATA: Final = 8 * 1024


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """A wish for an order. `amount_minor` in minor units of `currency`; `purpose` says what for, in the merchant's
    words.

    `again`: the purpose was paid before and its money wholly returned; this is a new sale for the same purpose.
    `items`: what it takes from stock, as `Item(sku, quantity)` or mappings of the two; all or nothing is reserved. It
    is among the order's values: other items are another order.
    """

    reference: str
    purpose: str
    amount_minor: int
    currency: str
    payer_reference: str
    payer_email: str | None = None
    payer_name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    success_url: str = ""
    cancel_url: str = ""
    again: bool = False
    items: Sequence[Item | Mapping[str, Any]] = ()
    # What others are to get of it, once it is paid: in Python `Share(payee, amount_minor)`, or a mapping of the two.
    payouts: Sequence[Share | Mapping[str, Any]] = ()

    @property
    def quantities(self) -> dict[str, int]:
        """How many pieces of each sku."""
        return {item.sku: item.quantity for item in checked_items(self.items)}

    @property
    def shares(self) -> tuple[Share, ...]:
        """What payees are to get, by payee. Raises Refused `payouts_invalid`."""
        return shares_of(self.payouts, self.amount_minor)


@dataclass(frozen=True, slots=True)
class _Placement:
    order_id: UUID
    how: Literal["new", "existing", "reopened", "paid"]
    to_close: tuple[UUID, ...] = ()
    paid_at: datetime | None = None


async def place_order(world: World, merchant_id: str, wish: PlaceOrder, *, drive: bool = True) -> Placed:
    """Place the order, or find the one that is there.

    Raises Refused for a wish that cannot be (`amount_not_payable`, `currency_unknown`, `text_invalid`, …) and Conflict:
    `order_paid`, `purpose_taken` (another payer), `purpose_held` (its predecessor cannot be closed), `reference_taken`,
    `sold_out`.
    `drive=False` leaves closing a predecessor to the worker, as inside a caller's own transaction.
    """
    wish = _checked(world, merchant_id, wish)
    order_id, token, receipt, tape = world.ids.new(), world.ids.token(), world.ids.new(), IdTape(world.ids)

    async def work(tx: Tx) -> tuple[_Placement, AskedOrders | None]:
        tape.rewind()
        receipt_if_refused(tx, merchant_id, order_id, receipt)
        reference = {"merchant_id": merchant_id, "reference": wish.reference}
        named = books.Beside((ORDERS.order_by_reference, reference), waits=True)
        purposes = [wish.purpose, *await _other_purposes(tx, world, merchant_id, wish)]
        loaded = await books.load(
            tx, merchant_id, purposes, [], tape.next, world.kinds, rules=world.rules_of(merchant_id),
            skus=wish.quantities, beside=named,
        )  # fmt: skip
        [taken] = named.rows
        if any(row.purpose != wish.purpose for row in taken):
            raise Conflict(
                "the reference belongs to an order of another purpose", code="reference_taken", param="reference"
            )
        for book in loaded.values():
            book.cause = f"placed:{order_id.hex}"
        placement = _place(tx, world, loaded[wish.purpose], wish, order_id, token, is_named=bool(taken))
        if placement.how in ("existing", "paid"):
            # "Done already" is said only after a COMMIT that wrote something.
            write_receipts(tx, merchant_id, [Receipt(receipt, placement.order_id, placement.how)])
        others = [
            _supersede(book) for book in loaded.values() if book.purpose != wish.purpose and placement.how != "paid"
        ]
        books.record(tx, loaded.values(), actor="place_order")
        closing = (*placement.to_close, *(closed for closed in others if closed is not None))
        # What is told of it comes with the COMMIT that recorded it.
        asked = ask_orders(tx, merchant_id, [placement.order_id]) if placement.how != "paid" else None
        return replace(placement, to_close=closing), asked

    placement, asked = await world.database.transaction(work, name="place_order")
    if placement.how == "paid":
        detail = {"order_id": ids.show(ids.ORDER, placement.order_id), "paid_at": placement.paid_at}
        raise Conflict("the purpose is paid", code="order_paid", detail=detail)
    began = world.clock.now()
    for closing in placement.to_close:
        # The caller is waiting; what is slow is gone on with by the worker.
        if drive and world.clock.now() - began <= LONGEST_DRIVE:
            await drive_close(world, merchant_id, closing)
    if asked is None or placement.to_close:
        order = await read_order(world, merchant_id, placement.order_id)
    else:
        order = asked.views(world)[placement.order_id]
    if order.state == "closed" and order.closed_reason == "purpose_paid":
        raise Conflict("the purpose was paid while its order was being replaced", code="order_paid")
    if order.state == "closed" and order.closed_reason == SOLD_OUT:
        said = "others took its items while its predecessor was being closed"
        raise Conflict(said, code="sold_out", param="items", detail={"order_id": ids.show(ids.ORDER, order.id)})
    return Placed(order, existing=placement.how != "new", reopened=placement.how == "reopened")


def _checked(world: World, merchant_id: str, wish: PlaceOrder) -> PlaceOrder:
    """The wish with its currency in capitals. Raises Refused for what no order may have."""
    for name in ("reference", "purpose", "payer_reference"):
        text = getattr(wish, name)
        if not text.strip() or len(text) > LONGEST_TEXT or not text.isprintable():
            raise Refused(f"{name} is empty, too long or not printable", code="text_invalid", param=name)
    limits = {"payer_email": LONGEST_PERSONAL, "payer_name": LONGEST_PERSONAL}
    for name, longest in (limits | {"success_url": LONGEST_URL, "cancel_url": LONGEST_URL}).items():
        text = getattr(wish, name) or ""
        if len(text) > longest or "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise Refused(f"{name} is too long or cannot be stored", code="text_invalid", param=name)
        if name.endswith("_url") and text and not _is_web_address(text):
            raise Refused(f"{name} is no address that begins with https:// or http://", code="text_invalid", param=name)
    _check_metadata(wish.metadata)
    if not 0 <= wish.amount_minor <= LARGEST_MINOR:
        raise Refused("the amount is negative or too large", code="amount_invalid", param="amount_minor")
    currency = currency_of(wish.currency)
    if wish.amount_minor:
        # Zero needs no provider: it is settled at once.
        refuse_unpayable(world, world.accounts_of(merchant_id), wish.amount_minor, currency)
    values = {name: getattr(wish, name) for name in wish.__dataclass_fields__}
    # Providers with a page of their own must know where to lead the payer back to.
    values |= {"currency": currency, "success_url": wish.success_url or world.landing_url}
    return PlaceOrder(**values | {"items": checked_items(wish.items), "payouts": wish.shares})


def _is_web_address(text: str) -> bool:
    """Whether a browser may be led there: nothing that runs in a page (`javascript:`), or that depends on the page."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0 and text.isprintable()
        )
    except ValueError:
        return False


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    """Raise Refused unless the database can hold it and give it back as it is."""
    try:
        written = json.dumps(dict(metadata)).encode()
        strict_json.parse_object(written)
    except (TypeError, ValueError, Refused) as error:
        raise Refused(f"metadata is not plain JSON: {error}"[:200], code="text_invalid", param="metadata") from error
    if len(written) > LARGEST_METADATA:
        raise Refused("metadata is larger than 8 KiB", code="metadata_too_large", param="metadata")


async def _other_purposes(tx: Tx, world: World, merchant_id: str, wish: PlaceOrder) -> list[str]:
    if not world.policy_of(merchant_id).close_all_of_payer:
        return []
    rows = await tx.rows(
        ORDERS.other_purposes_of_payer,
        merchant_id=merchant_id,
        payer_reference=wish.payer_reference,
        purpose=wish.purpose,
    )
    return [row.purpose for row in rows]


def _place(
    tx: Tx, world: World, book: Book, wish: PlaceOrder, order_id: UUID, token: str, *, is_named: bool
) -> _Placement:
    mine = next((order.id for order in book.orders.values() if order.token == token), None)
    if mine is not None:
        # The COMMIT of an earlier run was not confirmed and had happened.
        return _Placement(mine, "new")
    purpose.reconsider(book)
    _release(book, wish)
    paid = book.paid()
    if paid is not None:
        return _Placement(paid.id, "paid", paid_at=paid.paid_at)
    existing = _existing(book, wish)
    if existing is not None:
        return existing
    if is_named:
        raise Conflict(
            "the reference belongs to an order of other values", code="reference_taken", param="reference",
            hint="another amount is another order and needs a reference of its own",
        )  # fmt: skip
    closing = _make_way(book)
    _look_for_stock(book, wish, closing)
    waiting = book.waiting()
    if waiting is not None:
        purpose.close_order(book, waiting, SUPERSEDED)
    # An older waiting order is written as closed before the new one is inserted, because only one may wait.
    books.record(tx, [book], actor="place_order")
    order = _insert(tx, book, wish, _behind(book, order_id), token)
    purpose.reconsider(book)
    if order.state == "open" and order.amount_minor == 0:
        purpose.settle_order(book, order, None)
        purpose.reconsider(book)
    return _Placement(order.id, "new", (closing.id,) if closing is not None else ())


def _release(book: Book, wish: PlaceOrder) -> None:
    """Release a paid order whose money was wholly returned, because the caller expressly sells the purpose again."""
    paid = book.paid()
    if paid is None or not wish.again or paid.amount_minor == 0:
        return
    returned = sum(
        book.order_back(capture, for_good=True) for capture in book.captures.values() if capture.order_id == paid.id
    )
    if returned >= paid.amount_minor:
        paid.released_at = book.now
        book.touch_order(paid)


def _existing(book: Book, wish: PlaceOrder) -> _Placement | None:
    """The order that the wish means already: open or waiting with the same values, or merely expired and opened
    again.
    """
    for order in (book.waiting(), book.holder()):
        if order is None:
            continue
        if order.payer_reference != wish.payer_reference:
            raise Conflict("the purpose is open for another payer", code="purpose_taken", param="purpose")
        same = (order.amount_minor, order.currency) == (wish.amount_minor, wish.currency)
        same = same and stock.asked(book, order) == wish.quantities
        same = same and book.shares.get(order.id, ()) == wish.payouts
        if same and order.close_because in (None, EXPIRED):
            return _Placement(order.id, "existing")
    if not book.orders:
        return None
    newest = book.newest()
    same = (newest.payer_reference, newest.amount_minor, newest.currency) == (
        wish.payer_reference, wish.amount_minor, wish.currency,
    )  # fmt: skip
    same = same and book.shares.get(newest.id, ()) == wish.payouts
    if same and newest.payable_again and stock.asked(book, newest) == wish.quantities:
        live = book.live_attempt()
        is_its_own = live is None or (live.order_id == newest.id and not purpose.is_closable(book, live))
        if book.holder() is None and is_its_own and not book.is_contested:
            if gone := stock.lacking(book, newest):
                raise stock.sold_out(gone)
            checkout.reopen(book, newest)
            return _Placement(newest.id, "reopened")
        return _Placement(newest.id, "existing")
    return None


def _make_way(book: Book) -> Order | None:
    """Mark the open order of the purpose to be closed for the new one. Raises Conflict where it cannot be closed."""
    holder, live = book.holder(), book.live_attempt()
    cannot = live is not None and live.disclosed_at is not None and not purpose.is_closable(book, live)
    if holder is not None and holder.allocated_minor:
        raise Conflict(
            "an order of the purpose with other values is part-paid", code="purpose_held",
            detail={"order_id": ids.show(ids.ORDER, holder.id)},
        )  # fmt: skip
    if live is not None and cannot:
        raise Conflict(
            "an order of the purpose with other values can still be paid, and its provider cannot cancel that",
            code="purpose_held", detail={"order_id": ids.show(ids.ORDER, live.order_id), "attempt": live.number},
            hint="Where its payer says that nothing was sent, check that order out with leave_attempt and this number; "
            "or cancel it, and its payer says so on its status page.",
        )  # fmt: skip
    if holder is None:
        return None
    _mark(book, holder)
    return holder


def _look_for_stock(book: Book, wish: PlaceOrder, closing: Order | None) -> None:
    """Raise where its items are not to be had, also with what its predecessor gives back: nothing is closed for it."""
    unknown = sorted(wish.quantities.keys() - book.stock.keys())
    if unknown:
        raise Refused(
            "there is no stock of that name", code="stock_unknown", param="items", detail={"skus": unknown},
            hint="Say how much there is of it first: PUT /v1/stock/{sku}.",
        )  # fmt: skip
    if gone := stock.short(book, wish.quantities, giving=closing):
        raise stock.sold_out(gone)


def _supersede(book: Book) -> UUID | None:
    """Close the payer's unpaid orders of another purpose, by the setting of C12; a part-paid one stays."""
    waiting, holder = book.waiting(), book.holder()
    if waiting is not None:
        purpose.close_order(book, waiting, SUPERSEDED)
    if holder is None or holder.state != "open" or holder.allocated_minor:
        return None
    _mark(book, holder)
    purpose.reconsider(book)
    return holder.id


def _mark(book: Book, order: Order) -> None:
    order.close_because = SUPERSEDED
    book.touch_order(order)
    for attempt in book.attempts_of(order):
        purpose.want_close(book, attempt, SUPERSEDED)


def _behind(book: Book, order_id: UUID) -> UUID:
    """The id of a new order, behind all others of its purpose: ids tell which one is the newest, and another host's
    clock may be ahead of ours.
    """
    newest = max(book.orders, default=order_id)
    return order_id if newest <= order_id else UUID(int=newest.int + 1)


def _insert(tx: Tx, book: Book, wish: PlaceOrder, order_id: UUID, token: str) -> Order:
    """Insert the order as waiting or open, and put it into the book."""
    free = book.holder() is None and book.live_attempt() is None and not book.is_contested
    state = "open" if free else "waiting"
    tx.later(
        ORDERS.insert_order, merchant_id=book.merchant_id, order_id=order_id, reference=wish.reference,
        purpose=wish.purpose, payer_reference=wish.payer_reference, state=state, amount_minor=wish.amount_minor,
        currency=wish.currency, token=token, success_url=wish.success_url, cancel_url=wish.cancel_url,
        metadata=json.dumps(dict(wish.metadata)), now=tx.now, opened_at=tx.now if free else None,
        has_items=bool(wish.items),
    )  # fmt: skip
    write_shares(tx, book.merchant_id, order_id, wish.shares)
    book.shares[order_id] = wish.shares
    if wish.payer_email or wish.payer_name:
        tx.later(
            ORDERS.insert_payer,
            merchant_id=book.merchant_id,
            order_id=order_id,
            email=wish.payer_email,
            name=wish.payer_name,
        )
    order = Order(
        id=order_id, reference=wish.reference, purpose=wish.purpose, payer_reference=wish.payer_reference, state=state,
        amount_minor=wish.amount_minor, currency=wish.currency, received_minor=0, allocated_minor=0, refunded_minor=0,
        disputed_minor=0, token=token, created_at=tx.now, opened_at=tx.now if free else None, paid_at=None,
        closed_at=None, closed_reason=None, close_because=None, released_at=None, version=1,
        has_items=bool(wish.items),
    )  # fmt: skip
    book.orders[order_id] = order
    stock.want(book, order, wish.quantities)
    ensure(not free or stock.reserve(book, order), "an order was placed open that cannot have its items")
    return order
