"""How a simulated provider misbehaves when called. It decides only *that* a call goes wrong; the provider's code acts.

`before` means: the call had no effect. `after` means: it took effect, and the answer was lost or spoilt.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, Protocol, get_args

from payonce.base.chance import Chance

Kind = Literal[
    "timeout",  # no answer at all
    "reset",  # the connection breaks
    "error_500",  # the provider's own 500, remembered under the idempotency key
    "rate_limited",  # 429 with Retry-After; never takes effect
    "lock_timeout",  # 429 because another request holds the object; never takes effect
    "html",  # an error page of something in between
    "drip",  # the body comes one byte a second
    "bad_json",  # 200 and half a body
    "late",  # no answer, and the call takes effect `seconds` later
    "payer_first",  # the payer pays in the moment before the call is carried out
]
KINDS: tuple[Kind, ...] = get_args(Kind)
When = Literal["before", "after"]
NEVER_TAKES_EFFECT = frozenset({"rate_limited", "lock_timeout"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `seconds` is Retry-After or the delay of `late`; `payer_first` pays with `method`."""

    kind: Kind
    when: When = "before"
    seconds: float = 1.0
    status: int = 502
    should_retry: bool | None = None
    method: str = "pm_card_visa"

    @property
    def takes_effect(self) -> bool:
        """Whether the call is carried out although its answer is spoilt."""
        return self.when == "after" and self.kind not in NEVER_TAKES_EFFECT


class FaultSource(Protocol):
    """Decides for one call. A simulation hands in its own, which names its decisions by order and try."""

    def pick(self, operation: str, text: str) -> Fault | None:
        """The fault of this call of `operation` (`payment_intents.create`); `text` is its path, query, key and body."""
        ...


@dataclass(slots=True)
class Rule:
    """Spoils calls whose operation matches the pattern and whose text contains a piece: `times` of them, or a share."""

    operation: str
    fault: Fault
    times: int | None = 1
    rate: float = 1.0
    containing: str = ""


@dataclass(slots=True)
class Faults:
    """The usual source: rules in the order in which they were added; the first that applies is used."""

    chance: Chance
    rules: list[Rule] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        operation: str,
        fault: Fault,
        *,
        times: int | None = 1,
        rate: float = 1.0,
        containing: str = "",
    ) -> Rule:
        """Spoil the next `times` calls (None: all of them) of `operation` (a pattern), each with probability `rate`."""
        rule = Rule(operation, fault, times, rate, containing)
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """End all faults."""
        self.rules.clear()

    def pick(self, operation: str, text: str) -> Fault | None:
        for rule in self.rules:
            if rule.times == 0 or not fnmatchcase(operation, rule.operation) or rule.containing not in text:
                continue
            if rule.rate < 1.0 and self.chance.uniform() >= rule.rate:
                continue
            if rule.times is not None:
                rule.times -= 1
            self.counts[f"{rule.fault.kind}:{rule.fault.when}"] += 1
            return rule.fault
        return None
