"""`payonce events`: the inbox."""

from __future__ import annotations

import base64
from typing import Annotated

import typer

from payonce.app import shapes
from payonce.base import ids
from payonce.cli.common import AsJson, Limit, OrderOption, looking
from payonce.cli.saying import ERROR, OK, plain, say_json, say_line, say_rows
from payonce.drivers.stepping import run_to_end
from payonce.usecases.find_order import find_order
from payonce.usecases.list_events import list_events, unhandled_types
from payonce.usecases.retry_events import replay_event
from payonce.usecases.show_event import show_event

app = typer.Typer(help="What providers told us, and what became of it.", no_args_is_help=True)

EventId = Annotated[str, typer.Argument(help="evt_…")]


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="received, applied, ignored, failed or quarantined.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    order: OrderOption = None,
    unhandled: Annotated[bool, typer.Option("--unhandled", help="Count the types that nobody handles.")] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List events, the newest first."""
    with looking() as engine:
        world, merchant_id = engine.world, engine.installation.merchant_id
        if unhandled:
            types = run_to_end(unhandled_types(world, merchant_id))
            if as_json:
                say_json([plain(each) for each in types])
                return
            say_rows(["provider", "type", "events", "last"], [(t.provider, t.type, t.events, t.last_at) for t in types])
            return
        order_id = run_to_end(find_order(world, merchant_id, order)) if order else None
        found = run_to_end(
            list_events(world, merchant_id, limit=limit, state=state, event_type=event_type, order_id=order_id)
        )
    if as_json:
        say_json([shapes.event_json(event) for event in found])
        return
    say_rows(
        ["received", "event", "type", "state", "why", "tries", "order"],
        [
            (
                event.received_at, ids.show(ids.EVENT, event.id), event.type, event.state, event.reason, event.tries,
                shapes.shown(ids.ORDER, event.order_id),
            )
            for event in found
        ],
        none="no events came yet",
    )  # fmt: skip


@app.command()
def show(event: EventId, as_json: AsJson = False) -> None:
    """Show an event with its body, byte for byte."""
    with looking() as engine:
        found = run_to_end(show_event(engine.world, engine.installation.merchant_id, ids.read(ids.EVENT, event)))
    text = found.body.decode("utf-8", "replace")
    if as_json:
        told = {"body": text, "body_base64": base64.b64encode(found.body).decode(), "erased_at": found.erased_at}
        say_json(shapes.event_json(found.event) | told)
        return
    for name, value in shapes.event_json(found.event).items():
        say_line(f"{name:<12} {value if value is not None else '-'}")
    say_line(text if found.erased_at is None else f"its body was erased at {found.erased_at:%Y-%m-%d %H:%M:%S}")


@app.command()
def replay(event: EventId, as_json: AsJson = False) -> None:
    """Apply a stored event again, whatever became of it before. What was applied once changes nothing.

    Effects that an application declares in Python are owed only where that one is named:
    payonce --app module:engine events replay evt_…
    """
    with looking() as engine:
        became = run_to_end(replay_event(engine.world, engine.installation.merchant_id, ids.read(ids.EVENT, event)))
    if as_json:
        say_json({
            "state": became.state, "reason": became.reason, "order_id": shapes.shown(ids.ORDER, became.order_id),
            "attempt_id": shapes.shown(ids.ATTEMPT, became.attempt_id),
        })  # fmt: skip
    else:
        say_line(f"{became.state}: {became.reason}")
    raise typer.Exit(ERROR if became.state == "failed" else OK)
