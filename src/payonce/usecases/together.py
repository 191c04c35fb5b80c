"""What is to be decided about one order, by itself or together with others that are decided at the same moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar
from uuid import UUID

from payonce.domain.book import Book
from payonce.domain.order import Order
from payonce.store.database import Row, Tx
from payonce.usecases.new_attempts import NewAttempt
from payonce.usecases.receipts import Receipt

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
# The transactions that gather: a click that decides, and the answer that its call brought.
Occasion: TypeAlias = Literal["checkout", "created"]


@dataclass(slots=True)
class Drafts:
    """What the cases of one transaction want to be written, beside what changed in their books; one statement for a
    table. `facts`: what requests are made from, of the orders of the cases.
    """

    facts: Mapping[UUID, Row] = field(default_factory=dict)
    attempts: list[NewAttempt] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Case(Generic[T_co]):
    """One order, what is being told with it, and what decides about it. `decide` may run again, and beside others, of
    which some may be about the same order.
    """

    order_id: UUID
    cause: str
    receipt_id: UUID
    decide: Callable[[Tx, Book, Order, Drafts], Awaitable[T_co]]


class Together(Protocol):
    """Gathers cases: what comes while a transaction of their kind is under way is decided in the next one."""

    async def decide(self, occasion: Occasion, merchant_id: str, case: Case[T]) -> T:
        """What was decided, once it is committed. Raises what deciding it alone raises."""
        ...
