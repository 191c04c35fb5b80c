"""What goes wrong with webhooks on their way: doubled, delayed, overtaken, lost. It decides; `deliveries` does it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, Protocol, get_args

from payonce.base.chance import Chance

DeliveryFaultKind = Literal[
    "duplicate",  # a second copy follows after up to `seconds`
    "delay",  # comes `seconds` later
    "shuffle",  # comes up to `seconds` later, so that later events overtake it
    "lose",  # never comes, and Stripe believes every try failed
    "drop",  # this first try never comes; the next one does
]
DELIVERY_FAULTS: tuple[DeliveryFaultKind, ...] = get_args(DeliveryFaultKind)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one event reaches one endpoint: seconds of delay of each copy, and how many tries vanish (None: all)."""

    delays: tuple[float, ...] = (0.0,)
    vanishing: int | None = 0


class DeliverySource(Protocol):
    """Decides for one event and endpoint. A simulation hands in its own."""

    def plan(self, event_type: str, event_id: str, object_id: str) -> Plan: ...


@dataclass(slots=True)
class DeliveryRule:
    """Spoils deliveries of events whose type matches a pattern: `times` of them, or a share."""

    types: str
    kind: DeliveryFaultKind
    seconds: float = 0.0
    times: int | None = 1
    rate: float = 1.0


@dataclass(slots=True)
class DeliveryFaults:
    """The usual source: all rules that apply are combined."""

    chance: Chance
    rules: list[DeliveryRule] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        types: str,
        kind: DeliveryFaultKind,
        *,
        seconds: float = 0.0,
        times: int | None = 1,
        rate: float = 1.0,
    ) -> DeliveryRule:
        """Spoil the next `times` deliveries (None: all) of events of these `types`, each with probability `rate`."""
        rule = DeliveryRule(types, kind, seconds, times, rate)
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """End all faults; what is lost stays lost."""
        self.rules.clear()

    def plan(self, event_type: str, event_id: str, object_id: str) -> Plan:
        delay, copies, vanishing = 0.0, [], 0
        for rule in self.rules:
            if rule.times == 0 or not fnmatchcase(event_type, rule.types):
                continue
            if rule.rate < 1.0 and self.chance.uniform() >= rule.rate:
                continue
            rule.times = None if rule.times is None else rule.times - 1
            self.counts[rule.kind] += 1
            if rule.kind == "lose":
                return Plan(vanishing=None)
            if rule.kind == "drop":
                vanishing += 1
            elif rule.kind == "duplicate":
                copies.append(rule.seconds * self.chance.uniform())
            else:
                delay += rule.seconds * (1.0 if rule.kind == "delay" else self.chance.uniform())
        return Plan((delay, *(delay + after for after in copies)), vanishing)
