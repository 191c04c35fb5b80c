"""The timetable: every job there is, how often it runs, how much it may touch at once, whether it may tell people.

Scheduled jobs run once for each slot, whichever process is first; workers claim rows by their own leases, and run in
every process. A job that is switched off (`PAYONCE_JOB_<NAME>=off`) is not in the timetable of the process. None can
create a payment: what they are handed has no way to. One sends money back, and is handed the means for that and no
other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from payonce.base.errors import Refused
from payonce.domain.breaker import Caps
from payonce.domain.switch import ALL, MESSAGES
from payonce.jobs import uses
from payonce.jobs.worker import Job

# What one run may take up and tell at most, whatever is usual: twice the ten thousand orders of the resync incident can
# be put right by one run, and a run that would write to more people than a day's post is looked at by a person first.
MOST_ROWS: Final = 20_000
MOST_MESSAGES: Final = 5_000

TIMETABLE: Final[tuple[Job, ...]] = (
    Job(
        name="deliver", why="what is owed to the outside is delivered",
        # Woken when something is settled here; the interval finds what other processes settled and what is due again.
        # Sixteen calls side by side, four rounds of them: what one step may have before it when it is told to stop.
        every_seconds=1.0, at_most=64, notify="send", use=uses.deliver, look=uses.look_deliver, wakes=True,
        is_worker=True,
    ),
    Job(
        name="refund", why="money that serves nothing goes back, and is followed until it arrived (X6)",
        # A refund is a handful of calls, one after another: a batch is soon done, and a day's limit holds for all.
        every_seconds=2.0, at_most=50, notify="send", use=uses.refund, look=uses.look_refund, is_worker=True,
        sends_back=True,
    ),
    Job(
        name="alert", why="people are told of findings, once for each change and route (C17)",
        # An idle step is one statement, and who is told of money at risk does not wait for a minute. Customers are not
        # told anything by it.
        every_seconds=1.0, at_most=500, notify="never", use=uses.alert, look=uses.look_alert, is_worker=True,
    ),
    Job(
        name="retry", why="events that could not be applied are tried again (C14)",
        every_seconds=1.0, at_most=100, notify="send", use=uses.retry, look=uses.look_retry, most_rows=MOST_ROWS,
        most_messages=MOST_MESSAGES, looks_first=True,
    ),
    Job(
        name="resolve", why="the provider is asked about what is in doubt, closing or long open (A1)",
        # It only looks at what is due; the due times are the rule's, this is how soon they are noticed.
        every_seconds=2.0, at_most=100, notify="send", use=uses.resolve, look=uses.look_resolve, most_rows=MOST_ROWS,
        most_messages=MOST_MESSAGES, looks_first=True,
    ),
    Job(
        name="payout", why="what payees are owed is covered by payouts, once (E10), unless it is in doubt (E12)",
        # One look at what is not paid out yet; a payee waits seconds, and nobody's page does.
        every_seconds=2.0, at_most=50, notify="send", use=uses.payout, look=uses.look_payout, most_rows=MOST_ROWS,
        most_messages=MOST_MESSAGES, looks_first=True,
    ),
    Job(
        name="backfill", why="what webhooks did not tell is read from the providers' logs and lists (A11)",
        # Most looks are one short page of each log. A batch is a few seconds of calls, so that a switch is soon obeyed.
        every_seconds=300.0, at_most=40, notify="send", use=uses.backfill, look=uses.look_backfill,
    ),
    Job(
        name="recover", why="successful payments that were not recorded are found and settled (A1, C15)",
        every_seconds=900.0, at_most=40, notify="send", use=uses.recover, look=uses.look_recover,
    ),
    Job(
        name="close", why="open orders that nobody pays are closed after their time (C11)",
        every_seconds=3600.0, at_most=200, notify="send", use=uses.close, look=uses.look_close, most_rows=MOST_ROWS,
        most_messages=MOST_MESSAGES,
    ),
    Job(
        name="monitor", why="what is stuck, shared, repeated, silent or broken is found (C18, C19, C20, E13, E15)",
        # A look is a dozen checks, and never a full batch.
        every_seconds=1800.0, at_most=1000, notify="never", use=uses.monitor, look=uses.look_monitor,
    ),
    Job(
        name="watch", why="whether people are let pay and jobs run is seen within a minute (D13)",
        every_seconds=60.0, at_most=1000, notify="never", use=uses.watch, look=uses.look_watch,
    ),
    Job(
        name="expire", why="names, addresses and raw bodies are erased once they are old (E20)",
        # What was kept for months is no worse for another day.
        every_seconds=86400.0, at_most=1000, notify="never", use=uses.expire, look=uses.look_expire,
    ),
    Job(
        name="reconcile", why="what providers say of each day's money is compared with ours, once a day (B7)",
        # Each day is done once, and what waits once a day; it is looked at hourly, so that a provider that was silent
        # at midnight leaves no hole until the next one. A batch is a page of a list or a slice of a comparison.
        every_seconds=3600.0, at_most=4, notify="send", use=uses.reconcile, look=uses.look_reconcile,
    ),
)  # fmt: skip
NAMES: Final = tuple(job.name for job in TIMETABLE)


def timetable(
    switches: Mapping[str, str | float], jobs: Sequence[Job] = TIMETABLE, caps: Mapping[str, Caps] | None = None
) -> list[Job]:
    """The jobs that are on, with their intervals and caps. `switches`: name -> `on`, `off`, or another interval in
    seconds; `all` stops every job of this process, and `messages` is the lanes' matter.

    Raises Refused `job_unknown` for a name that no job has, for a switch that switches nothing would be worse than
    none; `setting_invalid` for a cap of a job that has no runs, or of messages where it tells nobody.
    """
    jobs = with_caps(jobs, caps or {})
    names = [job.name for job in jobs]
    for name, said in switches.items():
        if name not in (*names, ALL, MESSAGES):
            raise Refused(f"there is no job {name!r}; there are {', '.join(names)}", code="job_unknown", param="jobs")
        if name in (ALL, MESSAGES) and said not in ("on", "off"):
            raise Refused(f"{name!r} is on or off", code="setting_invalid", param="jobs")
    running = []
    for job in jobs:
        switch = "off" if switches.get(ALL) == "off" else switches.get(job.name, "on")
        if isinstance(switch, int | float):
            running.append(replace(job, every_seconds=float(switch)))
        elif switch == "on":
            running.append(job)
    return running


def with_caps(jobs: Sequence[Job], caps: Mapping[str, Caps]) -> list[Job]:
    """The jobs with the caps that an installation decided. Raises Refused `job_unknown`, `setting_invalid`."""
    by_name = {job.name: job for job in jobs}
    for name, cap in caps.items():
        job = by_name.get(name)
        if job is None:
            words = ", ".join(by_name)
            raise Refused(f"there is no job {name!r} to cap; there are {words}", code="job_unknown", param="limits")
        why = "it is a worker and has no runs" if job.is_worker else ""
        if job.notify == "never" and cap.messages is not None:
            why = why or "it tells nobody"
        if why:
            raise Refused(f"limits.{name}: {why}, so there is nothing to cap", code="setting_invalid", param="limits")
        by_name[name] = replace(
            job, most_rows=job.most_rows if cap.rows is None else cap.rows,
            most_messages=job.most_messages if cap.messages is None else cap.messages,
        )  # fmt: skip
    return list(by_name.values())


def find_job(name: str) -> Job:
    """The job of that name. Raises Refused `job_unknown` (404)."""
    for job in TIMETABLE:
        if job.name == name:
            return job
    raise Refused(f"there is no job {name!r:.60}; there are {', '.join(NAMES)}", code="job_unknown", status=404)
