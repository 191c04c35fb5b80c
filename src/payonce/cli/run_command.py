"""`payonce run`: a script of one's own, once, in the frame of a run: nobody is told unless that is said."""

from __future__ import annotations

import asyncio
import inspect
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from payonce.base.errors import PayonceError, Refused
from payonce.cli.common import AsJson, looking, who
from payonce.cli.job_commands import say_run
from payonce.cli.saying import ERROR, say_json, say_note
from payonce.drivers.stepping import run_to_end
from payonce.engine import Payonce as AsyncPayonce
from payonce.jobs.script import (
    MOST_MESSAGES,
    MOST_ROWS,
    begin_script,
    dry_world,
    end_script,
    first_write,
    script_facts,
)
from payonce.sync import Payonce
from payonce.usecases.count_run import read_run
from payonce.usecases.list_jobs import show_run
from payonce.usecases.register_jobs import JobFacts
from payonce.usecases.world import World

MEANS = {
    "never": "nobody is told of what this script does (say --notify preview or --notify send)",
    "preview": "nobody is told of what this script does; the messages are listed",
    "send": "people are told of what this script does",
}


def add_to(app: typer.Typer) -> None:
    """Register the command of this file."""
    app.command("run")(run_command)


def run_command(
    script: Annotated[Path, typer.Argument(help="A Python file with `main(engine)`, async or not.")],
    notify: Annotated[
        str | None, typer.Option(help="never, preview or send; else what the file says as NOTIFY, else never.")
    ] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Write nothing and call nobody; ends at the first write.")] = False,
    most_rows: Annotated[int, typer.Option(help="How many orders it may take up.", min=1)] = MOST_ROWS,
    most_messages: Annotated[int, typer.Option(help="How many messages it may send.", min=1)] = MOST_MESSAGES,
    as_json: AsJson = False,
) -> None:
    """Run a script once, as a run: with caps, its name on all that it writes, and without means to create payments."""
    found, main = _loaded(script)
    facts = script_facts(script.stem, notify or str(found.get("NOTIFY", "never")), most_rows, most_messages)
    say_note(f"notify={facts.notify}: {MEANS[facts.notify]}")
    with looking() as engine:
        if dry:
            _run_dry(engine, main, facts, as_json)
            return
        held, world = run_to_end(begin_script(engine.world, facts, who()))
        failed: Exception | None = None
        try:
            _call(engine, main, world)
        except Exception as error:
            failed = error
        merchant_id, merchants = engine.installation.merchant_id, engine.merchants()
        context = run_to_end(end_script(world, merchant_id, merchants, held, failed))
        run = run_to_end(show_run(world, context.run_id))
        counted = run_to_end(read_run(world, context.run_id, merchants))
    say_run(run, as_json, counted)
    if failed is not None and not context.stop_because:
        raise failed
    if context.stop_because:
        raise typer.Exit(ERROR)


def _run_dry(engine: Payonce, main: Callable[[Any], Any], facts: JobFacts, as_json: bool) -> None:
    wrote = None
    try:
        _call(engine, main, dry_world(engine.world.for_jobs(), facts))
    except PayonceError as error:
        wrote = first_write(error)
        if wrote is None:
            raise
    if as_json:
        say_json({"object": "dry_run", "job": facts.name, "first_write": wrote})
    elif wrote is None:
        say_note("it wrote nothing and called nobody")
    else:
        say_note(f"it would write: it came to its first write in the transaction {wrote}, and ended there")


def _loaded(script: Path) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """What the file defines, and its `main`. Raises Refused `setting_invalid`."""
    if not script.is_file():
        raise Refused(f"there is no file {script}", code="setting_invalid", param="script")
    found = runpy.run_path(str(script), run_name="payonce_script")
    main = found.get("main")
    if not callable(main):
        raise Refused(f"{script} has no main(engine)", code="setting_invalid", param="script")
    return found, main


def _call(engine: Payonce, main: Callable[[Any], Any], world: World) -> None:
    """Call the script's `main` with an engine that works in the world of its run."""
    before = engine.work_in(world)
    try:
        if inspect.iscoroutinefunction(main):
            beside = AsyncPayonce(installation=engine.installation)
            beside.work_in(world)
            asyncio.run(main(beside))
        else:
            main(engine)
    finally:
        engine.work_in(before)
