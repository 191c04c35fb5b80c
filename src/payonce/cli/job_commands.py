"""`payonce jobs`: what runs by itself, and stopping it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from payonce.app import shapes_of_jobs
from payonce.base import ids
from payonce.base.errors import Refused
from payonce.cli.common import AsJson, Limit, Reason, looking, who
from payonce.cli.saying import ERROR, say_json, say_line, say_note, say_rows
from payonce.drivers.stepping import run_to_end
from payonce.jobs.timetable import find_job
from payonce.settings_values import duration, show_duration
from payonce.usecases.count_run import RunCount, read_run
from payonce.usecases.list_jobs import JobView, RunView, list_changes, list_jobs, list_runs, show_job, show_run
from payonce.usecases.pull_switch import pause, resume, retire, set_interval

app = typer.Typer(help="What runs by itself, and stopping it.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A job, as `payonce jobs list` names it.")]
SwitchName = Annotated[str, typer.Argument(help="A job, `all` background work, or `messages` to customers.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List jobs: how often each runs, how it stands, and since when it found nothing."""
    with looking() as engine:
        found = run_to_end(list_jobs(engine.world))
    if as_json:
        say_json([shapes_of_jobs.job_json(job) for job in found])
        return
    say_rows(
        ["job", "every", "state", "last run", "went well", "idle runs", "what for"],
        [
            (
                job.name, _every(job), _state(job), job.last_run_at, job.last_success_at, job.idle_runs, job.why,
            )
            for job in found
        ],
        none="no service was started on this database yet",
    )  # fmt: skip


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A job, or a run: run_…")], limit: Limit = 10, as_json: AsJson = False
) -> None:
    """Show a job with its last runs and who changed what of it; or one run."""
    if name.startswith(f"{ids.RUN}_"):
        with looking() as engine:
            run = run_to_end(show_run(engine.world, ids.read(ids.RUN, name)))
            counted = run_to_end(read_run(engine.world, run.id, engine.merchants()))
        say_run(run, as_json, counted)
        return
    with looking() as engine:
        job = run_to_end(show_job(engine.world, name))
        changes = run_to_end(list_changes(engine.world, name, limit=limit))
        found = run_to_end(list_runs(engine.world, name, limit=limit))
    if as_json:
        told = shapes_of_jobs.shown_json(job, changes)
        say_json(told | {"runs": [shapes_of_jobs.run_json(run) for run in found]})
        return
    say_line(f"{job.name}: {job.why}")
    say_line(f"{_state(job)}, every {_every(job)}, notify={job.notify}")
    if job.idle_since is not None:
        say_line(f"{job.idle_runs} runs in a row found nothing, since {job.idle_since:%Y-%m-%d %H:%M:%S}")
    if job.last_error:
        say_line(f"last error: {job.last_error}")
    _say_runs(found)
    for change in changes:
        say_line(f"{change.at:%Y-%m-%d %H:%M:%S} {change.actor}: {change.act} {change.detail} ({change.reason})")


