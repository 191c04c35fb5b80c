"""`payonce alerts`: who is told of findings, what was told, and silences."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from payonce.app import shapes_of_alerts as shapes
from payonce.base import ids
from payonce.base.errors import Refused
from payonce.cli.common import AsJson, Limit, OrderOption, Reason, looking, who
from payonce.cli.saying import ERROR, OK, say_json, say_line, say_rows
from payonce.drivers.clock import SystemClock
from payonce.drivers.stepping import run_to_end
from payonce.notify.alert_routes import channels_of
from payonce.notify.sender import HttpSender
from payonce.settings_values import duration
from payonce.sync import Payonce
from payonce.usecases.alerting import Alerting
from payonce.usecases.find_order import find_order
from payonce.usecases.list_alerts import list_alerts, routes_seen
from payonce.usecases.silences import Scope, SilenceView, list_silences, silence, unsilence
from payonce.usecases.tell_test import Tested, tell_test

app = typer.Typer(help="Who is told of findings, what was told, and silences.", no_args_is_help=True)


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="claimed, sent, failed, unknown or dead; all without it.")] = None,
    route: Annotated[str | None, typer.Option(help="Only of this route.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List messages about findings, the newest first, with what became of each."""
    with looking() as engine:
        merchant_id = engine.installation.merchant_id
        found = run_to_end(list_alerts(engine.world, merchant_id, limit=limit, state=state, route=route))
    if as_json:
        say_json([shapes.message_json(each) for each in found])
        return
    say_rows(
        ["begun", "message", "route", "kind", "tone", "alerts", "state", "tries", "answer"],
        [
            (
                each.begun_at, ids.show(ids.ALERT, each.id), each.route, each.kind, each.tone, each.alerts, each.state,
                each.tries, each.answer,
            )
            for each in found
        ],
        none="nothing was told",
    )  # fmt: skip


@app.command()
def routes(as_json: AsJson = False) -> None:
    """List the routes: what they let pass, where they lead (without secrets), and how they are doing."""
    with looking() as engine:
        configured = engine.installation.alert_routes
        seen = run_to_end(routes_seen(engine.world, engine.installation.merchant_id))
    told = [shapes.route_json(each, seen.get(each.route.name)) for each in configured]
    if as_json:
        say_json(told)
        return
    say_rows(
        ["route", "leads to", "kinds", "severities", "providers", "last sent", "waiting", "unknown", "dead"],
        [
            (
                each["name"], each["leads_to"], _all(each["kinds"]), _all(each["severities"]), _all(each["providers"]),
                each["last_sent_at"], each["waiting"], each["messages"].get("unknown", 0),
                each["messages"].get("dead", 0),
            )
            for each in told
        ],
        none="there are no routes: nobody is told of findings",
    )  # fmt: skip


@app.command("test")
def tell_(
    route: Annotated[str | None, typer.Argument(help="The route; all without it.")] = None, as_json: AsJson = False
) -> None:
    """Send a test message now and say what became of it. Ends with 1 where it did not arrive for sure."""
    with looking() as engine:
        tested = asyncio.run(_test(engine, route))
    if as_json:
        say_json(tested)
    else:
        say_rows(["route", "outcome", "answer"], [(each.route, each.outcome, each.says) for each in tested])
    raise typer.Exit(OK if all(each.outcome == "accepted" for each in tested) else ERROR)


@app.command("silence")
def silence_(
    reason: Reason,
    lasts: Annotated[str, typer.Option("--for", help="How long, such as 2h or 3d.")],
    kind: Annotated[str | None, typer.Option(help="Only findings of this kind.")] = None,
    severity: Annotated[str | None, typer.Option(help="Only critical, warning or notice.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only findings of this provider.")] = None,
    order: OrderOption = None,
    as_json: AsJson = False,
) -> None:
    """Be told nothing of something for a while. Findings are found and listed as ever; the end is announced."""
    with looking() as engine:
        world, merchant_id = engine.world, engine.installation.merchant_id
        order_id = run_to_end(find_order(world, merchant_id, order)) if order else None
        scope = Scope(kind, severity, provider, order_id)
        begun = run_to_end(silence(world, merchant_id, scope, _time(lasts), author=who(), reason=reason))
    _say(begun, as_json)


@app.command("unsilence")
def unsilence_(
    silence_id: Annotated[str, typer.Argument(metavar="SILENCE", help="sil_…")], reason: Reason, as_json: AsJson = False
) -> None:
    """End a silence before its time; that is announced as well."""
    with looking() as engine:
        found = ids.read(ids.SILENCE, silence_id)
        ended = run_to_end(unsilence(engine.world, engine.installation.merchant_id, found, by=who(), reason=reason))
    _say(ended, as_json)


@app.command()
def silences(
    everything: Annotated[bool, typer.Option("--all", help="Those that have ended as well.")] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List the silences that hold: about what, who asked for them, why, until when, and how many alerts they held."""
    with looking() as engine:
        merchant_id = engine.installation.merchant_id
        found = run_to_end(list_silences(engine.world, merchant_id, only_in_force=not everything, limit=limit))
    if as_json:
        say_json([shapes.silence_json(each) for each in found])
        return
    say_rows(
        ["silence", "about", "author", "reason", "until", "holds", "held"],
        [
            (ids.show(ids.SILENCE, each.id), each.scope, each.author, each.reason, each.ends_at, each.holds, each.held)
            for each in found
        ],
        none="no silence holds",
    )


async def _test(engine: Payonce, route: str | None) -> list[Tested]:
    it = engine.installation
    senders: list[HttpSender] = []
    try:
        channels = channels_of(it.alert_routes, it.smtp_url, it.mail_from, SystemClock(), senders)
        alerting = Alerting({each.route.name: each.route for each in it.alert_routes}, channels, it.base_url)
        return await tell_test(engine.world, it.merchant_id, alerting, by=who(), route=route)
    finally:
        for sender in senders:
            await sender.close()


def _time(text: str) -> timedelta:
    try:
        found = duration(text)
    except ValueError as error:
        raise Refused(f"--for: {error}", code="setting_invalid", param="for") from None
    if not isinstance(found, timedelta):
        raise Refused("--for: write a time like 2h or 3d", code="setting_invalid", param="for")
    return found


def _all(words: list[str]) -> str:
    return ", ".join(words) or "all"


def _say(each: SilenceView, as_json: bool) -> None:
    if as_json:
        say_json(shapes.silence_json(each))
        return
    held = "holds until" if each.holds else "ended"
    say_line(f"{ids.show(ids.SILENCE, each.id)} about {each.scope}: {held} {each.ends_at:%Y-%m-%d %H:%M} UTC")
