"""Look at the service itself: whether people are let pay, and whether its jobs run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from payonce.domain.finding import Severity
from payonce.store import queries
from payonce.store.database import Tx
from payonce.usecases.look import Found, Look, Looking

CHECKS: Final = queries.load("checks_of_providers")
MONITOR: Final = queries.load("monitor")
# Who was told no, and who was told to come back because somebody did not answer. 202 (in progress) is neither.
REFUSALS: Final = frozenset({"blocked_paid", "gone", "refused", "silent", "failed", "held"})
LET_IN: Final = frozenset({"new", "reused", "replaced"})
# Counts are written a few seconds after the answers.
_DELAY: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Window:
    """How long is looked back, and of how many answers a share says something."""

    name: str
    lasts: timedelta
    fewest: int


async def checkout_refusals(tx: Tx, looking: Looking) -> Look:
    """D13: the share of people who wanted to pay and were refused or failed, in five minutes and in a day."""
    watch, now = looking.watch, looking.now
    windows = (
        Window("five_minutes", timedelta(minutes=5), watch.fewest_in_five_minutes),
        Window("day", timedelta(days=1), watch.fewest_in_a_day),
    )
    rows = await tx.rows(
        CHECKS.checkouts_since, merchant_id=looking.merchant_id, since=now - windows[-1].lasts - _DELAY
    )
    look = Look()
    for window in windows:
        # A minute counts as a whole, so that five minutes are at least five.
        counts = _counts(row for row in rows if row.minute > now - window.lasts - _DELAY - timedelta(minutes=1))
        total, refused = sum(counts.values()), sum(counts[outcome] for outcome in REFUSALS)
        name = f"checkout_refusals:{window.name}"
        if total < window.fewest:
            # Too few to judge by: what was found stays, until somebody is let in and nobody is refused.
            if name in looking.known_abouts and not (refused == 0 and total > 0):
                look.unclear.add(name)
        elif refused >= watch.refused_share * total:
            look.found.append(_refused(window, counts, refused, total, watch.refused_share_critical))
    return look


async def job_stale(tx: Tx, looking: Looking) -> Look:
    """A job that should run, and did not end well for several of its intervals."""
    watch = looking.watch
    rows = await tx.rows(
        MONITOR.stale_jobs, now=looking.now, intervals=watch.stale_intervals,
        at_least=watch.stale_after.total_seconds(),
    )  # fmt: skip
    look = Look()
    for row in rows:
        since = "never ended well" if row.last_success_at is None else f"ended well last at {row.last_success_at:%F %T}"
        detail = {"says": f"{row.job} {since}; it should run every {row.every_seconds:g} s", "job": row.job}
        if row.last_error:
            detail["last_error"] = row.last_error[:300]
        look.found.append(Found("job_stale", row.job, detail))
    return look


def _counts(rows: Iterable[Any]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.outcome] += row.answers
    return counts


def _refused(window: Window, counts: Counter[str], refused: int, total: int, critical_share: float) -> Found:
    words = ", ".join(f"{outcome} {counts[outcome]}" for outcome in sorted(counts))
    severity: Severity = "critical" if refused >= critical_share * total else "warning"
    says = f"{refused} of {total} people who wanted to pay were refused within {window.name.replace('_', ' ')}"
    return Found(
        "checkout_refusals", window.name, {"says": says, "answers": words}, counted=refused, severity=severity
    )  # fmt: skip
