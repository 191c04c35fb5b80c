"""A simulated provider as tests drive it, whichever it is: who pays, what really happened, what goes wrong.

The callbacks of some providers go where each payment says, those of others to endpoints that were added before; adding
one is therefore no part of this. Attempts and refunds are known by payonce's own ids, as the merchant's objects carry
them; what carries none is left out of these sums and stands in `dump`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

from payonce.providers.simulator.faults import FaultSource
from payonce.providers.simulator.wire import Reply


@dataclass(frozen=True, slots=True)
class Captured:
    """Money that came in, gross of refunds. `id` is the provider's name of what it came by."""

    id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class SentBack:
    """A refund that we asked for. `capture` is the `id` of what the money had come by."""

    id: str
    capture: str
    amount_minor: int
    currency: str
    status: Literal["pending", "succeeded", "failed"]


class PartyPayer(Protocol):
    """Acts as a person would."""

    def pay(self, target: str) -> str:
        """Pay in full in the most usual way. `target` is a handle's address or the id of its object.

        What the payer sees: `succeeded`, `processing`, `declined`, `requires_action`, `refused` (nothing to pay there)
        or a word of the provider's own.
        """
        ...


class PartyTruth(Protocol):
    """The provider's own books."""

    def captures_by_attempt(self) -> dict[UUID, list[Captured]]:
        """What came in, by the attempt that its object carries."""
        ...

    def refunds_by_id(self) -> dict[UUID, list[SentBack]]:
        """What went back, by our refund that asked for it: more than one entry is money sent back twice."""
        ...

    def payable_attempts(self) -> set[UUID]:
        """The attempts that a payer could pay at this moment."""
        ...

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON."""
        ...


class PartyDelivery(Protocol):
    """One notification to POST."""

    @property
    def delivery_id(self) -> int: ...
    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def body(self) -> bytes: ...


class Party(Protocol):
    """One account of one simulated provider, with its clock handed in."""

    base_url: str
    on_news: Callable[[], None]

    @property
    def faults(self) -> FaultSource: ...
    @property
    def payer(self) -> PartyPayer: ...
    @property
    def truth(self) -> PartyTruth: ...
    def handle(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Reply: ...
    def due_deliveries(self) -> list[Any]: ...
    def delivered(self, delivery_id: int, status: int | None, body: bytes = b"") -> None: ...
    def quiet(self) -> bool: ...
    def next_due(self) -> float | None: ...
    def advance(self, seconds: float) -> None: ...
