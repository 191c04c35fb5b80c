"""`payonce conformance`: the promises against an engine, before it is trusted with orders."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from payonce.cli.common import AsJson

# Enough that every kind of trouble happens; a seed takes seconds, and longer where each COMMIT goes to a slow disk.
SEEDS: Final = "1:3"


def add_to(app: typer.Typer) -> None:
    """Register the command of this file."""
    app.command("conformance")(conformance_command)


def conformance_command(
    dsn: Annotated[str, typer.Argument(metavar="DSN", help="A database of the server to try: postgresql://…")],
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Work in this very database, which must be empty, and is left empty."),
    ] = False,
    seeds: Annotated[str, typer.Option(help="The seeds of the simulation to play, FIRST:LAST, or none.")] = SEEDS,
    quick: Annotated[bool, typer.Option("--quick", help="Strike at each fifth boundary only.")] = False,
    show_all: Annotated[
        bool, typer.Option("--all", help="Show every rule that was attacked, and not only their number.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Try the promises on any engine that speaks PostgreSQL. Works in a database of its own, which is dropped
    afterwards, and touches no other. Ends with 1 where something required does not hold."""
    # It brings the whole simulation along, whose import took a seventh of every other command's start.
    from payonce.cli.conformance_run import run

    run(dsn, in_place=in_place, seeds=seeds, quick=quick, show_all=show_all, as_json=as_json)
