"""`payonce stock`: what there is, and how much of it."""

from __future__ import annotations

from typing import Annotated

import typer

from payonce.app import shapes
from payonce.cli.common import AsJson, Limit, Reason, looking, who
from payonce.cli.saying import say_json, say_line, say_rows
from payonce.drivers.stepping import run_to_end
from payonce.usecases.find_order import find_order
from payonce.usecases.restock_order import restock_order
from payonce.usecases.set_stock import StockView, list_stock, set_stock

app = typer.Typer(help="What orders can take from stock.", no_args_is_help=True)

Sku = Annotated[str, typer.Argument(help="The item, as orders name it.")]


@app.command("list")
def list_(
    limit: Limit = 20,
    after: Annotated[str | None, typer.Option(help="Go on behind this sku.")] = None,
    as_json: AsJson = False,
) -> None:
    """List stock by sku: pieces that are free, held for open orders, and sold to paid ones."""
    with looking() as engine:
        found = run_to_end(list_stock(engine.world, engine.installation.merchant_id, limit=limit, after=after))
    if as_json:
        say_json([shapes.stock_json(item) for item in found])
        return
    say_rows(
        ["sku", "on hand", "free", "held", "sold", "changed"],
        [(item.sku, item.on_hand, item.free, item.held, item.sold, item.changed_at) for item in found],
        none="there is no stock",
    )


@app.command("set")
def set_(
    sku: Sku,
    on_hand: Annotated[int, typer.Argument(help="How many pieces there are, held and sold ones among them.", min=0)],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Say how many pieces of an item there are in all; fewer than orders hold or bought is refused."""
    with looking() as engine:
        merchant_id = engine.installation.merchant_id
        item = run_to_end(set_stock(engine.world, merchant_id, sku, on_hand, by=who(), reason=reason))
    _say(item, as_json)


@app.command()
def restock(
    order: Annotated[str, typer.Argument(help="ord_…, a reference, or any id of the order.")],
    reason: Reason,
    sku: Annotated[list[str] | None, typer.Option(help="Only this item; can be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take goods of a paid order back into stock, once; a refund returns no goods by itself."""
    with looking() as engine:
        world, merchant_id = engine.world, engine.installation.merchant_id
        order_id = run_to_end(find_order(world, merchant_id, order))
        view = run_to_end(restock_order(world, merchant_id, order_id, by=who(), reason=reason, skus=sku or None))
    if as_json:
        say_json(shapes.order_json(view, engine.installation.base_url))
        return
    for item in view.items:
        say_line(f"{item.sku} x {item.quantity}: {item.state}")


def _say(item: StockView, as_json: bool) -> None:
    if as_json:
        say_json(shapes.stock_json(item))
    else:
        say_line(f"{item.sku}: {item.on_hand} in all, {item.free} free, {item.held} held, {item.sold} sold")
