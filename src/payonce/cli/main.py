"""The command line: `payonce serve` and everything that an operator looks at or does by hand.

Parses, calls one use case, renders. Ends with 0 when all is well, 1 for an error, 2 for wrong usage, 3 where findings
or counterexamples exist, 4 where a plan changed, 5 where a confirmation is missing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from payonce import __version__
from payonce.base.errors import Bug, PayonceError
from payonce.cli import (
    alert_commands,
    config_commands,
    conformance_command,
    database_commands,
    doctor_command,
    effect_commands,
    event_commands,
    finding_commands,
    job_commands,
    key_commands,
    order_commands,
    payout_commands,
    prove_command,
    reconcile_commands,
    refund_commands,
    run_command,
    serve_commands,
    stock_commands,
    top_command,
)
from payonce.cli.common import said
from payonce.cli.saying import ERROR, err, exit_code, say_error
from payonce.settings_layers import APP

app = typer.Typer(
    name="payonce",
    help="An order is charged once, recorded once and fulfilled once, and it can be shown why.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
serve_commands.add_to(app)
app.add_typer(order_commands.app, name="orders")
app.add_typer(event_commands.app, name="events")
app.add_typer(effect_commands.app, name="effects")
app.add_typer(finding_commands.app, name="findings")
app.add_typer(job_commands.app, name="jobs")
app.add_typer(alert_commands.app, name="alerts")
app.add_typer(stock_commands.app, name="stock")
app.add_typer(payout_commands.app, name="payouts")
app.add_typer(refund_commands.app, name="refunds")
app.add_typer(reconcile_commands.app, name="reconcile")
app.add_typer(key_commands.app, name="keys")
app.add_typer(database_commands.app, name="db")
app.add_typer(config_commands.app, name="config")
doctor_command.add_to(app)
prove_command.add_to(app)
conformance_command.add_to(app)
run_command.add_to(app)
top_command.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"payonce {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    config: Annotated[Path | None, typer.Option(help="The settings file; else payonce.toml here, if it is.")] = None,
    application: Annotated[
        str | None,
        typer.Option("--app", help="module:name of an application's own engine, whose effects count as well."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Say the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Take what holds for every command."""
    said.config = config
    said.app = application or os.environ.get(APP) or None


def run(words: Sequence[str]) -> int:
    """Run the command line; its exit code. Expected errors are said in one shape, and only a bug shows where it is."""
    said.as_json = "--json" in words
    try:
        app(args=list(words), prog_name="payonce")
    except PayonceError as error:
        say_error(error, as_json=said.as_json)
        if isinstance(error, Bug):
            err.print_exception()
        return exit_code(error)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ERROR if end.code else 0
    except BrokenPipeError:
        # Whoever read us has enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return 0


def main() -> None:
    """The entry point."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
