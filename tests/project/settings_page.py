"""Writes docs/settings.md from the settings, so that the page and the code cannot disagree.

`python -m tests.project.settings_page` writes the file; a test compares it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from payonce.domain.breaker import Breaker
from payonce.jobs.timetable import TIMETABLE
from payonce.settings import SECRETS, Settings, show_duration
from payonce.settings_limits import CAPS, NUMBERS

PAGE: Final = Path(__file__).parents[2] / "docs" / "settings.md"


def text() -> str:
    """The whole page."""
    rows = "\n".join(_row(name) for name in Settings.model_fields)
    return (
        "# Settings\n\n"
        "Written by `python -m tests.project.settings_page`; a test compares it with the code. A flag counts before\n"
        "the environment, the environment before `payonce.toml`, that before the default. In the file a name stands\n"
        "without `PAYONCE_` and in lower case. An unknown name is an error with a suggestion. `payonce config show`\n"
        "tells where each value came from, with secrets masked.\n\n"
        "| Environment | Default | What it is |\n|---|---|---|\n"
        f"{rows}\n"
        "\n## Limits of runs\n\n"
        "They keep a mistake of a job small, so they stand in the file, where whoever changes one says why:\n"
        '`rows = { value = 40000, reason = "…", who = "linh", when = 2026-11-30 }`. A limit without all four is\n'
        "refused. [telling.md](telling.md) says what follows from each.\n\n"
        "| Table | Limit | Default | What it is |\n|---|---|---|---|\n"
        f"{_limits()}\n"
    )


def _limits() -> str:
    rows = []
    for name, (what, _, _) in CAPS.items():
        for value, jobs in _jobs_by_cap(f"most_{name}").items():
            rows.append(f"| {', '.join(f'`[limits.{job}]`' for job in jobs)} | `{name}` | `{value}` | {what} |")
    others = [job for job in TIMETABLE if not job.is_worker and job.most_rows is None]
    for name, (what, _, _) in CAPS.items():
        named = [job.name for job in others if name == "rows" or job.notify != "never"]
        rows.append(f"| {', '.join(f'`[limits.{job}]`' for job in named)} | `{name}` | none | {what} |")
    for name, (what, why, _, _) in NUMBERS.items():
        rows.append(f"| `[limits.breaker]` | `{name}` | `{getattr(Breaker(), name)}` | {what}: {why} |")
    return "\n".join(rows)


def _jobs_by_cap(limit: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for job in TIMETABLE:
        if (value := getattr(job, limit)) is not None:
            found.setdefault(value, []).append(job.name)
    return found


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    written = "DATABASE_URL, PG*" if name == "database_url" else f"PAYONCE_{name.upper()}"
    if name == "jobs":
        return f"| `PAYONCE_JOB_<NAME>` | `on` | {field.description} |"
    default = field.get_default(call_default_factory=True, validated_data={})
    shown = show_duration(default) if isinstance(default, timedelta) else "" if default is None else str(default)
    secret = " (secret)" if name in SECRETS else ""
    return f"| `{written}` | {f'`{shown}`' if shown else ''} | {field.description}{secret} |"


if __name__ == "__main__":
    PAGE.write_text(text())
