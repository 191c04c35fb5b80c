"""`payonce reconcile`: providers' own money records against ours, day by day.

Ends with 3 where differences are open, and with 1 where a provider gave no answer: a day that could not be read is not
a day that agrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from payonce.app import shapes_of_reconciliations as shapes
from payonce.base.errors import Refused
from payonce.cli.common import AsJson, looking
from payonce.cli.reconcile_batch import compare_files, extract_files
from payonce.cli.reconcile_export import write_csv, write_json
from payonce.cli.reconcile_saying import say_days, say_lines, sentence
from payonce.cli.reconcile_watching import Watching
from payonce.cli.saying import ERROR, FINDINGS_EXIST, OK, say_json, say_line, say_note
from payonce.drivers.stepping import run_to_end
from payonce.store.reconciliation import WindowKey
from payonce.sync import Payonce
from payonce.usecases.import_money import import_money
from payonce.usecases.read_reconciliation import DayView, list_lines, list_reconciliations, read_reconciliation
from payonce.usecases.reconcile import Reconciled, Scope, reconcile

app = typer.Typer(help="Providers' own money records against ours, day by day.", no_args_is_help=True)
app.command("extract")(extract_files)
app.command("compare")(compare_files)

Provider = Annotated[str | None, typer.Option(help="Only of this provider.")]
Account = Annotated[str | None, typer.Option(help="Only of this account, as it is configured.")]
Day = Annotated[
    datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="One day, as its provider counts it.")
]
From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")]
To = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day; yesterday without it.")]
# As many batches as there are: a person stops by Ctrl-C.
ALL = 10**9
# The longest span of one command: ten years.
MOST_DAYS = 3660
# Ends a command that was stopped, as a shell expects it.
INTERRUPTED = 130


@app.command()
def run(
    day: Day = None, first: From = None, last: To = None, provider: Provider = None, account: Account = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Reconcile what is due, or the days that are named. Ctrl-C stops between two batches, and nothing is lost."""
    days = _days(day, first, last)
    with looking() as engine:
        since = engine.world.clock.now()
        scope = Scope(days, provider, account, since)
        did, stopped = _drive(engine, scope)
        shown = sorted({key.day for key in did.days} | set(days))
        views = _views(engine, shown, provider, account)
    if as_json:
        say_json({"stopped": stopped, "settled": did.settled, "silent": did.silent, "days": _json(views)})
    else:
        _say_run(did, views)
    if stopped:
        say_note(f"stopped; resume with: payonce reconcile run{_again(days, provider, account)}")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(ERROR if did.silent else _verdict(views))


