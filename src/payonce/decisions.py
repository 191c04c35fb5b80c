"""The four decisions of an integration: the idempotency key, a failing database, the events, atomicity (B5).

Each has a value, a reason, who decided it and when. They live in the policy file (`[decisions.*]` of payonce.toml);
what is not decided there is decided here. Only the first can be chosen: the other three have one safe answer, and a
file that says anything else is refused, so that it cannot promise what the code does not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from payonce.base.errors import Refused


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision in force. `origin` says where it was made: `default`, or the file's name."""

    name: str
    question: str
    value: str
    reason: str
    who: str
    when: str
    origin: str = "default"
    allowed: tuple[str, ...] = ()


_WHO: Final = "payonce"
# The day on which the shipped answers were decided.
_WHEN: Final = "2026-11-20"

DEFAULTS: Final[tuple[Decision, ...]] = (
    Decision(
        "idempotency_key", "May a click start a new payment?", "reuse",
        "One live provider payment for each purpose, handed out again while it can be paid: any number of clicks makes "
        "one charge. The provider's key is always the attempt's id and the operation, never a time.",
        _WHO, _WHEN, allowed=("reuse", "attempt", "window"),
    ),
    Decision(
        "database_failure", "What happens when the database fails after the provider made a payment?",
        "error_then_resolve",
        "The attempt is stored with its key before the call, so the caller gets an error that may be retried, and "
        "resolving adopts the payment while it is the live one, else cancels it after reading it. The same holds when "
        "the process dies in between.",
        _WHO, _WHEN, allowed=("error_then_resolve",),
    ),
    Decision(
        "events", "Which events are handled?", "payments_sessions_refunds_disputes",
        "Everything that moves money or ends a payment is applied; every other type is stored, counted and listed, and "
        "is never an error.",
        _WHO, _WHEN, allowed=("payments_sessions_refunds_disputes",),
    ),
    Decision(
        "atomicity", "What is written together?", "one_transaction",
        "Order, attempt, settlement, ledger, effects and the event's outcome are one transaction: all, or nothing.",
        _WHO, _WHEN, allowed=("one_transaction",),
    ),
)  # fmt: skip
NAMES: Final = tuple(decision.name for decision in DEFAULTS)


def decide(written: Mapping[str, Mapping[str, Any]], origin: str) -> tuple[Decision, ...]:
    """The decisions in force: those that the file writes, and the shipped ones for the rest.

    Raises Refused `decision_invalid` for an unknown decision, an unknown word in one, a value that the code does not
    keep, and a decision without reason, person or day: a choice that nobody stands for is none.
    """
    for name in written:
        if name not in NAMES:
            raise _refused(f"{origin} decides {name!r}, which is no decision; there are {', '.join(NAMES)}", name)
    return tuple(_take(default, written.get(default.name), origin) for default in DEFAULTS)


def _take(default: Decision, written: Mapping[str, Any] | None, origin: str) -> Decision:
    if written is None:
        return default
    words = ("value", "reason", "who", "when")
    extra = sorted(set(written) - set(words))
    if extra:
        raise _refused(f"[decisions.{default.name}] has {extra[0]!r}; its words are {', '.join(words)}", default.name)
    missing = [word for word in words if not str(written.get(word, "")).strip()]
    if missing:
        raise _refused(f"[decisions.{default.name}] does not say {', '.join(missing)}", default.name)
    value = str(written["value"])
    if value not in default.allowed:
        raise _refused(
            f"[decisions.{default.name}] says {value!r}; it can be {' or '.join(default.allowed)}", default.name
        )
    value, reason, who, when = (str(written[word]) for word in words)
    return replace(default, value=value, reason=reason, who=who, when=when, origin=origin)


def _refused(message: str, name: str) -> Refused:
    return Refused(
        message, code="decision_invalid", param=f"decisions.{name}",
        hint="`payonce config sample` prints a file with all four decisions.",
    )  # fmt: skip
