"""`payonce effects`: what is owed to the outside, and redelivery by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from payonce.app import shapes
from payonce.base import ids
from payonce.cli.common import AsJson, Limit, OrderOption, Reason, looking, who
from payonce.cli.saying import say_json, say_line, say_rows
from payonce.domain.effect import Effect
from payonce.drivers.stepping import run_to_end
from payonce.usecases.find_order import find_order
from payonce.usecases.list_effects import list_effects
from payonce.usecases.retry_effect import retry_effect
from payonce.usecases.skip_effect import skip_effect

app = typer.Typer(help="What is owed to the outside, and how far it is.", no_args_is_help=True)

EffectId = Annotated[str, typer.Argument(help="eff_…")]


@app.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option(help="pending, claimed, done, failed, unknown, suppressed, held or dead.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    order: OrderOption = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List effects, the newest first."""
    with looking() as engine:
        world, merchant_id = engine.world, engine.installation.merchant_id
        order_id = run_to_end(find_order(world, merchant_id, order)) if order else None
        found = run_to_end(list_effects(world, merchant_id, limit=limit, state=state, kind=kind, order_id=order_id))
    if as_json:
        say_json([shapes.effect_json(effect) for effect in found])
        return
    say_rows(
        ["owed", "effect", "kind", "state", "tries", "due", "why", "order"],
        [
            (
                effect.owed_at, ids.show(ids.EFFECT, effect.id), effect.kind, effect.state, effect.tries, effect.due_at,
                effect.reason, ids.show(ids.ORDER, effect.order_id),
            )
            for effect in found
        ],
        none="nothing is owed",
    )  # fmt: skip


@app.command()
def retry(effect: EffectId, reason: Reason, as_json: AsJson = False) -> None:
    """Ask for an effect again: it is due now, with the same key, and a running worker delivers it."""
    with looking() as engine:
        merchant_id, effect_id = engine.installation.merchant_id, ids.read(ids.EFFECT, effect)
        _say(run_to_end(retry_effect(engine.world, merchant_id, effect_id, reason, who())), as_json)


@app.command()
def skip(
    effect: EffectId,
    reason: Reason,
    done: Annotated[bool, typer.Option("--done", help="Say that it was done by other means.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set an effect aside that waits for a person: it was done (--done), or is not needed."""
    with looking() as engine:
        merchant_id, effect_id = engine.installation.merchant_id, ids.read(ids.EFFECT, effect)
        _say(run_to_end(skip_effect(engine.world, merchant_id, effect_id, reason, who(), done=done)), as_json)


def _say(effect: Effect, as_json: bool) -> None:
    if as_json:
        say_json(shapes.effect_json(effect))
    else:
        say_line(f"{effect.kind} is {effect.state} now")
