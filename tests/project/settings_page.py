"""Writes docs/settings.md from the settings, so that the page and the code cannot disagree.

`python -m tests.project.settings_page` writes the file; a test compares it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from payonce.settings import SECRETS, Settings, show_duration

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
    )


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
