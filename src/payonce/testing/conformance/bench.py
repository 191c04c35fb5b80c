"""A bench for one rule: a fresh party, a fresh adapter, and the wire between them. No sockets, no waiting."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from payonce.base.ids import Ids
from payonce.domain.observation import Observation, PaymentSeen, Ref, RefundSeen
from payonce.drivers.stepping import run_to_end
from payonce.providers.contract import Ask, Call, Done, Handle, Outcome, RefundAsk, Verdict, Verified
from payonce.providers.gateway import ProviderTill
from payonce.providers.simulator.direct import DirectTransport
from payonce.providers.simulator.party import Captured, PartyDelivery
from payonce.providers.simulator.world import SeededChance
from payonce.testing.clock import MovableClock
from payonce.testing.conformance.case import CALLBACK_URL, Case, Notice
from payonce.testing.conformance.wire import Wire

T = TypeVar("T")
# Long enough for an object at every provider that we know.
LIFE: Final = timedelta(minutes=35)
MINUTE: Final = 60.0
# Providers tell of money some seconds after it came; a minute is more than any of them says.
SETTLES: Final = MINUTE
# How often one asks for what takes its time, and how far apart: beyond what any refund of a simulator takes.
PATIENCE: Final = 25
HOUR: Final = 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Made:
    """An object that was made: what was asked, the call as it is stored, and what its payer was given."""

    ask: Ask
    call: Call
    handle: Handle
    outcome: Done


@dataclass(frozen=True, slots=True)
class Heard:
    """A notice, and what the adapter makes of it."""

    notice: Notice
    verdict: Verdict

    @property
    def seen(self) -> tuple[Observation, ...]:
        return self.verdict.observations if isinstance(self.verdict, Verified) else ()

    @property
    def captured_minor(self) -> int:
        return max((one.captured_minor for one in payments(self.seen)), default=0)


class NotReady(Exception):
    """The party or the adapter cannot do what every rule begins with; the rule itself was not reached."""


class Bench:
    """One provider, for one rule and one way to pay."""

    def __init__(self, case: Case, flow: str) -> None:
        self.case, self.flow = case, flow
        self.clock = MovableClock()
        self.party, self.adapter = case.party(self.clock), case.adapter()
        self.capabilities = self.adapter.capabilities
        self.wire = Wire(DirectTransport(self.party, self.clock))
        self.till = ProviderTill(self.adapter, self.wire)
        self.refunder = self.till.as_refunder()
        self._ids = Ids(self.clock, SeededChance(1))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Step a call to its end."""
        return run_to_end(work)

    def new_id(self) -> UUID:
        """An id of ours."""
        return self._ids.new()

    def ask(self, **changes: Any) -> Ask:
        """What is asked of an ordinary order."""
        now = self.clock.now()
        ends = now + LIFE if self.flow in self.capabilities.expiring_flows else None
        wish = Ask(
            self.new_id(), self.new_id(), self.flow, self.case.amount_minor, self.case.currency, "Fee of May 2026",
            "https://shop.example/thanks", "https://shop.example/back", None, ends, now, CALLBACK_URL, "player 27",
        )  # fmt: skip
        return replace(wish, **changes)

    def make(self, **changes: Any) -> Made:
        """Make an object and read it where its answer gave no handle. Raises NotReady."""
        ask = self.ask(**changes)
        call = self.till.prepare(ask)
        outcome = self.run(self.till.create(call))
        if not isinstance(outcome, Done) or outcome.handle is None:
            raise NotReady(f"an ordinary create was answered {outcome!r:.300}")
        return Made(ask, call, outcome.handle, outcome)

    def pay(self, made: Made) -> str:
        """Let the payer pay, as far as the provider still lets him."""
        return self.party.payer.pay(made.handle.url or made.handle.ref.id)

    def paid(self, **changes: Any) -> tuple[Made, list[Heard]]:
        """An object that was paid, with all notices of it, at a time when a read tells of the money too."""
        made = self.make(**changes)
        word = self.pay(made)
        if word != "succeeded":
            raise NotReady(f"the payer of a new object saw {word!r}")
        return made, self.hear()

    def hear(self) -> list[Heard]:
        """Take every notice that is due, answer it as stored, and let the time pass after which reads agree."""
        heard = [self.listen(delivery) for delivery in self.party.due_deliveries()]
        self.clock.advance(SETTLES)
        return heard

    def listen(self, delivery: PartyDelivery) -> Heard:
        """Take one notice and answer that it is stored."""
        taken = self.adapter.acknowledge("accepted")
        self.party.delivered(delivery.delivery_id, taken.status, taken.body)
        notice = Notice({name.lower(): value for name, value in delivery.headers}, delivery.body)
        return Heard(notice, self.verify(notice))

    def verify(self, notice: Notice) -> Verdict:
        """What the adapter says of a notice now."""
        return self.adapter.verify(notice.headers, notice.body, self.clock.now())

    def read(self, ref: Ref) -> Outcome:
        """How the object is."""
        return self.run(self.till.read(ref))

    def close(self, made: Made) -> Outcome:
        """Make it unpayable."""
        return self.run(self.till.close(made.handle.ref, made.ask.attempt_id))

    def find(self, made_at: Ask) -> Outcome:
        """What was made around the time of the ask."""
        margin = timedelta(minutes=5)
        return self.run(self.till.find(self.flow, made_at.asked_at - margin, self.clock.now() + margin))

    def captures(self, made: Made) -> list[Captured]:
        """What came in for the attempt, by the provider's own books."""
        return self.party.truth.captures_by_attempt().get(made.ask.attempt_id, [])

    def refund_ask(self, made: Made, capture: Ref, amount_minor: int | None = None) -> RefundAsk:
        """What is asked of a refund of that capture; all of it, if nothing is said."""
        whole = self.case.amount_minor
        return RefundAsk(
            self.new_id(), made.ask.attempt_id, capture, amount_minor or whole, self.case.currency, whole,
            "paid twice", self.clock.now(),
        )  # fmt: skip


def payments(observations: tuple[Observation, ...]) -> list[PaymentSeen]:
    """Those that tell of payments."""
    return [one.seen for one in observations if isinstance(one.seen, PaymentSeen)]


def refunds(observations: tuple[Observation, ...]) -> list[RefundSeen]:
    """Those that tell of refunds."""
    return [one.seen for one in observations if isinstance(one.seen, RefundSeen)]


def came(observations: tuple[Observation, ...]) -> dict[Ref, int]:
    """What came in by each capture, as the observations tell it."""
    totals: dict[Ref, int] = {}
    for seen in payments(observations):
        if seen.capture is not None and seen.captured_minor:
            totals[seen.capture] = max(totals.get(seen.capture, 0), seen.captured_minor)
    return totals
