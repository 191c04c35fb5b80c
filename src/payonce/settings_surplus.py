"""What becomes of money that does not fit, as merchants decided it: `[surplus]` and `[merchants.NAME.surplus]` tables.

    [surplus]
    second = { value = "hold", reason = "the till settles by hand", who = "linh", when = 2026-11-01 }
    refund_a_day_minor = { USD = 100000 }

A choice is a plain value, or a value with reason, person and day, as the four decisions are (decisions.py). A
merchant's own table stands above `[surplus]`, that above the shipped answers. Refuses what is no choice, a value that
a choice cannot have, and a reason that nobody stands for.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, get_args

from payonce.base.errors import Refused
from payonce.base.money import LARGEST_MINOR, currency_of, show
from payonce.domain.policy import Answer, LateAnswer, SurplusPolicy
from payonce.settings_values import duration, show_duration

WORDS: Final = ("value", "reason", "who", "when")
# A refund that failed this often fails for a reason that another try does not change.
MOST_REFUND_ROWS: Final = 20
# Longer than any method of payment takes, and any complaint; a longer time is a slip of the pen.
LONGEST: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice in force. `origin` says where it was made: `default`, or the table and file."""

    name: str
    question: str
    value: Any
    reason: str
    who: str = ""
    when: str = ""
    origin: str = "default"

    @property
    def shown(self) -> str:
        """The value as people read it."""
        return show_value(self.value)

    @property
    def because(self) -> str:
        """Why, and who says so."""
        if self.origin == "default":
            return f"default: {self.reason}"
        return f"{self.reason} (decided by {self.who} on {self.when})" if self.reason else "no reason is written"


def show_value(value: Any) -> str:
    """A choice's value as people read it: `refund`, `30d`, `500.00 USD, 13000000 VND`."""
    if isinstance(value, timedelta):
        return show_duration(value)
    if isinstance(value, Mapping):
        return ", ".join(show(minor, currency) for currency, minor in value.items()) or "nothing"
    return str(value)


# name -> (the question, why the shipped answer is what it is)
QUESTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "second": ("What becomes of a second payment of what is paid?",
               "nobody wants that money, and its payer waits for it, so it goes back"),
    "over": ("What becomes of what was paid too much?",
             "the order is settled by what it asks, and the difference goes back"),
    "late": ("What becomes of a payment of a closed order?",
             "its payer wanted the order and paid it, so it is settled where it merely expired and can still be had"),
    "late_else": ("What becomes of late money that cannot revive its order?",
                  "the order was cancelled, replaced or sold out, so its money goes back"),
    "late_within": ("How long after closing can an order be revived?",
                    "banks take two weeks at most, and after a month prices may have changed"),
    "unfinished": ("What becomes of a part payment whose order expired?",
                   "what does not buy the order goes back to its payer"),
    "unfinished_after": ("How long does a part payment wait for the rest?",
                         "its payer may come back for the rest within a few days"),
    "refund_at_most_minor": ("What is the most that one refund sends back by itself?",
                             "about 500 dollars; what is more, and every other currency, waits for a person"),
    "refund_a_day_minor": ("What is the most that goes back by itself in a day?",
                           "about 5,000 dollars a day and currency, so that an error cannot empty an account"),
    "refund_rows": ("How often is a refund that the provider failed tried anew?",
                    "most failures pass within hours; the third is no accident"),
}  # fmt: skip


def shipped() -> tuple[Choice, ...]:
    """The choices where nobody made one."""
    default = SurplusPolicy()
    return tuple(Choice(name, *_question(name, getattr(default, name))) for name in SurplusPolicy.__dataclass_fields__)


def _question(name: str, value: Any) -> tuple[str, Any, str]:
    question, reason = QUESTIONS[name]
    return question, value, reason


def choose(written: object, above: tuple[Choice, ...], origin: str) -> tuple[Choice, ...]:
    """The choices in force: those that the table writes, and those `above` for the rest.

    Raises Refused `policy_invalid` and, for a name that is no choice, `setting_unknown` with the nearest one.
    """
    if not isinstance(written, Mapping):
        raise _refused(f"{origin} is no table", "surplus")
    names = [choice.name for choice in above]
    for name in written:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
            hint = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(names)}."
            raise Refused(f"there is no {name!r} in {origin}", code="setting_unknown", param=f"surplus.{name}",
                          hint=hint)  # fmt: skip
    return tuple(_take(choice, written[choice.name], origin) if choice.name in written else choice for choice in above)


