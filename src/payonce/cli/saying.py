"""How the command line speaks: JSON on request, tables on a terminal, plain lines in a pipe, errors in one shape."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from payonce.base.errors import PayonceError

OK: Final = 0
ERROR: Final = 1
USAGE: Final = 2
FINDINGS_EXIST: Final = 3
PLAN_CHANGED: Final = 4
CONFIRMATION_NEEDED: Final = 5
# Columns; wider than any of our tables.
WIDEST_TABLE: Final = 1000

# What was written wrong in the command or its settings, and not what failed when it was carried out.
_USAGE_CODES: Final = frozenset(
    "id_invalid job_unknown setting_invalid setting_unknown event_state_unknown effect_state_unknown "
    "finding_state_unknown finding_kind_unknown finding_severity_unknown rest_without_end rest_invalid owner_invalid "
    "dsn_invalid alert_state_unknown silence_too_long reason_missing refund_state_unknown sku_invalid on_hand_invalid "
    "switch_unknown interval_invalid allow_invalid money_file_invalid day_not_over batch_file_invalid".split()
)

_OWN_CODES: Final[Mapping[str, int]] = {"plan_changed": PLAN_CHANGED, "confirmation_needed": CONFIRMATION_NEEDED}

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def exit_code(error: PayonceError) -> int:
    """Which of the agreed codes an error ends with."""
    if error.code in _OWN_CODES:
        return _OWN_CODES[error.code]
    return USAGE if error.code in _USAGE_CODES else ERROR


def plain(value: Any) -> Any:
    """Values as JSON has them: times in UTC, ids as text, dataclasses as objects."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    return value


def say_json(value: Any) -> None:
    """One JSON value on standard output; indented where a person reads it."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(plain(value), indent=indent, ensure_ascii=False, default=str) + "\n")


def say_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], *, none: str = "nothing") -> None:
    """A table on a terminal; in a pipe, values with tabs between and no heading. `none` is said for no row."""
    shown = [[_cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in shown:
            sys.stdout.write("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row) + "\n")
        return
    if not shown:
        out.print(f"[dim]{escape(none)}[/dim]")
        return
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in shown:
        table.add_row(*(escape(cell) for cell in row))
    # As wide as it is: what a table cuts off or folds cannot be copied into the next command.
    Console(highlight=False, emoji=False, width=WIDEST_TABLE).print(table)


def say_line(text: str = "", style: str = "") -> None:
    """A line on standard output; `style` shows on a terminal only."""
    out.print(escape(text), style=style or None)


def say_note(text: str) -> None:
    """A line for people on standard error, so that a pipe stays clean."""
    err.print(escape(text), style="dim")


def say_error(error: PayonceError, *, as_json: bool) -> None:
    """An expected error: what is wrong, what to do, and its code. Never a traceback."""
    if as_json:
        said = {
            "code": error.code, "message": error.message, "hint": error.hint, "param": error.param,
            "retryable": error.retryable, "detail": plain(error.detail),
        }  # fmt: skip
        sys.stderr.write(json.dumps({"error": said}, ensure_ascii=False, default=str) + "\n")
        return
    err.print(f"[bold red]error[/bold red] [dim]{escape(error.code)}[/dim] {escape(error.message)}")
    for line in error.hint.splitlines():
        err.print(f"  {escape(line)}")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
