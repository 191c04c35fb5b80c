"""The rules of the suite: each a sentence, with a function that fails for an adapter which breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from payonce.providers.contract import Capabilities
from payonce.testing.conformance.bench import Bench
from payonce.testing.conformance.case import Case

Examine = Callable[[Bench], None]
Applies = Callable[[Capabilities], bool]


class Broken(AssertionError):
    """A rule that an adapter breaks: the rule, then what was seen instead."""


class Seen(Exception):
    """What a function saw that its rule does not allow."""


def need(holds: object, otherwise: str) -> None:
    """Break the rule being examined, unless it `holds`."""
    if not holds:
        raise Seen(otherwise)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by its name. `by_flow`: it is examined for each way to pay."""

    name: str
    sentence: str
    examine: Examine
    applies: Applies
    by_flow: bool


RULES: Final[list[Rule]] = []


def rule(
    sentence: str, *, applies: Applies = lambda capabilities: True, by_flow: bool = True
) -> Callable[[Examine], Examine]:
    """Enter a function as the one that examines a rule."""

    def enter(examine: Examine) -> Examine:
        name = f"{examine.__module__.rpartition('.')[2]}.{examine.__name__}"
        RULES.append(Rule(name, sentence, examine, applies, by_flow))
        return examine

    return enter


@dataclass(frozen=True, slots=True)
class Check:
    """A rule to be examined for one provider; calling it raises Broken where it does not hold."""

    rule: Rule
    case: Case
    flow: str

    def __str__(self) -> str:
        return f"{self.rule.name}[{self.flow}]" if self.rule.by_flow else self.rule.name

    def __call__(self) -> None:
        try:
            self.rule.examine(Bench(self.case, self.flow))
        except Seen as seen:
            raise self._broken(str(seen)) from None
        except Exception as error:
            # Nothing of an adapter may raise, and what it raised is what was seen.
            raise self._broken(f"{type(error).__name__}: {error}") from error

    def _broken(self, seen: str) -> Broken:
        return Broken(f"{self.rule.name}: {self.rule.sentence} Seen: {seen}")


def checks_of(case: Case) -> list[Check]:
    """Every rule that the provider's capabilities bring with them, for each of its flows."""
    capabilities = case.adapter().capabilities
    return [
        Check(each, case, flow)
        for each in RULES
        if each.applies(capabilities)
        for flow in (capabilities.flows if each.by_flow else capabilities.flows[:1])
    ]
