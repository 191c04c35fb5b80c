"""`payonce refunds`: money that goes back to payers, what waits for approval, and what is in doubt."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from payonce.app import shapes
from payonce.base import ids, money
from payonce.cli.common import AsJson, Limit, OrderOption, Reason, looking, who
from payonce.cli.saying import CONFIRMATION_NEEDED, say_json, say_line, say_rows
from payonce.drivers.stepping import run_to_end
from payonce.usecases.answers import RefundView
from payonce.usecases.approve_refunds import RefundPlan, apply_plan, plan_refunds
from payonce.usecases.ask_refund import ask_refund, preview_refund
from payonce.usecases.decide_refund import cancel_refund, resolve_refund
from payonce.usecases.find_order import find_order
from payonce.usecases.list_refunds import list_refunds, read_refund
from payonce.usecases.refund_words import in_words

app = typer.Typer(help="Money that goes back to payers.", no_args_is_help=True)

RefundId = Annotated[str, typer.Argument(help="rfd_…")]


@app.command("list")
def list_(
    state: Annotated[
        str | None,
        typer.Option(help="planned, due, sending, in_doubt, sent, succeeded, failed or cancelled."),
    ] = None,
    order: OrderOption = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List refunds, the newest first."""
    with looking() as engine:
        world, merchant_id = engine.world, engine.installation.merchant_id
        order_id = run_to_end(find_order(world, merchant_id, order)) if order else None
        found = run_to_end(list_refunds(world, merchant_id, limit=limit, state=state, order_id=order_id))
    _say_all(found, as_json)


@app.command()
def show(refund: RefundId, as_json: AsJson = False) -> None:
    """Show a refund: which money it sends back, who asked for it, and where it is."""
    with looking() as engine:
        merchant_id, refund_id = engine.installation.merchant_id, ids.read(ids.REFUND, refund)
        found = run_to_end(read_refund(engine.world, merchant_id, refund_id))
    _say(found, as_json)


@app.command()
def plan(as_json: AsJson = False) -> None:
    """Show what waits for approval, with the id that `apply` needs. Changes nothing."""
    with looking() as engine:
        found = run_to_end(plan_refunds(engine.world, engine.installation.merchant_id))
    _say_plan(found, as_json)


@app.command()
def apply(
    plan: Annotated[str | None, typer.Argument(help="pln_…, as `plan` shows it.")] = None, as_json: AsJson = False
) -> None:
    """Approve exactly the plan that was shown. Ends with 4 where it is not that any more, with 5 without its id."""
    with looking() as engine:
        world, merchant_id = engine.world, engine.installation.merchant_id
        if plan is None:
            _say_plan(run_to_end(plan_refunds(world, merchant_id)), as_json)
            raise typer.Exit(CONFIRMATION_NEEDED)
        approved = run_to_end(apply_plan(world, merchant_id, plan, who()))
    _say_all(approved, as_json)


@app.command()
def ask(
    order: Annotated[str, typer.Argument(help="ord_…, a reference, or any id of the order.")],
    reason: Reason,
    amount: Annotated[int | None, typer.Option("--amount-minor", help="Minor units; all without it.", min=1)] = None,
    of: Annotated[str, typer.Option(help="order: its own money; surplus: money that serves nothing.")] = "order",
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="It was sent by other means already, and is only booked.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it is only shown, and ends with 5.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send money of an order back. Without --yes it only shows what would go."""
    with looking() as engine:
        world, merchant_id, serves = engine.world, engine.installation.merchant_id, _serves(of)
        order_id = run_to_end(find_order(world, merchant_id, order))
        if yes:
            wish = ask_refund(
                world, merchant_id, order_id, reason=reason, actor=who(), amount_minor=amount, of=serves,
                by_hand=by_hand,
            )  # fmt: skip
            _say_all(run_to_end(wish), as_json)
            return
        parts = run_to_end(
            preview_refund(world, merchant_id, order_id, amount_minor=amount, of=serves, by_hand=by_hand)
        )
    if as_json:
        say_json([{"amount_minor": part, "currency": currency, "payment_ref": ref} for part, currency, ref in parts])
    for part, currency, ref in () if as_json else parts:
        say_line(f"{money.show(part, currency)} of {ref} would go back; say --yes to do it")
    raise typer.Exit(CONFIRMATION_NEEDED)


@app.command()
def cancel(refund: RefundId, reason: Reason, as_json: AsJson = False) -> None:
    """Take back a refund that is not sent. Its money stays until somebody asks for it again."""
    with looking() as engine:
        merchant_id, refund_id = engine.installation.merchant_id, ids.read(ids.REFUND, refund)
        done = run_to_end(cancel_refund(engine.world, merchant_id, refund_id, reason, who()))
    _say(done, as_json)


@app.command()
def resolve(
    refund: RefundId,
    reason: Reason,
    done: Annotated[bool, typer.Option("--done/--not-done", help="Whether the money went back.")],
    as_json: AsJson = False,
) -> None:
    """Say what became of a refund in doubt: it was done, or it was not, and is asked for anew."""
    outcome: Literal["done", "cancelled"] = "done" if done else "cancelled"
    with looking() as engine:
        merchant_id, refund_id = engine.installation.merchant_id, ids.read(ids.REFUND, refund)
        found = run_to_end(resolve_refund(engine.world, merchant_id, refund_id, outcome, reason, who()))
    _say(found, as_json)


def _serves(of: str) -> Literal["order", "surplus"]:
    if of == "order":
        return "order"
    if of == "surplus":
        return "surplus"
    raise typer.BadParameter("order or surplus", param_hint="--of")


def _say(refund: RefundView, as_json: bool) -> None:
    if as_json:
        say_json(shapes.refund_json(refund))
        return
    say_line(f"{ids.show(ids.REFUND, refund.id)}  {refund.state}", "bold")
    say_line(f"{in_words(refund)}.")
    say_line(f"{refund.provider} {refund.account} {refund.capture_ref} {refund.provider_ref or ''}".rstrip())
    say_line(f"asked by {refund.asked_by}: {refund.reason}")
    say_line(f"order {ids.show(ids.ORDER, refund.order_id)}")


def _say_all(refunds: list[RefundView], as_json: bool) -> None:
    if as_json:
        say_json([shapes.refund_json(refund) for refund in refunds])
        return
    say_rows(
        ["written", "refund", "state", "amount", "of", "payment", "reason", "asked by", "order"],
        [
            (
                each.created_at, ids.show(ids.REFUND, each.id), each.state,
                money.show(each.amount_minor, each.currency), each.serves, each.capture_ref,
                each.reason, each.asked_by, ids.show(ids.ORDER, each.order_id),
            )
            for each in refunds
        ],
        none="there are no refunds",
    )  # fmt: skip


def _say_plan(plan: RefundPlan, as_json: bool) -> None:
    if as_json:
        say_json(shapes.plan_json(plan))
        return
    _say_all(list(plan.refunds), as_json=False)
    for currency, total in sorted(plan.totals_minor.items()):
        say_line(f"{money.show(total, currency)} in all")
    say_line(f"approve it: payonce refunds apply {plan.id}" if plan.refunds else "nothing waits for approval")
