"""`payonce top`: what comes in, what waits, and what is wrong, on a screen that keeps up to date. It only reads."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from payonce.base import money
from payonce.base.errors import Unavailable
from payonce.cli.common import AsJson, looking
from payonce.cli.saying import out, say_json
from payonce.drivers.stepping import run_to_end
from payonce.sync import Payonce
from payonce.usecases.glance import Glance, glance

_BARS: Final = "▁▂▃▄▅▆▇█"
_SEVERE: Final = {"critical": "bold red", "warning": "yellow"}
# More kinds than fit on a screen; `payonce findings list` has all.
MOST_KINDS: Final = 12


def add_to(app: typer.Typer) -> None:
    """Register the command of this file."""
    app.command("top")(top_command)


def top_command(
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between frames.", min=0.5, max=3600)] = 2.0,
    merchant: Annotated[str | None, typer.Option(help="Whose; else the installation's own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show inflow, lag, what waits the longest, open findings with the money at risk, and jobs that stand still.

    Ends with Ctrl-C. In a pipe, and with --json, it prints one frame.
    """
    with looking() as engine:
        whose = merchant or engine.installation.merchant_id
        first = run_to_end(glance(engine.world, whose))
        if as_json:
            say_json(as_data(first))
        elif once or not sys.stdout.isatty():
            out.print(frame(first))
        else:
            _live(engine, whose, first, every)


def _live(engine: Payonce, whose: str, seen: Glance, every: float) -> None:
    with Live(frame(seen), console=out, screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(every)
            try:
                seen = run_to_end(glance(engine.world, whose))
                live.update(frame(seen), refresh=True)
            except Unavailable as error:
                # The last frame stays, and says that it is old.
                live.update(Group(Text(f"{error.message} ({error.code})", "bold red"), frame(seen)), refresh=True)


def frame(seen: Glance) -> RenderableType:
    """One frame."""
    return Group(_head(seen), Text(), _flow(seen), Text(), _findings(seen), Text(), _jobs(seen))


def as_data(seen: Glance) -> dict[str, Any]:
    """The same as data: times, seconds and minor units."""
    return {
        "at": seen.at,
        "merchant": seen.merchant_id,
        "inflow_by_minute": list(seen.inflow),
        "providers": [
            {"provider": each.provider, "last_webhook_at": each.last_at, "lag_p95_seconds": each.p95_seconds}
            for each in seen.arrivals
        ],
        "events_waiting": seen.waiting_events,
        "oldest_event_seconds": _age(seen.oldest_event_at, seen.at),
        "effects_waiting": seen.waiting_effects,
        "oldest_effect_seconds": _age(seen.oldest_effect_at, seen.at),
        "effects_stopped": dict(sorted(seen.stopped_effects.items())),
        "findings": [
            {"kind": each.kind, "severity": each.severity, "findings": each.findings, "currency": each.currency,
             "money_minor": each.money_minor} for each in seen.findings
        ],
        "at_risk_minor": seen.at_risk,
        "jobs_paused": [job.name for job in seen.paused],
        "jobs_late": [job.name for job in seen.late],
    }  # fmt: skip


def spark(counts: Sequence[int]) -> str:
    """Counts as a row of bars, the highest as high as a line is."""
    most = max(counts, default=0)
    return "".join(" " if not count else _BARS[(count * (len(_BARS) - 1)) // most] for count in counts)


def _head(seen: Glance) -> Text:
    open_, risk = sum(each.findings for each in seen.findings), _risk(seen)
    is_well = not (open_ or seen.late or seen.paused)
    said = "nothing is wrong" if is_well else f"{open_} findings open{f', {risk} at risk' if risk else ''}"
    head = Text.assemble(("payonce ", "bold"), f"{seen.at:%Y-%m-%d %H:%M:%S} UTC  ")
    return head.append(said, "green" if is_well else "bold red" if open_ else "yellow")


def _flow(seen: Glance) -> RenderableType:
    table = Table("", "", box=None, show_header=False, pad_edge=False)
    busiest = max(seen.inflow, default=0)
    table.add_row("events in", Text.assemble((spark(seen.inflow), "cyan"), f"  most {busiest} a minute, 30 minutes"))
    for each in seen.arrivals:
        lag = "" if each.p95_seconds is None else f", lag p95 {_seconds(each.p95_seconds)}"
        last = "never called back" if each.last_at is None else f"last webhook {_ago(each.last_at, seen.at)} ago{lag}"
        table.add_row(each.provider, Text(last, "yellow" if each.last_at is None else ""))
    table.add_row("events waiting", _waiting(seen.waiting_events, seen.oldest_event_at, seen.at))
    table.add_row("effects waiting", _waiting(seen.waiting_effects, seen.oldest_effect_at, seen.at))
    if seen.stopped_effects:
        stopped = ", ".join(f"{count} {state}" for state, count in sorted(seen.stopped_effects.items()))
        table.add_row("effects stopped", Text(stopped, "bold red"))
    return table


def _findings(seen: Glance) -> RenderableType:
    if not seen.findings:
        return Text("no findings are open", "green")
    table = Table("findings", "severity", "open", "at risk", box=None, pad_edge=False, header_style="bold")
    ordered = sorted(seen.findings, key=lambda each: (each.severity != "critical", -each.findings))
    for each in ordered[:MOST_KINDS]:
        at_risk = money.show(each.money_minor, each.currency) if each.currency and each.money_minor else ""
        table.add_row(
            each.kind, Text(each.severity, _SEVERE.get(each.severity, "")), str(each.findings), at_risk
        )  # fmt: skip
    if len(ordered) > MOST_KINDS:
        table.add_row(f"… and {len(ordered) - MOST_KINDS} more kinds", "", "", "")
    return table


def _jobs(seen: Glance) -> RenderableType:
    lines = [
        Text(f"{job.name} is paused by {job.switch.actor}: {job.switch.reason}", "yellow")
        for job in seen.paused
        if job.switch is not None
    ]
    lines += [
        Text(f"{job.name} went well last {_ago(job.last_success_at, seen.at)} ago", "bold red")
        for job in seen.late
        if job.last_success_at is not None
    ]
    return Group(*lines) if lines else Text("all jobs run", "green")


def _waiting(count: int, oldest: datetime | None, now: datetime) -> Text:
    if not count or oldest is None:
        return Text("none", "green")
    is_old = (now - oldest).total_seconds() > 60
    return Text(f"{count}, the oldest since {_ago(oldest, now)}", "yellow" if is_old else "")


def _risk(seen: Glance) -> str:
    return " + ".join(money.show(minor, currency) for currency, minor in sorted(seen.at_risk.items()))


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max((now - at).total_seconds(), 0.0)


def _ago(at: datetime, now: datetime) -> str:
    return _seconds(max((now - at).total_seconds(), 0.0))


def _seconds(seconds: float) -> str:
    """A time that people take in: `0.4 s`, `41 s`, `12 m`, `3 h`, `2 d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
