"""The number of crash points that were lived through stands in the summary of the run."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many there were."""
    reports = [report for word in ("passed", "failed") for report in terminalreporter.stats.get(word, [])]
    told = [dict(getattr(report, "user_properties", ())).get("crash points") for report in reports]
    points = [number for number in told if number is not None]
    if points:
        terminalreporter.write_line(f"crash points: {sum(points)} in {len(points)} flows")
