"""Delivering: what is decided about effects when they are claimed, answered for, lost, or asked for again by a person.

Nothing is called here. A claim is refused to a fulfilment whose order's money is gone, and to a notification that tells
nobody anything new. That a try was accepted is joined whenever it is told, like received money; a refusal counts only
while its claim holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from payonce.base.errors import ensure
from payonce.domain.book import OwedEffect, Step
from payonce.domain.effect import MACHINE, PAYOUT_DUE, Effect, EffectKind
from payonce.domain.finding import Finding
from payonce.domain.reversing import SURPLUS_DELIVERY
from payonce.domain.schedule import FIRST, LONGEST, backoff
from payonce.domain.telling import TOO_OLD, is_too_old

TryOutcome = Literal["accepted", "refused", "unknown"]
# What waits for a person, and which finding says so. Whatever becomes of the effect next closes the finding.
WAITS_FOR_A_PERSON: Final[Mapping[str, str]] = {
    "unknown": "unknown_effect", "dead": "dead_effect", "held": "held_effect",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how often deliveries are tried. Every number is a setting."""

    # Longer than the longest call (45 s for a function), so that only a worker that stopped loses a claim.
    lease: timedelta = timedelta(seconds=60)
    first_pause: timedelta = FIRST
    longest_pause: timedelta = LONGEST
    # A claim whose kind this worker does not know is left to the workers that do for this long; then a person decides.
    orphaned_after: timedelta = timedelta(hours=1)
    # More than two attempts at one effect are a finding (E13).
    usual_tries: int = 2


@dataclass(frozen=True, slots=True)
class Accepted:
    """The receiver has it. `answer` is a short text for people: a status, an id at the receiver."""

    answer: str = ""


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """A clear no, or it never left: nothing was done. `is_final`: another try would be refused as well."""

    reason: str
    retry_after_seconds: float | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class NotNeeded:
    """There is nobody to tell. Only for notifications; what was paid for is never set aside like this."""

    reason: str


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """It may have been done: no answer, or one that says nothing. What follows is declared by the kind."""

    reason: str


Outcome = Accepted | NotAccepted | NotNeeded | OutcomeUnknown


@dataclass(frozen=True, slots=True)
class CapturedMoney:
    """A capture of an order: what came, what of it serves the order, and what went back by refund or dispute.

    `returned_of_order_minor`: what of that our own refunds took expressly from the money that serves the order.
    """

    captured_minor: int
    allocated_minor: int
    returned_minor: int
    returned_at: datetime | None
    returned_of_order_minor: int = 0

    @property
    def taken_back_minor(self) -> int:
        """How much of what serves the order is gone. What others sent back counts against surplus first."""
        surplus, expressly = self.captured_minor - self.allocated_minor, self.returned_of_order_minor
        return min(self.allocated_minor, expressly + max(0, self.returned_minor - expressly - surplus))


@dataclass(frozen=True, slots=True)
class Background:
    """What a claim looks at besides the effect: its order, the order's money, and when a person insisted."""

    order_state: str
    money: Sequence[CapturedMoney] = ()
    # When a person last asked for the effect again, and when for one that was held.
    asked_again_at: datetime | None = None
    insisted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """One try at an effect, as its row in `deliveries` stands."""

    number: int
    fence: int
    outcome: str


def is_wholly_taken_back(money: Sequence[CapturedMoney]) -> bool:
    """Whether refunds and disputes took all the money back that serves the order. An order of zero has none to lose."""
    serving = sum(capture.allocated_minor for capture in money)
    return 0 < serving <= sum(capture.taken_back_minor for capture in money)


def why_not_claimed(
    effect: Effect, background: Background, now: datetime, horizon: timedelta
) -> tuple[Literal["hold", "suppress"], str] | None:
    """The event and the reason why an effect that is due is not delivered, or None when it is.

    Reversals have rules of their own: it is the money that is gone which owes them. A payout is of many orders; what
    one of them loses afterwards is taken off the next payout.
    """
    if effect.occasion == PAYOUT_DUE:
        return None
    if effect.nature == "fulfilment":
        returned = max((c.returned_at for c in background.money if c.returned_at is not None), default=None)
        overruled = background.insisted_at is not None and (returned is None or returned <= background.insisted_at)
        if is_wholly_taken_back(background.money) and not overruled:
            return "hold", "money_returned"
        return None
    if background.asked_again_at is not None:
        return None
    if is_too_old(effect.happened_at or effect.owed_at, now, horizon):
        return "suppress", TOO_OLD
    if effect.occasion == "order.closed" and background.order_state != "closed":
        # Telling of a failure after the order was opened again or paid would tell what is not so any more (A4).
        return "suppress", "overtaken"
    return None


