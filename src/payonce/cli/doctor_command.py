"""`payonce doctor`: everything that an installation rests on."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import asdict

import typer
from rich.markup import escape

from payonce.app import check_start
from payonce.base.errors import PayonceError
from payonce.cli.common import AsJson, look_for_data, looker_of, quiet_logs, settings_in_force
from payonce.cli.config_commands import surplus_shown
from payonce.cli.saying import ERROR, OK, out, say_json
from payonce.domain.breaker import Caps
from payonce.drivers.clock import SystemClock
from payonce.drivers.stepping import run_to_end
from payonce.jobs.timetable import NAMES, TIMETABLE, timetable
from payonce.notify.alert_routes import check_routes
from payonce.settings import Settings
from payonce.sync import Payonce
from payonce.usecases.doctor import Check, Facts, doctor

_MARKS = {"ok": "[green]ok[/green]     ", "warning": "[yellow]warning[/yellow]", "wrong": "[red]WRONG[/red]  "}


def add_to(app: typer.Typer) -> None:
    """Register the command of this file."""
    app.command("doctor")(doctor_command)


def doctor_command(as_json: AsJson = False) -> None:
    """Look at decisions, secrets, database and provider, and say what is wrong. The only command that asks a provider
    about itself. Ends with 1 where something is wrong."""
    quiet_logs()
    settings = settings_in_force()
    said: list[Check] = [
        Check("settings", "ok", "every setting is known, and no secret is missing, short or a sample"),
        Check("settings file", "ok", settings.file_shown),
    ]
    decisions = [asdict(decision) for decision in settings.decisions]
    if not as_json:
        _say_decisions(settings)
        for check in said:
            _say(check)
    checks = _checks(settings, said, as_json)
    wrong = any(check.health == "wrong" for check in checks)
    if as_json:
        say_json({"ok": not wrong, "decisions": decisions, "surplus": surplus_shown(settings), "checks": checks})
    raise typer.Exit(ERROR if wrong else OK)


def _checks(settings: Settings, said: list[Check], as_json: bool) -> list[Check]:
    """Every check, said as it is made; what keeps us from making them is one of them."""
    try:
        engine = looker_of(settings)
        check_start(engine.installation, SystemClock())
        look_for_data(engine.installation)
        engine.start(prepare=False, any_schema=True)
    except PayonceError as error:
        said.append(Check("start", "wrong", error.message, error.hint))
        if not as_json:
            _say(said[-1])
        return said

    async def look() -> None:
        async for check in doctor(engine.world, engine.installation.merchant_id, _facts(settings, engine)):
            said.append(check)
            if not as_json:
                _say(check)

    try:
        run_to_end(look())
    finally:
        engine.close()
    return said


def _facts(settings: Settings, engine: Payonce) -> Facts:
    it = engine.installation
    on = {job.name for job in timetable(it.jobs)}
    return Facts(
        base_url=it.base_url,
        connections=it.connections,
        is_simulated=it.is_simulated,
        webhook_url=it.webhook_url,
        pay_page_url=it.pay_page_url,
        switched_off=[name for name in NAMES if name not in on],
        limits=it.limits,
        caps={job.name: Caps(job.most_rows, job.most_messages) for job in TIMETABLE},
        alert_routes=asyncio.run(check_routes(it.alert_routes)),
        heartbeat_url=it.heartbeat_url,
        free_bytes=shutil.disk_usage(it.data_dir).free if it.database_url is None else None,
    )


def _say_decisions(settings: Settings) -> None:
    out.print("[bold]The four decisions[/bold]")
    for decision in settings.decisions:
        in_force = settings.strategy if decision.name == "idempotency_key" else decision.value
        origin = settings.origins["strategy"] if decision.name == "idempotency_key" else decision.origin
        other = "" if in_force == decision.value else f"  [yellow](the file decided {escape(decision.value)})[/yellow]"
        out.print(f"  {escape(decision.question)} [bold]{escape(in_force)}[/bold]{other}")
        out.print(f"    {escape(decision.reason)}")
        out.print(
            f"    [dim]decided by {escape(decision.who)} on {escape(decision.when)}, from: {escape(origin)}[/dim]"
        )
    for merchant, choices in surplus_shown(settings).items():
        out.print(f"[bold]Money that does not fit[/bold], as {escape(merchant)} decided")
        for choice in choices:
            out.print(f"  {escape(choice['question'])} [bold]{escape(choice['value'])}[/bold]")
            out.print(f"    [dim]{escape(choice['name'])}: {escape(choice['because'])}[/dim]")
    out.print("[bold]Checks[/bold]")


def _say(check: Check) -> None:
    out.print(f"  {_MARKS[check.health]} [bold]{escape(check.name)}[/bold]  {escape(check.says)}")
    if check.hint:
        out.print(f"          {escape(check.hint)}")
