"""`payonce orders`: what happened to an order."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from payonce.app import shapes
from payonce.base import ids, money
from payonce.cli.common import AsJson, Limit, Reason, looking, who
from payonce.cli.saying import out, plain, say_json, say_line, say_rows
from payonce.drivers.stepping import run_to_end
from payonce.usecases.accept_payment import accept_payment
from payonce.usecases.answers import OrderView
from payonce.usecases.explain_money import payment_in_words
from payonce.usecases.explain_order import explain_order
from payonce.usecases.find_order import find_order
from payonce.usecases.read_order import list_orders, read_order
from payonce.usecases.refund_words import in_words

app = typer.Typer(help="Orders, and what happened to them.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(help="ord_…, a reference, att_…, evt_…, or the provider's own id.")]
_COLOURS = {
    "order": "bold",
    "attempt": "cyan",
    "money": "yellow",
    "event": "blue",
    "effect": "green",
    "finding": "red",
    "refund": "magenta",
}


@app.command()
def show(which: Which, as_json: AsJson = False) -> None:
    """Show an order: its state, its three counters, its attempts and what it owes."""
    with looking() as engine:
        merchant_id = engine.installation.merchant_id
        order = run_to_end(
            read_order(engine.world, merchant_id, run_to_end(find_order(engine.world, merchant_id, which)))
        )
        shape = shapes.order_json(order, engine.installation.base_url, expand=shapes.EXPANDABLE)
    if as_json:
        say_json(shape)
        return
    _say_order(order, shape["pay_url"], shape["status_url"])


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="waiting, open, paid or closed.")] = None,
    payer: Annotated[str | None, typer.Option(help="Only of this payer's reference.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List orders, the newest first."""
    with looking() as engine:
        merchant_id = engine.installation.merchant_id
        found = run_to_end(list_orders(engine.world, merchant_id, limit=limit, state=state, payer_reference=payer))
        base_url = engine.installation.base_url
    if as_json:
        say_json([shapes.order_json(order, base_url) for order in found])
        return
    say_rows(
        ["order", "reference", "state", "payment", "amount", "charged", "recorded", "fulfilled", "created"],
        [
            (
                ids.show(ids.ORDER, order.id), order.reference, order.state, order.payment,
                money.show(order.amount_minor, order.currency), order.counters.charged, order.counters.recorded,
                order.counters.fulfilled, order.created_at,
            )
            for order in found
        ],
        none="there are no orders",
    )  # fmt: skip


@app.command()
def accept(which: Which, reason: Reason, as_json: AsJson = False) -> None:
    """Let money of the order that waits for a decision pay it after all."""
    with looking() as engine:
        merchant_id = engine.installation.merchant_id
        order_id = run_to_end(find_order(engine.world, merchant_id, which))
        order = run_to_end(accept_payment(engine.world, merchant_id, order_id, by=who(), reason=reason))
        shape = shapes.order_json(order, engine.installation.base_url)
    if as_json:
        say_json(shape)
        return
    say_line(f"the order is {order.state} now")


@app.command()
def explain(which: Which, as_json: AsJson = False) -> None:
    """Tell an order's story: everything that happened to it, in order, and what comes next."""
    with looking() as engine:
        merchant_id = engine.installation.merchant_id
        order_id = run_to_end(find_order(engine.world, merchant_id, which))
        story = run_to_end(explain_order(engine.world, merchant_id, order_id))
        shape = shapes.order_json(story.order, engine.installation.base_url)
    if as_json:
        lines = [plain(line) for line in story.lines]
        say_json({"order": shape, "sentence": story.sentence, "lines": lines, "next": story.next_step})
        return
    say_line(f"{story.order.reference}  {shape['id']}", "bold")
    say_line(story.sentence)
    for line in story.lines:
        colour = _COLOURS[line.lane]
        out.print(f"  [dim]{line.at:%m-%d %H:%M:%S}[/dim]  [{colour}]{line.lane:<7}[/{colour}]  {escape(line.says)}")
    say_line(f"Next: {story.next_step}")


def _say_order(order: OrderView, pay_url: str, status_url: str) -> None:
    counters = order.counters
    say_line(f"{order.reference}  {ids.show(ids.ORDER, order.id)}", "bold")
    state = order.state + (f" ({order.closed_reason})" if order.closed_reason else "")
    review = "  under review" if order.under_review else ""
    say_line(f"{state}, payment {order.payment}{review}: {money.show(order.amount_minor, order.currency)}")
    say_line(f"for {order.purpose}, by {order.payer_reference}")
    say_line(f"charged {counters.charged}   recorded {counters.recorded}   fulfilled {counters.fulfilled}")
    for finding in order.findings:
        say_line(f"finding: {finding}", "red")
    say_line(f"pay     {pay_url}\nstatus  {status_url}")
    for item in order.items:
        say_line(f"item {item.sku} x {item.quantity}: {item.state}")
    for attempt in order.attempts:
        say_line(
            f"attempt {attempt.number}: {attempt.state}, {attempt.provider} {attempt.flow} "
            f"{attempt.provider_ref or ''} {attempt.decline or ''}".rstrip()
        )
    for payment in order.payments:
        say_line(payment_in_words(payment))
    for refund in order.refunds:
        say_line(f"{in_words(refund)}  {ids.show(ids.REFUND, refund.id)}")
    for effect in order.effects:
        say_line(f"effect {effect.kind}: {effect.state}, {effect.tries} tries {effect.reason or ''}".rstrip())
