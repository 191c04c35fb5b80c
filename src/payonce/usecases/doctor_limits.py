"""What the doctor says of the limits of runs: which are in force, and which are so wide that they hold nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from payonce.domain.breaker import Breaker, Caps, Limits
from payonce.usecases.checks import Check

# A cap beyond the shipped one by more than this was perhaps not meant.
MUCH: Final = 20
# A shop has days ten times as full as others, and none a hundred times.
MOST_FACTOR: Final = 100


def limits_checks(limits: Limits, shipped: Mapping[str, Caps]) -> list[Check]:
    """The limits, looked at by themselves. `shipped`: the caps of the timetable, by job."""
    breaker, checks = limits.breaker, list[Check]()
    for name, cap in sorted(limits.caps.items()):
        usual = shipped.get(name, Caps())
        for what, value, most in (("orders", cap.rows, usual.rows), ("messages", cap.messages, usual.messages)):
            if value is not None and most is not None and value > MUCH * most:
                says = f"one run of {name} may come to {value:,} {what}, and {most:,} are shipped"
                checks.append(Check("limits", "warning", says, "Is it meant? A mistake would be as large."))
    if breaker.factor > MOST_FACTOR:
        says = f"the breaker lets runs do {breaker.factor} times their usual, which trips it hardly ever"
        checks.append(Check("limits", "warning", says, f"Shipped are {Breaker().factor} times."))
    if checks:
        return checks
    changed = ", ".join(sorted(limits.caps))
    says = f"a run stops at {breaker.factor} times its usual, and at its caps"
    return [Check("limits", "ok", f"{says} (decided for {changed})" if changed else says)]