@app.command()
def runs(
    name: Annotated[str | None, typer.Argument(help="Only of this job.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List runs, the newest first. Those that found nothing are only counted, where a job comes often."""
    with looking() as engine:
        if name is not None:
            run_to_end(show_job(engine.world, name))
        found = run_to_end(list_runs(engine.world, name, limit=limit))
    if as_json:
        say_json([shapes_of_jobs.run_json(run) for run in found])
        return
    _say_runs(found)


@app.command("run")
def run_(
    name: Name,
    once: Annotated[bool, typer.Option("--once", help="Run it once, to its end; this is what it does anyway.")] = False,
    dry: Annotated[bool, typer.Option("--dry", help="Only say what it would take up, and the messages.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a job now, beside its times, in this process; with --dry nothing is written and nobody is called."""
    job = find_job(name)
    if once and dry:
        raise Refused("--once runs the job and --dry does not", code="setting_invalid", param="dry")
    with looking() as engine:
        if dry:
            _say_dry(engine.look_at_job(job), as_json)
            return
        context = engine.run_job(job, who())
        run = run_to_end(show_run(engine.world, context.run_id))
    say_run(run, as_json)
    if run.state == "failed":
        raise typer.Exit(ERROR)


@app.command("pause")
def pause_(
    name: SwitchName,
    reason: Reason,
    allow: Annotated[
        list[str] | None, typer.Option(help="With `messages`: a kind that still goes out; several times.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Stop a job, `all` background work, or `messages` to customers; within one batch, in every process."""
    with looking() as engine:
        switch = run_to_end(pause(engine.world, name, by=who(), reason=reason, allow=allow or ()))
    _say_switch(switch, f"{name} is paused", as_json)


@app.command("resume")
def resume_(name: SwitchName, reason: Reason, as_json: AsJson = False) -> None:
    """Let it run again; a run that was stopped goes on where it stopped."""
    with looking() as engine:
        switch = run_to_end(resume(engine.world, name, by=who(), reason=reason))
    _say_switch(switch, f"{name} runs", as_json)


@app.command("set")
def set_(
    name: Name,
    every: Annotated[str, typer.Option(help="How often: 30s, 5m, 1h; or `timetable`.")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Let a job run at another interval, without a deploy."""
    seconds = None if every == "timetable" else _seconds(every)
    with looking() as engine:
        run_to_end(set_interval(engine.world, name, seconds, by=who(), reason=reason))
        job = run_to_end(show_job(engine.world, name))
    _say_job(job, as_json)


@app.command("retire")
def retire_(name: Name, reason: Reason, as_json: AsJson = False) -> None:
    """Take a job out of use, without a deploy."""
    with looking() as engine:
        run_to_end(retire(engine.world, name, by=who(), reason=reason))
        job = run_to_end(show_job(engine.world, name))
    _say_job(job, as_json)


@app.command()
def revive(name: Name, reason: Reason, as_json: AsJson = False) -> None:
    """Take a retired job back into use."""
    with looking() as engine:
        run_to_end(retire(engine.world, name, by=who(), reason=reason, is_retired=False))
        job = run_to_end(show_job(engine.world, name))
    _say_job(job, as_json)


def _seconds(text: str) -> float:
    try:
        found = duration(text)
    except ValueError as error:
        raise Refused(f"--every: {error}", code="interval_invalid", param="every") from None
    return found.total_seconds() if isinstance(found, timedelta) else 0.0


def _every(job: JobView) -> str:
    return show_duration(timedelta(seconds=job.every_seconds))


def _state(job: JobView) -> str:
    if job.switch is None:
        return job.state
    return f"{job.state} by {job.switch.actor}: {job.switch.reason}"


def _say_job(job: JobView, as_json: bool) -> None:
    if as_json:
        say_json(shapes_of_jobs.job_json(job))
    else:
        say_line(f"{job.name}: {_state(job)}, every {_every(job)}")


def _say_switch(switch: Any, text: str, as_json: bool) -> None:
    if as_json:
        say_json(shapes_of_jobs.switch_json(switch))
    else:
        say_line(text)


def say_run(run: RunView, as_json: bool, counted: RunCount | None = None) -> None:
    """A run; with `counted`, what it told as its rows say now (A9)."""
    if as_json:
        told = {} if counted is None else {"told": shapes_of_jobs.told_json(counted)}
        say_json(shapes_of_jobs.run_json(run) | told)
        return
    because = f" ({run.stopped_why})" if run.stopped_why else ""
    say_line(f"{ids.show(ids.RUN, run.id)} of {run.job}: {run.state}{because}")
    say_line(f"took up {run.taken} rows in {run.batches} batches, changed {run.changed}, {run.failures} failures")
    messages, people, suppressed = run.messages, run.people, run.suppressed
    if counted is not None:
        messages, people, suppressed = counted.messages, counted.people, counted.suppressed
    say_line(f"{messages} messages to {people} people, {suppressed} kept back")
    if run.slots > 1:
        say_line(f"it stands for {run.slots} slots in which nothing ran")
    if counted is not None and counted.told:
        rows = [(row.kind, row.nature, row.state, row.effects, row.people, row.reason) for row in counted.told]
        say_rows(["owed", "nature", "state", "how many", "people", "why"], rows)


def _say_runs(found: list[RunView]) -> None:
    say_rows(
        ["run", "job", "started", "state", "taken", "changed", "messages", "by", "stopped because"],
        [
            (
                ids.show(ids.RUN, run.id), run.job, run.started_at, run.state, run.taken, run.changed, run.messages,
                run.started_by, run.stopped_why,
            )
            for run in found
        ],
        none="no run was kept",
    )  # fmt: skip


def _say_dry(would: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json({merchant: {"rows": list(each.rows), "messages": each.messages} for merchant, each in would.items()})
        return
    for merchant, each in would.items():
        say_note(f"{merchant}: would take up {len(each.rows)} rows first, and send {each.messages} messages")
        for row in each.rows:
            say_line(row)
