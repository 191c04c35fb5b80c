"""What `payonce conformance` does: try everything, with a bar that says where it is, and say what was found."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NoReturn

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from payonce.app import simulated_stripe
from payonce.base.errors import Refused
from payonce.cli.common import quiet_logs
from payonce.cli.saying import ERROR, OK, err, out, say_json, say_note, say_rows
from payonce.conformance.catalogue import PARTS, checks
from payonce.conformance.check import Result, results
from payonce.conformance.ground import Ground
from payonce.conformance.place import given_database, own_database
from payonce.drivers.chance import SystemChance

# Of the boundaries at which a race or a loss strikes, a quick look takes each so-manieth.
QUICK: Final = 5
_MARKS: Final = {
    "ok": "[green]ok[/green]", "failed": "[red]FAILED[/red]", "missing": "[yellow]missing[/yellow]",
    "not_tried": "[red]not tried[/red]",
}  # fmt: skip


def run(dsn: str, *, in_place: bool, seeds: str, quick: bool, show_all: bool, as_json: bool) -> NoReturn:
    """Try the promises on the engine behind `dsn`, say what was found, and exit. Raises Refused `setting_invalid`."""
    quiet_logs()
    played = _seeds(seeds)
    with _ended_by_signals(), given_database(dsn) if in_place else own_database(dsn, SystemChance()) as address:
        ground = Ground(address, simulated_stripe, seeds=played, every=QUICK if quick else 1)
        found = _try(ground)
    failed = [result for result in found if not result.is_good]
    if as_json:
        say_json({
            "ok": not failed, "engine": ground.version, "states": Counter(result.state for result in found),
            "checks": found,
        })  # fmt: skip
    else:
        _say(ground, found, show_all)
    raise typer.Exit(ERROR if failed else OK)


def _seeds(text: str) -> Sequence[int]:
    """The seeds that `FIRST:LAST` names. Raises Refused `setting_invalid`."""
    if text == "none":
        return ()
    first, _, last = text.partition(":")
    if first.isdecimal() and (last or first).isdecimal() and int(first) <= int(last or first):
        return range(int(first), int(last or first) + 1)
    raise Refused(f"--seeds {text!r:.40} is neither FIRST:LAST nor none", code="setting_invalid", param="seeds")


def _try(ground: Ground) -> list[Result]:
    """Try everything, with a bar that says where it is."""
    wanted = checks(ground.seeds)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    found: list[Result] = []
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(PARTS[wanted[0].part], total=len(wanted))
        for result in results(wanted, ground):
            found.append(result)
            following = wanted[len(found)] if len(found) < len(wanted) else wanted[-1]
            progress.update(task, advance=1, description=f"{PARTS[following.part]}: {following.name}")
            if not result.is_good:
                progress.console.print(f"[red]{escape(result.name)}[/red] {escape(result.says)}")
    return found


def _say(ground: Ground, found: Sequence[Result], show_all: bool) -> None:
    """A table on a terminal; in a pipe, one line for each check."""
    if not out.is_terminal:
        say_rows([], [(one.state, one.part, one.name, one.proves, one.says) for one in found])
    else:
        for part, title in PARTS.items():
            _say_part(title, [one for one in found if one.part == part], show_all)
    counts = Counter(result.state for result in found)
    required = sum(result.is_required for result in found)
    kept = sum(result.is_required and result.is_good for result in found)
    say_note(f"{ground.version or 'an engine that does not say its version'}")
    lacks = f"; {counts['missing']} optional things are missing" if counts["missing"] else ""
    say_note(f"{kept} of {required} required checks hold{lacks}")


def _say_part(title: str, found: Sequence[Result], show_all: bool) -> None:
    if not found:
        return
    # Dozens of lines that say the same would hide the one that does not.
    hides = not show_all and len(found) > 40 and all(one.state == "ok" for one in found)
    said = f"{len(found)} of {len(found)} hold" if hides else ""
    out.print(f"[bold]{escape(title)}[/bold] {said}")
    if hides:
        return
    table = Table(box=None, pad_edge=True, show_header=False)
    for one in found:
        table.add_row(_MARKS[one.state], escape(one.name), escape(one.proves), escape(one.says), f"{one.seconds:.1f} s")
    out.print(table)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a polite kill end as Ctrl-C does, so that what was made is dropped."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before: Any = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
