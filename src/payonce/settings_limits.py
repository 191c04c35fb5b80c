"""The limits of runs, as an installation decided them: the `[limits.*]` tables of the file.

    [limits.resolve]
    rows = { value = 40000, reason = "40,000 imported orders are stuck", who = "linh", when = 2026-11-30 }

    [limits.breaker]
    factor = { value = 20, reason = "a fair sells as much as a month", who = "linh", when = 2026-11-30 }

They keep a mistake small, so each one that is changed has a reason, and somebody who stands for it. They hold for every
process that reads the file. Refuses what is no limit, and numbers that would stop every run, or none.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from payonce.base.errors import Refused
from payonce.domain.breaker import Breaker, Caps, Limits

WORDS: Final = ("value", "reason", "who", "when")
BREAKER: Final = "breaker"
# What a job's table may hold: what it is, and the least and the most that it can be.
CAPS: Final[Mapping[str, tuple[str, int, int]]] = {
    "rows": ("orders that one run takes up at most; the next slot goes on", 1, 1_000_000),
    "messages": ("messages that one run owes at most; then the job waits for a person", 1, 1_000_000),
}
# What the breaker's table may hold, and why the default is what it is.
NUMBERS: Final[Mapping[str, tuple[str, str, int, int]]] = {
    "factor": ("how many times the usual is too much", "no hour of a shop is ten times another", 2, 1_000),
    "floor_rows": ("orders that a run may take up in any case", "an hour of a provider's silence", 1, 1_000_000),
    "floor_messages": ("messages that a run may owe in any case", "a morning's post", 1, 1_000_000),
    "least_runs": ("runs from which on something is usual", "fewer say little", 1, 1_000),
    "most_runs": ("runs that the usual is learnt from", "more are of another season", 1, 1_000),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit that somebody decided."""

    table: str
    name: str
    value: int
    reason: str
    who: str
    when: str

    @property
    def because(self) -> str:
        """Why, and who says so."""
        return f"{self.reason} (decided by {self.who} on {self.when})"


def read_limits(written: object, file: str) -> tuple[Limit, ...]:
    """The limits that the file decides. Which jobs there are is the timetable's matter.

    Raises Refused `setting_invalid`, `setting_unknown`.
    """
    if not isinstance(written, Mapping) or not all(isinstance(table, Mapping) for table in written.values()):
        raise _invalid(f"limits in {file}: write [limits.JOB] and [limits.{BREAKER}] tables")
    found = tuple(
        _read(str(table), str(name), said, file) for table, names in written.items() for name, said in names.items()
    )
    breaker = limits_of(found).breaker
    if breaker.least_runs > breaker.most_runs:
        raise _invalid(f"[limits.{BREAKER}] of {file}: least_runs is more than most_runs")
    return found


def limits_of(decided: tuple[Limit, ...]) -> Limits:
    """The limits in force."""
    breaker, caps = Breaker(), dict[str, Caps]()
    for each in decided:
        if each.table == BREAKER:
            breaker = replace(breaker, **{each.name: each.value})
        else:
            caps[each.table] = replace(caps.get(each.table, Caps()), **{each.name: each.value})
    return Limits(caps, breaker)


def _read(table: str, name: str, said: object, file: str) -> Limit:
    place = f"{name} in [limits.{table}] of {file}"
    if table == BREAKER:
        known: Mapping[str, tuple[int, int]] = {each: (least, most) for each, (_, _, least, most) in NUMBERS.items()}
    else:
        known = {each: (least, most) for each, (_, least, most) in CAPS.items()}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(known)}."
        raise Refused(f"there is no {place}", code="setting_unknown", param="limits", hint=hint)
    if not isinstance(said, Mapping):
        raise _invalid(f"{place}: a limit has {', '.join(WORDS)}")
    extra = sorted(set(said) - set(WORDS))
    if extra:
        raise _invalid(f"{place} has {str(extra[0])!r:.60}; its words are {', '.join(WORDS)}")
    missing = [word for word in WORDS if not str(said.get(word, "")).strip()]
    if missing:
        raise _invalid(f"{place} does not say {', '.join(missing)}")
    value, (least, most) = said["value"], known[name]
    if type(value) is not int or not least <= value <= most:
        raise _invalid(f"{place}: a whole number from {least:,} to {most:,}")
    reason, who, when = (str(said[word]) for word in WORDS[1:])
    return Limit(table, name, value, reason, who, when)


def _invalid(message: str) -> Refused:
    return Refused(message, code="setting_invalid", param="limits")
