"""A reservation: what an order wants of one item, and whether it has it. And the item itself: three counts.

A piece of stock is free, held for an order that can still be paid, or sold to one that is paid. Pieces move between the
three; their sum changes only when somebody says how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from payonce.domain.arrow import Arrow, Machine

STATES: Final = ("wanted", "held", "sold", "returned")
EVENTS: Final = ("reserved", "sold", "returned", "restocked")

MACHINE: Final = Machine(
    "reservation",
    STATES,
    EVENTS,
    (
        # An order that waits wants, and holds nothing: its predecessor may hold the same pieces until it is closed.
        Arrow("wanted", "reserved", "held", "its order is open, and there was enough of every item"),
        # What was given back may be somebody else's by now, so it is asked for again.
        Arrow("returned", "reserved", "held", "its order is opened again or paid late, and there is enough"),
        Arrow("held", "sold", "sold", "its order is paid"),
        # Once, because only what is held has this arrow (C13).
        Arrow("held", "returned", "returned", "its order is closed"),
        # Money that goes back says nothing of the goods; whoever has them again says so.
        Arrow("sold", "restocked", "returned", "a person says that the goods of a paid order are back"),
    ),
)

# Which of the three counts of its item a reservation's quantity stands in.
COUNTED_AS: Final = {"wanted": "free", "returned": "free", "held": "held", "sold": "sold"}


@dataclass(slots=True)
class StockItem:
    """A working copy of an item's row, locked; `record` writes it back when it changed."""

    id: UUID
    sku: str
    free: int
    held: int
    sold: int

    @property
    def on_hand(self) -> int:
        """All pieces that there are or were: only `set_stock` changes it (S19)."""
        return self.free + self.held + self.sold

    def shift(self, quantity: int, source: str, target: str) -> None:
        """Move pieces from one count to another."""
        setattr(self, source, getattr(self, source) - quantity)
        setattr(self, target, getattr(self, target) + quantity)


@dataclass(slots=True)
class Reservation:
    """What one order wants of one item; the quantity never changes: another quantity is another order."""

    order_id: UUID
    sku: str
    quantity: int
    state: str

    @property
    def key(self) -> tuple[UUID, str]:
        return self.order_id, self.sku

    @property
    def is_asked_for(self) -> bool:
        """Whether the order has none of it now, and needs it before it may be open or paid."""
        return self.state in ("wanted", "returned")
