"""`payonce payouts`: what others get of the money."""

from __future__ import annotations

from typing import Annotated

import typer

from payonce.app import shapes_of_payouts
from payonce.base import money
from payonce.cli.common import AsJson, Limit, looking
from payonce.cli.saying import say_json, say_rows
from payonce.drivers.stepping import run_to_end
from payonce.usecases.list_payouts import list_payouts, read_payee

app = typer.Typer(help="What others get of the money, and how far that is.", no_args_is_help=True)


@app.command("list")
def list_(
    payee: Annotated[str | None, typer.Option(help="Only of this payee.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List payouts, the newest first."""
    with looking() as engine:
        found = run_to_end(list_payouts(engine.world, engine.installation.merchant_id, limit=limit, payee=payee))
    if as_json:
        say_json([shapes_of_payouts.payout_json(payout) for payout in found])
        return
    say_rows(
        ["made", "payee", "number", "pays", "carried", "effects"],
        [
            (
                payout.made_at, payout.payee, payout.number, money.show(payout.amount_minor, payout.currency),
                payout.carried_minor, ", ".join(payout.effects),
            )
            for payout in found
        ],
        none="no payout was made yet",
    )  # fmt: skip


@app.command()
def payee(payee: Annotated[str, typer.Argument(help="As named with the order.")], as_json: AsJson = False) -> None:
    """Show what a payee is owed, by currency."""
    with looking() as engine:
        sums = run_to_end(read_payee(engine.world, engine.installation.merchant_id, payee))
    if as_json:
        say_json(shapes_of_payouts.payee_json(payee, sums))
        return
    say_rows(
        ["accrued", "held back", "taken back", "paid out", "carried"],
        [
            tuple(
                money.show(minor, each.currency)
                for minor in (
                    each.accrued_minor, each.held_minor, each.reversed_minor, each.paid_out_minor, each.carried_minor,
                )
            )
            for each in sums
        ],
        none="nothing was ever owed to such a payee",
    )  # fmt: skip