def of_merchants(
    written: object, above: tuple[Choice, ...], known: Collection[str], file: str
) -> dict[str, tuple[Choice, ...]]:
    """The choices of the merchants that made some of their own, by merchant."""
    if not isinstance(written, Mapping) or not all(isinstance(table, Mapping) for table in written.values()):
        raise _refused(f"merchants in {file}: write [merchants.NAME.surplus] tables", "merchants")
    found = {}
    for merchant, table in written.items():
        if merchant not in known:
            hint = f"There are {', '.join(sorted(known))}."
            raise Refused(f"there is no merchant {merchant!r} in this installation, and [merchants.{merchant}] of "
                          f"{file} decides for it", code="setting_unknown", param="merchants", hint=hint)  # fmt: skip
        extra = sorted(set(table) - {"surplus"})
        if extra:
            raise Refused(f"there is no {extra[0]!r} in [merchants.{merchant}] of {file}", code="setting_unknown",
                          param="merchants", hint="Did you mean 'surplus'?")  # fmt: skip
        found[merchant] = choose(table.get("surplus", {}), above, f"[merchants.{merchant}.surplus] of {file}")
    return found


def policy_of(choices: tuple[Choice, ...]) -> SurplusPolicy:
    """The policy that the rules are run with."""
    return SurplusPolicy(**{choice.name: choice.value for choice in choices})


def _take(choice: Choice, written: object, origin: str) -> Choice:
    place = f"{choice.name} in {origin}"
    if not isinstance(written, Mapping) or not set(written) & set(WORDS):
        return replace(choice, value=_read(choice, written, place), reason="", who="", when="", origin=origin)
    extra = sorted(set(written) - set(WORDS))
    if extra:
        raise _refused(f"{place} has {extra[0]!r}; its words are {', '.join(WORDS)}", choice.name)
    missing = [word for word in WORDS if not str(written.get(word, "")).strip()]
    if missing:
        raise _refused(f"{place} does not say {', '.join(missing)}", choice.name)
    value = _read(choice, written["value"], place)
    reason, who, when = (str(written[word]).strip() for word in WORDS[1:])
    return replace(choice, value=value, reason=reason, who=who, when=when, origin=origin)


def _read(choice: Choice, written: object, place: str) -> Any:
    """The value as the policy has it. Raises Refused `policy_invalid`."""
    return _READERS[choice.name](written, place, choice.name)


def _one_of(allowed: tuple[str, ...]) -> Callable[[object, str, str], str]:
    def read(written: object, place: str, name: str) -> str:
        if not isinstance(written, str) or written not in allowed:
            raise _refused(f"{place} says {written!r:.60}; it can be {' or '.join(allowed)}", name)
        return written

    return read


def _time(written: object, place: str, name: str) -> timedelta:
    try:
        found = duration(written)
    except ValueError as error:
        raise _refused(f"{place}: {error}", name) from None
    if not isinstance(found, timedelta) or not timedelta() <= found <= LONGEST:
        raise _refused(f"{place}: write a time as seconds or like 30m, 24h, 30d", name)
    return found


def _amounts(written: object, place: str, name: str) -> dict[str, int]:
    if not isinstance(written, Mapping):
        raise _refused(f"{place}: write amounts in minor units by currency, like {{ USD = 50000 }}", name)
    found: dict[str, int] = {}
    for currency, minor in written.items():
        try:
            code = currency_of(str(currency))
        except Refused as error:
            raise _refused(f"{place}: {error.message}", name) from None
        if isinstance(minor, bool) or not isinstance(minor, int) or not 0 <= minor <= LARGEST_MINOR:
            raise _refused(f"{place}: {code} is a whole number of minor units, from 0 to {LARGEST_MINOR}", name)
        found[code] = minor
    return found


def _count(written: object, place: str, name: str) -> int:
    if isinstance(written, bool) or not isinstance(written, int) or not 1 <= written <= MOST_REFUND_ROWS:
        raise _refused(f"{place} is a whole number from 1 to {MOST_REFUND_ROWS}", name)
    return written


_READERS: Final[Mapping[str, Callable[[object, str, str], Any]]] = {
    "second": _one_of(get_args(Answer)),
    "over": _one_of(get_args(Answer)),
    "late": _one_of(get_args(LateAnswer)),
    "late_else": _one_of(get_args(Answer)),
    "late_within": _time,
    "unfinished": _one_of(get_args(Answer)),
    "unfinished_after": _time,
    "refund_at_most_minor": _amounts,
    "refund_a_day_minor": _amounts,
    "refund_rows": _count,
}


def _refused(message: str, name: str) -> Refused:
    return Refused(
        message, code="policy_invalid", param=name if name == "merchants" else f"surplus.{name}".rstrip("."),
        hint="`payonce config sample` prints a file with every choice.",
    )  # fmt: skip
