"""The breaker around a run: what its job usually does is looked up before it writes anything, and a run that came to a
limit is a finding with the numbers. The limit itself holds by a check in the database, whatever is done here (S18).

Far more than usual, or more messages than a run may send, also pulls the job's switch: it waits until a person puts it
back. A run that merely took up as many rows as one may leaves the rest to the next slot.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from payonce.base.errors import RunStopped
from payonce.base.ids import RUN, show
from payonce.domain.breaker import ACTOR, Breaker
from payonce.domain.finding import Finding
from payonce.store.database import Database, Row, T, Tx
from payonce.store.findings import write_findings
from payonce.store.tallies import TALLIES
from payonce.usecases.run_context import RunContext
from payonce.usecases.world import World

# What was to be done more often than the run may, by the code of the error that says so.
WHAT: Final = {"run_rows_cap": "take up more than {} orders", "run_messages_cap": "send more than {} messages"}


class ArmedDatabase:
    """The port over `inner` for one run: looks up what its job usually does before the first transaction that writes,
    so that a run which finds nothing costs no look.
    """

    def __init__(self, inner: Database, run: RunContext, breaker: Breaker) -> None:
        self._inner = inner
        self._run = run
        self._breaker = breaker

    async def transaction(self, work: Callable[[Tx], Awaitable[T]], *, name: str, read_only: bool = False) -> T:
        """Run `work` in a transaction of the inner database; see the port."""
        if not read_only and not self._run.is_armed:
            await arm(self._inner, self._run, self._breaker)
        return await self._inner.transaction(work, name=name, read_only=read_only)


async def arm(database: Database, run: RunContext, breaker: Breaker) -> None:
    """Learn what runs of the job usually do. With too few of them nothing is usual, and only its caps hold."""

    async def load(tx: Tx) -> Row | None:
        return await tx.one(TALLIES.usual_of_job, job=run.job, most_runs=breaker.most_runs)

    row = await database.transaction(load, name="usual_of_job", read_only=True)
    if row is not None and row.runs >= breaker.least_runs:
        run.usual_rows, run.usual_messages = row.touched, row.messages
    run.is_armed = True


async def trip_breaker(world: World, merchant_id: str, run: RunContext, stopped: RunStopped) -> str:
    """Open the finding `job_breaker` because the run came to a limit, and pull its job's switch where it shall not go
    on by itself; why, in a sentence. Whatever else stopped it is said as it is, and trips nothing.
    """
    if stopped.code not in WHAT:
        return stopped.message
    finding_id, change_id, name = world.ids.new(), world.ids.new(), show(RUN, run.run_id)
    limit, cap, usual_of_it = _numbers(world, run, stopped)
    why = _why(stopped, limit, cap, usual_of_it)
    is_plain_cap = stopped.code == "run_rows_cap" and limit == cap

    async def work(tx: Tx) -> str:
        row = await tx.one(TALLIES.read_tally, run_id=run.run_id)
        detail = {
            "job": run.job, "run": name, "why": why, "code": stopped.code,
            "took_up": str(row.touched if row else 0), "owed_messages": str(row.messages if row else 0),
            "usually_takes_up": _number(run.usual_rows), "usually_owes_messages": _number(run.usual_messages),
        }  # fmt: skip
        if not is_plain_cap:
            given = {"job": run.job, "reason": why, "actor": ACTOR, "now": tx.now}
            tx.later(TALLIES.pull_by_breaker, **given)
            tx.later(TALLIES.note_breaker, **given, change_id=change_id, run=name)
        write_findings(tx, merchant_id, [Finding(finding_id, "job_breaker", run.job, None, 0, None, detail)])
        return why

    return await world.database.transaction(work, name="trip_breaker")


def _numbers(world: World, run: RunContext, stopped: RunStopped) -> tuple[int | None, int | None, int | None]:
    """The limit that the run came to, the cap of its job, and what is usual, of rows or of messages."""
    running = replace(world, run=run).running
    if running is None:
        return None, None, None
    if stopped.code == "run_messages_cap":
        return running.most_messages, run.most_messages, run.usual_messages
    return running.most_rows, run.most_rows, run.usual_rows


def _why(stopped: RunStopped, limit: int | None, cap: int | None, usual: int | None) -> str:
    if limit is None:
        return stopped.message
    because = "as many as one run may" if limit == cap else f"far more than usual, which is {_number(usual)}"
    return f"the run would {WHAT[stopped.code].format(limit)}: {because}"


def _number(value: int | None) -> str:
    return "unknown" if value is None else str(value)
