"""What delivers effects: the calls that handlers get, what they may answer, and the register of them by kind.

A handler is called after the COMMIT that recorded its claim, never inside a transaction; a transactional one only
inside the transaction that marks it done. What an exception means is the safe reading: `NotDone` says that nothing
happened; any other exception says nothing, because the handler may have done its work before it failed. Then follows
what the kind declares: `resend` tries again, `verify` asks the receiver, `ask` leaves it to a person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, runtime_checkable
from uuid import UUID

from payonce.base.errors import Refused, ensure
from payonce.domain.delivering import Accepted, NotAccepted, NotNeeded, Outcome, OutcomeUnknown
from payonce.domain.effect import EffectKind
from payonce.store.database import Tx

__all__ = (
    "Accepted", "Described", "EffectCall", "Handler", "Handlers", "NotAccepted", "NotDone", "NotNeeded", "Outcome",
    "OutcomeUnknown", "TransactionalHandler", "VerifyingHandler", "one_by_one",
)  # fmt: skip


class NotDone(Exception):
    """Raise it in a handler when surely nothing was done: the effect is tried again, whatever its kind declares."""

    def __init__(self, reason: str, *, retry_after_seconds: float | None = None, is_final: bool = False) -> None:
        super().__init__(reason)
        self.outcome: Final = NotAccepted(reason, retry_after_seconds, is_final)


@dataclass(frozen=True, slots=True)
class EffectCall:
    """One try at an effect. `id` and `key` are the same at every try: what a receiver recognises a repetition by.

    `cause` names what it is owed for, `owed_at` when that was recorded; `order` is the order as the API gives it.
    `about` is what else there is to know: of a reversal, under `undoes`, what was done and how its receiver answered.
    """

    id: str
    key: str
    kind: str
    occasion: str
    cause: str
    merchant_id: str
    order_id: UUID
    try_number: int
    owed_at: datetime
    order: Mapping[str, Any] = field(repr=False)
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)
    # What it followed from (an event, a read, an act), and the run of a job that found it; empty: no run (A20).
    caused_by: str = ""
    run_id: str = ""


class Handler(Protocol):
    """Delivers effects of one kind to the outside."""

    async def deliver(self, effect: EffectCall, /) -> Outcome: ...


@runtime_checkable
class VerifyingHandler(Protocol):
    """Delivers, and can ask the receiver afterwards. True only if it was surely done; anything else proves nothing."""

    async def deliver(self, effect: EffectCall, /) -> Outcome: ...
    async def verify(self, effect: EffectCall, /) -> bool: ...


@runtime_checkable
class TransactionalHandler(Protocol):
    """Writes to the same database through `connection` (psycopg's, of the engine's own kind), and nowhere else.

    What it writes is committed together with the mark that the effect is done, or not at all: exactly once. It may be
    run again when the database asks for that, and must neither commit nor roll back.
    """

    async def apply(self, effect: EffectCall, connection: Any, /) -> Outcome: ...


AnyHandler = Handler | VerifyingHandler | TransactionalHandler
# (merchant, orders) -> each order as the API gives it. Called outside of transactions, once for many effects.
Described = Callable[[str, Sequence[UUID]], Awaitable[Mapping[UUID, Mapping[str, Any]]]]
# The same inside of a transaction, as that one sees them.
DescribedWithin = Callable[[Tx, str, Sequence[UUID]], Awaitable[Mapping[UUID, Mapping[str, Any]]]]


def one_by_one(read: Callable[[str, UUID], Awaitable[Mapping[str, Any]]]) -> Described:
    """What `Handlers` wants, from a function that describes a single order."""

    async def describe(merchant_id: str, order_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        return {order_id: await read(merchant_id, order_id) for order_id in order_ids}

    return describe


def _asking_nobody(describe: Described) -> DescribedWithin:
    async def within(tx: Tx, merchant_id: str, order_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        return await describe(merchant_id, order_ids)

    return within


class Handlers:
    """Which handler delivers which kind. A worker claims only the kinds that it has a handler for."""

    def __init__(self, describe: Described, within: DescribedWithin | None = None) -> None:
        """`within` is wanted where `describe` asks the database."""
        self.describe: Final = describe
        self.within: Final = within or _asking_nobody(describe)
        # Of each transactional kind, how long a call took in the last transaction with any, in seconds.
        self.paces: dict[str, float] = {}
        self._known: dict[str, tuple[EffectKind, AnyHandler]] = {}

    def add(self, kind: EffectKind, handler: AnyHandler) -> None:
        """Register. Raises Refused for a second handler of a name, and for one that cannot do what its kind says."""
        if kind.name in self._known:
            raise Refused(f"there is a second effect named {kind.name!r}", code="effect_name_taken", param="name")
        if kind.transactional != isinstance(handler, TransactionalHandler):
            raise Refused(
                f"{kind.name!r}: a transactional effect needs a handler with `apply`, any other one with `deliver`",
                code="effect_handler_unfit", param="transactional",
            )  # fmt: skip
        if kind.on_unknown == "verify" and not kind.transactional and not isinstance(handler, VerifyingHandler):
            raise Refused(
                f"{kind.name!r} says on_unknown='verify', and its handler has no `verify`",
                code="effect_handler_unfit", param="on_unknown",
            )  # fmt: skip
        self._known[kind.name] = (kind, handler)

    def kind(self, name: str) -> EffectKind | None:
        """The kind of that name, or None where this worker has no handler for it."""
        found = self._known.get(name)
        return found[0] if found else None

    def deliverer(self, name: str) -> Handler:
        """The handler of a kind that is called outside of transactions."""
        handler = self._known[name][1]
        ensure(not isinstance(handler, TransactionalHandler), f"{name!r} is delivered inside a transaction")
        return handler  # type: ignore[return-value]  # `ensure` has said so, which the checker cannot see

    def verifier(self, name: str) -> VerifyingHandler | None:
        """The handler of a kind whose receiver can be asked, or None."""
        kind, handler = self._known[name]
        return handler if kind.on_unknown == "verify" and isinstance(handler, VerifyingHandler) else None

    def writer(self, name: str) -> TransactionalHandler:
        """The handler of a transactional kind."""
        handler = self._known[name][1]
        if not isinstance(handler, TransactionalHandler):
            raise Refused(f"{name!r} is not transactional", code="effect_handler_unfit")
        return handler

    def __iter__(self) -> Iterator[EffectKind]:
        return (kind for kind, _ in self._known.values())

    def names(self) -> Collection[str]:
        """The names of all kinds that this worker can deliver."""
        return self._known.keys()
