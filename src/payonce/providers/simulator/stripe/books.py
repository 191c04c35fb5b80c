"""The provider's own truth: every object, and the one door through which events are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from payonce.providers.simulator.agenda import Agenda
from payonce.providers.simulator.stripe.charge import Charge
from payonce.providers.simulator.stripe.checkout_session import CheckoutSession
from payonce.providers.simulator.stripe.event import NOBODY, Cause, Event, WebhookEndpoint
from payonce.providers.simulator.stripe.money_back import BalanceTransaction, Dispute, Refund
from payonce.providers.simulator.stripe.payment_intent import PaymentIntent
from payonce.providers.simulator.stripe.payment_method import PaymentMethod
from payonce.providers.simulator.stripe.settings import Settings


class Shown(Protocol):
    """Anything that has a look on the wire."""

    def shown(self) -> dict[str, Any]: ...


@dataclass(slots=True)
class Books(Agenda):
    """Objects by id, in the order in which they were made. `on_event` is called with every new event."""

    settings: Settings
    intents: dict[str, PaymentIntent] = field(default_factory=dict)
    methods: dict[str, PaymentMethod] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    sessions: dict[str, CheckoutSession] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    transactions: dict[str, BalanceTransaction] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    endpoints: dict[str, WebhookEndpoint] = field(default_factory=dict)
    cause: Cause = NOBODY
    on_event: Callable[[Event], None] = lambda event: None

    def second(self) -> int:
        """The whole second that Stripe writes into `created`."""
        return int(self.now())

    def new_id(self, prefix: str, letters: int = 24) -> str:
        """A new id such as `pi_3…`."""
        return f"{prefix}_{self.ids.make(letters)}"

    def write(self, event_type: str, shown: Shown, before: dict[str, Any] | None = None) -> Event:
        """Write an event with the object as it is now, and say so; of `before` it shows what has changed."""
        now = shown.shown()
        changed = None if before is None else {name: before[name] for name in before if before[name] != now[name]}
        event = Event(
            id=self.new_id("evt"),
            created=self.second(),
            type=event_type,
            api_version=self.settings.api_version,
            object=now,
            previous=changed,
            cause=self.cause,
        )
        self.events[event.id] = event
        self.on_event(event)
        return event

    def carry_out(self, act: Callable[[], object]) -> None:
        with self.caused_by(NOBODY):
            act()

    @contextmanager
    def caused_by(self, cause: Cause) -> Iterator[None]:
        """Events written inside name `cause`."""
        before, self.cause = self.cause, cause
        try:
            yield
        finally:
            self.cause = before
