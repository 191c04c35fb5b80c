"""The rules of stock: an order has all of its items or none, sells them once it is paid, and gives them back once.

Everything is decided in the locked book of the order's purpose, whose stock is locked with it. It knows no states of
orders: `purpose` says when an order opens, is paid and closes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from payonce.base.errors import Conflict, ensure
from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.domain.reservation import Reservation


def want(book: Book, order: Order, items: Mapping[str, int]) -> None:
    """Note what a new order asks for, by sku. It holds nothing of it yet."""
    for sku, quantity in sorted(items.items()):
        ensure(sku in book.stock, f"an order asks for {sku!r}, which is not locked")
        wanted = Reservation(order.id, sku, quantity, "wanted")
        book.reservations[wanted.key] = wanted
        book.changed_reservations.add(wanted.key)


def asked(book: Book, order: Order) -> dict[str, int]:
    """What the order asks for, by sku: part of its values, so that other items are another order."""
    return {each.sku: each.quantity for each in book.reservations_of(order)}


def short(book: Book, items: Mapping[str, int], giving: Order | None = None) -> list[str]:
    """The skus of which there is too little, also with what `giving` holds, which is closed before it is needed."""
    back = {each.sku: each.quantity for each in book.reservations_of(giving) if each.state == "held"} if giving else {}
    return [sku for sku, quantity in sorted(items.items()) if book.stock[sku].free + back.get(sku, 0) < quantity]


def lacking(book: Book, order: Order, giving: Order | None = None) -> list[str]:
    """The skus that keep the order from being open or paid; none: it can have all that it asks for."""
    needed = {each.sku: each.quantity for each in book.reservations_of(order) if each.is_asked_for}
    return short(book, needed, giving)


def reserve(book: Book, order: Order) -> bool:
    """Hold all that the order asks for; False, and nothing held, where something of it is not to be had."""
    if lacking(book, order):
        return False
    _move(book, (each for each in book.reservations_of(order) if each.is_asked_for), "reserved")
    return True


def sell(book: Book, order: Order) -> None:
    """Sell what the order holds, because it is paid. Raises Bug where it holds less than it asks for."""
    reserved = book.reservations_of(order)
    ensure(all(each.state == "held" for each in reserved), "an order is paid and does not hold what it asks for")
    _move(book, reserved, "sold")


def give_back(book: Book, order: Order) -> None:
    """Give back what the order holds, because it is closed. What it gave back before is not given back again (C13)."""
    _move(book, (each for each in book.reservations_of(order) if each.state == "held"), "returned")


def restock(book: Book, order: Order, skus: Iterable[str] | None = None) -> list[str]:
    """Take sold goods back into stock, once; of the whole order, or of some skus. Those that came back."""
    chosen = None if skus is None else set(skus)
    back = [
        each
        for each in book.reservations_of(order)
        if each.state == "sold" and (chosen is None or each.sku in chosen)
    ]  # fmt: skip
    _move(book, back, "restocked")
    return [each.sku for each in back]


def sold_out(skus: list[str]) -> Conflict:
    """What is said where items are not to be had."""
    return Conflict(
        "there is not enough of what it asks for", code="sold_out", param="items", detail={"skus": skus},
        hint="Nothing was changed. Ask for less, or again once there is more.",
    )  # fmt: skip


def _move(book: Book, reservations: Iterable[Reservation], event: str) -> None:
    for each in reservations:
        book.move_reservation(each, event)
