"""Attacks: what somebody tries who wants payonce to charge twice, to lose money, to block a payer or to tell lies.

How many bad inputs were tried stands in the summary of the run.
"""

from __future__ import annotations

from typing import Any, Final

from tests.promises.conftest import build, house

__all__ = ("build", "house")
BAD_INPUTS: Final = "bad inputs"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many there were. The tests that count them fail where one was accepted or answered with 5xx."""
    reports = [report for word in ("passed", "failed") for report in terminalreporter.stats.get(word, [])]
    told = [dict(getattr(report, "user_properties", ())).get(BAD_INPUTS) for report in reports]
    numbers = [number for number in told if number is not None]
    if numbers:
        terminalreporter.write_line(f"{BAD_INPUTS}: {sum(numbers)} in {len(numbers)} tests")
