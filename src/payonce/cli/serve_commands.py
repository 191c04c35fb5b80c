"""`payonce serve` and `payonce worker`: the processes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from payonce.app import check_start
from payonce.base import errors
from payonce.cli.common import AsJson, app_engine, begin_logs, settings_in_force
from payonce.cli.common import said as said_before
from payonce.cli.saying import out, say_json, say_note
from payonce.drivers.clock import SystemClock
from payonce.installation import beside_the_service, of_settings, webhook_urls
from payonce.jobs.timetable import NAMES, timetable
from payonce.serving import Place, drive, listen, serve, work


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command("serve")(serve_command)
    app.command("worker")(worker_command)


def serve_command(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")] = None,
    simulate: Annotated[
        bool | None, typer.Option("--simulate", help="Use the simulators; refused beside real keys.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where the embedded database is kept.")] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the API, payment links, status pages and the worker, in one process, until SIGTERM."""
    settings = settings_in_force(host=host, port=port, simulate=simulate, data_dir=data_dir)
    begin_logs(settings)
    if said_before.app is not None:
        raise errors.Refused(
            "an application that has an engine serves it itself, by mounting engine.asgi()",
            code="setting_invalid",
            param="app",
            hint="`payonce --app module:engine worker` runs its worker.",
        )
    installation = of_settings(settings)
    # What cannot work is said before anything is opened.
    check_start(installation, SystemClock())
    listener = listen(settings.host, settings.port)
    drive(serve(installation, listener, lambda place: _say_where(place, settings.file_shown, as_json)))


def worker_command(as_json: AsJson = False) -> None:
    """Run the jobs without answering requests: deliver effects, retry events, ask providers, close old orders."""
    settings = settings_in_force()
    begin_logs(settings)
    engine = app_engine()
    installation = engine.installation if engine is not None else beside_the_service(of_settings(settings), settings)
    jobs = [job.name for job in timetable(installation.jobs)]
    if as_json:
        told = {"jobs": jobs, "off": sorted(set(NAMES) - set(jobs)), "settings": settings.file_shown}
        say_json(told)
    else:
        say_note(f"settings file: {settings.file_shown}")
    drive(work(installation, engine))


def _say_where(place: Place, settings_file: str, as_json: bool) -> None:
    """Print one block that says where everything is."""
    it = place.installation
    base = it.base_url
    lines = {
        "service": place.url if place.url == base else f"{place.url}  (reached at {base})",
        "shop": f"{base}/" if it.is_simulated else None,
        "api": f"{base}/v1   docs {base}/v1/docs",
        "api key": place.api_key_where,
        "status": f"{base}/readyz   {base}/livez",
        "metrics": f"{base}/metrics",
        "webhooks": "   ".join(webhook_urls(it)),
        "simulators": place.simulators and f"{', '.join(place.simulators.values())}  no real money moves",
        "database": place.database,
        "data": str(it.data_dir.resolve()),
        "settings": settings_file,
        "stop": "Ctrl-C, or SIGTERM",
    }
    if as_json:
        say_json({name.replace(" ", "_"): text for name, text in lines.items() if text})
        return
    out.print(f"[bold]payonce[/bold] is ready{'  [black on yellow] SIMULATED [/]' if it.is_simulated else ''}")
    for name, text in lines.items():
        if text:
            out.print(f"  [bold]{name:<10}[/bold] {text}")
