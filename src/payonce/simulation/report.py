"""The report of a batch: what was played, what went wrong on purpose, what broke, and what never happened."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from payonce.simulation.faults import ELSEWHERE, FAULTS
from payonce.simulation.run import Outcome
from payonce.simulation.shrink import Smallest
from payonce.simulation.sometimes import UNREACHABLE, is_enough, never


@dataclass(frozen=True, slots=True)
class Report:
    """All runs of a batch, in the order of their seeds, and the time that they took together."""

    outcomes: Sequence[Outcome]
    seconds: float
    smallest: Sequence[Smallest] = ()

    @property
    def orders(self) -> int:
        return sum(outcome.orders for outcome in self.outcomes)

    @property
    def violations(self) -> int:
        return sum(len(outcome.violations) for outcome in self.outcomes)

    @property
    def faults(self) -> Counter[str]:
        return sum((outcome.faults for outcome in self.outcomes), Counter())

    @property
    def missed(self) -> list[str]:
        """What should have happened and never did; nothing is expected of a small batch."""
        return never(self.outcomes) if is_enough(self.outcomes) else []

    @property
    def is_good(self) -> bool:
        return self.violations == 0 and not self.missed

    def summary(self) -> str:
        """One line for people and for logs."""
        missed = f", {len(self.missed)} things never happened" if self.missed else ""
        return (
            f"{len(self.outcomes)} seeds, {self.orders} orders, {self.faults.total()} faults, "
            f"{self.violations} violations{missed}, {self.seconds:.1f} s, {self.orders / max(self.seconds, 0.001):.0f} "
            "orders/s"
        )

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        arrows = sum((outcome.arrows for outcome in self.outcomes), Counter[tuple[str, str, str, str]]())
        counts = sum((outcome.counts for outcome in self.outcomes), Counter[str]())
        return {
            "summary": self.summary(),
            "seeds": [outcome.seed for outcome in self.outcomes],
            "orders": self.orders,
            "processors": os.cpu_count() or 1,
            "seconds": round(self.seconds, 3),
            "virtual_hours": round(sum(outcome.virtual_seconds for outcome in self.outcomes) / 3600),
            "faults": {fault.id: {"what": fault.what, "times": self.faults[fault.id]} for fault in FAULTS.values()},
            "faults_elsewhere": ELSEWHERE,
            "violations": [
                {
                    "seed": outcome.seed,
                    "promise": v.promise,
                    "ref": v.ref,
                    "detail": v.detail,
                    "at_seconds": v.at_seconds,
                }
                for outcome in self.outcomes
                for v in outcome.violations
            ],
            "smallest": [small.as_test() for small in self.smallest],
            "never_happened": self.missed,
            "unreachable": {" ".join(names): why for names, why in UNREACHABLE.items()},
            "arrows": {" ".join(arrow): count for arrow, count in sorted(arrows.items())},
            "answers": dict(sorted(counts.items())),
            "digests": {str(outcome.seed): outcome.digest for outcome in self.outcomes},
        }

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n", "utf-8")