@app.command()
def show(
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day, such as 2026-11-19.")],
    provider: Provider = None, account: Account = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show a day: its sums, what matches and what does not. Ends with 3 where differences are open."""
    with looking() as engine:
        world, merchant_id = engine.world, engine.installation.merchant_id
        day_there = day.date()
        views = run_to_end(
            read_reconciliation(world, merchant_id, day_there, provider=provider, account=account)
        )  # fmt: skip
        lines = run_to_end(
            list_lines(world, merchant_id, day_there, limit=MOST_LINES, provider=provider, account=account)
        )  # fmt: skip
    if as_json:
        say_json({"days": _json(views), "lines": [shapes.line_json(line) for line in lines]})
    else:
        say_days(views)
        say_lines(lines, more=len(lines) == MOST_LINES)
        for view in views:
            say_line(sentence(view))
    raise typer.Exit(_verdict(views))


# A screen shows no more at once; the export has all.
MOST_LINES = 1000


@app.command()
def export(
    day: Day = None, first: From = None, last: To = None, provider: Provider = None, account: Account = None,
    form: Annotated[str, typer.Option("--format", help="json or csv.")] = "json",
    what: Annotated[str, typer.Option(help="What a csv file holds: days (sums) or lines (differences).")] = "lines",
    output: Annotated[Path | None, typer.Option(help="The file; standard output without it.")] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write days and their open differences as JSON, or one of both as CSV that no spreadsheet takes for formulas."""
    form = "json" if as_json else form
    if form not in ("json", "csv") or what not in ("days", "lines"):
        raise Refused("--format is json or csv, --what is days or lines", code="setting_invalid", param="format")
    days = _days(day, first, last)
    with looking() as engine:
        views = _views(engine, days, provider, account)
        if form == "json":
            write_json(engine, views, output)
        else:
            write_csv(engine, views, what, output)
    raise typer.Exit(_verdict(views))


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The file, as CSV.")],
    provider: Annotated[str, typer.Option(help="Whose file it is.")],
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day that it is of, there.")],
    account: Annotated[str, typer.Option(help="The account, as it is configured.")] = "main",
    plain: Annotated[bool, typer.Option("--plain", help="It has the columns of the plain file.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Import the settlement file of a day, whole or not at all, and reconcile the day with it."""
    key = WindowKey(provider, account, day.date())
    with looking() as engine:
        merchant_id = engine.installation.merchant_id
        since = engine.world.clock.now()
        done = run_to_end(
            import_money(engine.world, merchant_id, key, lambda: _lines(file), plain=plain)
        )  # fmt: skip
        did, stopped = _drive(engine, Scope((key.day,), provider, account, since))
        views = _views(engine, [key.day], provider, account)
    if as_json:
        say_json({"records": done.records, "new": done.new, "settled": did.settled, "days": _json(views)})
    else:
        say_line(f"{done.records} records of {key.day}, {done.new} of them new")
        _say_run(did, views)
    raise typer.Exit(INTERRUPTED if stopped else _verdict(views))


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8-sig").splitlines(keepends=True)


def _drive(engine: Payonce, scope: Scope) -> tuple[Reconciled, bool]:
    """Reconcile to the end or until somebody stops it; whether it was stopped."""
    with Watching() as watching:
        world, merchant_id = engine.world.for_jobs(), engine.installation.merchant_id
        did = run_to_end(reconcile(world, merchant_id, ALL, scope=scope, watch=watching.told))
        return did, did.more


def _days(day: datetime | None, first: datetime | None, last: datetime | None) -> tuple[date, ...]:
    """The days that were named; none where nothing was said. Raises Refused `setting_invalid`."""
    if day is not None and (first is not None or last is not None):
        raise Refused("say --day, or --from and --to", code="setting_invalid", param="day")
    if day is not None:
        return (day.date(),)
    if first is None and last is None:
        return ()
    if first is None:
        raise Refused("--to needs --from", code="setting_invalid", param="from")
    end = last.date() if last is not None else datetime.now(UTC).date() - timedelta(days=1)
    span = (end - first.date()).days + 1
    if not 0 < span <= MOST_DAYS:
        raise Refused("--from must not be after --to", code="setting_invalid", param="from")
    return tuple(first.date() + timedelta(days=number) for number in range(span))


def _views(engine: Payonce, days: Sequence[date], provider: str | None, account: str | None) -> list[DayView]:
    """The days as they stand now; the last month where none is named."""
    first, last, limit = (min(days), max(days), 1000) if days else (None, None, 31)
    world, merchant_id = engine.world, engine.installation.merchant_id
    found = run_to_end(
        list_reconciliations(
            world, merchant_id, provider=provider, account=account, limit=limit, first=first, last=last
        )
    )  # fmt: skip
    return [view for view in found if not days or view.day in days]


def _say_run(did: Reconciled, views: list[DayView]) -> None:
    say_days(views)
    if did.settled:
        say_line(f"{did.settled} payments, refunds or disputes that nobody had told of were settled")
    for view in views:
        if view.differences or view.timing:
            say_line(sentence(view))
    for name, why in did.silent.items():
        say_line(f"{name} could not be read: {why}", "red")
    for key in did.held:
        say_line(f"{key.provider}/{key.account} {key.day} is being worked on by somebody else")


def _json(views: list[DayView]) -> list[object]:
    return [shapes.day_json(view) for view in views]


def _verdict(views: list[DayView]) -> int:
    return FINDINGS_EXIST if shapes.differences(views) else OK


def _again(days: tuple[date, ...], provider: str | None, account: str | None) -> str:
    words = "" if not days else f" --day {days[0]}" if len(days) == 1 else f" --from {days[0]} --to {days[-1]}"
    words += f" --provider {provider}" if provider else ""
    return words + (f" --account {account}" if account else "")