@dataclass(slots=True)
class Round:
    """All that one transaction decides about effects. What is to be recorded gathers in it."""

    now: datetime
    new_id: Callable[[], UUID]
    pace: Pace = field(default_factory=Pace)
    changed: dict[UUID, Effect] = field(default_factory=dict)
    begun: list[Effect] = field(default_factory=list)
    ended: list[tuple[UUID, int, TryOutcome, str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    resolved: dict[str, str] = field(default_factory=dict)
    # What is declared to be owed, and what this transaction owes of it: the reversals of surplus deliveries.
    kinds: Sequence[EffectKind] = ()
    owed: list[OwedEffect] = field(default_factory=list)

    def claim(self, effect: Effect) -> None:
        """Give the effect to a worker: its next try has begun."""
        self.move(effect, "claimed", f"try:{effect.tries + 1}")
        effect.tries += 1
        effect.fence += 1
        effect.due_at, effect.lease_until, effect.reason = None, self.now + self.pace.lease, None
        self.begun.append(effect)
        if effect.tries > self.pace.usual_tries:
            self.find("repeated_effect", effect, tries=str(effect.tries))

    def set_aside(self, effect: Effect, event: str, reason: str) -> None:
        """Hold or suppress an effect that is due, or leave a reversal be that is needless."""
        self.move(effect, event, reason)
        effect.due_at, effect.reason = None, reason
        if effect.state == "held":
            self.find("held_effect", effect, why=reason)

    def renew(self, effect: Effect) -> None:
        """Prolong the claim under a new fence, so that whoever held it before can refuse nothing any more."""
        effect.fence += 1
        effect.lease_until = self.now + self.pace.lease
        self.changed[effect.id] = effect

    def join(
        self,
        effect: Effect,
        kind: EffectKind,
        tried: Try,
        outcome: Outcome,
        uniform: float,
        accepted_before: int,
        asked_again: int = 0,
    ) -> bool:
        """Join the outcome of a try; False when it counts for nothing any more. `accepted_before`: of other tries;
        `asked_again`: how often a person wanted what was done to be done once more.
        """
        if isinstance(outcome, Accepted):
            self._undo_surplus(effect, kind, tried, accepted_before, asked_again)
            return self._accept(effect, kind, tried, outcome.answer, accepted_before)
        if effect.state != "claimed" or effect.fence != tried.fence:
            return False
        reason = outcome.reason
        if isinstance(outcome, OutcomeUnknown):
            self.ended.append((effect.id, effect.tries, "unknown", reason))
            event = "lost_resend" if kind.on_unknown == "resend" else "lost"
        else:
            self.ended.append((effect.id, effect.tries, "refused", reason))
            event = "refused"
        if isinstance(outcome, NotNeeded) and effect.nature == "notification":
            event = "suppress"
        elif event != "lost" and (is_last_try(kind, effect.tries) or _is_final(outcome)):
            event = "gave_up"
        self.move(effect, event, f"try:{effect.tries}")
        self._end(effect, reason)
        if effect.state == "failed":
            effect.due_at = self.now + self._pause(effect.tries, uniform, outcome)
        elif effect.state in WAITS_FOR_A_PERSON:
            self.find(WAITS_FOR_A_PERSON[effect.state], effect, why=reason[:200])
        return True

    def ask_again(self, effect: Effect, cause: str) -> bool:
        """Make the effect due now because a person wants it. False, and nothing changed, where no arrow leads there."""
        if MACHINE.target(effect.state, "retry") is None:
            return False
        self.move(effect, "retry", cause)
        effect.due_at, effect.done_at, effect.reason = self.now, None, None
        return True

    def give_word(self, effect: Effect, event: Literal["said_done", "skip"], cause: str, reason: str) -> bool:
        """Take a person's word that it was done, or is not needed. False, and nothing changed, without an arrow."""
        if MACHINE.target(effect.state, event) is None:
            return False
        if effect.state == "unknown" and event == "said_done":
            self.ended.append((effect.id, effect.tries, "accepted", reason))
        self.move(effect, event, cause)
        effect.reason = reason
        if effect.state == "done":
            effect.done_at = self.now
        return True

    def move(self, effect: Effect, event: str, cause: str) -> None:
        """Take the effect along the arrow of `event`. Raises Bug when none is written."""
        target = MACHINE.target(effect.state, event)
        ensure(target is not None, f"an effect that is {effect.state} knows no {event}")
        self.steps.append(Step(self.new_id(), "effect", effect.id, effect.state, event, str(target), cause))
        if effect.state in WAITS_FOR_A_PERSON:
            self.resolved[_fingerprint(WAITS_FOR_A_PERSON[effect.state], effect)] = f"{event}: {cause}"
        effect.state = str(target)
        self.changed[effect.id] = effect

    def find(self, kind: str, effect: Effect, **detail: str) -> None:
        """Write a finding about the effect."""
        detail = {"effect": effect.id.hex, "kind": effect.kind, "key": effect.key, **detail}
        finding = Finding(self.new_id(), kind, effect.id.hex, effect.order_id, 0, None, detail)
        self.resolved.pop(finding.fingerprint, None)
        self.findings.append(finding)

    def _accept(self, effect: Effect, kind: EffectKind, tried: Try, answer: str, accepted_before: int) -> bool:
        if tried.outcome == "accepted" or effect.state == "suppressed":
            return False
        if tried.number != effect.tries or effect.state == "done":
            # A later try stands. A receiver that honours our key took both for one delivery; another one did not.
            if kind.on_unknown != "resend":
                self.ended.append((effect.id, tried.number, "accepted", answer))
                self.find("repeated_effect", effect, accepted=str(accepted_before + 1))
            return False
        self.ended.append((effect.id, tried.number, "accepted", answer))
        self.move(effect, "accepted" if effect.state == "claimed" else "proven", f"try:{tried.number}")
        self._end(effect, None)
        effect.due_at, effect.done_at = None, self.now
        if accepted_before:
            self.find("repeated_effect", effect, accepted=str(accepted_before + 1))
        elif effect.tries > self.pace.usual_tries:
            self.resolved[_fingerprint("repeated_effect", effect)] = "it was accepted once"
        return True

    def _undo_surplus(self, effect: Effect, kind: EffectKind, tried: Try, before: int, asked_again: int) -> None:
        """Owe what undoes the deliveries that were too many: once for an effect. What a person asked for is not."""
        if tried.outcome == "accepted" or effect.state == "suppressed" or kind.on_unknown == "resend":
            return
        if max(before, int(effect.state == "done")) <= asked_again:
            return
        for reversal in self.kinds:
            if reversal.undoes == effect.kind and reversal.is_owed_on(SURPLUS_DELIVERY):
                key = f"{effect.order_id.hex}:surplus_delivery:{effect.id.hex}:{reversal.name}"
                because = f"delivery:{effect.id.hex}:{tried.number}"
                owed = OwedEffect(self.new_id(), key, reversal, SURPLUS_DELIVERY, effect.order_id, because=because)
                self.owed.append(owed)

    def _end(self, effect: Effect, reason: str | None) -> None:
        effect.lease_until, effect.reason = None, reason

    def _pause(self, tries: int, uniform: float, outcome: Outcome) -> timedelta:
        pause = backoff(tries, uniform, first=self.pace.first_pause, longest=self.pace.longest_pause)
        asked = outcome.retry_after_seconds if isinstance(outcome, NotAccepted) else None
        # A receiver may ask for more patience than we would have, up to our longest pause.
        return max(pause, min(timedelta(seconds=asked or 0), self.pace.longest_pause))


def is_last_try(kind: EffectKind, tries: int) -> bool:
    """Whether no try by itself follows. A person who asks for a dead effect again gives it another round of tries."""
    return tries % kind.tries == 0


def _is_final(outcome: Outcome) -> bool:
    return isinstance(outcome, NotNeeded) or (isinstance(outcome, NotAccepted) and outcome.is_final)


def _fingerprint(kind: str, effect: Effect) -> str:
    return f"{kind}:{effect.id.hex}"
