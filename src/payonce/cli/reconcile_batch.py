"""`payonce reconcile extract` and `compare`: days that are too large for the primary, compared as files.

`compare` opens no database and calls nobody. It ends with 3 where objects differ.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO
from uuid import UUID

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from payonce.app import shapes_of_reconciliations as shapes
from payonce.base import ids, money
from payonce.base.errors import Refused
from payonce.batch.compare import Comparison, Line, Span, compare, whole_days
from payonce.batch.duck import DuckEngine, memory_mb
from payonce.batch.extract import AccountKey, extract
from payonce.batch.ours_file import read_ours
from payonce.batch.theirs_file import days_of, read_theirs
from payonce.cli.common import AsJson, looking
from payonce.cli.saying import FINDINGS_EXIST, OK, err, say_json, say_line, say_rows

# A screen shows no more; --csv and --json have all.
MOST_LINES = 1000

Memory = Annotated[
    str | None, typer.Option(help="What this process may take, such as 512MB; what does not fit is spilled to disk.")
]
Spill = Annotated[
    Path | None, typer.Option(exists=True, file_okay=False, help="A folder with room for what does not fit in memory.")
]
Instant = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]


def extract_files(
    ours: Annotated[Path, typer.Argument(dir_okay=False, help="The Parquet file that is written.")],
    provider: Annotated[str, typer.Option(help="Whose account it is.")],
    account: Annotated[str, typer.Option(help="The account, as it is configured.")] = "main",
    theirs: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the provider's records that were read, too.")
    ] = None,
    memory: Memory = None, spill: Spill = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write our side of an account to a Parquet file, in a stream; DATABASE_URL may name a replica."""
    with looking() as engine, DuckEngine(memory=_mb(memory), spill=spill) as duck, _watching("extracting") as tell:
        source = engine.world.looker(provider, account).money_source
        key = AccountKey(engine.installation.merchant_id, provider, account, source)
        done = extract(
            duck, engine.database_url, key, ours, now=engine.world.clock.now(), theirs=theirs,
            watch=lambda what, rows: tell(f"{what}: {rows:,}", 0, 0),
        )  # fmt: skip
    if as_json:
        say_json({"rows": done.rows, "ours": str(ours), "theirs": None if theirs is None else str(theirs)})
        return
    say_line(", ".join(f"{rows:,} {what.replace('_', ' ')}" for what, rows in done.rows.items()))


def compare_files(
    ours: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `extract` wrote.")],
    theirs: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The provider's: .parquet or .csv.")],
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")] = None,
    read_from: Annotated[
        datetime | None, typer.Option(formats=Instant, help="Since when the export has everything; the first day.")
    ] = None,
    read_until: Annotated[
        datetime | None, typer.Option(formats=Instant, help="Until when it has everything; the end of the last day.")
    ] = None,
    memory: Memory = None, spill: Spill = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Answer with the lines as CSV.")] = False,
    output: Annotated[Path | None, typer.Option(help="The file; standard output without it.")] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Compare a provider's export with ours, object by object, as `run` does it. Ends with 3 where objects differ."""
    if as_csv and as_json:
        raise Refused("say --csv or --json", code="setting_invalid", param="csv")
    with DuckEngine(memory=_mb(memory), spill=spill) as duck:
        with _watching("comparing") as tell:
            of = read_ours(duck, ours)
            read_theirs(duck, theirs, of.source)
            days = days_of(duck, first and first.date(), last and last.date())
            span = _span(whole_days(of.source, *days, of.now), read_from, read_until)
            found = compare(duck, of.source, span, watch=tell)
        with _opened(output) as file:
            if as_csv:
                _write_csv(found, file)
            elif as_json or output is not None:
                _write_json(found, days, file)
            else:
                _say(found, days)
        raise typer.Exit(FINDINGS_EXIST if found.differences else OK)


def _span(span: Span, read_from: datetime | None, read_until: datetime | None) -> Span:
    """The span with what the export has beyond its days."""
    return Span(span.first, span.last, span.now, read_from or span.read_from, read_until or span.read_until)


def _mb(memory: str | None) -> int | None:
    return None if memory is None else memory_mb(memory)


def _line_json(line: Line) -> dict[str, object]:
    """The line as `GET /v1/reconciliations/{day}` has it."""
    told = _named(line._asdict())
    told["order_id"] = _shown(ids.ORDER, line.order_id)
    told["attempt_id"] = _shown(ids.ATTEMPT, line.attempt_id)
    return told


def _named(told: dict[str, object]) -> dict[str, object]:
    """`class` is no name that Python takes."""
    return {("class" if name == "line_class" else name): value for name, value in told.items()}


def _shown(prefix: str, value: str | None) -> str | None:
    return None if value is None else ids.show(prefix, UUID(value))


def _write_json(found: Comparison, days: tuple[date, date], file: TextIO) -> None:
    """One object, written line by line so that any number fits."""
    head = {
        "first_day": days[0], "last_day": days[1], "records": found.records, "matched": found.matched,
        "not_ours": found.not_ours, "differences": found.differences,
        "risks": [_named(risk._asdict()) for risk in found.risks],
    }  # fmt: skip
    file.write(json.dumps(head, default=str)[:-1] + ', "lines": [')
    for number, line in enumerate(found.lines()):
        file.write((", " if number else "") + json.dumps(_line_json(line), ensure_ascii=False, default=_text))
    file.write("]}\n")


def _write_csv(found: Comparison, file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["class" if name == "line_class" else name for name in Line._fields])
    for line in found.lines():
        writer.writerow([v if isinstance(v, int) else shapes.cell(_text(v)) for v in _line_json(line).values()])


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _say(found: Comparison, days: tuple[date, date]) -> None:
    rows = [
        (
            line.day.isoformat(), line.line_class.replace("_", " "), line.nature,
            f"{line.object_kind} {line.object_ref}", _money(line.theirs_minor, line.currency),
            _money(line.ours_minor, line.ours_currency or line.currency), line.occurred_at,
            _shown(ids.ORDER, line.order_id),
        )
        for line in islice(found.lines(), MOST_LINES)
    ]  # fmt: skip
    if rows:
        say_rows(["day", "class", "what", "object", "provider says", "we say", "at", "order"], rows)
    if len(rows) == MOST_LINES:
        say_line("there may be more; --csv and --json have all of them")
    name = f"{days[0]}" if days[0] == days[1] else f"{days[0]} to {days[1]}"
    timing = sum(risk.objects for risk in found.risks) - found.differences
    say_line(
        f"{name}: {found.matched:,} of {found.records - found.not_ours:,} records match; {found.differences:,} "
        f"{'object differs' if found.differences == 1 else 'objects differ'}; {timing:,} wait for the other side; "
        f"{found.not_ours:,} of the provider's are none of ours."
    )
    for risk in found.risks:
        if risk.line_class != "timing":
            words = f"{risk.objects:,} {risk.line_class.replace('_', ' ')}"
            say_line(f"{words}: {money.show(risk.money_minor, risk.currency)} at risk")


def _money(minor: int | None, currency: str) -> str | None:
    return None if minor is None else money.show(minor, currency)


@contextmanager
def _watching(word: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar over the steps, on a terminal."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=err, transient=True,
        disable=not err.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task(word, total=None)

        def tell(step: str, number: int, of: int) -> None:
            bar.update(task, description=f"{word}: {step.replace('_', ' ')}", total=of or None, completed=number)

        yield tell


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    with output.open("w", encoding="utf-8", newline="") as file:
        yield file
