"""`payonce db`: the schema."""

from __future__ import annotations

from typing import Annotated

import typer

from payonce.cli.common import AsJson, look_for_data, open_database, quiet_logs, settings_in_force
from payonce.cli.saying import say_json, say_line, say_note, say_rows
from payonce.drivers.stepping import run_to_end
from payonce.installation import of_settings
from payonce.store import migrate as migrations

app = typer.Typer(help="The schema of the database.", no_args_is_help=True)


@app.command()
def migrate(
    to: Annotated[int | None, typer.Option(help="Only up to this number.")] = None,
    pre: Annotated[
        bool, typer.Option("--pre", help="Only what is harmless to an older release that still runs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Apply what is pending. Forward only; each migration once, in a transaction of its own."""
    quiet_logs()
    with open_database(of_settings(settings_in_force())) as database:
        done = run_to_end(migrations.migrate(database, to=to, only_pre=pre))
    if as_json:
        say_json({"applied": [{"number": step.number, "name": step.name, "phase": step.phase} for step in done]})
        return
    for step in done:
        say_line(f"{step.number:04}_{step.name}")
    say_note(f"{len(done)} migrations applied" if done else "nothing is pending")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show every migration and when it was applied."""
    quiet_logs()
    installation = of_settings(settings_in_force())
    look_for_data(installation)
    with open_database(installation) as database:
        steps = run_to_end(migrations.status(database))
    if as_json:
        say_json([
            {"number": step.number, "name": step.name, "phase": step.phase, "applied_at": step.applied_at}
            for step in steps
        ])  # fmt: skip
        return
    say_rows(
        ["number", "name", "phase", "applied"],
        [(f"{step.number:04}", step.name, step.phase, step.applied_at or "pending") for step in steps],
    )


@app.command()
def sql(
    after: Annotated[int, typer.Option(help="Only behind this number.")] = 0,
    to: Annotated[int | None, typer.Option(help="Only up to this number.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the migrations as one script for psql, for those who apply them by hand or by another tool."""
    text = migrations.script(after=after, to=to)
    if as_json:
        say_json({"sql": text})
    else:
        print(text, end="")
