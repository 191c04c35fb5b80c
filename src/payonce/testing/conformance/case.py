"""What the suite is handed of a provider: its simulator, its adapter, and what only the provider's friends know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from payonce.domain.observation import PaymentStatus
from payonce.providers.contract import Adapter
from payonce.providers.simulator.party import Party
from payonce.testing.clock import MovableClock

if TYPE_CHECKING:
    from payonce.testing.conformance.bench import Bench, Made

# Where the party sends its notices, whether it is told so once or with every payment.
CALLBACK_URL = "http://shop.invalid/webhooks"
What = Literal["status", "amount", "currency"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A delivery as it comes over the wire; header names in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Situation:
    """A status as the provider documents it, how a made object gets there, and what it is in payonce's words.

    `brings`: whether money has come by then. `flow`: the only way to pay that knows it; None: every one.
    """

    status: str
    reach: Callable[[Bench, Made], object]
    reads_as: PaymentStatus
    brings: bool = False
    flow: str | None = None


class Case(ABC):
    """A provider under test. Everything is made anew for every rule.

    The party ends refunds within a day by itself, and sends its notices to `CALLBACK_URL`.
    """

    # An ordinary order, another currency than its own, and every status of the provider's documentation.
    amount_minor: ClassVar[int]
    currency: ClassVar[str]
    other_currency: ClassVar[str] = "EUR"
    documented: ClassVar[frozenset[str]]
    # What must never be printed: keys, secrets, passwords.
    secrets: ClassVar[Sequence[str]]

    @abstractmethod
    def party(self, clock: MovableClock) -> Party:
        """The simulated provider, on that clock."""

    @abstractmethod
    def adapter(self) -> Adapter:
        """The account of the party's merchant, in test mode."""

    @abstractmethod
    def strangers(self) -> Sequence[Adapter]:
        """Accounts that the party's notices are not for: another merchant's, and a live one. They have the same
        webhook secret where the notice itself says whose it is and whether it is live; else their own.
        """

    @abstractmethod
    def situations(self) -> Sequence[Situation]:
        """At least one situation for every documented status."""

    @abstractmethod
    def sign(self, content: bytes, now: datetime) -> Notice:
        """A genuine notice of any content; where a content cannot be signed, anything that carries it."""

    @abstractmethod
    def unheard_of(self, answer: bytes) -> bytes:
        """A genuine answer to a read, with a status that nobody documented."""

    def content(self, body: bytes) -> bytes:
        """What is signed of a notice's body."""
        return body

    def unsigned(self, notice: Notice) -> Notice:
        """The notice without its signature."""
        return Notice({}, notice.body)

    def retold(self, content: bytes, what: What, value: str | int) -> bytes | None:
        """The content of a notice with another status, amount (minor units) or currency; None: it carries none."""
        return None
